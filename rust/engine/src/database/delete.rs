//! Removing records.

use super::get::Stored;
use super::put::free_chain;
use super::record::Head;
use super::{document_key, Database, DOCUMENT, EXPIRY};
use crate::error::{Answer, Error, Result};
use crate::store::{Meta, PageId, PageStore};
use crate::tree::page::Page;
use crate::tree::{self, Key};

impl<S: PageStore> Database<S> {
    /// Removes the record with that key; false if there is none. One whose time has come is removed too,
    /// and was not there.
    pub fn delete(&mut self, key: &[u8], now: u64) -> Result<bool> {
        self.check_key(key)?;
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == Answer::No {
            return Ok(false);
        }
        self.delete_at(key, &stored)?;
        let expired = stored.head.has_expired(now);
        self.counts.operations.deletes = self.counts.operations.deletes.wrapping_add(u64::from(!expired));
        Ok(!expired)
    }

    /// Removes a record that was just located, and its other entries, whole or not at all.
    pub(super) fn delete_at(&mut self, key: &[u8], stored: &Stored) -> Result<()> {
        let saved = self.saved_by(stored)?;
        let mut whole = |database: &mut Self| {
            if stored.head.tag_count > 0 {
                database.unlink(key, stored)?;
                database.remove(&document_key(key))?;
            } else {
                // The path does not outlive another removal.
                database.remove_at()?;
                database.unlink(key, stored)?;
            }
            database.meta.records = database.meta.records.wrapping_sub(1);
            database.count_saved(saved, 0);
            database.log_delete(key)
        };
        let linked = !stored.head.is_plain();
        let atomic = self.store.changes_can_fail() || self.store.removal_can_fail() && linked;
        self.removing(|database| database.change(atomic, &mut whole))
    }

    /// Removes every record and every name, and gives how many records were there.
    pub fn purge(&mut self, now: u64) -> Result<u32> {
        let expired = self.count_expired(now)?;
        let there = self.meta.records.saturating_sub(expired);
        let atomic = self.store.removal_can_fail();
        self.removing(|database| database.change(atomic, &mut Self::clear))?;
        self.counts.operations.deletes = self.counts.operations.deletes.wrapping_add(u64::from(there));
        Ok(there)
    }

    fn clear(&mut self) -> Result<()> {
        self.changed();
        tree::clear(&mut self.store, &mut self.meta.root, free_large)?;
        self.meta = Meta::EMPTY;
        self.forget_names();
        self.log_clear()
    }

    fn count_expired(&mut self, now: u64) -> Result<u32> {
        let mut expired = 0u32;
        self.locate(&Key::whole(&[EXPIRY]))?;
        while self.next_expiry()?.is_some_and(|(time, _)| time <= now) {
            expired = expired.wrapping_add(1);
            self.work.path.step_over();
        }
        Ok(expired)
    }
}

/// Frees the chain of a large record when its page goes.
fn free_large<S: PageStore>(store: &mut S, leaf: PageId, index: usize) -> Result<()> {
    let page = Page(store.page(leaf)?);
    if page.key(index).and_then(|key| key.first()) != Some(DOCUMENT) {
        return Ok(());
    }
    let mut head = Head::default();
    head.read(page.cell(index).ok_or(Error::Corrupt)?.value)?;
    head.large.map_or(Ok(()), |(len, first)| free_chain(store, len, first))
}
