//! Records by key.

use crate::abi::{self, error_status, status};
use crate::pointers::{buffer, database, same_layout, slice};
use mtdb_engine::bytes::hash64;
use mtdb_engine::database::{Found, NewRecord, GENERATED_KEY_BYTES};
use mtdb_engine::{Answer, Result};

const _: () = assert!(GENERATED_KEY_BYTES == abi::MTDB_GENERATED_KEY_BYTES as usize);

/// # Safety
/// `record` and what it points to are the caller's during `'a`.
unsafe fn new_record<'a>(record: *const abi::mtdb_record_t) -> NewRecord<'a> {
    // SAFETY: the caller's promise.
    let record = unsafe { &*record };
    NewRecord {
        // SAFETY: the caller's promise.
        key: unsafe { slice(record.key, record.key_len) },
        // SAFETY: the caller's promise.
        body: unsafe { slice(record.body, record.body_len) },
        tag_count: record.tag_count,
        expires: record.expires,
        // SAFETY: the caller's promise.
        stored: (!record.stored.is_null()).then(|| unsafe { slice(record.stored, record.stored_len) }),
    }
}

#[inline(always)]
fn presence(result: Result<bool>) -> i32 {
    match result {
        Ok(true) => abi::MTDB_OK,
        Ok(false) => abi::MTDB_ABSENT,
        Err(error) => error_status(error),
    }
}

same_layout!(Found, abi::mtdb_found_t, body_len, tag_count, expires, key_len, fingerprint);

/// The caller's memory for what will be found.
///
/// # Safety
/// `out` is the caller's during `'a`.
#[inline(never)]
pub unsafe fn found<'a>(out: *mut abi::mtdb_found_t) -> &'a mut Found {
    let found = out.cast::<Found>();
    // SAFETY: the caller's promise; the layout is checked above.
    unsafe {
        found.write(Found::default());
        &mut *found
    }
}

/// The status for a search; of a body that had no room, `found` says how much that takes.
#[inline(always)]
pub fn tell(result: Result<Answer>, key_len: usize, found: &mut Found) -> i32 {
    found.key_len = key_len;
    match result {
        Ok(Answer::No) => abi::MTDB_ABSENT,
        Ok(Answer::Yes) => abi::MTDB_OK,
        Err(error) => {
            found.body_len = error.room().unwrap_or(0);
            error_status(error)
        }
    }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_put(db: *mut abi::mtdb_database_t, record: *const abi::mtdb_record_t) -> i32 {
    // SAFETY: the caller gives an open database and a record.
    status(unsafe { database(db).put(&new_record(record)) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_update(
    db: *mut abi::mtdb_database_t,
    record: *const abi::mtdb_record_t,
    fingerprint: u64,
    now: u64,
) -> i32 {
    // SAFETY: the caller gives an open database and a record.
    presence(unsafe { database(db).update(new_record(record), fingerprint, now) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_fingerprint(body: *const u8, len: usize) -> u64 {
    // SAFETY: the caller gives bytes.
    hash64(unsafe { slice(body, len) }, None)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_get(
    db: *mut abi::mtdb_database_t,
    key: *const u8,
    key_len: usize,
    now: u64,
    buf: *mut u8,
    cap: usize,
    found: *mut abi::mtdb_found_t,
) -> i32 {
    // SAFETY: the caller gives an open database, a key, a buffer or none, and memory for what is found.
    unsafe {
        let found = self::found(found);
        let result = database(db).get_into(slice(key, key_len), now, buffer(buf, cap), found);
        tell(result, key_len, found)
    }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_delete(db: *mut abi::mtdb_database_t, key: *const u8, key_len: usize, now: u64) -> i32 {
    // SAFETY: the caller gives an open database and a key.
    presence(unsafe { database(db).delete(slice(key, key_len), now) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_purge(db: *mut abi::mtdb_database_t, now: u64, removed: *mut u32) -> i32 {
    // SAFETY: the caller gives an open database and a number to set.
    status(unsafe { database(db) }.purge(now).map(|count| unsafe { *removed = count }))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_next_key(db: *mut abi::mtdb_database_t, buf: *mut u8) -> i32 {
    // SAFETY: the caller gives a buffer of MTDB_GENERATED_KEY_BYTES.
    let key = unsafe { &mut *buf.cast() };
    // SAFETY: the caller gives an open database.
    status(unsafe { database(db) }.next_key_into(key))
}
