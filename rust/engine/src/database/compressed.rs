//! Records whose value is stored compressed: what stands behind the tags says that it is.

use super::get::{Found, Stored};
use super::{Database, NewRecord, MAX_TAG_BYTES};
use crate::bytes::hash64;
use crate::compress::value::{compressed_at, expand, COMPRESSED};
use crate::document::Reader;
use crate::error::{Error, Result};
use crate::store::PageStore;

/// Bytes that tell a compressed value and its length.
const MARK: usize = 6;

/// Where the value of a body begins.
#[inline]
pub(super) fn value_at(body: &[u8], tag_count: u32) -> Result<usize> {
    let mut tags = Reader::new(body, 0);
    for _ in 0..tag_count {
        tags.name()?;
    }
    Ok(tags.at)
}

/// Whether a compressed value stands there.
#[inline]
pub(super) fn is_compressed(body: &[u8], value_at: usize) -> bool {
    body.get(value_at) == Some(&COMPRESSED)
}

/// By how many bytes the value that begins at `value_at` makes a body of `len` bytes shorter, as it is stored; 0 where
/// it is not compressed.
fn saved(mark: &[u8], value_at: usize, len: usize) -> Result<u32> {
    let Some((plain, _)) = compressed_at(mark, 0)? else { return Ok(0) };
    match value_at.saturating_add(plain).checked_sub(len) {
        Some(saved) if saved > 0 => Ok(saved as u32),
        _ => Err(Error::Corrupt),
    }
}

/// The same of a body at hand.
pub(super) fn saved_in(body: &[u8], tag_count: u32) -> Result<u32> {
    let at = value_at(body, tag_count)?;
    saved(body.get(at..).unwrap_or(&[]), at, body.len())
}

/// Checks what is to be stored in the place of a body: the same tags, and its value compressed.
#[inline(always)]
pub(super) fn check_stored(record: &NewRecord, stored: &[u8]) -> Result<u32> {
    let at = value_at(record.body, record.tag_count)?;
    let saved = saved_in(stored, record.tag_count)?;
    let plain_len = stored.len().saturating_add(saved as usize);
    if saved > 0 && plain_len == record.body.len() && stored.get(..at) == record.body.get(..at) {
        Ok(saved)
    } else {
        Err(Error::Corrupt)
    }
}

impl<S: PageStore> Database<S> {
    /// By how many bytes compressing has made a record shorter; 0 where its value stands as it is.
    pub(super) fn saved_by(&mut self, stored: &Stored) -> Result<u32> {
        if stored.is_plain {
            return Ok(0);
        }
        let mut at = 0usize;
        for _ in 0..stored.head.tag_count {
            let mut name = [0; MAX_TAG_BYTES + 8];
            let len = self.read_body(stored, at, &mut name)?;
            at = at.wrapping_add(value_at(name.get(..len).unwrap_or(&[]), 1)?);
        }
        let mut mark = [0; MARK];
        let len = self.read_body(stored, at, &mut mark)?;
        saved(mark.get(..len).unwrap_or(&[]), at, stored.body_len)
    }

    /// One record that `before` was saved of is replaced by one that `after` is saved of; 0 also for none.
    pub(super) fn count_saved(&mut self, before: u32, after: u32) {
        let meta = &mut self.meta;
        meta.saved = meta.saved.wrapping_sub(before).wrapping_add(after);
        meta.compressed = meta.compressed.wrapping_sub(u32::from(before > 0)).wrapping_add(u32::from(after > 0));
    }

    /// Tells what is known of a record, and with a buffer copies its whole body and expands its value.
    /// [`NoRoom`](crate::ErrorKind::NoRoom) says how long `buf` must be for the next step.
    pub(super) fn load(&mut self, stored: &Stored, buf: Option<&mut [u8]>, found: &mut Found) -> Result<()> {
        stored.tell(found);
        let Some(buf) = buf else { return Ok(()) };
        self.copy_body(stored, buf)?;
        let body = buf.get(..stored.body_len).ok_or(Error::Corrupt)?;
        let at = value_at(body, u32::from(stored.head.tag_count))?;
        if is_compressed(body, at) {
            found.fingerprint = hash64(body, None);
            found.body_len = expand(buf, stored.body_len, at)?;
        }
        Ok(())
    }
}
