//! Keys in two parts, and keys in memory of their own.

use super::MAX_KEY;
use crate::bytes::write;

/// A key in two parts: what the page's keys share, and the rest.
#[derive(Clone, Copy, Default)]
pub struct Key<'a> {
    /// The first part.
    pub prefix: &'a [u8],
    /// What follows.
    pub suffix: &'a [u8],
}

impl<'a> Key<'a> {
    /// A key in one part.
    pub fn whole(key: &'a [u8]) -> Self {
        Key { prefix: &[], suffix: key }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.prefix.len().wrapping_add(self.suffix.len())
    }

    /// Its first byte.
    pub fn first(&self) -> Option<u8> {
        self.prefix.first().or(self.suffix.first()).copied()
    }

    fn bytes(self) -> impl Iterator<Item = &'a u8> {
        self.prefix.iter().chain(self.suffix)
    }

    /// How many bytes it begins alike with another.
    pub fn common(self, other: Key) -> usize {
        self.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
    }

    /// Copies it from byte `from` on to `at` of `buf`, and gives where it ends there.
    pub fn copy_from(self, from: usize, buf: &mut [u8], at: usize) -> usize {
        let head = self.prefix.get(from..).unwrap_or(&[]);
        let tail = self.suffix.get(from.saturating_sub(self.prefix.len())..).unwrap_or(&[]);
        write(buf, at, head);
        let at = at.wrapping_add(head.len());
        write(buf, at, tail);
        at.wrapping_add(tail.len())
    }
}

/// The shortest key that is above `left` and not above `right`, as a length of `right`.
pub fn separator_len(left: Key, right: Key) -> usize {
    left.common(right).wrapping_add(1).min(right.len())
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

    /// Appends bytes; nothing where that would make it longer than any key.
    pub fn push(&mut self, bytes: &[u8]) {
        if write(&mut self.bytes, usize::from(self.len), bytes) {
            self.len = self.len.wrapping_add(bytes.len() as u16);
        }
    }

    /// Takes the bytes of a page's key.
    pub fn set(&mut self, key: Key) {
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
