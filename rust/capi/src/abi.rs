//! What bindgen made of the header, and how the engine's errors read there.
#![allow(missing_docs, non_camel_case_types, non_upper_case_globals, dead_code, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/abi.rs"));

use mtdb_engine::{Error, Result};

/// The status for a result of no value: 0, or the error's number, negative. The length of [`Error::no_room`] is told
/// elsewhere.
#[inline(never)]
pub fn status(result: Result<()>) -> i32 {
    match result {
        Ok(()) => MTDB_OK,
        Err(error) if error.room().is_some() => MTDB_NO_ROOM,
        Err(error) => (error.number() as i32).wrapping_neg(),
    }
}

/// The status for an error.
#[inline(always)]
pub fn error_status(error: Error) -> i32 {
    status(Err(error))
}

const _: () = {
    assert!(Error::NeedMemory.number() as i32 == -MTDB_NEED_MEMORY);
    assert!(Error::Full.number() as i32 == -MTDB_FULL);
    assert!(Error::BadKey.number() as i32 == -MTDB_BAD_KEY);
    assert!(Error::BadTag.number() as i32 == -MTDB_BAD_TAG);
    assert!(Error::TooDeep.number() as i32 == -MTDB_TOO_DEEP);
    assert!(Error::BadQuery.number() as i32 == -MTDB_BAD_QUERY);
    assert!(Error::Corrupt.number() as i32 == -MTDB_CORRUPT);
    assert!(Error::BadOption.number() as i32 == -MTDB_BAD_OPTION);
    assert!(Error::TooLong.number() as i32 == -MTDB_TOO_LONG);
    assert!(Error::io(5).number() as i32 == -MTDB_IO + 5 * 256);
    assert!(Error::Foreign.number() as i32 == -MTDB_FOREIGN);
    assert!(Error::Btree.number() as i32 == -MTDB_BTREE);
    assert!(Error::newer(2).number() as i32 == -MTDB_NEWER + 2 * 256);
};
