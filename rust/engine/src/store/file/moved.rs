//! Pages that stand elsewhere than the page table says: written since the last checkpoint, which were changed or had to
//! leave their segment. A page of the cache says where, until the next checkpoint tells the page table.
//!
//! Opening knows nothing of that: it begins with the checkpoint, and where its pages stood they still stand.

use super::cache::NO_SLOT;
use super::format::Location;
use super::medium::Medium;
use super::FileStore;
use crate::bytes::{u32_at, write_u32};
use crate::error::{Error, Result};

/// Bytes of a note: the page's id, and where it stands.
const NOTE: usize = 8;

/// So often pages are written on average before a checkpoint, at most: what they leave behind is dead, and is not known
/// to be.
const REWRITTEN: u32 = 2;

/// In a note, with the id of a page that was copied as it was at the checkpoint.
const COPIED: u32 = 1 << 31;

/// What is noted of a page.
#[derive(Clone, Copy)]
struct Note {
    id: u32,
    copied: bool,
    location: Location,
}

/// What is noted.
pub struct Moved {
    /// The page of the cache where that is, if there is one.
    slot: u32,
    /// How many are durable.
    durable: u32,
    /// And how many behind those are not yet.
    pending: u32,
    /// How often one was noted: pages may be written several times.
    written: u32,
    /// Lost heads of the log before the first of these.
    lost: u32,
}

impl Moved {
    /// Nothing is.
    pub const NONE: Moved = Moved { slot: NO_SLOT, durable: 0, pending: 0, written: 0, lost: 0 };
}

impl<M: Medium> FileStore<M> {
    fn moved_note(&self, index: u32) -> Option<Note> {
        let bytes = self.cache.bytes(self.moved.slot).ok()?;
        let at = (index as usize).wrapping_mul(NOTE);
        let (number, location) = (u32_at(bytes, at), Location(u32_at(bytes, at.wrapping_add(4))));
        Some(Note { id: number & !COPIED, copied: number & COPIED != 0, location })
    }

    fn set_moved_note(&mut self, index: u32, note: Note) -> Result<()> {
        let at = (index as usize).wrapping_mul(NOTE);
        let bytes = self.cache.bytes_mut(self.moved.slot)?;
        write_u32(bytes, at, note.id | if note.copied { COPIED } else { 0 });
        write_u32(bytes, at.wrapping_add(4), note.location.0);
        Ok(())
    }

    /// How many there are, the pending ones last.
    fn noted(&self) -> u32 {
        self.moved.durable.wrapping_add(self.moved.pending)
    }

    /// Which of the first `among` ones is of that page.
    #[inline(never)]
    fn moved_index(&self, id: u32, among: u32) -> Option<u32> {
        (0..among).find(|index| self.moved_note(*index).is_some_and(|note| note.id == id))
    }

    fn durably_moved(&self, id: u32) -> Option<Note> {
        self.moved_note(self.moved_index(id, self.moved.durable)?)
    }

    /// Where a page stands that is not where the page table says; [`Location::NONE`] when it was given back.
    pub(super) fn moved(&self, id: u32) -> Option<Location> {
        self.durably_moved(id).map(|note| note.location)
    }

    /// Whether a page was written because it was changed.
    pub(super) fn was_changed(&self, id: u32) -> bool {
        self.durably_moved(id).is_some_and(|note| !note.copied)
    }

    /// Whether a page stands elsewhere, or will.
    #[inline(always)]
    pub(super) fn is_moved(&self, id: u32) -> bool {
        self.moved_index(id, self.noted()).is_some()
    }

    /// The one with the least id of `from` or more, and where it stands.
    #[inline(always)]
    pub(super) fn next_moved(&self, from: u32) -> Option<(u32, Location)> {
        let mut least = None;
        let mut below = u32::MAX;
        for index in 0..self.noted() {
            let Some(note) = self.moved_note(index) else { continue };
            if (from..below).contains(&note.id) {
                (least, below) = (Some((note.id, note.location)), note.id);
            }
        }
        least
    }

    /// Slots that noting takes and does not have yet.
    pub(super) fn slots_to_move(&self) -> usize {
        usize::from(self.moved.slot == NO_SLOT && self.is_large_enough_to_spill())
    }

    fn most_moved(&self) -> u32 {
        (self.root.page_size / NOTE) as u32
    }

    /// Whether there is room to note one more.
    pub(super) fn can_move(&mut self) -> bool {
        self.forget_lost();
        if self.moved.slot == NO_SLOT && self.cache.available() > self.slots_for_table(self.snapshot.next_id) {
            self.moved.slot = self.cache.take().unwrap_or(NO_SLOT);
        }
        let (noted, most) = (self.noted(), self.most_moved());
        self.moved.slot != NO_SLOT && noted < most && self.moved.written < most.saturating_mul(REWRITTEN)
    }

    /// Whether so many are noted that a checkpoint should come before there is no room for more.
    pub(super) fn many_moved(&self) -> bool {
        let many = self.most_moved() / 8 * 7;
        self.moved.durable > many || self.moved.written > many.saturating_mul(REWRITTEN)
    }

    /// Notes where a page was written to, because it was changed or (`copied`) to leave its segment. It counts once the
    /// log was synced and [`end_moving`](Self::end_moving) called.
    pub(super) fn note_moved(&mut self, id: u32, location: Location, copied: bool) -> Result<()> {
        if !self.can_move() {
            return Err(Error::NeedMemory);
        }
        self.set_moved_note(self.noted(), Note { id, copied, location })?;
        self.moved.pending = self.moved.pending.wrapping_add(1);
        self.moved.written = self.moved.written.saturating_add(1);
        Ok(())
    }

    /// Pending ones of which nobody knows whether they are on the medium do not count.
    pub(super) fn forget_lost(&mut self) {
        if self.moved.lost != self.log.lost {
            self.moved.lost = self.log.lost;
            self.forget_pending();
        }
    }

    fn forget_pending(&mut self) {
        if core::mem::take(&mut self.moved.pending) > 0 {
            self.clean_again();
        }
    }

    /// What was appended is durable. Pages that are in the cache as they were written can leave it.
    fn settle_moved(&mut self) {
        self.forget_lost();
        let first = self.moved.durable;
        for index in first..first.wrapping_add(core::mem::take(&mut self.moved.pending)) {
            let Some(note) = self.moved_note(index) else { return };
            let at = self.moved_index(note.id, self.moved.durable).unwrap_or(self.moved.durable);
            if self.set_moved_note(at, note).is_ok() {
                self.moved.durable = self.moved.durable.max(at.wrapping_add(1));
                self.cache.leave_changed(note.id, note.location.0);
            }
        }
    }

    /// The log was synced behind pages that were moved, or not, which is then not known of any of them.
    pub(super) fn end_moving(&mut self, durable: bool) {
        match durable {
            true => self.settle_moved(),
            false => {
                self.forget_pending();
                self.incomplete = true;
            }
        }
    }

    /// The page table says everything.
    pub(super) fn forget_moved(&mut self) {
        if self.moved.slot != NO_SLOT {
            self.cache.give_back(self.moved.slot);
        }
        self.moved = Moved { lost: self.log.lost, ..Moved::NONE };
    }
}
