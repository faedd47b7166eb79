//! Keys in two parts, and keys in memory of their own.

use super::page::head;
use super::MAX_KEY;
use crate::bytes::write;
use crate::store::raw::shift;
use core::cmp::Ordering;

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
    pub(crate) fn len(&self) -> usize {
        self.prefix.len().wrapping_add(self.suffix.len())
    }

    /// Its first byte.
    pub fn first(&self) -> Option<u8> {
        self.byte(0)
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        match at.checked_sub(self.prefix.len()) {
            None => self.prefix.get(at).copied(),
            Some(at) => self.suffix.get(at).copied(),
        }
    }

    /// How many bytes it begins alike with another.
    pub fn common(&self, other: &Key) -> usize {
        let mut alike = 0usize;
        while self.byte(alike).is_some_and(|byte| other.byte(alike) == Some(byte)) {
            alike = alike.wrapping_add(1);
        }
        alike
    }

    /// What follows a prefix; `None` where it does not begin with that.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn behind(&self, prefix: &[u8]) -> Option<Key<'a>> {
        let Some((head, tail)) = prefix.split_at_checked(self.prefix.len()) else {
            let rest = self.prefix.strip_prefix(prefix)?;
            return Some(Key { prefix: rest, suffix: self.suffix });
        };
        // It is short: a call to compare it would take longer.
        head.iter().eq(self.prefix).then_some(())?;
        self.suffix.strip_prefix(tail).map(Key::whole)
    }

    /// The first `len` bytes of it.
    #[inline(never)]
    pub fn until(&self, len: usize) -> Key<'a> {
        let prefix = self.prefix.get(..len).unwrap_or(self.prefix);
        let suffix = self.suffix.get(..len.wrapping_sub(prefix.len())).unwrap_or(self.suffix);
        Key { prefix, suffix }
    }

    /// What of it follows its first `len` bytes.
    pub fn from(&self, len: usize) -> Key<'a> {
        let prefix = self.prefix.get(len..).unwrap_or(&[]);
        let suffix = self.suffix.get(len.saturating_sub(self.prefix.len())..).unwrap_or(&[]);
        Key { prefix, suffix }
    }

    /// Its first eight bytes as a number, see [`head`].
    #[inline]
    pub fn head(&self) -> u64 {
        if let (true, Some(first)) = (self.prefix.is_empty(), self.suffix.first_chunk()) {
            return u64::from_be_bytes(*first);
        }
        let mut first = [0; 8];
        let Key { prefix, suffix } = self.until(8);
        write(&mut first, 0, prefix);
        write(&mut first, prefix.len(), suffix);
        head(first, 8)
    }

    /// How bytes compare with it.
    pub fn compared_by(&self, bytes: &[u8]) -> Ordering {
        match bytes.split_at_checked(self.prefix.len()) {
            Some((head, tail)) => order(head, self.prefix).then_with(|| order(tail, self.suffix)),
            None => order(bytes, self.prefix),
        }
    }

    /// Copies it from byte `from` on to `at` of `buf`, and gives where it ends there.
    pub fn copy_from(&self, from: usize, buf: &mut [u8], at: usize) -> usize {
        let Key { prefix, suffix } = self.from(from);
        write(buf, at, prefix);
        let at = at.wrapping_add(prefix.len());
        write(buf, at, suffix);
        at.wrapping_add(suffix.len())
    }
}

/// How bytes compare. Where a call takes as long as comparing some bytes, they are compared here.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn order(bytes: &[u8], with: &[u8]) -> Ordering {
    if cfg!(target_pointer_width = "64") {
        return bytes.cmp(with);
    }
    for (a, b) in bytes.iter().zip(with) {
        if a != b {
            return a.cmp(b);
        }
    }
    bytes.len().cmp(&with.len())
}

/// The shortest key that is above `left` and not above `right`, as a length of `right`.
pub fn separator_len(left: &Key, right: &Key) -> usize {
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
    pub fn set(&mut self, key: &Key) {
        self.len = key.copy_from(0, &mut self.bytes, 0).min(MAX_KEY) as u16;
    }

    /// Puts bytes in the place of the first `len`.
    pub fn replace(&mut self, len: usize, prefix: &[u8]) {
        let rest = usize::from(self.len).saturating_sub(len);
        let end = prefix.len().wrapping_add(rest);
        if end <= MAX_KEY {
            shift(&mut self.bytes, len, prefix.len(), rest);
            write(&mut self.bytes, 0, prefix);
            self.len = end as u16;
        }
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
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_key_in_two_parts_is_what_it_is_in_one_wherever_it_is_cut() {
        let words: [&[u8]; 9] = [b"", b"a", b"ab", b"abc", b"abcdefghij", b"abcdefghik", b"abd", b"b", b"abcdefgh"];
        for word in words {
            for (prefix, suffix) in (0..=word.len()).map(|at| word.split_at(at)) {
                let key = Key { prefix, suffix };
                let whole = |key: Key| [key.prefix, key.suffix].concat();
                assert_eq!(key.head(), Key::whole(word).head());
                for other in words {
                    assert_eq!(key.compared_by(other), other.cmp(word));
                    assert_eq!(key.behind(other).map(whole), word.strip_prefix(other).map(<[u8]>::to_vec));
                    assert_eq!(
                        key.common(&Key::whole(other)),
                        other.iter().zip(word).take_while(|(a, b)| a == b).count()
                    );
                }
                for len in 0..12 {
                    assert_eq!(whole(key.until(len)), word[..len.min(word.len())]);
                    let mut buf = std::vec![0; 12];
                    let end = key.copy_from(len, &mut buf, 1);
                    assert_eq!(buf[1..end], word[len.min(word.len())..]);
                }
            }
        }
    }

    #[test]
    fn the_beginning_of_a_key_is_replaced() {
        let replaced = |len, prefix: &[u8]| {
            let mut key = KeyBuf::of(&[b"Dkey"]);
            key.replace(len, prefix);
            key.as_slice().to_vec()
        };
        let expected: [&[u8]; 4] = [b"T12key", b"key", b"T", b"Dkey"];
        let found: Vec<_> =
            [(1, &b"T12"[..]), (1, b""), (9, b"T"), (1, &[b'T'; MAX_KEY])].map(|(n, p)| replaced(n, p)).into();
        assert_eq!(found, expected);
    }
}
