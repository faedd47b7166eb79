//! The versions of pages that were changed and are not yet written: what savepoints need of them, and writing them out.

use super::{Cache, Slot, DIRTY, FREED, NONE, NO_SLOT, RECENT, SHADOWED};
use crate::error::Result;

/// Which changed pages are to be written: those of one savepoint, or the newest of each page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Versions(u32);

impl Versions {
    /// The newest of each page. There are never so many savepoints.
    pub const NEWEST: Versions = Versions(u32::MAX);

    /// Those of one savepoint.
    pub fn of(epoch: u32) -> Self {
        Versions(epoch)
    }
}

impl Cache {
    /// Whether a page is changed, in which savepoint, and whether it was given back there.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    pub fn change_of(&self, slot: u32) -> Option<(u32, bool)> {
        let slot = self.slot(slot);
        (slot.flags & DIRTY != 0).then_some((slot.epoch(), slot.flags & FREED != 0))
    }

    /// Puts a page into the list of the changed ones, before those of its epoch and of earlier ones.
    pub(super) fn link_changed(&mut self, slot: u32, epoch: u32) {
        let (mut before, mut after) = (NO_SLOT, self.changed);
        while after != NO_SLOT && self.slot(after).epoch() > epoch {
            (before, after) = (after, self.slot(after).after());
        }
        self.set(slot, |slot| {
            (slot.before, slot.after, slot.epoch) = (before as u16, after as u16, epoch as u16);
            slot.flags |= DIRTY;
        });
        self.join_changed(before, slot);
        self.join_changed(slot, after);
    }

    pub(super) fn unlink_changed(&mut self, slot: u32) {
        let slot = self.slot(slot);
        self.join_changed(slot.before(), slot.after());
    }

    /// These stand side by side in the list from now on; no slot is what is before the first and behind the last.
    #[inline(never)]
    fn join_changed(&mut self, before: u32, after: u32) {
        match before {
            NO_SLOT => self.changed = after,
            _ => self.set(before, |slot| slot.after = after as u16),
        }
        match after {
            NO_SLOT => self.last_changed = before,
            _ => self.set(after, |slot| slot.before = before as u16),
        }
    }

    /// Makes a slot that was taken that of a new page.
    pub fn add_new(&mut self, slot: u32, id: u32, epoch: u32) {
        self.link(slot, id);
        self.set(slot, |slot| slot.flags = RECENT);
        self.touched = self.touched.saturating_add(1);
        self.link_changed(slot, epoch);
    }

    /// A page as it stands on the medium is about to be changed, or given back, in a savepoint; `first`: for the first
    /// time since the checkpoint.
    pub fn change(&mut self, slot: u32, epoch: u32, first: bool) {
        self.available = self.available.wrapping_sub(1);
        self.touched = self.touched.saturating_add(u32::from(first));
        self.link_changed(slot, epoch);
    }

    /// A changed page is about to be changed in an inner savepoint: `slot`, just taken, becomes its newer version.
    pub fn shadow(&mut self, older: u32, slot: u32, epoch: u32) -> Result<()> {
        self.copy(older, slot)?;
        let id = self.slot(older).id;
        self.unlink(older);
        self.set(older, |older| older.flags |= SHADOWED);
        self.link(slot, id);
        self.set(slot, |slot| (slot.older, slot.flags) = (older as u16, RECENT));
        self.link_changed(slot, epoch);
        Ok(())
    }

    /// Marks a changed page as given back.
    pub fn set_freed(&mut self, slot: u32) {
        self.set(slot, |slot| slot.flags |= FREED);
    }

    /// Lets go of a changed page's newest version: of a new page all there is, else the older one comes back.
    pub fn drop_changed(&mut self, slot: u32) {
        let account = self.slot(slot);
        let (id, older) = (account.id, account.older());
        if self.is_folded(slot) {
            return self.unfold_in_place(slot);
        }
        self.unlink(slot);
        self.unlink_changed(slot);
        self.release(slot);
        if older != NO_SLOT {
            self.set(older, |older| older.flags &= !SHADOWED);
            self.link(older, id);
        }
    }

    fn first_changed(&self, epoch: u32) -> Option<u32> {
        let first = self.changed;
        (first != NO_SLOT && self.slot(first).epoch() >= epoch).then_some(first)
    }

    /// A savepoint is rolled back.
    #[inline(never)]
    pub fn discard(&mut self, epoch: u32) {
        while let Some(slot) = self.first_changed(epoch) {
            self.drop_changed(slot);
        }
    }

    /// A savepoint ends: its versions are those of the one around it.
    pub fn merge(&mut self, epoch: u32) {
        let around = epoch.saturating_sub(1);
        let mut at = self.changed;
        while at != NO_SLOT && self.slot(at).epoch() >= epoch {
            let older = self.slot(at).older();
            self.set(at, |slot| slot.epoch = around as u16);
            if self.folded_epoch(at) == Some(around) {
                self.drop_record(at);
            }
            if older != NO_SLOT && self.slot(older).epoch() == around {
                let oldest = self.slot(older).older;
                self.set(at, |slot| slot.older = oldest);
                self.unlink_changed(older);
                self.release(older);
            }
            at = self.slot(at).after();
        }
    }

    // ---- writing out ----

    /// Of the changed pages that are to be written: the one with the least id of `from` or more, and whether it was
    /// given back.
    pub fn next_changed(&self, versions: Versions, from: u32) -> Option<(u32, u32, bool)> {
        let mut best: Option<(u32, u32, bool)> = None;
        let mut at = self.changed;
        while at != NO_SLOT {
            let slot = self.slot(at);
            let (id, flags, epoch, after) = (slot.id, slot.flags, slot.epoch(), slot.after());
            let wanted = match versions {
                Versions::NEWEST => flags & SHADOWED == 0,
                Versions(one) => epoch == one || self.folded_epoch(at) == Some(one),
            };
            if wanted && id >= from && best.is_none_or(|(_, least, _)| id < least) {
                best = Some((at, id, flags & FREED != 0 && !self.is_folded_older(at, versions)));
            }
            at = after;
        }
        best
    }

    /// Whether it is the older version of a page, kept as what differs, that is to be written.
    #[inline(always)]
    pub fn is_folded_older(&self, slot: u32, versions: Versions) -> bool {
        self.is_folded(slot) && versions != Versions::NEWEST && self.slot(slot).epoch() != versions.0
    }

    /// Of the pages that no savepoint has changed, the one that was changed longest ago, or the next one behind `behind`
    /// in that order; and whether it was given back.
    #[inline(always)]
    pub fn coldest(&self, behind: u32) -> Option<(u32, u32, bool)> {
        let mut at = if behind == NO_SLOT { self.last_changed } else { self.slot(behind).before() };
        while at != NO_SLOT {
            let slot = self.slot(at);
            let (id, flags) = (slot.id, slot.flags);
            if slot.epoch != 0 {
                return None;
            }
            if flags & SHADOWED == 0 {
                return Some((at, id, flags & FREED != 0));
            }
            at = slot.before();
        }
        None
    }

    /// A page is on the medium as it is in the cache, if no savepoint has changed it and that is where it was written to.
    pub fn leave_changed(&mut self, id: u32, location: u32) {
        let Some(slot) = self.find(id) else { return };
        let Slot { flags, epoch, location: written, .. } = *self.slot(slot);
        if flags & DIRTY != 0 && epoch == 0 && written == location && (flags & FREED != 0) == (location == 0) {
            self.leave(slot);
        }
    }

    fn leave(&mut self, slot: u32) {
        self.drop_record(slot);
        self.unlink_changed(slot);
        let account = self.slot(slot);
        self.settle(slot, account.flags, account.older());
    }

    /// Notes where a page was written to.
    pub fn set_location(&mut self, slot: u32, location: u32) {
        self.set(slot, |slot| slot.location = location);
    }

    /// Where it was.
    pub fn location(&self, slot: u32) -> u32 {
        self.slot(slot).location
    }

    /// These versions are on the medium now. What they make superfluous is let go.
    pub fn written(&mut self, versions: Versions) {
        let mut at = self.changed;
        while at != NO_SLOT {
            let slot = self.slot(at);
            let (epoch, after) = (slot.epoch(), slot.after());
            if versions == Versions::NEWEST || epoch == versions.0 {
                self.leave(at);
            } else if self.folded_epoch(at) == Some(versions.0) {
                self.drop_record(at);
            }
            at = after;
        }
    }

    /// A version that has left the list of the changed ones: kept as a page that can be read again if it is the
    /// newest one.
    fn settle(&mut self, slot: u32, flags: u8, older: u32) {
        if flags & SHADOWED != 0 {
            // A newer version refers to it.
            for at in self.all_slots() {
                if self.slot(at).older() == slot {
                    self.set(at, |newer| newer.older = older as u16);
                }
            }
            self.release(slot);
        } else if flags & FREED != 0 {
            self.unlink(slot);
            self.release(slot);
        } else {
            self.set(slot, |slot| {
                slot.flags = RECENT;
                slot.older = NONE;
            });
            self.available = self.available.wrapping_add(1);
        }
    }
}
