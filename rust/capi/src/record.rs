//! Records by key.

use crate::abi::{self, error_status, status};
use crate::pointers::{buffer, database, slice};
use mtdb_engine::bytes::{hash64, write};
use mtdb_engine::database::{Found, NewRecord};
use mtdb_engine::{Answer, Result};

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

fn presence(result: Result<bool>) -> i32 {
    match result {
        Ok(true) => abi::MTDB_OK,
        Ok(false) => abi::MTDB_ABSENT,
        Err(error) => error_status(error),
    }
}

/// Tells the caller what was found; of a body that had no room, how much that takes.
///
/// # Safety
/// `out` is the caller's.
pub unsafe fn tell(result: Result<Answer>, found: &Found, key_len: usize, out: *mut abi::mtdb_found_t) -> i32 {
    let Found { mut body_len, tag_count, expires, fingerprint } = *found;
    let status = match result {
        Ok(Answer::No) => return abi::MTDB_ABSENT,
        Ok(Answer::Yes) => abi::MTDB_OK,
        Err(error) => {
            let Some(room) = error.room() else { return error_status(error) };
            body_len = room;
            abi::MTDB_NO_ROOM
        }
    };
    // SAFETY: the caller's promise.
    unsafe { out.write(abi::mtdb_found_t { body_len, tag_count, expires, key_len, fingerprint }) };
    status
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
        let mut known = Found::default();
        let result = database(db).get_into(slice(key, key_len), now, buffer(buf, cap), &mut known);
        tell(result, &known, key_len, found)
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
    // SAFETY: the caller gives an open database.
    let result = unsafe { database(db) }.next_key().map(|key| {
        // SAFETY: the caller gives a buffer of MTDB_GENERATED_KEY_BYTES.
        let buf = unsafe { buffer(buf, key.len()) };
        write(buf.unwrap_or(&mut []), 0, &key);
    });
    status(result)
}
