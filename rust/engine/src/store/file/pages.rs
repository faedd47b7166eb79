//! Pages in the cache: read when they are not there, made changeable, made anew, and the room for that, which may
//! have to be written for.

use super::cache::NO_SLOT;
use super::format::Location;
use super::medium::Medium;
use super::table::MAX_LEVELS;
use super::{FileStore, FOR_READING};
use crate::error::{Error, Result, ENOSPC};
use crate::store::PageId;

impl<M: Medium> FileStore<M> {
    /// A slot to use, whatever has to be written for it.
    #[inline(always)]
    pub(super) fn take_slot(&mut self) -> Result<u32> {
        self.make_available(1 + self.slots_to_write())?;
        self.cache.take()
    }

    /// So many slots writing takes: to make the page table anew, and to note what was moved.
    pub(super) fn slots_to_write(&self) -> usize {
        // The next page may be the first one that takes another level.
        self.slots_for_table(self.snapshot.next_id.saturating_add(1)).wrapping_add(self.slots_to_move())
    }

    pub(super) fn release_scratch(&mut self) {
        let slot = core::mem::replace(&mut self.scratch, NO_SLOT);
        if slot != NO_SLOT {
            self.cache.give_back(slot);
        }
    }

    /// The slot of a page, which is read where it is not in the cache.
    pub(super) fn load(&mut self, id: PageId) -> Result<u32> {
        if let Some(slot) = self.cache.find(id.0) {
            self.cache.hits = self.cache.hits.wrapping_add(1);
            return match self.cache.change_of(slot) {
                Some((_, true)) => Err(Error::Corrupt),
                _ => Ok(slot),
            };
        }
        self.cache.misses = self.cache.misses.wrapping_add(1);
        self.finish_rollback()?;
        // Writing would change the table on the way through it: it is done before.
        self.make_available(1 + self.slots_to_write())?;
        let location = self.locate(id.0)?;
        let slot = self.cache.take()?;
        self.fill(slot, id.0, location, 0, id.0)
    }

    /// Sees to it that two pages are in the cache, with a slot to make another of them.
    #[inline(always)]
    pub(super) fn load_two(&mut self, left: PageId, right: PageId) -> Result<()> {
        if self.scratch == NO_SLOT {
            self.scratch = self.take_slot()?;
        }
        // With room for the right one, so that nothing has to be written while the left one is kept.
        let room = self.slots_to_write().wrapping_add(2);
        let left = loop {
            let slot = self.load(left)?;
            if self.cache.available() >= room {
                break slot;
            }
            self.make_available(room)?;
        };
        self.cache.keep(left);
        let right = self.load(right);
        self.cache.keep(NO_SLOT);
        self.brought = [left, right?];
        Ok(())
    }

    /// Reads a page into a slot that was taken and makes it that page's, under its id in the cache.
    #[inline(always)]
    pub(super) fn fill(&mut self, slot: u32, cache_id: u32, location: Location, level: u32, id: u32) -> Result<u32> {
        let read = self.read_page(location, level, id, slot);
        match read {
            Ok(()) => self.cache.hold(slot, cache_id),
            Err(_) => self.cache.give_back(slot),
        }
        read.map(|()| slot)
    }

    /// The slot of a page that may be changed in the innermost savepoint.
    #[inline(never)]
    pub(super) fn changeable(&mut self, id: PageId) -> Result<u32> {
        self.unflushed = true;
        loop {
            let slot = self.load(id)?;
            let room = self.room_to_change(slot);
            if self.cache.available() < room {
                self.make_available(room)?;
                continue;
            }
            let changeable = self.make_changeable(id, slot)?;
            if changeable != NO_SLOT {
                return Ok(changeable);
            }
        }
    }

    /// So many slots must be there to make a page changeable that is in that one.
    #[inline(always)]
    fn room_to_change(&self, slot: u32) -> usize {
        let change = self.cache.change_of(slot).map(|(changed_in, _)| changed_in);
        match (self.cache.is_folded(slot), change == Some(self.depth)) {
            (false, true) => 0,
            // Once it is written there is no need for an older version in memory.
            (true, false) => self.slots_to_write().wrapping_add(2),
            _ => self.slots_to_write().wrapping_add(1),
        }
    }

    /// Makes it, or comes nearer to it; then there is no slot yet.
    #[inline(always)]
    fn make_changeable(&mut self, id: PageId, slot: u32) -> Result<u32> {
        let (epoch, folded) = (self.depth, self.cache.is_folded(slot));
        match self.cache.change_of(slot) {
            None => {
                let first = !self.was_changed(id.0);
                self.cache.change(slot, epoch, first);
                return Ok(slot);
            }
            Some((changed_in, _)) if changed_in == epoch && !folded => return Ok(slot),
            Some(_) => {}
        }
        let taken = self.cache.take()?;
        match folded {
            true => self.cache.unfold(slot, taken).map(|()| NO_SLOT),
            false => self.cache.shadow(slot, taken, epoch).map(|()| taken),
        }
    }

    /// A page's id that no page has.
    pub(super) fn free_id(&mut self) -> Result<u32> {
        self.finish_rollback()?;
        if self.snapshot.free_ids > 0 {
            for _ in 0..self.snapshot.next_id {
                let id = if self.search_from < self.snapshot.next_id { self.search_from } else { 0 };
                self.make_available(1)?;
                let is_given_back = self.is_moved(id);
                let is_free = self.table_entry(id)? == Location::NONE && self.cache.find(id).is_none();
                self.search_from = id.wrapping_add(1);
                if is_free && !is_given_back {
                    self.snapshot.free_ids = self.snapshot.free_ids.wrapping_sub(1);
                    return Ok(id);
                }
            }
            self.snapshot.free_ids = 0;
        }
        let id = self.snapshot.next_id;
        if self.levels_for(id) > MAX_LEVELS {
            return Err(Error::Full);
        }
        self.snapshot.next_id = id.wrapping_add(1);
        Ok(id)
    }

    /// A slot for a page whose content on the medium, if there is any, does not matter.
    #[inline(always)]
    pub(super) fn add_page(&mut self, id: u32) -> Result<u32> {
        let slot = self.take_slot()?;
        self.cache.add_new(slot, id, self.depth);
        Ok(slot)
    }

    /// Makes sure that so many pages can be had without writing.
    #[inline(never)]
    pub(super) fn make_available(&mut self, pages: usize) -> Result<()> {
        if self.cache.available() >= pages {
            return Ok(());
        }
        // More memory is better than writing: the same call is made again when it is there.
        if self.cache.wish() {
            return Err(Error::NeedMemory);
        }
        self.cache.fold();
        if self.cache.available() < pages {
            match self.spill(pages.wrapping_add(FOR_READING)) {
                // There is another way that may need less room, and can have the spare.
                Err(error) if error == Error::io(ENOSPC) => {}
                result => result?,
            }
        }
        if self.cache.available() < pages {
            self.write_changed()?;
        }
        match self.cache.available() >= pages {
            true => Ok(()),
            false => Err(Error::NeedMemory),
        }
    }
}
