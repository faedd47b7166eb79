//! Getting space back: what lives in the emptiest segment is copied to the head, a few pages with each
//! checkpoint; a segment in which nothing lives is removed.
//!
//! Where a copy stands is noted ([`super::moved`]) until the next checkpoint. A page of the page table is written then,
//! with any page that it leads to.

use super::format::{frame_len, Location, PageFrame, CHECKPOINT, PAGE, PAGE_HEADER, SEGMENTS};
use super::log::{Known, Log};
use super::medium::Medium;
use super::FileStore;
use crate::bytes::u32_at;
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};
use crate::store::{Meta, Status};

/// Pages copied with one checkpoint at most.
pub const PAGES: u32 = 16;
/// And with a commit of deltas alone.
pub const PAGES_WITH_DELTAS: u32 = 1;
/// A segment in which more than so many sixty-fourths live is not worth cleaning: what is written with it is as much.
const WORTH_CLEANING: u32 = 46;
/// Slots of the cache for that: for the page, and for the way through the page table.
const SLOTS: usize = 2;
/// Segments cleaned after one commit when the medium is full.
const VICTIMS: u32 = 3;
/// What does not live may take so many bytes, and half of what lives.
const ALLOWED: u32 = 24_576;

/// How far cleaning has come.
pub struct Cleaning {
    /// The place of the segment that is being cleaned, and the next frame in it.
    victim: Option<(usize, u32)>,
    /// Segments with pages that cannot be read: they stay. Bit n for place n.
    stuck: u64,
    /// While the database is compacted: how many segments may still be cleaned.
    to_compact: Option<u32>,
}

impl Cleaning {
    /// Nothing is cleaned.
    pub const NONE: Cleaning = Cleaning { victim: None, stuck: 0, to_compact: None };
}

impl<M: Medium> FileStore<M> {
    /// Copies some of what lives in the emptiest segment, if too much of the files is dead. What fails here fails
    /// nobody: it is tried again with the next checkpoint.
    pub(super) fn clean_some(&mut self, pages: u32) {
        if !self.backup.is_active() && self.has_too_much_garbage() {
            let _ = self.clean(pages);
        }
    }

    /// Goes on with it after a checkpoint where that was not enough: one more round, on a full medium some segments to
    /// their ends.
    #[inline(always)]
    pub(super) fn clean_more(&mut self, meta: &Meta, status: &Status) {
        let mut victims = VICTIMS;
        let behind = |store: &Self| {
            store.is_full() || matches!(store.garbage(), (garbage, allowed) if garbage > allowed.saturating_mul(2))
        };
        while behind(self) && !self.backup.is_active() {
            if self.cleaning.victim.is_none() && self.emptiest().is_none() {
                return;
            }
            let before = self.cleaning.victim;
            if self.clean_with_spare(u32::MAX).is_err() || self.write_checkpoint(meta, status).is_err() {
                return;
            }
            victims = victims.saturating_sub(u32::from(self.cleaning.victim.is_none()));
            if self.cleaning.victim == before || victims == 0 || !self.is_full() {
                return;
            }
        }
    }

    /// Copies are lost: the segment is gone through once more.
    pub(super) fn clean_again(&mut self) {
        self.cleaning.victim = None;
    }

    fn has_too_much_garbage(&self) -> bool {
        let (garbage, allowed) = self.garbage();
        self.is_full() || self.has_many_segments() || garbage > allowed
    }

    /// Bytes in which nothing lives, and how many there may be.
    #[inline(never)]
    fn garbage(&self) -> (u32, u32) {
        let (size, live) = (self.log.bytes(), self.log.living_bytes());
        let allowed = if self.log.is_low { live / 4 + ALLOWED / 4 } else { live.saturating_add(ALLOWED) };
        (size.saturating_sub(live), allowed)
    }

    /// Whether places for segments are running out.
    #[inline(always)]
    fn has_many_segments(&self) -> bool {
        self.log.segments() > SEGMENTS * 3 / 4
    }

    /// Copies at most `budget` pages of the emptiest segment; true when there is nothing more to be gained
    /// before a checkpoint.
    pub(super) fn clean(&mut self, budget: u32) -> Result<Answer> {
        let mut left = budget;
        if self.cleaning.victim.is_none() {
            self.cleaning.victim = self.emptiest().map(|place| (place, Log::<M>::first_frame(place)));
        }
        let Some((place, mut at)) = self.cleaning.victim else { return Ok(Yes) };
        while left > 0 && self.can_move() && self.cache.available() >= SLOTS {
            if at >= self.log.known(place).size || self.log.known(place).sequence == 0 {
                return Ok(Yes);
            }
            let step = self.clean_frame(place, at);
            match step {
                Ok((len, copied)) => {
                    at = at.saturating_add(len);
                    left = left.saturating_sub(u32::from(copied));
                    self.cleaning.victim = Some((place, at));
                }
                Err(error) if error == Error::Corrupt => {
                    self.cleaning.stuck |= 1u64.wrapping_shl(place as u32);
                    self.cleaning.victim = None;
                    return Ok(Yes);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(No)
    }

    /// The same; on a medium without room the spare is given up for the copies.
    #[inline(never)]
    fn clean_with_spare(&mut self, budget: u32) -> Result<Answer> {
        self.with_spare(|store| store.clean(budget))
    }

    /// Goes on with cleaning, beyond what commits do of it, and commits; true when nothing is to be gained any more.
    pub(super) fn compact_some(&mut self, budget: u32, meta: &Meta, next_key: u64) -> Result<Answer> {
        // At most as many segments are cleaned as there are: what cleaning itself leaves is not worth another round.
        let left = self.cleaning.to_compact.unwrap_or(self.log.segments() as u32);
        self.cleaning.to_compact = Some(left);
        let nothing = self.cleaning.victim.is_none() && self.emptiest().is_none();
        if left == 0 || nothing || self.backup.is_active() {
            // What was changed before may lead to a victim once it is written.
            let done = !self.unflushed || left == 0;
            self.cleaning.to_compact = if done { None } else { Some(left) };
            self.checkpoint_now(meta, next_key)?;
            if done {
                self.shrink_spare();
            }
            return Ok(done.into());
        }
        let before = self.cleaning.victim;
        if self.clean_with_spare(budget)? == Yes || self.is_short_of_slots() || self.cleaning.victim == before {
            self.unflushed = true;
            let victim = |store: &Self| store.cleaning.victim.map(|(place, _)| place);
            let before = victim(self);
            self.checkpoint_now(meta, next_key)?;
            let cleaned = victim(self) != before;
            self.cleaning.to_compact = Some(left.saturating_sub(u32::from(cleaned)));
        }
        Ok(No)
    }

    #[inline(always)]
    fn checkpoint_now(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        self.incomplete |= self.unflushed;
        self.flush(meta, next_key)
    }

    /// The segment in which least lives of all that can be removed, if that is worth it.
    fn emptiest(&self) -> Option<usize> {
        let head = self.log.head().map_or(u32::MAX, |head| self.log.known(head.place).sequence);
        let many = self.has_many_segments();
        let (mut emptiest, mut least) = (None, u32::MAX);
        for place in 0..SEGMENTS {
            let Known { sequence, live, size } = *self.log.known(place);
            let removable = (1..head).contains(&sequence) && live.pages() > 0 && self.cleaning.stuck >> place & 1 == 0;
            let living = self.log.living(place);
            // What lives, in sixty-fourths.
            let part = living.wrapping_mul(64).checked_div(size).unwrap_or(0);
            let weight = if many { living } else { part };
            if removable && weight < least && part <= if many { 64 } else { WORTH_CLEANING } {
                (emptiest, least) = (Some(place), weight);
            }
        }
        emptiest
    }

    /// Looks at one frame of the victim: how long it is, and whether it was a page that lives.
    #[inline(always)]
    fn clean_frame(&mut self, place: usize, at: u32) -> Result<(u32, bool)> {
        let mut header = [0; CHECKPOINT];
        let header = self.log.peek(place, at, &mut header)?;
        let len = frame_len(header, self.root.page_size).ok_or(Error::Corrupt)?;
        if header.first() != Some(&PAGE) {
            return Ok((len, false));
        }
        let page = header.get(..PAGE_HEADER).and_then(|header| PageFrame::read(header, self.root.page_size));
        let PageFrame { level, id, .. } = page.ok_or(Error::Corrupt)?;
        let id = id.checked_shl(self.table_bits().wrapping_mul(level)).unwrap_or(0);
        if self.table_entry_above(level.saturating_add(1), id)? != Location::new(place, at) {
            return Ok((len, false));
        }
        let id = self.any_page_below(level, id)?;
        let cached = self.cache.find(id);
        if cached.is_some_and(|slot| self.cache.change_of(slot).is_some()) || self.is_moved(id) {
            // It is written anyway, or was.
            return Ok((len, false));
        }
        let new = match cached {
            Some(slot) => self.append_page(0, id, slot)?,
            None => {
                let location = self.locate(id)?;
                let slot = self.cache.take()?;
                let copied = self.read_page(location, 0, id, slot).and_then(|()| self.append_page(0, id, slot));
                self.cache.give_back(slot);
                copied?
            }
        };
        self.note_moved(id, new, true)?;
        Ok((len, true))
    }

    /// The first page that a page of the page table leads to.
    fn any_page_below(&mut self, level: u32, id: u32) -> Result<u32> {
        let (mut id, mut level) = (id, level);
        while level > 0 {
            let location = self.table_entry_above(level.saturating_add(1), id)?;
            let slot = self.load_table(level, self.table_index(level, id), location)?;
            let entries = self.cache.bytes(slot)?.chunks_exact(4);
            let first = entries.take_while(|entry| u32_at(entry, 0) == 0).count() as u32;
            level = level.wrapping_sub(1);
            id |= first.checked_shl(self.table_bits().wrapping_mul(level)).unwrap_or(0);
        }
        Ok(id)
    }

    /// A checkpoint is durable: what it does not need is removed.
    pub(super) fn after_checkpoint(&mut self) {
        if let Some((place, at)) = self.cleaning.victim {
            let known = self.log.known(place);
            if at >= known.size && known.live.pages() > 0 {
                // Its frames do not lead to all that lives in it.
                self.cleaning.stuck |= 1u64.wrapping_shl(place as u32);
            }
            if at >= known.size || known.live.pages() == 0 {
                self.cleaning.victim = None;
            }
        }
        if self.backup.is_active() {
            return;
        }
        for place in Log::<M>::places() {
            let known = self.log.known(place);
            if (1..self.needed_from).contains(&known.sequence) && known.live.pages() == 0 {
                let _ = self.log.remove(place);
                self.cleaning.stuck &= !(1u64.wrapping_shl(place as u32));
            }
        }
        if self.is_open() {
            let _ = self.make_spare();
        }
    }
}
