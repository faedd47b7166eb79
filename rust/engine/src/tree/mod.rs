//! A B+tree of pages: everything that is looked up by order, under one-byte key prefixes.
//!
//! The tree owns no state but the id of its root, which may change in every call that changes the tree;
//! [`PageId::NONE`] is the empty tree. Pages come from a [`PageStore`].

mod cells;
mod cursor;
mod insert;
mod key;
mod pack;
pub mod page;
mod pair;
mod path;
mod relieve;
mod remove;

pub use cursor::Cursor;
pub use insert::insert;
pub use key::{Key, KeyBuf};
pub use pack::pack;
pub use path::{Path, MAX_HEIGHT};
pub use remove::{clear, remove};

/// What operations on a tree work with. The owner of the tree keeps it: it would take much of a board's stack.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[derive(Default)]
#[repr(C)]
pub struct Work {
    /// The way to the place last located.
    pub path: Path,
    /// A key on its way up.
    key: KeyBuf,
}

/// Bytes before a record's key in the keys of the tree: a namespace and a time of expiry at most.
pub const KEY_OVERHEAD: usize = 7;

/// The longest key of a tree.
pub const MAX_KEY: usize = KEY_OVERHEAD + 255;

/// The longest key of a tree with pages of that size.
pub const fn max_key(page_size: usize) -> usize {
    let of_record = page_size / 4 - 8;
    KEY_OVERHEAD + if of_record < 255 { of_record } else { 255 }
}

#[cfg(test)]
pub mod tests;
