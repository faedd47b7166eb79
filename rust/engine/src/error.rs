//! What can go wrong in the engine, in one small enum: of four bytes, so that most results come back in a register.

/// Why a call was refused. The database is then as it was before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(4))]
pub enum Error {
    /// The store needs memory from its owner; the same call can be made again once it has been given.
    NeedMemory,
    /// The memory limit is reached.
    Full,
    /// The caller's buffer is too short; the length in bytes that is needed.
    NoRoom(Length),
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
    Io(i16),
    /// The file is not a database of ours.
    Foreign,
    /// The file is one of MicroPython's btree module.
    Btree,
    /// The file is of a newer format, of this version.
    Newer(u8),
}

impl Error {
    /// The error for a buffer shorter than so many bytes.
    pub fn no_room(needed: usize) -> Self {
        let [low, middle, high, _] = (needed.min(0xff_ffff) as u32).to_le_bytes();
        Error::NoRoom(Length([low, middle, high]))
    }

    /// The error for an error number of a medium.
    pub fn io(number: i32) -> Self {
        Error::Io(i16::try_from(number).unwrap_or(i16::MAX))
    }
}

/// A length in bytes below 16 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length([u8; 3]);

impl Length {
    /// So many bytes.
    pub fn bytes(self) -> usize {
        let Length([low, middle, high]) = self;
        u32::from_le_bytes([low, middle, high, 0]) as usize
    }
}

/// The error number of a full medium.
pub const ENOSPC: i16 = 28;

/// The result of a call that can be refused.
pub type Result<T> = core::result::Result<T, Error>;

const _: () = assert!(size_of::<Result<bool>>() == 4);
