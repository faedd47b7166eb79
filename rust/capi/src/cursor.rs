//! Walking all records.

use crate::abi;
use crate::pointers::{buffer, cursor, database};
use crate::record::{found, tell};
use mtdb_engine::bytes::write;
use mtdb_engine::database::{Found, ScanCursor};
use mtdb_engine::{Answer, Result};

/// Copies the cursor's key to the caller, if there was a record, and tells of it.
///
/// # Safety
/// `key` is the caller's and takes any key.
#[inline(always)]
pub unsafe fn tell_with_key(result: Result<Answer>, cursor: &ScanCursor, key: *mut u8, found: &mut Found) -> i32 {
    let mut key_len = 0;
    if result == Ok(Answer::Yes) {
        key_len = cursor.key().len();
        // SAFETY: the caller's promise.
        let buf = unsafe { buffer(key, key_len) };
        write(buf.unwrap_or(&mut []), 0, cursor.key());
    }
    tell(result, key_len, found)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_cursor_start(cursor: *mut abi::mtdb_cursor_t) {
    // SAFETY: the caller gives memory for a cursor; pointers.rs has checked the layout.
    unsafe { cursor.cast::<ScanCursor>().write(ScanCursor::new()) };
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_cursor_next(
    db: *mut abi::mtdb_database_t,
    place: *mut abi::mtdb_cursor_t,
    now: u64,
    key: *mut u8,
    buf: *mut u8,
    cap: usize,
    found: *mut abi::mtdb_found_t,
) -> i32 {
    // SAFETY: the caller gives a started cursor, and memory for what is found.
    let (cursor, found) = unsafe { (cursor(place), self::found(found)) };
    // SAFETY: the caller gives an open database and a buffer or none.
    let result = unsafe { database(db).next_into(cursor, now, buffer(buf, cap), found) };
    // SAFETY: the caller gives memory for a key.
    unsafe { tell_with_key(result, cursor, key, found) }
}
