//! What bindgen made of the header, and how the engine's errors read there.
#![allow(missing_docs, non_camel_case_types, non_upper_case_globals, dead_code, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/abi.rs"));

use mtdb_engine::{Error, Result};

/// The status for a result of no value.
pub fn status(result: Result<()>) -> i32 {
    match result {
        Ok(()) => MTDB_OK,
        Err(error) => error_status(error),
    }
}

/// The status for an error.
pub fn error_status(error: Error) -> i32 {
    match error {
        Error::NeedMemory => MTDB_NEED_MEMORY,
        Error::Full => MTDB_FULL,
        Error::NoRoom(_) => MTDB_NO_ROOM,
        Error::BadKey => MTDB_BAD_KEY,
        Error::BadTag => MTDB_BAD_TAG,
        Error::TooDeep => MTDB_TOO_DEEP,
        Error::TooLong => MTDB_TOO_LONG,
        Error::BadQuery => MTDB_BAD_QUERY,
        Error::Corrupt => MTDB_CORRUPT,
        Error::BadOption => MTDB_BAD_OPTION,
        Error::Io(number) => MTDB_IO.wrapping_sub(i32::from(number.max(1)).wrapping_mul(256)),
        Error::Foreign => MTDB_FOREIGN,
        Error::Btree => MTDB_BTREE,
        Error::Newer(version) => MTDB_NEWER.wrapping_sub(i32::from(version).wrapping_mul(256)),
    }
}
