//! Removing records whose time has come.

use super::get::Stored;
use super::{Database, EXPIRY, FOREVER};
use crate::error::{Answer, Error, Result};
use crate::store::PageStore;
use crate::tree::page::Page;
use crate::tree::{Key, KeyBuf};

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
        while self.expire_next(now, removed < budget)? == Answer::Yes {
            if removed == budget {
                return Ok((removed, false));
            }
            removed = removed.wrapping_add(1);
            if self.store.is_crowded() {
                // On a full medium there is no room for all of it before some is given back.
                self.make_durable()?;
            }
        }
        Ok((removed, true))
    }

    /// Removes the first record whose time has come, if it is to; false where there is none.
    #[inline(always)]
    fn expire_next(&mut self, now: u64, removes: bool) -> Result<Answer> {
        let mut key = KeyBuf::new();
        let expired = self.expired(now, &mut key)?;
        if expired == Answer::Yes && removes {
            self.change(self.store.removal_can_fail(), &mut |database| database.expire_one(key.as_slice()))?;
        }
        Ok(expired)
    }

    /// Whether there is a record whose time has come, and its key.
    #[inline(always)]
    fn expired(&mut self, now: u64, key: &mut KeyBuf) -> Result<Answer> {
        let mut time = u64::MAX;
        if let Some((first, record)) = self.first_expiry()? {
            key.set(&record);
            time = first;
        }
        if time > now {
            self.next_expiry = time;
        }
        Ok((time <= now).into())
    }

    /// Removes the record with that key, whose expiry entry was just located.
    #[inline(always)]
    fn expire_one(&mut self, key: &[u8]) -> Result<()> {
        self.remove_at()?;
        self.meta.ttl_records = self.meta.ttl_records.wrapping_sub(1);
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == Answer::No {
            return Err(Error::Corrupt);
        }
        stored.head.expires = FOREVER;
        self.delete_at(key, &stored)
    }

    /// The first of [`next_expiry`](Self::next_expiry).
    pub(super) fn first_expiry(&mut self) -> Result<Option<(u64, Key<'_>)>> {
        self.locate(&Key::whole(&[EXPIRY]))?;
        self.next_expiry()
    }

    /// The time of the expiry entry that was just located, or is the next one, and the record's key; `None` where no more
    /// of them come.
    pub(super) fn next_expiry(&mut self) -> Result<Option<(u64, Key<'_>)>> {
        let Some((leaf, index)) = self.work.path.entry(&mut self.store)? else { return Ok(None) };
        let key = Page(self.store.page(leaf)?).key(index).ok_or(Error::Corrupt)?;
        if key.first() != Some(EXPIRY) {
            return Ok(None);
        }
        let mut time = [0; 8];
        key.until(7).copy_from(1, &mut time, 2);
        Ok(Some((u64::from_be_bytes(time), key.from(7))))
    }
}
