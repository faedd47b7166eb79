//! What can go wrong in the engine.

use core::fmt;
use core::num::NonZeroU32;

/// Why a call was refused. The database is then as it was before the call.
///
/// It is an [`ErrorKind`] in one word that is not 0: most results fit registers so, which makes the code of a board
/// shorter by a fifteenth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroU32);

/// What an error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The store needs memory from its owner; the same call can be made again once it has been given.
    NeedMemory,
    /// The memory limit is reached.
    Full,
    /// The caller's buffer is too short; the length in bytes that is needed, or [`Error::MAX_DETAIL`] if that is less.
    NoRoom(usize),
    /// A key of no bytes, or of more than the database allows.
    BadKey,
    /// Too many tags, one too long, or one written out that has a number.
    BadTag,
    /// Containers nested deeper than [`crate::document::MAX_DEPTH`].
    TooDeep,
    /// A query that means nothing; [`crate::query::Problem`] says why.
    BadQuery,
    /// Bytes that this engine did not write.
    Corrupt,
    /// A page size that is not one of 512, 1024, 2048 and 4096.
    BadOption,
    /// A value of more than [`crate::database::MAX_VALUE_BYTES`].
    TooLong,
    /// The medium failed, with this error number, which is from 1 to [`Error::MAX_DETAIL`].
    Io(i32),
    /// The file is not a database of ours.
    Foreign,
    /// The file is one of MicroPython's btree module.
    Btree,
    /// The file is of a newer format, of this version.
    Newer(u8),
}

/// Those that have no detail, as the kinds of these names.
#[allow(missing_docs, non_upper_case_globals)]
impl Error {
    pub const NeedMemory: Error = Error::new(1, 0);
    pub const Full: Error = Error::new(2, 0);
    pub const BadKey: Error = Error::new(4, 0);
    pub const BadTag: Error = Error::new(5, 0);
    pub const TooDeep: Error = Error::new(6, 0);
    pub const BadQuery: Error = Error::new(7, 0);
    pub const Corrupt: Error = Error::new(8, 0);
    pub const BadOption: Error = Error::new(9, 0);
    pub const TooLong: Error = Error::new(10, 0);
    pub const Foreign: Error = Error::new(12, 0);
    pub const Btree: Error = Error::new(13, 0);
}

/// The number of [`ErrorKind::NoRoom`].
const NO_ROOM: u32 = 3;

impl Error {
    /// The largest detail.
    pub const MAX_DETAIL: u32 = 0x7f_ffff;

    const fn new(code: u32, detail: u32) -> Self {
        let detail = if detail > Error::MAX_DETAIL { Error::MAX_DETAIL } else { detail };
        match NonZeroU32::new(detail << 8 | code) {
            Some(number) => Error(number),
            None => Error(NonZeroU32::MIN),
        }
    }

    /// That the caller's buffer is shorter than so many bytes.
    pub fn no_room(needed: usize) -> Self {
        Error::new(NO_ROOM, u32::try_from(needed).unwrap_or(u32::MAX))
    }

    /// That the medium failed with that error number.
    pub const fn io(number: i32) -> Self {
        Error::new(11, if number > 0 { number as u32 } else { 1 })
    }

    /// That the file is of a newer format.
    pub const fn newer(version: u8) -> Self {
        Error::new(14, version as u32)
    }

    /// Its number from 1 to 14, in the order of the kinds, and above the low eight bits its detail.
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// From its number.
    pub const fn from_number(number: NonZeroU32) -> Self {
        Error(number)
    }

    /// What it says.
    pub fn kind(self) -> ErrorKind {
        let detail = self.number() >> 8;
        match self.number() & 0xff {
            1 => ErrorKind::NeedMemory,
            2 => ErrorKind::Full,
            NO_ROOM => ErrorKind::NoRoom(detail as usize),
            4 => ErrorKind::BadKey,
            5 => ErrorKind::BadTag,
            6 => ErrorKind::TooDeep,
            7 => ErrorKind::BadQuery,
            8 => ErrorKind::Corrupt,
            9 => ErrorKind::BadOption,
            10 => ErrorKind::TooLong,
            11 => ErrorKind::Io(detail as i32),
            12 => ErrorKind::Foreign,
            13 => ErrorKind::Btree,
            _ => ErrorKind::Newer(detail as u8),
        }
    }

    /// How many bytes of buffer are needed, where that is what it says.
    #[inline(always)]
    pub fn room(self) -> Option<usize> {
        (self.number() & 0xff == NO_ROOM).then_some((self.number() >> 8) as usize)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.kind().fmt(formatter)
    }
}

/// Yes or no, as wide as an error: their result is in two registers then, where that of a bool goes through memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Answer {
    /// No.
    No,
    /// Yes.
    Yes,
}

impl Answer {
    /// The error where it is no.
    pub fn or(self, error: Error) -> Result<()> {
        match self {
            Answer::Yes => Ok(()),
            Answer::No => Err(error),
        }
    }
}

impl From<bool> for Answer {
    #[inline]
    fn from(yes: bool) -> Self {
        if yes {
            Answer::Yes
        } else {
            Answer::No
        }
    }
}

/// The error number of a full medium.
pub const ENOSPC: i32 = 28;

/// The result of a call that can be refused.
pub type Result<T> = core::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_it_was_made_of() {
        let kinds = [Error::NeedMemory, Error::Full, Error::BadKey, Error::BadTag, Error::TooDeep, Error::BadQuery]
            .map(Error::kind);
        let named = [
            ErrorKind::NeedMemory,
            ErrorKind::Full,
            ErrorKind::BadKey,
            ErrorKind::BadTag,
            ErrorKind::TooDeep,
            ErrorKind::BadQuery,
        ];
        assert_eq!(kinds, named);
        let kinds = [Error::Corrupt, Error::BadOption, Error::TooLong, Error::Foreign, Error::Btree].map(Error::kind);
        let named =
            [ErrorKind::Corrupt, ErrorKind::BadOption, ErrorKind::TooLong, ErrorKind::Foreign, ErrorKind::Btree];
        assert_eq!(kinds, named);
        assert_eq!(
            [0, 131_072, 1 << 30].map(|needed| Error::no_room(needed).room()),
            [Some(0), Some(131_072), Some(0x7f_ffff)]
        );
        assert_eq!(
            [-1, 0, 28, i32::MAX].map(|number| Error::io(number).kind()),
            [1, 1, 28, 0x7f_ffff].map(ErrorKind::Io)
        );
        assert_eq!(Error::newer(200).kind(), ErrorKind::Newer(200));
        assert_eq!(std::format!("{:?}", Error::io(5)), "Io(5)");
    }
}
