//! Older versions of pages that take little memory: when slots are short, those that a savepoint needs are kept as
//! what differs from the newer ones, all of them in one slot.
//!
//! ```text
//!  0      2       4     6
//! +------+-------+-----+----+-------+-----------+----
//! | slot | epoch | len | at | count | old bytes | …     one record a page, `len` bytes of runs
//! +------+-------+-----+----+-------+-----------+----
//! ```
//!
//! A page with a record (`FOLDED`) is neither changed nor shadowed before its older version has a slot again.

use super::{Cache, DIRTY, FOLDED, FREED, NONE, NO_SLOT, SHADOWED};
use crate::bytes::{u16_at, write, write_u16};
use crate::error::{Error, Result};
use crate::store::raw::shift;

/// Bytes before a record's runs, and before the bytes of a run.
const RECORD: usize = 6;
const RUN: usize = 3;

/// Where records stand.
#[derive(Clone, Copy)]
pub struct Differences {
    slot: u32,
    /// Bytes of all records.
    end: u16,
}

impl Differences {
    pub const NONE: Differences = Differences { slot: NO_SLOT, end: 0 };
}

/// A record: where it stands, and the epoch of the older version.
struct Record {
    at: usize,
    len: usize,
    epoch: u32,
}

impl Cache {
    /// Gives up slots of older versions, as far as that can be done.
    #[inline(never)]
    pub fn fold(&mut self) {
        let mut at = self.changed;
        while at != NO_SLOT && self.slot(at).epoch() > 0 {
            let slot = self.slot(at);
            let (older, after, flags) = (slot.older(), slot.after(), slot.flags);
            let oldest = older != NO_SLOT && self.slot(older).older() == NO_SLOT;
            if oldest && flags & SHADOWED == 0 && self.slot(older).flags & FREED == 0 {
                if self.differences.slot == NO_SLOT {
                    let Ok(slot) = self.take() else { return };
                    self.differences = Differences { slot, end: 0 };
                }
                self.fold_one(at, older);
            }
            // The older one may have left the list: it stands behind.
            at = if after == older { self.slot(at).after() } else { after };
        }
        self.end_differences();
    }

    #[inline(never)]
    fn fold_one(&mut self, newer: u32, older: u32) {
        let (slot, begin, epoch) = (self.differences.slot, usize::from(self.differences.end), self.slot(older).epoch());
        let Ok((new, old, notes)) = self.two_and_one(newer, older, slot) else { return };
        let Some(end) = differences(new, old, notes, begin.wrapping_add(RECORD)) else { return };
        write_u16(notes, begin, newer as u16);
        write_u16(notes, begin.wrapping_add(2), epoch as u16);
        write_u16(notes, begin.wrapping_add(4), end.wrapping_sub(begin).wrapping_sub(RECORD) as u16);
        self.differences.end = end as u16;
        self.set(newer, |newer| {
            newer.older = NONE;
            newer.flags |= FOLDED;
        });
        self.unlink_changed(older);
        self.release(older);
    }

    /// Whether that is how a page's older version is kept.
    #[inline(always)]
    pub fn is_folded(&self, slot: u32) -> bool {
        self.slot(slot).flags & FOLDED != 0
    }

    /// The epoch of a page's older version that is kept so.
    pub(super) fn folded_epoch(&self, slot: u32) -> Option<u32> {
        self.record(slot).map(|record| record.epoch)
    }

    fn record(&self, slot: u32) -> Option<Record> {
        let notes = self.bytes(self.differences.slot).ok()?;
        let mut at = 0usize;
        while self.is_folded(slot) && at < usize::from(self.differences.end) {
            let len = usize::from(u16_at(notes, at.wrapping_add(4)));
            if u32::from(u16_at(notes, at)) == slot {
                return Some(Record { at, len, epoch: u32::from(u16_at(notes, at.wrapping_add(2))) });
            }
            at = at.wrapping_add(RECORD).wrapping_add(len);
        }
        None
    }

    /// Exchanges a page and its older version that is kept so.
    pub fn exchange(&mut self, slot: u32) -> Result<()> {
        let Some(Record { at, len, .. }) = self.record(slot) else { return Ok(()) };
        let (mut at, end) = (at.wrapping_add(RECORD), at.wrapping_add(RECORD).wrapping_add(len));
        while at < end {
            let notes = self.bytes(self.differences.slot)?;
            let (offset, count) = (u16_at(notes, at), notes.get(at.wrapping_add(2)).copied().unwrap_or(0));
            at = at.wrapping_add(RUN);
            for index in 0..usize::from(count) {
                let (here, there) = (at.wrapping_add(index), usize::from(offset).wrapping_add(index));
                let kept = self.bytes(self.differences.slot)?.get(here).copied().ok_or(Error::Corrupt)?;
                let page = self.bytes_mut(slot)?.get_mut(there).ok_or(Error::Corrupt)?;
                let new = core::mem::replace(page, kept);
                write(self.bytes_mut(self.differences.slot)?, here, &[new]);
            }
            at = at.wrapping_add(usize::from(count));
        }
        Ok(())
    }

    /// Forgets the older version of a page that is kept so.
    pub(super) fn drop_record(&mut self, slot: u32) {
        let Some(Record { at, len, .. }) = self.record(slot) else { return };
        self.set(slot, |slot| slot.flags &= !FOLDED);
        let (end, next) = (usize::from(self.differences.end), at.wrapping_add(RECORD).wrapping_add(len));
        if let Ok(notes) = self.bytes_mut(self.differences.slot) {
            shift(notes, next, at, end.wrapping_sub(next));
        }
        self.differences.end = end.wrapping_sub(RECORD).wrapping_sub(len) as u16;
        self.end_differences();
    }

    fn end_differences(&mut self) {
        if self.differences.end == 0 && self.differences.slot != NO_SLOT {
            self.give_back(self.differences.slot);
            self.differences = Differences::NONE;
        }
    }

    /// The older version comes back in the page's own slot.
    pub(super) fn unfold_in_place(&mut self, slot: u32) {
        let _ = self.exchange(slot);
        let epoch = self.folded_epoch(slot).unwrap_or(0);
        self.drop_record(slot);
        self.unlink_changed(slot);
        self.set(slot, |slot| slot.flags &= !FREED);
        self.link_changed(slot, epoch);
    }

    /// The older version gets a slot again, which was taken, before the page is changed or shadowed.
    pub fn unfold(&mut self, slot: u32, older: u32) -> Result<()> {
        self.exchange(slot)?;
        self.copy(slot, older)?;
        self.exchange(slot)?;
        let epoch = self.folded_epoch(slot).unwrap_or(0);
        self.drop_record(slot);
        let id = self.slot(slot).id;
        self.set(older, |older| (older.id, older.flags) = (id, DIRTY | SHADOWED));
        self.link_changed(older, epoch);
        self.set(slot, |slot| slot.older = older as u16);
        Ok(())
    }
}

/// Writes what `old` has where `new` has something else, as runs from `at` on; gives where they end, `None` where
/// they do not fit.
fn differences(new: &[u8], old: &[u8], notes: &mut [u8], at: usize) -> Option<usize> {
    let differs = |index: usize| new.get(index) != old.get(index);
    let (mut at, mut from) = (at, 0);
    while from < old.len() {
        if !differs(from) {
            from = from.wrapping_add(1);
            continue;
        }
        // As far as what is equal in between is shorter than what another run takes.
        let (mut end, mut next) = (from, from);
        while next < old.len() && next.wrapping_sub(end) <= RUN && next.wrapping_sub(from) < 255 {
            if differs(next) {
                end = next.wrapping_add(1);
            }
            next = next.wrapping_add(1);
        }
        let bytes = old.get(from..end)?;
        let place = notes.get_mut(at..at.checked_add(RUN)?.checked_add(bytes.len())?)?;
        write_u16(place, 0, from as u16);
        write(place, 2, &[bytes.len() as u8]);
        write(place, RUN, bytes);
        (at, from) = (at.wrapping_add(RUN).wrapping_add(bytes.len()), end);
    }
    // A record's head must have had room too.
    (at <= notes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::{differences, RUN};
    use crate::bytes::u16_at;
    use std::vec::Vec;

    /// What the runs make of `new`, and how many bytes they take.
    fn undone(new: &[u8], old: &[u8]) -> Option<(Vec<u8>, usize)> {
        let (mut notes, mut page) = ([0xaa; 512], new.to_vec());
        let end = differences(new, old, &mut notes, 6)?;
        let mut at = 6;
        while at < end {
            let (from, count) = (usize::from(u16_at(&notes, at)), usize::from(notes[at + 2]));
            page[from..from + count].copy_from_slice(&notes[at + RUN..at + RUN + count]);
            at += RUN + count;
        }
        assert_eq!(at, end);
        Some((page, end - 6))
    }

    #[test]
    fn the_older_page_comes_back() {
        let old: Vec<u8> = (0..512usize).map(|index| (index * 31 % 251) as u8).collect();
        assert_eq!(undone(&old, &old), Some((old.clone(), 0)));
        for (changes, most) in [(1, 4), (2, 8), (7, 28), (40, 160)] {
            let mut new = old.clone();
            for change in 0..changes {
                new[change * 511 / changes] ^= 0x55;
            }
            let (page, bytes) = undone(&new, &old).expect("there is room");
            assert_eq!(page, old, "{changes} changes");
            assert!(bytes <= most, "{bytes} bytes for {changes} changes");
        }
        let mut new = old.clone();
        new[100..420].iter_mut().for_each(|byte| *byte ^= 1);
        assert_eq!(undone(&new, &old), Some((old.clone(), 320 + 2 * RUN)), "a run is at most 255 bytes");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(undone(&[1; 512], &[2; 512]), None);
    }
}
