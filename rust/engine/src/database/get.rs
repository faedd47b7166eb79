//! Reading records.

use super::compressed::is_compressed;
use super::record::Head;
use super::{document_key, Database, MAX_VALUE_BYTES};
use crate::bytes::write;
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};
use crate::tree::page::Page;

/// What is known of a record that was found.
// Its layout is that of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Found {
    /// Bytes of its body; where that was not read, as it is stored.
    pub body_len: usize,
    /// Tags at the beginning of the body.
    pub tag_count: u32,
    /// When it expires, or [`super::FOREVER`].
    pub expires: u64,
    /// Bytes of its key, where a caller asks for that; else 0.
    pub key_len: usize,
    /// What [`Database::update`] asks for where the body that was read stands compressed; else 0, and the body's own
    /// is what counts.
    pub fingerprint: u64,
}

/// Where a record stands: its leaf, its entry there, and its head.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    pub leaf: PageId,
    pub index: usize,
    pub head: Head,
    pub body_len: usize,
    /// Its body is in its page, and a value that is not compressed all of it.
    pub is_plain: bool,
}

impl Stored {
    /// Not found yet: zeros only, which takes the least to make.
    pub const NONE: Stored = Stored {
        leaf: PageId(0),
        index: 0,
        head: Head { expires: 0, tag_count: 0, field_tags: false, large: None, len: 0 },
        body_len: 0,
        is_plain: false,
    };

    /// What is known of it.
    pub fn tell(&self, found: &mut Found) {
        found.body_len = self.body_len;
        found.tag_count = u32::from(self.head.tag_count);
        found.expires = self.head.expires;
        found.fingerprint = 0;
    }
}

impl<S: PageStore> Database<S> {
    /// Copies the body of the record with that key into `buf`; `None` where there is none, or its time
    /// has come. [`NoRoom`](crate::ErrorKind::NoRoom) says how long `buf` must be, a second time where the value has to be expanded; with no
    /// buffer at all nothing is copied.
    pub fn get(&mut self, key: &[u8], now: u64, buf: Option<&mut [u8]>) -> Result<Option<Found>> {
        let mut found = Found::default();
        Ok((self.get_into(key, now, buf, &mut found)? == Yes).then_some(found))
    }

    /// As [`get`](Self::get), what is known of the record in `found`.
    pub fn get_into(&mut self, key: &[u8], now: u64, buf: Option<&mut [u8]>, found: &mut Found) -> Result<Answer> {
        self.check_key(key)?;
        self.counts.operations.gets = self.counts.operations.gets.wrapping_add(1);
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == No || stored.head.has_expired(now) {
            return Ok(No);
        }
        self.load(&stored, buf, found)?;
        Ok(Yes)
    }

    /// Finds the record with that key, expired or not; whether it is there.
    pub(super) fn find(&mut self, key: &[u8], stored: &mut Stored) -> Result<Answer> {
        if self.locate(&document_key(key))? == No {
            return Ok(No);
        }
        (stored.leaf, stored.index) = self.work.path.leaf();
        self.read_head(stored)?;
        Ok(Yes)
    }

    /// Reads the head of the record that stands there.
    pub(super) fn read_head(&mut self, stored: &mut Stored) -> Result<()> {
        let value = Page(self.store.page(stored.leaf)?).cell(stored.index).ok_or(Error::Corrupt)?.value;
        stored.head.read(value)?;
        let in_chain = stored.head.large.map_or(0, |(len, _)| len as usize);
        let head = stored.head.bytes();
        stored.body_len = value.len().saturating_sub(head).saturating_add(in_chain);
        stored.is_plain = stored.head.large.is_none() && stored.head.tag_count == 0 && !is_compressed(value, head);
        Ok(())
    }

    /// The body of a record that is not large, in its page; of one that is, the end of it.
    #[inline(always)]
    pub(super) fn body_in_place(&mut self, stored: &Stored) -> Result<&[u8]> {
        let value = Page(self.store.page(stored.leaf)?).cell(stored.index).ok_or(Error::Corrupt)?.value;
        value.get(stored.head.bytes()..).ok_or(Error::Corrupt)
    }

    /// Copies a whole body.
    pub(super) fn copy_body(&mut self, stored: &Stored, buf: &mut [u8]) -> Result<()> {
        if stored.body_len > MAX_VALUE_BYTES {
            return Err(Error::Corrupt);
        }
        let room = buf.get_mut(..stored.body_len).ok_or(Error::no_room(stored.body_len))?;
        match self.read_body(stored, 0, room)? {
            copied if copied == stored.body_len => Ok(()),
            _ => Err(Error::Corrupt),
        }
    }

    /// Copies the body from `at` on, as much of it as there is and fits, and gives how much that was.
    pub(super) fn read_body(&mut self, stored: &Stored, at: usize, buf: &mut [u8]) -> Result<usize> {
        let (mut skip, mut copied) = (at, 0usize);
        self.each_part(stored, &mut |bytes| {
            let room = buf.get_mut(copied..).unwrap_or(&mut []);
            copied = copied.wrapping_add(copy_out(bytes, skip, room));
            skip = skip.saturating_sub(bytes.len());
            copied < buf.len()
        })?;
        Ok(copied)
    }

    /// Shows a body part by part, for as long as more is asked for.
    #[inline(never)]
    pub(super) fn each_part(&mut self, stored: &Stored, show: &mut dyn FnMut(&[u8]) -> bool) -> Result<()> {
        if let Some((len, mut page)) = stored.head.large {
            let mut left = len as usize;
            while left > 0 {
                let (next, bytes) = chain_page(self.store.page(page)?, left)?;
                if !show(bytes) {
                    return Ok(());
                }
                left = left.wrapping_sub(bytes.len());
                page = next;
            }
        }
        show(self.body_in_place(stored)?);
        Ok(())
    }
}

/// The next page of a chain and the bytes in this one, of `left` that are to come.
pub(super) fn chain_page(page: &[u8], left: usize) -> Result<(PageId, &[u8])> {
    let (next, bytes) = page.split_at_checked(4).ok_or(Error::Corrupt)?;
    Ok((PageId::from_bytes(next), bytes.get(..left).unwrap_or(bytes)))
}

fn copy_out(bytes: &[u8], at: usize, buf: &mut [u8]) -> usize {
    let bytes = bytes.get(at..).unwrap_or(&[]);
    let bytes = bytes.get(..buf.len()).unwrap_or(bytes);
    write(buf, 0, bytes);
    bytes.len()
}
