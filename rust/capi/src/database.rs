//! Opening, memory, upkeep, transactions, statistics.

use crate::abi::{self, error_status, status};
use crate::pointers::{database, same_layout, AnyDatabase, AnyStore};
use core::ptr::null_mut;
use mtdb_engine::database::{FlushRule, Statistics};
use mtdb_engine::store::memory::MemoryStore;
use mtdb_engine::store::raw::Block;
use mtdb_engine::Result;

same_layout!(
    Statistics,
    abi::mtdb_statistics_t,
    bytes_used,
    bytes_limit,
    free_bytes,
    records,
    ttl_records,
    names,
    compressed,
    saved,
    page_size;
    operations.puts = puts,
    operations.gets = gets,
    operations.deletes = deletes,
    operations.queries = queries,
    operations.batches = batches,
    operations.flushes = flushes,
    files.bytes = file_bytes,
    files.hits = cache_hits,
    files.misses = cache_misses
);

/// The status for a step: whether it was the last one.
#[inline(always)]
pub fn step(result: Result<bool>) -> i32 {
    match result {
        Ok(true) => abi::MTDB_OK,
        Ok(false) => abi::MTDB_MORE,
        Err(error) => error_status(error),
    }
}

/// When to flush: as the options say, or by the store's own rule.
pub fn flush_rule(options: &abi::mtdb_options_t, rule: FlushRule) -> FlushRule {
    match (options.flush_threshold, options.adaptive) {
        (0, true) => rule,
        (0, false) => FlushRule::Every(10),
        (writes, true) if options.batch_rule => FlushRule::Batches(writes),
        (writes, _) => FlushRule::Every(writes),
    }
}

/// Makes a database in the caller's memory.
///
/// # Safety
/// `db` is the caller's memory for one.
#[inline(never)]
pub unsafe fn make(db: *mut abi::mtdb_database_t, store: AnyStore, flush: FlushRule) -> i32 {
    // SAFETY: the caller's promise; pointers.rs has checked the layout.
    unsafe { db.cast::<AnyDatabase>().write(AnyDatabase::new(store, flush)) };
    abi::MTDB_OK
}

fn raw(block: Option<Block>) -> *mut cty::c_void {
    block.map_or(null_mut(), |block| block.into_raw().cast())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_open_memory(db: *mut abi::mtdb_database_t, options: *const abi::mtdb_options_t) -> i32 {
    // SAFETY: the caller gives options to read.
    let options = unsafe { &*options };
    let flush = flush_rule(options, FlushRule::Memory);
    match MemoryStore::new(options.page_size as usize, options.memory_limit) {
        // SAFETY: the caller gives memory for a database.
        Ok(store) => unsafe { make(db, AnyStore::in_memory(store), flush) },
        Err(error) => error_status(error),
    }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_memory_wanted(db: *mut abi::mtdb_database_t) -> usize {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.store_mut().wanted()
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_memory_give(
    db: *mut abi::mtdb_database_t,
    memory: *mut cty::c_void,
    bytes: usize,
) -> *mut cty::c_void {
    // SAFETY: the caller hands the block over until it gets it back.
    let Some(block) = (unsafe { Block::new(memory.cast(), bytes) }) else {
        return memory;
    };
    // SAFETY: the caller gives an open database.
    raw(unsafe { database(db) }.store_mut().give(block))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_memory_surplus(db: *mut abi::mtdb_database_t) -> *mut cty::c_void {
    // SAFETY: the caller gives an open database.
    raw(unsafe { database(db) }.store_mut().surplus())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_memory_reclaim(db: *mut abi::mtdb_database_t) -> *mut cty::c_void {
    // SAFETY: the caller gives an open database.
    raw(unsafe { database(db) }.store_mut().reclaim())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_max_key(db: *const abi::mtdb_database_t) -> usize {
    // SAFETY: the caller gives an open database.
    unsafe { database(db.cast_mut()) }.max_key()
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_statistics(db: *mut abi::mtdb_database_t, out: *mut abi::mtdb_statistics_t) -> i32 {
    let statistics = out.cast::<Statistics>();
    // SAFETY: the caller gives memory for them; the layout is checked above.
    let statistics = unsafe {
        statistics.write(Statistics::default());
        &mut *statistics
    };
    // SAFETY: the caller gives an open database.
    let database = unsafe { database(db) };
    database.tell_statistics(statistics);
    statistics.files = database.file_counts();
    abi::MTDB_OK
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_count_batch(db: *mut abi::mtdb_database_t, writes: u32) {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.count_batch(writes);
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_count_query(db: *mut abi::mtdb_database_t) {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.count_query();
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_expire(db: *mut abi::mtdb_database_t, now: u64, budget: u32, removed: *mut u32) -> i32 {
    // SAFETY: the caller gives an open database.
    let result = unsafe { database(db) }.expire(now, budget);
    step(result.map(|(count, all)| {
        // SAFETY: the caller gives a number to add to.
        unsafe { *removed = (*removed).wrapping_add(count) };
        all
    }))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_has_expired(db: *const abi::mtdb_database_t, now: u64) -> bool {
    // SAFETY: the caller gives an open database.
    unsafe { database(db.cast_mut()) }.has_expired(now)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_compact(db: *mut abi::mtdb_database_t, budget: u32) -> i32 {
    // SAFETY: the caller gives an open database.
    step(unsafe { database(db) }.compact(budget))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_wrote(db: *mut abi::mtdb_database_t, writes: u32) -> i32 {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.wrote(writes);
    abi::MTDB_OK
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_flush(db: *mut abi::mtdb_database_t) -> i32 {
    // SAFETY: the caller gives an open database.
    status(unsafe { database(db) }.flush())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_commit_writes(db: *mut abi::mtdb_database_t, writes: u32, flush: bool) -> i32 {
    // SAFETY: the caller gives an open database.
    status(unsafe { database(db) }.commit_writes(writes, flush))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_begin(db: *mut abi::mtdb_database_t) -> i32 {
    // SAFETY: the caller gives an open database.
    status(unsafe { database(db) }.begin())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_commit(db: *mut abi::mtdb_database_t) -> i32 {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.commit();
    abi::MTDB_OK
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_rollback(db: *mut abi::mtdb_database_t) -> i32 {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.rollback();
    abi::MTDB_OK
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_transaction_depth(db: *const abi::mtdb_database_t) -> u32 {
    // SAFETY: the caller gives an open database.
    unsafe { database(db.cast_mut()) }.depth()
}
