//! Savepoints of the memory store: a journal of before-images.
//!
//! The first change of a page in a savepoint copies the page, and the journal notes where to; a new page is
//! noted too, and a page that was freed stays as it is until the outermost savepoint ends. A rollback walks
//! back through the journal and needs no memory. The journal is a chain of pages of the store:
//!
//! ```text
//! +----------+-------+---------------+--------------+----------+---------+---
//! | previous | count | begins, or 0  | start around | meta     | entry 0 | …      entry: page, image, stamp
//! +----------+-------+---------------+--------------+----------+---------+---
//! ```
//!
//! Each savepoint begins a page of its own; `begins` is then its start, and `meta` what the database was.
//! The clock counts savepoints; a page whose stamp is not below a savepoint's start is already safe in it.

use super::memory::MemoryStore;
use super::{Meta, PageId, PageStore};
use crate::bytes::{div_ceil, u32_at, write_u32};
use crate::error::{Answer, Result};
use core::array::from_fn;

const PREVIOUS: usize = 0;
const COUNT: usize = 4;
const BEGINS: usize = 8;
const AROUND: usize = 12;
const META: usize = 16;
const ENTRIES: usize = META + 4 * Meta::NUMBERS;
const ENTRY: usize = 12;

/// In the place of an image: the page was new.
const NEW: u32 = u32::MAX;
/// In the place of an image: the page was freed.
const FREED: u32 = u32::MAX - 1;

/// Where the clock begins anew, at the next outermost savepoint.
const LAST_CLOCK: u32 = u32::MAX / 2;

/// What the memory store keeps of its savepoints.
pub struct Journal {
    top: PageId,
    depth: u32,
    clock: u32,
    start: u32,
}

struct Entry {
    page: PageId,
    image: u32,
    stamp: u32,
}

impl Journal {
    /// None: zeros.
    pub(super) const NONE: Journal = Journal { top: PageId(0), depth: 0, clock: 0, start: 0 };

    pub(super) const fn new() -> Self {
        Journal { top: PageId::NONE, depth: 0, clock: 1, start: 0 }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    pub(super) fn clock(&self) -> u32 {
        self.clock
    }

    /// Entries in a page: fewer than there is room for, as dividing by a power of two is quick on a Cortex-M0+.
    fn capacity(page_size: usize) -> u32 {
        const { assert!(ENTRIES + 512 / 16 * ENTRY <= 512) };
        (page_size / 16) as u32
    }

    /// How many pages so many more entries can take.
    pub(super) fn pages_for(page_size: usize, entries: usize) -> usize {
        match Self::capacity(page_size) as usize {
            capacity if entries <= capacity => 1,
            capacity => div_ceil(entries, capacity),
        }
    }
}

impl MemoryStore {
    fn journal_u32(&mut self, page: PageId, at: usize) -> u32 {
        self.page(page).map_or(0, |bytes| u32_at(bytes, at))
    }

    fn set_journal_u32(&mut self, page: PageId, at: usize, value: u32) {
        if let Ok(bytes) = self.page_mut(page) {
            write_u32(bytes, at, value);
        }
    }

    fn entry(&mut self, page: PageId, index: u32) -> Entry {
        let at = ENTRIES.wrapping_add(index as usize * ENTRY);
        Entry {
            page: PageId(self.journal_u32(page, at)),
            image: self.journal_u32(page, at.wrapping_add(4)),
            stamp: self.journal_u32(page, at.wrapping_add(8)),
        }
    }

    fn set_entry(&mut self, page: PageId, index: u32, entry: &Entry) {
        let at = ENTRIES.wrapping_add(index as usize * ENTRY);
        self.set_journal_u32(page, at, entry.page.0);
        self.set_journal_u32(page, at.wrapping_add(4), entry.image);
        self.set_journal_u32(page, at.wrapping_add(8), entry.stamp);
    }

    fn new_journal_page(&mut self) -> Result<()> {
        let page = self.take_page()?;
        let top = self.journal.top;
        self.page_mut(page)?.get_mut(..ENTRIES).unwrap_or(&mut []).fill(0);
        self.set_journal_u32(page, PREVIOUS, top.0);
        self.journal.top = page;
        Ok(())
    }

    fn drop_journal_page(&mut self) {
        let top = self.journal.top;
        self.journal.top = PageId(self.journal_u32(top, PREVIOUS));
        self.drop_page(top);
    }

    fn append(&mut self, entry: &Entry) -> Result<()> {
        if self.journal_u32(self.journal.top, COUNT) >= Journal::capacity(self.page_size()) {
            self.new_journal_page()?;
        }
        let top = self.journal.top;
        let count = self.journal_u32(top, COUNT);
        self.set_entry(top, count, entry);
        self.set_journal_u32(top, COUNT, count.wrapping_add(1));
        Ok(())
    }

    /// Copies a page before its first change in the innermost savepoint.
    pub(super) fn protect(&mut self, id: PageId) -> Result<()> {
        let stamp = self.stamp(id);
        if stamp >= self.journal.start {
            return Ok(());
        }
        let image = self.take_page()?;
        let noted = self.copy(id, image).and_then(|()| self.append(&Entry { page: id, image: image.0, stamp }));
        if noted.is_err() {
            self.drop_page(image);
            return noted;
        }
        let clock = self.journal.clock;
        self.set_stamp(id, clock);
        Ok(())
    }

    pub(super) fn note_allocated(&mut self, id: PageId) -> Result<()> {
        match self.journal.depth {
            0 => Ok(()),
            _ => self.append(&Entry { page: id, image: NEW, stamp: 0 }),
        }
    }

    /// Whether the page can be given back at once, else it is noted.
    pub(super) fn note_freed(&mut self, id: PageId) -> Result<Answer> {
        if self.journal.depth == 0 || self.born(id) >= self.journal.start {
            return Ok(Answer::Yes);
        }
        self.append(&Entry { page: id, image: FREED, stamp: 0 })?;
        Ok(Answer::No)
    }

    pub(super) fn begin_savepoint(&mut self, meta: &Meta) -> Result<()> {
        self.reserve(1, 0)?;
        if self.journal.depth == 0 && self.journal.clock >= LAST_CLOCK {
            self.clear_stamps();
            self.journal.clock = 1;
        }
        self.new_journal_page()?;
        let (page, around) = (self.journal.top, self.journal.start);
        self.journal.clock = self.journal.clock.wrapping_add(1);
        self.journal.start = self.journal.clock;
        self.journal.depth = self.journal.depth.wrapping_add(1);
        let start = self.journal.start;
        self.set_journal_u32(page, BEGINS, start);
        self.set_journal_u32(page, AROUND, around);
        for (n, value) in meta.to_numbers().iter().enumerate() {
            self.set_journal_u32(page, META.wrapping_add(n * 4), *value);
        }
        Ok(())
    }

    pub(super) fn rollback_savepoint(&mut self, meta: &mut Meta) {
        while self.journal.depth > 0 {
            let top = self.journal.top;
            for index in (0..self.journal_u32(top, COUNT)).rev() {
                let entry = self.entry(top, index);
                match entry.image {
                    NEW => self.drop_page(entry.page),
                    FREED => {}
                    image => {
                        // The image and the page are both there: a copy of them cannot fail.
                        let _ = self.copy(PageId(image), entry.page);
                        self.set_stamp(entry.page, entry.stamp);
                        self.drop_page(PageId(image));
                    }
                }
            }
            let begins = self.journal_u32(top, BEGINS);
            let around = self.journal_u32(top, AROUND);
            *meta = Meta::from_numbers(from_fn(|n| self.journal_u32(top, META.wrapping_add(n.wrapping_mul(4)))));
            self.drop_journal_page();
            if begins != 0 {
                self.journal.depth = self.journal.depth.wrapping_sub(1);
                self.journal.start = around;
                return;
            }
        }
    }

    pub(super) fn commit_savepoint(&mut self) {
        match self.journal.depth {
            0 => {}
            1 => self.forget(),
            _ => self.merge(),
        }
    }

    /// The outermost savepoint ends: images and freed pages are given back.
    fn forget(&mut self) {
        while self.journal.top != PageId::NONE {
            let top = self.journal.top;
            for index in 0..self.journal_u32(top, COUNT) {
                let entry = self.entry(top, index);
                match entry.image {
                    NEW => {}
                    FREED => self.drop_page(entry.page),
                    image => self.drop_page(PageId(image)),
                }
            }
            self.drop_journal_page();
        }
        self.journal.depth = 0;
        self.journal.start = 0;
    }

    /// An inner savepoint ends: its entries go to the one around it, but for images of pages that are
    /// safe there already. Needs no memory: its own page stays in the chain where they do not fit.
    fn merge(&mut self) {
        let mut page = self.journal.top;
        loop {
            let begins = self.journal_u32(page, BEGINS);
            let around = self.around_of(page);
            let mut kept = 0;
            for index in 0..self.journal_u32(page, COUNT) {
                let entry = self.entry(page, index);
                if entry.image < FREED && entry.stamp >= around {
                    self.drop_page(PageId(entry.image));
                } else {
                    self.set_entry(page, kept, &entry);
                    kept = kept.wrapping_add(1);
                }
            }
            self.set_journal_u32(page, COUNT, kept);
            if begins != 0 {
                self.set_journal_u32(page, BEGINS, 0);
                self.journal.start = around;
                self.journal.depth = self.journal.depth.wrapping_sub(1);
                break;
            }
            page = PageId(self.journal_u32(page, PREVIOUS));
        }
        if page == self.journal.top {
            self.join_top();
        }
    }

    /// The start of the savepoint around the one that a journal page belongs to.
    fn around_of(&mut self, page: PageId) -> u32 {
        let mut page = page;
        while self.journal_u32(page, BEGINS) == 0 && page != PageId::NONE {
            page = PageId(self.journal_u32(page, PREVIOUS));
        }
        self.journal_u32(page, AROUND)
    }

    /// Moves the top page's entries to the page before it, if they fit there.
    fn join_top(&mut self) {
        let top = self.journal.top;
        let below = PageId(self.journal_u32(top, PREVIOUS));
        let (moved, count) = (self.journal_u32(top, COUNT), self.journal_u32(below, COUNT));
        if moved.wrapping_add(count) > Journal::capacity(self.page_size()) {
            return;
        }
        for index in 0..moved {
            let entry = self.entry(top, index);
            self.set_entry(below, count.wrapping_add(index), &entry);
        }
        self.set_journal_u32(below, COUNT, count.wrapping_add(moved));
        self.drop_journal_page();
    }
}
