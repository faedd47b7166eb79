//! Making room in the cache between two checkpoints: the pages that were changed longest ago are written, and where is
//! noted ([`super::moved`]).
//!
//! So a page that is seldom changed is written once, one that often is stays in the cache, and neither ends the deltas.

use super::cache::NO_SLOT;
use super::format::Location;
use super::medium::Medium;
use super::{FileStore, LEAST_PAGES};
use crate::error::Result;

impl<M: Medium> FileStore<M> {
    /// Whether that gains anything. On a full medium what is written must give space back.
    pub(super) fn can_spill(&mut self) -> bool {
        let there_is_one = self.is_large_enough_to_spill() && self.cache.coldest(NO_SLOT).is_some();
        let may_write = self.is_open() && !self.is_full() && self.log.head().is_some();
        there_is_one && may_write && !self.has_superseded() && self.can_move()
    }

    /// Slots that should be there when a flush is over: for what a put changes, and where many pages are changed once, for
    /// about as many as since the flush before.
    pub(super) fn room_until_next_flush(&self) -> usize {
        let touched = match self.touched_before {
            0 => 0,
            before => self.cache.touched.saturating_sub(before) as usize,
        };
        let held = self.cache.held();
        (touched / 2).min(held / 2).max(held / 4)
    }

    /// In a small cache the slot for the notes is worth more.
    pub(super) fn is_large_enough_to_spill(&self) -> bool {
        self.cache.held() >= 2 * LEAST_PAGES
    }

    /// Where that gains something: writes pages that no savepoint has changed until so many slots can be had, as far as that can be noted. They can
    /// leave the cache once the log is synced.
    pub(super) fn write_cold(&mut self, available: usize) -> Result<()> {
        let wanted = available.saturating_sub(self.cache.available());
        let mut behind = NO_SLOT;
        for _ in 0..wanted {
            if !self.can_move() {
                break;
            }
            let Some((slot, id, freed)) = self.cache.coldest(behind) else { break };
            let location = if freed { Location::NONE } else { self.append_page(0, id, slot)? };
            self.cache.set_location(slot, location.0);
            self.note_moved(id, location, false)?;
            behind = slot;
        }
        Ok(())
    }

    /// Makes sure that so many pages can be had, as far as it can be done this way.
    #[inline(always)]
    pub(super) fn spill(&mut self, available: usize) -> Result<()> {
        if !self.can_spill() {
            return Ok(());
        }
        let written = self.write_cold(available).and_then(|()| self.log.fill_block(0)).and_then(|()| self.log.sync());
        self.end_moving(written.is_ok());
        written
    }
}
