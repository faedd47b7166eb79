//! Savepoints: what was changed in one is told apart in the cache; what else must come back is noted here.

use super::cache::{Versions, NO_SLOT};
use super::format::{write_numbers, Location};
use super::log::Log;
use super::medium::Medium;
use super::FileStore;
use crate::bytes::u32_at;
use crate::error::{Error, Result};
use crate::store::Meta;
use core::array::from_fn;
use core::ops::Range;

/// So many savepoints are noted in the store itself, what is deeper in pages of the cache.
const HERE: usize = 2;
/// Pages for that at most.
const PAGES: usize = 8;
/// So many segments may be left that nothing needs any more.
const SUPERSEDED: usize = 4;
/// Bytes of a note there.
const NOTE: usize = 4 * (Meta::NUMBERS + 4);

/// What was, when a savepoint began.
#[derive(Clone, Copy)]
pub struct Note {
    pub meta: Meta,
    pub next_id: u32,
    pub free_ids: u32,
    /// How many changes there were until then.
    pub said: u32,
    /// A checkpoint of what was, where what is changed since is partly on the medium.
    pub checkpoint: Location,
}

/// What is noted of the open savepoints.
pub struct Savepoints {
    pages: [u32; PAGES],
    here: [u8; HERE * NOTE],
}

impl Savepoints {
    pub const NONE: Savepoints = Savepoints { here: [0; HERE * NOTE], pages: [NO_SLOT; PAGES] };
}

impl<M: Medium> FileStore<M> {
    /// The page of the cache, and the place in it, where note `index` stands that is not in the store itself.
    #[inline(always)]
    fn note_place(&self, index: usize) -> Option<(usize, usize)> {
        let per_page = self.root.page_size.checked_div(NOTE)?;
        let beyond = index.checked_sub(HERE)?;
        Some((beyond.checked_div(per_page)?, beyond.checked_rem(per_page)?.wrapping_mul(NOTE)))
    }

    /// Where note `index` stands, if there is a place for it.
    #[inline(never)]
    fn note_bytes(&mut self, index: u32) -> &mut [u8] {
        let index = index as usize;
        let (bytes, at) = match self.note_place(index) {
            None => (self.savepoints.here.as_mut_slice(), index.wrapping_mul(NOTE)),
            Some((page, at)) => {
                let slot = self.savepoints.pages.get(page).copied().unwrap_or(NO_SLOT);
                (self.cache.bytes_mut(slot).unwrap_or(&mut []), at)
            }
        };
        bytes.get_mut(at..).unwrap_or(&mut [])
    }

    /// What was when savepoint `index`, counted from 0, began.
    pub(super) fn note(&mut self, index: u32) -> Note {
        let bytes = self.note_bytes(index);
        let number = |n: usize| u32_at(bytes, n.wrapping_mul(4));
        let meta = Meta::from_numbers(from_fn(number));
        let [next_id, free_ids, said, checkpoint] = from_fn(|n| number(n.wrapping_add(Meta::NUMBERS)));
        Note { meta, next_id, free_ids, said, checkpoint: Location(checkpoint) }
    }

    #[inline(never)]
    fn noted_checkpoint(&mut self, level: u32) -> Location {
        Location(u32_at(self.note_bytes(level), NOTE - 4))
    }

    pub(super) fn set_note(&mut self, index: u32, note: &Note) -> Result<()> {
        if let Some((page, _)) = self.note_place(index as usize) {
            if *self.savepoints.pages.get(page).ok_or(Error::Full)? == NO_SLOT {
                let slot = self.take_slot()?;
                if let Some(page) = self.savepoints.pages.get_mut(page) {
                    *page = slot;
                }
            }
        }
        let bytes = self.note_bytes(index);
        write_numbers(bytes, 0, &note.meta.to_numbers());
        write_numbers(bytes, 4 * Meta::NUMBERS, &[note.next_id, note.free_ids, note.said, note.checkpoint.0]);
        Ok(())
    }

    pub(super) fn begin_savepoint(&mut self, meta: &Meta) -> Result<()> {
        self.wake();
        self.release_scratch();
        let depth = self.depth;
        let note = Note {
            meta: *meta,
            next_id: self.snapshot.next_id,
            free_ids: self.snapshot.free_ids,
            said: self.said,
            checkpoint: Location::NONE,
        };
        self.set_note(depth, &note)?;
        // Far fewer notes than an account of the cache could tell apart have a place.
        self.depth = depth.wrapping_add(1);
        Ok(())
    }

    pub(super) fn commit_savepoint(&mut self) {
        let depth = self.depth;
        if depth > 0 {
            self.cache.merge(depth);
            self.end_savepoint();
        }
    }

    pub(super) fn rollback_savepoint(&mut self, meta: &mut Meta) {
        let Some(depth) = self.depth.checked_sub(1) else { return };
        let note = self.note(depth);
        self.cache.discard(self.depth);
        self.end_savepoint();
        self.incomplete |= self.said != note.said;
        if note.checkpoint == Location::NONE {
            (self.snapshot.next_id, self.snapshot.free_ids) = (note.next_id, note.free_ids);
        } else {
            // What the cache holds may be of the state that is given up.
            self.cache.forget_clean(|_| true);
            self.pending_rollback = note.checkpoint;
            let _ = self.finish_rollback();
        }
        *meta = note.meta;
    }

    fn end_savepoint(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        // The page of notes that is not needed any more, if there is one.
        if let Some((page, 0)) = self.note_place(self.depth as usize) {
            if let Some(slot) = self.savepoints.pages.get_mut(page) {
                let slot = core::mem::replace(slot, NO_SLOT);
                if slot != NO_SLOT {
                    self.cache.give_back(slot);
                }
            }
        }
    }

    /// Reads what a rollback goes back to. When the medium fails that is left to be done by whoever comes next.
    pub(super) fn finish_rollback(&mut self) -> Result<()> {
        if self.pending_rollback != Location::NONE {
            let place = self.pending_rollback;
            self.read_checkpoint(place.place(), place.offset())?;
            self.forget_moved();
            self.clean_again();
            self.pending_rollback = Location::NONE;
        }
        Ok(())
    }

    /// Writes everything that is changed, so that all slots can be had. What open savepoints began with is kept
    /// on the medium: a rollback goes back to that.
    #[inline(never)]
    pub(super) fn write_changed(&mut self) -> Result<()> {
        self.finish_rollback()?;
        let depth = self.depth;
        for level in 0..depth {
            if self.noted_checkpoint(level) == Location::NONE {
                self.with_spare(|store| store.write_level(level))?;
            }
        }
        self.with_spare(|store| store.write_versions(Versions::of(depth)))?;
        self.remove_superseded();
        Ok(())
    }

    /// Removes segments that only this program knows of and in which nothing lives any more.
    fn remove_superseded(&mut self) {
        let between = self.known_to_us();
        for place in Log::<M>::places() {
            if self.is_superseded(place, &between) {
                let _ = self.log.remove(place);
            }
        }
    }

    /// Segments of these sequence numbers were begun since the last commit, and no open savepoint needs them.
    #[inline(never)]
    fn known_to_us(&mut self) -> Range<u32> {
        let mut known_to_all = self.log.committed;
        for level in 0..self.depth {
            let checkpoint = self.noted_checkpoint(level);
            if checkpoint != Location::NONE {
                known_to_all = known_to_all.max(self.log.place_at(checkpoint).sequence);
            }
        }
        let head = self.log.head().map_or(0, |head| self.log.known(head.place).sequence);
        known_to_all.wrapping_add(1)..head
    }

    /// Whether a segment is one of those and the page table leads to nothing in it.
    fn is_superseded(&self, place: usize, between: &Range<u32>) -> bool {
        let known = self.log.known(place);
        known.live.pages() == 0 && between.contains(&known.sequence)
    }

    /// Whether there are so many of them that [`write_changed`](Self::write_changed) should remove them.
    pub(super) fn has_superseded(&mut self) -> bool {
        let between = self.known_to_us();
        Log::<M>::places().filter(|place| self.is_superseded(*place, &between)).count() > SUPERSEDED
    }

    /// Writes what one savepoint began with, and notes where.
    #[inline(always)]
    fn write_level(&mut self, level: u32) -> Result<()> {
        let free_ids = self.snapshot.free_ids;
        self.write_versions(Versions::of(level))?;
        // As long as this state is the newest one that is written.
        self.remove_superseded();
        self.write_note(level, self.snapshot.free_ids.wrapping_sub(free_ids))
    }

    /// The same once its pages are written, by which so many ids were given back.
    #[inline(always)]
    fn write_note(&mut self, level: u32, freed: u32) -> Result<()> {
        let mut note = self.note(level);
        // Later versions took ids that this state does not have.
        note.checkpoint = self.append_snapshot(&note.meta, note.next_id, note.free_ids.wrapping_add(freed))?;
        // A checkpoint without a commit: only this program knows of it.
        self.incomplete = true;
        self.log.sync()?;
        self.log.end_group();
        self.set_note(level, &note)
    }
}
