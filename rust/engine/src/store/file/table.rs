//! The page table: where in the log each page stands.
//!
//! A page of the table is an array of locations, 4 bytes each: of pages of the tree on the lowest level, of pages
//! of the table on those above; `page size / 4` of them. Pages of the table are in the cache as any others are, but
//! they are never changed there: a checkpoint makes them anew.

use super::format::{Location, PageFrame, PAGE_HEADER};
use super::medium::Medium;
use super::FileStore;
use crate::bytes::{trailing_zeros, u32_at};
use crate::error::{Error, Result};
use crate::store::raw::shift;

/// Levels at most: 2 million pages of 512 bytes.
pub const MAX_LEVELS: u32 = 3;

/// What ids of pages of the table begin with in the cache.
const TABLE: u32 = 1 << 31;

/// In the cache: the id of a page of the table.
pub fn cache_id(level: u32, index: u32) -> u32 {
    TABLE | level << 28 | index
}

/// Whether it is one.
pub fn is_table(id: u32) -> bool {
    id & TABLE != 0
}

impl<M: Medium> FileStore<M> {
    /// How many bits of an id one level tells apart.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn table_bits(&self) -> u32 {
        trailing_zeros(self.root.page_size as u32).wrapping_sub(2)
    }

    /// Which page of a level (1 the lowest) an id belongs to.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn table_index(&self, level: u32, id: u32) -> u32 {
        id.checked_shr(self.table_bits().wrapping_mul(level)).unwrap_or(0)
    }

    /// Where in that page its entry stands.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn table_offset(&self, level: u32, id: u32) -> usize {
        let index = self.table_index(level.wrapping_sub(1), id);
        let mask = 1u32.wrapping_shl(self.table_bits()).wrapping_sub(1);
        (index & mask) as usize * 4
    }

    /// Levels of a table with a place for an id.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn levels_for(&self, id: u32) -> u32 {
        let mut levels = 1u32;
        while self.table_index(levels, id) > 0 {
            levels = levels.wrapping_add(1);
        }
        levels
    }

    /// Slots that making the table anew takes where `id` is the largest one.
    pub(super) fn slots_for_table(&self, id: u32) -> usize {
        self.levels_for(id).max(self.snapshot.levels) as usize
    }

    /// Where a page stands; [`Error::Corrupt`] where there is none.
    pub(super) fn locate(&mut self, id: u32) -> Result<Location> {
        let moved = self.moved(id);
        match moved.map_or_else(|| self.table_entry(id), Ok)? {
            Location::NONE => Err(Error::Corrupt),
            location => Ok(location),
        }
    }

    /// Where a page stands, if it does. One slot can be had, for the way through the table.
    #[inline(always)]
    pub(super) fn table_entry(&mut self, id: u32) -> Result<Location> {
        self.table_entry_above(1, id)
    }

    /// Where the page of the table of level `level - 1` stands that leads to an id; of level 0, the page itself.
    pub(super) fn table_entry_above(&mut self, level: u32, id: u32) -> Result<Location> {
        let levels = self.snapshot.levels;
        if id >= self.snapshot.next_id || self.table_index(levels, id) > 0 {
            return Ok(Location::NONE);
        }
        let mut location = self.snapshot.table;
        let mut at = levels;
        while at >= level && at > 0 {
            if location == Location::NONE {
                return Ok(Location::NONE);
            }
            let slot = self.load_table(at, self.table_index(at, id), location)?;
            let offset = self.table_offset(at, id);
            location = Location(u32_at(self.cache.bytes(slot)?, offset));
            at = at.wrapping_sub(1);
        }
        Ok(location)
    }

    /// The slot of a page of the table.
    pub(super) fn load_table(&mut self, level: u32, index: u32, location: Location) -> Result<u32> {
        let id = cache_id(level, index);
        if let Some(slot) = self.cache.find(id) {
            return Ok(slot);
        }
        let slot = self.cache.take()?;
        self.fill(slot, id, location, level, index)
    }

    /// Reads a page's content into a slot, and checks that it is what was written there.
    pub(super) fn read_page(&mut self, location: Location, level: u32, id: u32, slot: u32) -> Result<()> {
        let (place, offset) = (location.place(), location.offset());
        let mut header = [0; PAGE_HEADER];
        self.log.read(place, offset, &mut header)?;
        let content = self.cache.bytes_mut(slot)?;
        let (page_size, at) = (content.len(), offset.wrapping_add(PAGE_HEADER as u32));
        let frame = PageFrame::read(&header, page_size).ok_or(Error::Corrupt)?;
        let stored = page_size.wrapping_sub(frame.gap.len);
        self.log.read(place, at, content.get_mut(..stored).unwrap_or(&mut []))?;
        shift(content, frame.gap.from, frame.gap.end(), stored.wrapping_sub(frame.gap.from));
        content.get_mut(frame.gap.from..frame.gap.end()).unwrap_or(&mut []).fill(0);
        let seed = self.log.seed_at(location);
        if frame.level == level && frame.id == id && frame.holds(seed, content) {
            Ok(())
        } else {
            Err(Error::Corrupt)
        }
    }
}
