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
use crate::bytes::write;
use crate::error::{Answer, Error, Result};
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

    #[inline(always)]
    pub(super) fn log_put(&mut self, record: &NewRecord, head: &Head, saved: u32) -> Result<()> {
        let kind = match saved {
            0 if record.expires == FOREVER && record.tag_count == 0 => PLAIN,
            0 => RECORD,
            _ => COMPRESSED,
        };
        // The highest two bytes of a time are not there.
        let mut details = head.expires.to_le_bytes();
        write(&mut details, EXPIRES, &[head.tag_count, u8::from(head.field_tags)]);
        let details = details.get(..details_len(kind)).unwrap_or(&[]);
        self.log(&[&[kind, record.key.len() as u8], record.key, details, record.stored_body()])
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

    #[inline(always)]
    fn replay_put(&mut self, kind: u8, rest: &[u8]) -> Result<()> {
        let mut record = NewRecord { key: &[], body: &[], tag_count: 0, expires: FOREVER, stored: None };
        let field_tags = read_record(rest, kind, &mut record)? == Answer::Yes;
        match kind {
            COMPRESSED => self.replay_compressed(&record, field_tags),
            _ => self.put(&record),
        }
    }

    /// What is in the value was checked when it was put: here it is not expanded.
    #[inline(always)]
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

/// How many bytes of a time of expiry stand in a delta.
const EXPIRES: usize = 6;

/// How many bytes stand between a record's key and its body: when it expires, its tag count, whether there is a field
/// named `tags`.
fn details_len(kind: u8) -> usize {
    match kind {
        PLAIN => 0,
        RECORD => EXPIRES + 1,
        _ => EXPIRES + 2,
    }
}

/// Whether there is a field named `tags`, where the delta says so, too.
#[inline(always)]
fn read_record<'a>(rest: &'a [u8], kind: u8, record: &mut NewRecord<'a>) -> Result<Answer> {
    let (key_len, rest) = rest.split_first().ok_or(Error::Corrupt)?;
    let (key, rest) = rest.split_at_checked(usize::from(*key_len)).ok_or(Error::Corrupt)?;
    let (details, body) = rest.split_at_checked(details_len(kind)).ok_or(Error::Corrupt)?;
    let mut number = [0; 8];
    write(&mut number, 0, details);
    let [a, b, c, d, e, f, tag_count, field_tags] = number;
    (record.key, record.body, record.tag_count) = (key, body, u32::from(tag_count));
    record.expires = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    Ok((field_tags != 0).into())
}
