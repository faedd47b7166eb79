//! Deltas: what the database has done, in its own words, so that it can be done again after a crash.
//!
//! | first byte | what follows | what was done |
//! |---|---|---|
//! | `P` | key length (1), key, body | a record put that has no TTL and no tags |
//! | `R` | key length (1), key, expires (6, low byte first), tag count (1), body | a record put |
//! | `D` | key | a record deleted |
//! | `N` | name | a name given the next number |
//! | `X` | | everything deleted |
//!
//! Bodies stand as in the tree, their names numbered. What is longer than [`MAX_DELTA`] has none: the next commit
//! writes the pages instead, and large bodies so only once.

use super::{Database, NewRecord, FOREVER};
use crate::error::{Error, Result};
use crate::store::{PageStore, MAX_DELTA};

const PLAIN: u8 = b'P';
const RECORD: u8 = b'R';
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

    pub(super) fn log_put(&mut self, record: &NewRecord) -> Result<()> {
        let key_len = [record.key.len() as u8];
        if record.expires == FOREVER && record.tag_count == 0 {
            return self.log(&[&[PLAIN], &key_len, record.key, record.body]);
        }
        let [expires @ .., _, _] = record.expires.min(super::LAST_TIME).to_le_bytes();
        self.log(&[&[RECORD], &key_len, record.key, &expires, &[record.tag_count as u8], record.body])
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
            PLAIN => {
                let (key, body) = split_key(rest)?;
                self.put(&NewRecord { key, body, tag_count: 0, expires: FOREVER })
            }
            RECORD => {
                let (key, rest) = split_key(rest)?;
                let (expires, rest) = rest.split_first_chunk::<6>().ok_or(Error::Corrupt)?;
                let expires = expires.iter().rev().fold(0, |time, byte| time << 8 | u64::from(*byte));
                let (tag_count, body) = rest.split_first().ok_or(Error::Corrupt)?;
                self.put(&NewRecord { key, body, tag_count: u32::from(*tag_count), expires })
            }
            DELETED => self.delete(rest, 0).map(|_| ()),
            NAMED => self.intern(rest),
            CLEARED => self.purge(0).map(|_| ()),
            _ => Err(Error::Corrupt),
        }
    }
}

fn split_key(rest: &[u8]) -> Result<(&[u8], &[u8])> {
    let (len, rest) = rest.split_first().ok_or(Error::Corrupt)?;
    rest.split_at_checked(usize::from(*len)).ok_or(Error::Corrupt)
}
