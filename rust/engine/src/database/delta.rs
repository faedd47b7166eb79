//! Deltas: what the database has done, in its own words, so that it can be done again after a crash.
//!
//! | first byte | what follows | what was done |
//! |---|---|---|
//! | `P` | key length (1), key, body | a record put that has no TTL and no tags |
//! | `R` | key length (1), key, expires (6, low byte first), tag count (1), body | a record put |
//! | `Z` | as `R`, with a 1 before the body if there is a field named `tags`, else a 0 | a record put, its value compressed |
//! | `D` | key | a record deleted |
//! | `N` | name | a name given the next number |
//! | `X` | | everything deleted |
//!
//! Bodies stand as in the tree, their names numbered. What is longer than [`MAX_DELTA`] has none: the next commit
//! writes the pages instead, and large bodies so only once.

use super::compressed::saved_in;
use super::record::Head;
use super::{Database, NewRecord, FOREVER};
use crate::error::{Error, Result};
use crate::store::{PageStore, MAX_DELTA};

const PLAIN: u8 = b'P';
const RECORD: u8 = b'R';
const COMPRESSED: u8 = b'Z';
const DELETED: u8 = b'D';
const NAMED: u8 = b'N';
const CLEARED: u8 = b'X';

impl<S: PageStore> Database<S> {
    fn log(&mut self, delta: &[&[u8]]) -> Result<()> {
        if delta.iter().map(|part| part.len()).sum::<usize>() > MAX_DELTA {
            self.store.set_incomplete();
            return Ok(());
        }
        self.store.log(delta)
    }

    #[inline(never)]
    pub(super) fn log_put(&mut self, record: &NewRecord, head: &Head, saved: u32) -> Result<()> {
        let key_len = [record.key.len() as u8];
        if record.expires == FOREVER && record.tag_count == 0 && saved == 0 {
            return self.log(&[&[PLAIN], &key_len, record.key, record.stored_body()]);
        }
        let [expires @ .., _, _] = head.expires.to_le_bytes();
        let tag_count = [record.tag_count as u8];
        if saved == 0 {
            return self.log(&[&[RECORD], &key_len, record.key, &expires, &tag_count, record.stored_body()]);
        }
        let field_tags = [u8::from(head.field_tags)];
        self.log(&[&[COMPRESSED], &key_len, record.key, &expires, &tag_count, &field_tags, record.stored_body()])
    }

    pub(super) fn log_delete(&mut self, key: &[u8]) -> Result<()> {
        self.log(&[&[DELETED], key])
    }

    pub(super) fn log_name(&mut self, name: &[u8]) -> Result<()> {
        self.log(&[&[NAMED], name])
    }

    pub(super) fn log_clear(&mut self) -> Result<()> {
        self.log(&[&[CLEARED]])
    }

    /// Does what a delta says.
    pub(super) fn replay(&mut self, delta: &[u8]) -> Result<()> {
        let (kind, rest) = delta.split_first().ok_or(Error::Corrupt)?;
        match *kind {
            PLAIN | RECORD | COMPRESSED => self.replay_put(*kind, rest),
            DELETED => self.delete(rest, 0).map(|_| ()),
            NAMED => self.intern(rest),
            CLEARED => self.purge(0).map(|_| ()),
            _ => Err(Error::Corrupt),
        }
    }

    #[inline(never)]
    fn replay_put(&mut self, kind: u8, rest: &[u8]) -> Result<()> {
        let mut record = NewRecord { key: &[], body: &[], tag_count: 0, expires: FOREVER, stored: None };
        read_record(rest, kind, &mut record)?;
        if kind != COMPRESSED {
            return self.put(&record);
        }
        let (field_tags, body) = record.body.split_first().ok_or(Error::Corrupt)?;
        record.body = body;
        self.replay_compressed(&record, *field_tags != 0)
    }

    /// What is in the value was checked when it was put: here it is not expanded.
    #[inline(never)]
    fn replay_compressed(&mut self, record: &NewRecord, field_tags: bool) -> Result<()> {
        self.check_key(record.key)?;
        self.check_tags(record)?;
        let saved = saved_in(record.body, record.tag_count)?;
        if saved == 0 {
            return Err(Error::Corrupt);
        }
        let head = Head { expires: record.expires, tag_count: record.tag_count as u8, field_tags, large: None, len: 0 };
        self.put_as(record, &head, saved)
    }
}

#[inline(never)]
fn read_record<'a>(rest: &'a [u8], kind: u8, record: &mut NewRecord<'a>) -> Result<()> {
    (record.key, record.body) = split_key(rest)?;
    if kind != PLAIN {
        let (expires, rest) = record.body.split_first_chunk::<6>().ok_or(Error::Corrupt)?;
        record.expires = expires.iter().rev().fold(0, |time, byte| time << 8 | u64::from(*byte));
        let (tag_count, body) = rest.split_first().ok_or(Error::Corrupt)?;
        (record.tag_count, record.body) = (u32::from(*tag_count), body);
    }
    Ok(())
}

fn split_key(rest: &[u8]) -> Result<(&[u8], &[u8])> {
    let (len, rest) = rest.split_first().ok_or(Error::Corrupt)?;
    rest.split_at_checked(usize::from(*len)).ok_or(Error::Corrupt)
}
