//! Removing records whose time has come.

use super::{document_key, Database, EXPIRY, FOREVER};
use crate::error::{Error, Result};
use crate::store::PageStore;
use crate::tree::Cursor;

impl<S: PageStore> Database<S> {
    /// Whether a record's time may have come. O(1); true at most once too often for each record that
    /// was removed before its time.
    pub fn has_expired(&self, now: u64) -> bool {
        self.next_expiry <= now
    }

    /// Removes at most `budget` records whose time has come and gives how many, and whether none is left.
    /// Inside a transaction nothing is done: (0, true).
    pub fn expire(&mut self, now: u64, budget: u32) -> Result<(u32, bool)> {
        self.removing(|database| database.expire_some(now, budget))
    }

    fn expire_some(&mut self, now: u64, budget: u32) -> Result<(u32, bool)> {
        let mut removed = 0;
        if self.store.depth() > 0 || !self.has_expired(now) {
            return Ok((0, true));
        }
        let mut cursor = Cursor::before(&[EXPIRY]);
        while self.next_expired(&mut cursor, now)? {
            if removed == budget {
                return Ok((removed, false));
            }
            if self.store.removal_can_fail() {
                self.atomically(|database| database.expire_one(&cursor))?;
            } else {
                self.expire_one(&cursor)?;
            }
            removed = removed.wrapping_add(1);
            if self.store.is_crowded() {
                // On a full medium there is no room for all of it before some is given back.
                let keys = self.keys_to_allow();
                self.store.make_durable(&self.meta, keys)?;
            }
        }
        self.next_expiry = match time_of(cursor.key()) {
            Some(time) if time > now => time,
            _ => u64::MAX,
        };
        Ok((removed, true))
    }

    /// Removes the record whose expiry entry the cursor is on.
    fn expire_one(&mut self, cursor: &Cursor) -> Result<()> {
        let key = cursor.key().get(7..).ok_or(Error::Corrupt)?;
        self.remove_at(&mut cursor.path())?;
        self.meta.ttl_records = self.meta.ttl_records.wrapping_sub(1);
        let mut path = self.locate(document_key(key).as_slice())?;
        if !path.found() {
            return Err(Error::Corrupt);
        }
        let (leaf, index) = path.leaf();
        let mut stored = self.stored(leaf, index)?;
        stored.head.expires = FOREVER;
        self.delete_at(&mut path, key, &stored)
    }

    /// Goes to the next record whose time has come. At the end the cursor is on the first one whose time
    /// has not, if there is one.
    pub(super) fn next_expired(&mut self, cursor: &mut Cursor, now: u64) -> Result<bool> {
        let next = cursor.next(&mut self.store, self.meta.root, self.change)?;
        Ok(next.is_some() && time_of(cursor.key()).is_some_and(|time| time <= now))
    }
}

/// The time in the key of an expiry entry.
fn time_of(key: &[u8]) -> Option<u64> {
    let (namespace, rest) = key.split_first()?;
    let time = rest.first_chunk::<6>()?;
    (*namespace == EXPIRY).then(|| time.iter().fold(0, |time, byte| time << 8 | u64::from(*byte)))
}
