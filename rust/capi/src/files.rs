//! A database in files: opening, its clock, backups.

use crate::abi::{self, error_status, status};
use crate::database::{flush_rule, make, step};
use crate::medium::CMedium;
use crate::pointers::{database, AnyStore};
use core::mem::size_of;
use mtdb_engine::database::FlushRule;
use mtdb_engine::store::file::{FileStore, Options};
use mtdb_engine::store::is_page_size;
use mtdb_engine::store::raw::{Block, Owned};
use mtdb_engine::Error;

type State = FileStore<CMedium>;

/// See the header.
#[no_mangle]
pub extern "C" fn mtdb_file_state_bytes() -> usize {
    size_of::<State>()
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_init_file(
    db: *mut abi::mtdb_database_t,
    options: *const abi::mtdb_options_t,
    medium: *const abi::mtdb_medium_t,
    state: *mut cty::c_void,
) -> i32 {
    // SAFETY: the caller gives options and a medium to read.
    let (options, medium) = unsafe { (&*options, medium.read()) };
    if !is_page_size(options.page_size as usize) {
        return error_status(Error::BadOption);
    }
    // SAFETY: the caller hands the block over until it gets it back.
    let Some(block) = (unsafe { Block::new(state.cast(), size_of::<State>()) }) else {
        return error_status(Error::BadOption);
    };
    let rule = flush_rule(options, FlushRule::Adaptive);
    let files = Options { page_size: options.page_size as usize, cache_pages: options.cache_pages as usize };
    const NEW: State = FileStore::new(CMedium::NONE);
    let Ok(mut store) = Owned::new(block, || NEW) else {
        return error_status(Error::BadOption);
    };
    *store.medium_mut() = CMedium(medium);
    store.set_options(files);
    // SAFETY: the caller gives memory for a database.
    unsafe { make(db, AnyStore::in_files(store), rule) }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_open_file(db: *mut abi::mtdb_database_t, wall: u64, seed: u64) -> i32 {
    // SAFETY: the caller gives a database that was initialised.
    status(unsafe { database(db) }.open(wall, seed))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_clock(db: *const abi::mtdb_database_t) -> u64 {
    // SAFETY: the caller gives an open database.
    unsafe { database(db.cast_mut()) }.clock()
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_set_time(db: *mut abi::mtdb_database_t, now: u64, wall: u64) {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.set_time(now, wall);
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_close_file(db: *mut abi::mtdb_database_t) -> i32 {
    // SAFETY: the caller gives an open database.
    status(unsafe { database(db) }.close())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_backup_begin(db: *mut abi::mtdb_database_t) -> i32 {
    // SAFETY: the caller gives an open database.
    status(unsafe { database(db) }.begin_backup())
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_backup_step(db: *mut abi::mtdb_database_t, budget: u32) -> i32 {
    // SAFETY: the caller gives an open database.
    step(unsafe { database(db) }.backup(budget))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_backup_end(db: *mut abi::mtdb_database_t) {
    // SAFETY: the caller gives an open database.
    unsafe { database(db) }.end_backup();
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_memory_refuse(db: *mut abi::mtdb_database_t) {
    // SAFETY: the caller gives an open database.
    if let Some(files) = unsafe { database(db) }.store_mut().files() {
        files.refuse();
    }
}
