//! A B+tree of pages: everything that is looked up by order, under one-byte key prefixes.
//!
//! The tree owns no state but the id of its root, which may change in every call that changes the tree;
//! [`PageId::NONE`] is the empty tree. Pages come from a [`PageStore`].

mod cursor;
mod insert;
mod pack;
pub mod page;
mod pair;
mod path;
mod relieve;
mod remove;

pub use cursor::Cursor;
pub use insert::insert;
pub use pack::pack;
pub use path::{locate, Path, MAX_HEIGHT};
pub use remove::{clear, remove};

use crate::bytes::write;

/// Bytes before a record's key in the keys of the tree: a namespace and a time of expiry at most.
pub const KEY_OVERHEAD: usize = 7;

/// The longest key of a tree.
pub const MAX_KEY: usize = KEY_OVERHEAD + 255;

/// The longest key of a tree with pages of that size.
pub const fn max_key(page_size: usize) -> usize {
    let of_record = page_size / 4 - 8;
    KEY_OVERHEAD + if of_record < 255 { of_record } else { 255 }
}

/// A key in memory of its own.
#[derive(Clone)]
pub struct KeyBuf {
    len: u16,
    bytes: [u8; MAX_KEY],
}

impl KeyBuf {
    /// No key.
    pub const fn new() -> Self {
        KeyBuf { len: 0, bytes: [0; MAX_KEY] }
    }

    /// The key put together of parts.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut key = KeyBuf::new();
        for part in parts {
            key.push(part);
        }
        key
    }

    /// Appends bytes; what is longer than any key is cut off.
    pub fn push(&mut self, bytes: &[u8]) {
        if write(&mut self.bytes, usize::from(self.len), bytes) {
            self.len = self.len.wrapping_add(bytes.len() as u16);
        }
    }

    /// Takes the bytes of a page's key from `from` on.
    pub fn set(&mut self, key: page::Key) {
        self.len = key.copy_from(0, &mut self.bytes, 0).min(MAX_KEY) as u16;
    }

    /// Shortens it to `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len as u16);
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl Default for KeyBuf {
    fn default() -> Self {
        KeyBuf::new()
    }
}

#[cfg(test)]
mod tests;
