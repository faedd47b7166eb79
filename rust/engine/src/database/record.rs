//! How a record stands in the tree.
//!
//! ```text
//! +-------+----------------+--------------+-------------------------------+
//! | flags | expires: 6     | tag count: 1 | body                          |
//! +-------+----------------+--------------+-------------------------------+
//!   if any  if TTL           if TAGS        if LARGE before it: length: 4, page: 4
//! ```
//!
//! The body is the tags and the value ([`crate::document`]). `flags` is `F0` and the bits below; no value
//! begins so, and a record without any has no head at all. A body that is too long for a cell is LARGE: so many bytes
//! of it stand in a chain of pages, each the id of the next one and then bytes, and the rest behind the head.
//! `expires` is in milliseconds, low byte first.

use crate::bytes::{u16_at, u32_at, write};
use crate::error::{Error, Result};
use crate::store::PageId;

/// What a byte of flags begins with.
const FLAGS: u8 = 0xf0;
const TTL: u8 = 1;
const TAGS: u8 = 2;
const LARGE: u8 = 4;
const FIELD_TAGS: u8 = 8;

/// Bytes of a head at most.
pub const MAX_HEAD: usize = 16;

/// What stands before, or instead of, a record's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// When it expires, or [`super::FOREVER`].
    pub expires: u64,
    /// Tags at the beginning of the body.
    pub tag_count: u8,
    /// The document has a field named `tags`.
    pub field_tags: bool,
    /// Where the body begins, if not behind the head: how many bytes stand there, and their first page.
    pub large: Option<(u32, PageId)>,
    /// Bytes of the head.
    pub len: u8,
}

impl Head {
    /// Reads the head of a record.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn read(&mut self, record: &[u8]) -> Result<()> {
        let flags = *record.first().ok_or(Error::Corrupt)?;
        *self = Head::default();
        if flags < FLAGS {
            return Ok(());
        }
        let mut len = 1usize;
        if flags & TTL != 0 {
            self.expires = u64::from(u32_at(record, len)) | u64::from(u16_at(record, len.wrapping_add(4))) << 32;
            len = len.wrapping_add(6);
        }
        if flags & TAGS != 0 {
            self.tag_count = record.get(len).copied().unwrap_or(0);
            len = len.wrapping_add(1);
        }
        if flags & LARGE != 0 {
            self.large = Some((u32_at(record, len), PageId(u32_at(record, len.wrapping_add(4)))));
            len = len.wrapping_add(8);
        }
        (self.field_tags, self.len) = (flags & FIELD_TAGS != 0, len as u8);
        if len > record.len() {
            return Err(Error::Corrupt);
        }
        Ok(())
    }

    /// Writes it, with where a large body is, and gives its length.
    pub fn write(&self, large: Option<(u32, PageId)>, buf: &mut [u8; MAX_HEAD]) -> usize {
        let mut len = 1;
        let mut flags = FLAGS;
        if self.expires != super::FOREVER {
            flags |= TTL;
            write(buf, len, self.expires.to_le_bytes().first_chunk::<6>().unwrap_or(&[0; 6]));
            len = 7;
        }
        if self.tag_count != 0 {
            flags |= TAGS;
            write(buf, len, &[self.tag_count]);
            len = len.wrapping_add(1);
        }
        if self.field_tags {
            flags |= FIELD_TAGS;
        }
        if let Some((bytes, page)) = large {
            flags |= LARGE;
            write(buf, len, &bytes.to_le_bytes());
            write(buf, len.wrapping_add(4), &page.to_bytes());
            len = len.wrapping_add(8);
        }
        if flags == FLAGS {
            return 0;
        }
        write(buf, 0, &[flags]);
        len
    }

    /// Where the body begins, or the end of a large one.
    pub fn bytes(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether nothing but the record's own entry is in the tree for it.
    pub fn is_plain(&self) -> bool {
        self.expires == super::FOREVER && self.tag_count == 0 && self.large.is_none() && !self.field_tags
    }

    /// Whether its time has come.
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires != super::FOREVER && self.expires <= now
    }
}
