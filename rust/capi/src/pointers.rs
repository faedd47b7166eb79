//! From C's pointers to Rust's references.

use crate::abi;
use core::mem::{align_of, size_of};
use mtdb_engine::database::{Database, ScanCursor};
use mtdb_engine::query::Term;
use mtdb_engine::store::either::Store;

use crate::medium::CMedium;

/// The store behind the ABI.
pub type AnyStore = Store<CMedium>;
/// The database behind the ABI.
pub type AnyDatabase = Database<AnyStore>;

/// What a type of the engine and its opaque twin in the header must share.
pub const fn fits<Engine, Header>() {
    assert!(size_of::<Engine>() <= size_of::<Header>());
    assert!(align_of::<Engine>() <= align_of::<Header>());
}

/// Checks that a struct of the engine, which takes the place of one of the header, has its fields in the same places:
/// those of the same names, and behind a semicolon those that the engine has in a struct of their own.
macro_rules! same_layout {
    ($engine:ty, $header:ty, $($field:ident),* $(; $($part:ident . $inner:ident = $outer:ident),*)?) => {
        const _: () = {
            $crate::pointers::fits::<$engine, $header>();
            $(assert!(core::mem::offset_of!($engine, $field) == core::mem::offset_of!($header, $field));)*
            $($(assert!(core::mem::offset_of!($engine, $part.$inner) == core::mem::offset_of!($header, $outer));)*)?
        };
    };
}
pub(crate) use same_layout;

const _: () = fits::<AnyDatabase, abi::mtdb_database_t>();
const _: () = fits::<ScanCursor, abi::mtdb_cursor_t>();
const _: () = fits::<Term, abi::mtdb_term_t>();

/// The database of an opened `mtdb_database_t`.
///
/// # Safety
/// `db` was opened by `mtdb_open_memory` or initialised by `mtdb_init_file` and nobody else uses it during `'a`.
pub unsafe fn database<'a>(db: *mut abi::mtdb_database_t) -> &'a mut AnyDatabase {
    // SAFETY: the caller's promise; the layout is checked above.
    unsafe { &mut *db.cast() }
}

/// The cursor of a started `mtdb_cursor_t`.
///
/// # Safety
/// `cursor` was started by `mtdb_cursor_start` and nobody else uses it during `'a`.
pub unsafe fn cursor<'a>(cursor: *mut abi::mtdb_cursor_t) -> &'a mut ScanCursor {
    // SAFETY: the caller's promise; the layout is checked above.
    unsafe { &mut *cursor.cast() }
}

/// Bytes to read; none for a null pointer.
///
/// # Safety
/// `len` bytes at `bytes` can be read and do not change during `'a`.
#[inline(always)]
pub unsafe fn slice<'a>(bytes: *const u8, len: usize) -> &'a [u8] {
    if bytes.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts(bytes, len) }
}

/// Bytes to write; `None` for a null pointer.
///
/// # Safety
/// `len` bytes at `bytes` belong to the caller alone during `'a`.
pub unsafe fn buffer<'a>(bytes: *mut u8, len: usize) -> Option<&'a mut [u8]> {
    if bytes.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { core::slice::from_raw_parts_mut(bytes, len) })
}
