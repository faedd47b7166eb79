//! What can go wrong in the engine, in one small enum.

/// Why a call was refused. The database is then as it was before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The store needs memory from its owner; the same call can be made again once it has been given.
    NeedMemory,
    /// The memory limit is reached.
    Full,
    /// The caller's buffer is too short; the length in bytes that is needed.
    NoRoom(usize),
    /// A key of no bytes, or of more than the database allows.
    BadKey,
    /// Too many tags, one too long, or one written out that has a number.
    BadTag,
    /// Containers nested deeper than [`crate::document::MAX_DEPTH`].
    TooDeep,
    /// A value of more than [`crate::database::MAX_VALUE_BYTES`].
    TooLong,
    /// A query that means nothing; [`crate::query::Problem`] says why.
    BadQuery,
    /// Bytes that this engine did not write.
    Corrupt,
    /// A page size that is not one of 512, 1024, 2048 and 4096.
    BadOption,
    /// The medium failed, with this error number.
    Io(i32),
    /// The file is not a database of ours.
    Foreign,
    /// The file is one of MicroPython's btree module.
    Btree,
    /// The file is of a newer format, of this version.
    Newer(u8),
}

/// The error number of a full medium.
pub const ENOSPC: i32 = 28;

/// The result of a call that can be refused.
pub type Result<T> = core::result::Result<T, Error>;
