//! Pages in memory: the ones read, and the ones changed and not yet written, in several versions where
//! savepoints need them.
//!
//! A page's slot is found by its id. A page that is changed belongs to the savepoint of its `epoch`; when an
//! inner savepoint changes it again the older version stays, behind the newer one (`older`), until that
//! savepoint ends. What is changed is linked in a list, the newest epoch first: so ending a savepoint touches
//! what was changed in it and nothing else.

mod differences;
mod versions;

pub use versions::Versions;

use crate::error::{Error, Result};
use crate::store::raw::{self, Block, Chunks, Table};
use core::ops::Range;

/// No slot: they are numbered from 1.
pub const NO_SLOT: u32 = 0;
/// The same in the account of a slot, which is kept short.
const NONE: u16 = NO_SLOT as u16;
const NO_ID: u32 = u32::MAX;

const DIRTY: u8 = 1;
const FREED: u8 = 2;
const RECENT: u8 = 4;
const PINNED: u8 = 8;
const SHADOWED: u8 = 16;
const FREE: u8 = 32;
const FOLDED: u8 = 64;

/// One page in memory.
#[derive(Clone, Copy)]
struct Slot {
    id: u32,
    /// Where it was just written to.
    location: u32,
    /// The next one of its bucket, or of the free ones.
    chain: u16,
    older: u16,
    /// In the list of changed ones.
    before: u16,
    after: u16,
    epoch: u16,
    flags: u8,
}

impl Slot {
    fn chain(&self) -> u32 {
        u32::from(self.chain)
    }

    fn older(&self) -> u32 {
        u32::from(self.older)
    }

    fn before(&self) -> u32 {
        u32::from(self.before)
    }

    fn after(&self) -> u32 {
        u32::from(self.after)
    }

    fn epoch(&self) -> u32 {
        u32::from(self.epoch)
    }
}

const EMPTY: Slot =
    Slot { id: NO_ID, location: 0, chain: NONE, older: NONE, before: NONE, after: NONE, epoch: 0, flags: FREE };

/// The cache.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[repr(C)]
pub struct Cache {
    free: u32,
    changed: u32,
    last_changed: u32,
    hand: u32,
    /// A slot that is in use, though its page could be read again.
    keep: u32,
    /// Slots that are free, or whose page can be read again.
    available: u32,
    differences: differences::Differences,
    /// More pages would have helped.
    wish: bool,
    page_size: usize,
    /// At most so many pages.
    limit: usize,
    /// How often a page that was as on the medium was changed, and how many new ones there were, since this was
    /// last set to 0.
    pub touched: u32,
    /// One page each.
    chunks: Chunks,
    slots: Table<Slot>,
    buckets: Table<u16>,
    /// Pages found here, and pages that had to be read.
    pub hits: u64,
    /// See above.
    pub misses: u64,
}

/// The chunk that a slot's page is in, and the place of its account.
fn chunk_of(slot: u32) -> u32 {
    slot.wrapping_sub(1)
}

impl Cache {
    /// A cache of at most `limit` pages that has no memory yet.
    pub const fn new() -> Self {
        Cache {
            chunks: Chunks::new(0),
            slots: Table::empty(),
            buckets: Table::empty(),
            page_size: 0,
            limit: 0,
            wish: false,
            free: NO_SLOT,
            changed: NO_SLOT,
            last_changed: NO_SLOT,
            differences: differences::Differences::NONE,
            hand: 0,
            keep: NO_SLOT,
            available: 0,
            touched: 0,
            hits: 0,
            misses: 0,
        }
    }

    /// Says how large pages are, and how many there may be.
    #[inline(never)]
    pub fn set_size(&mut self, page_size: usize, limit: usize) {
        self.chunks = Chunks::new(page_size as u32);
        self.page_size = page_size;
        self.hand = 1;
        self.limit = limit.clamp(1, i16::MAX as usize);
    }

    // ---- memory ----

    /// Pages that there is memory for.
    pub fn held(&self) -> usize {
        self.chunks.held() as usize
    }

    /// Bytes of the block that the cache needs next to hold `pages` pages; 0 when it does.
    pub fn wanted(&self, pages: usize) -> usize {
        if self.slots.is_empty() {
            return self.limit.wrapping_mul(size_of::<Slot>());
        }
        if self.buckets.is_empty() {
            return self.limit.next_power_of_two().wrapping_mul(size_of::<u16>());
        }
        if self.chunks.capacity() == 0 {
            return self.limit.wrapping_mul(size_of::<*mut u8>());
        }
        if self.held() < pages.min(self.limit) {
            self.chunks.chunk_bytes()
        } else {
            0
        }
    }

    /// What is wanted between calls: once a page has made room for another one, all that may be had.
    pub fn wished(&self) -> usize {
        if self.wish {
            self.wanted(self.limit)
        } else {
            0
        }
    }

    /// Wishes for more pages; false where there may be none.
    pub fn wish(&mut self) -> bool {
        self.wish |= self.held() < self.limit;
        self.wished() != 0
    }

    /// There is no more memory than what there is.
    pub fn refuse(&mut self) {
        self.wish = false;
        self.limit = self.held();
    }

    /// Takes a block of the size that is wanted.
    pub fn give(&mut self, block: Block) -> Option<Block> {
        if self.slots.is_empty() {
            self.slots = Table::new(block, self.limit, EMPTY);
        } else if self.buckets.is_empty() {
            self.buckets = Table::new(block, self.limit.next_power_of_two(), NONE);
        } else if self.chunks.capacity() == 0 {
            return self.chunks.grow(block);
        } else {
            let slot = match self.chunks.add(block) {
                Ok(chunk) => chunk.wrapping_add(1),
                Err(block) => return Some(block),
            };
            self.set(slot, |slot| *slot = EMPTY);
            self.release(slot);
        }
        None
    }

    /// A page beyond the limit, once nothing in it is needed.
    pub fn surplus(&mut self) -> Option<Block> {
        if self.held() <= self.limit {
            return None;
        }
        let last = self.chunks.places().checked_sub(1)?;
        let slot = last.wrapping_add(1);
        let flags = self.slot(slot).flags;
        if flags & (DIRTY | PINNED) != 0 {
            return None;
        }
        if flags & FREE == 0 {
            self.forget(slot);
        }
        self.unlink_free(slot);
        self.available = self.available.wrapping_sub(1);
        self.chunks.remove(last)
    }

    /// Says how many pages there may be from now on; no more than the table of slots has room for.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(self.slots.len());
    }

    /// On closing: every block in turn.
    pub fn reclaim(&mut self) -> Option<Block> {
        match self.chunks.places().checked_sub(1) {
            Some(last) => self.chunks.remove(last),
            None => self.chunks.take_table().or_else(|| self.buckets.take_block()).or_else(|| self.slots.take_block()),
        }
    }

    /// The memory of a slot that was taken, which is put back before anything is given.
    pub fn lend(&mut self, slot: u32) -> Option<Block> {
        self.chunks.lend(chunk_of(slot))
    }

    /// Puts it back, and gives the slot back.
    pub fn put_back(&mut self, slot: u32, block: Block) {
        self.chunks.put_back(chunk_of(slot), block);
        self.give_back(slot);
    }

    // ---- slots ----

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn slot(&self, slot: u32) -> &Slot {
        self.slots.as_slice().get(chunk_of(slot) as usize).unwrap_or(&EMPTY)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.slots.as_mut_slice().get_mut(chunk_of(slot) as usize)
    }

    #[inline]
    fn set(&mut self, slot: u32, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slot_mut(slot) {
            change(slot);
        }
    }

    fn unlink_free(&mut self, slot: u32) {
        let next = self.slot(slot).chain;
        if self.free == slot {
            self.free = u32::from(next);
            return;
        }
        let mut at = self.free;
        while at != NO_SLOT {
            let after = self.slot(at).chain();
            if after == slot {
                return self.set(at, |slot| slot.chain = next);
            }
            at = after;
        }
    }

    /// Makes a slot, which nothing refers to any more, a free one.
    fn release(&mut self, slot: u32) {
        let free = self.free as u16;
        self.set(slot, |slot| *slot = Slot { chain: free, ..EMPTY });
        self.free = slot;
        self.available = self.available.wrapping_add(1);
    }

    /// The bytes of a slot.
    #[inline(always)]
    pub fn bytes(&self, slot: u32) -> Result<&[u8]> {
        self.memory(slot).ok_or(Error::Corrupt)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn memory(&self, slot: u32) -> Option<&[u8]> {
        self.chunks.bytes(chunk_of(slot), 0, self.page_size)
    }

    /// The same, to change.
    #[inline(always)]
    pub fn bytes_mut(&mut self, slot: u32) -> Result<&mut [u8]> {
        self.memory_mut(slot).ok_or(Error::Corrupt)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn memory_mut(&mut self, slot: u32) -> Option<&mut [u8]> {
        self.chunks.bytes_mut(chunk_of(slot), 0, self.page_size)
    }

    /// Two to read and one to change.
    pub fn two_and_one(&mut self, left: u32, right: u32, one: u32) -> Result<(&[u8], &[u8], &mut [u8])> {
        let [left, right, one] = [left, right, one].map(|slot| (chunk_of(slot), 0));
        self.chunks.two_and_one([left, right], one, self.page_size).ok_or(Error::Corrupt)
    }

    /// Copies one slot's bytes to another.
    pub fn copy(&mut self, from: u32, to: u32) -> Result<()> {
        let (source, _, copy) = self.two_and_one(from, from, to)?;
        raw::copy(copy, source);
        Ok(())
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    fn bucket_of(&self, id: u32) -> usize {
        // Ids are given in order: a multiplication spreads them, and those of the page table.
        (id.wrapping_mul(0x9e37_79b1) >> 12) as usize & self.buckets.len().wrapping_sub(1)
    }

    fn bucket(&self, id: u32) -> u32 {
        u32::from(self.buckets.as_slice().get(self.bucket_of(id)).copied().unwrap_or(NONE))
    }

    fn set_bucket(&mut self, id: u32, slot: u32) {
        let at = self.bucket_of(id);
        if let Some(bucket) = self.buckets.as_mut_slice().get_mut(at) {
            *bucket = slot as u16;
        }
    }

    /// The slot of a page, the newest version's.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn find(&mut self, id: u32) -> Option<u32> {
        let mut at = self.bucket(id);
        while at != NO_SLOT {
            let slot = self.slot_mut(at)?;
            if slot.id == id {
                slot.flags |= RECENT;
                return Some(at);
            }
            at = slot.chain();
        }
        None
    }

    fn link(&mut self, slot: u32, id: u32) {
        let chain = self.bucket(id) as u16;
        self.set(slot, |slot| (slot.id, slot.chain) = (id, chain));
        self.set_bucket(id, slot);
    }

    fn unlink(&mut self, slot: u32) {
        let Slot { id, chain, .. } = *self.slot(slot);
        let mut at = self.bucket(id);
        if at == slot {
            return self.set_bucket(id, u32::from(chain));
        }
        while at != NO_SLOT {
            let next = self.slot(at).chain();
            if next == slot {
                return self.set(at, |slot| slot.chain = chain);
            }
            at = next;
        }
    }

    /// Slots that can be had without writing anything.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn available(&self) -> usize {
        let kept = self.keep != NO_SLOT && self.slot(self.keep).flags & (DIRTY | PINNED | FREE) == 0;
        (self.available as usize).saturating_sub(usize::from(kept))
    }

    /// Keeps a slot from being taken until another one is kept, or none ([`NO_SLOT`]).
    pub fn keep(&mut self, slot: u32) {
        self.keep = slot;
    }

    /// A slot for a page, from the free ones or from a page that can be read again; [`Error::NeedMemory`] when all are
    /// changed.
    pub fn take(&mut self) -> Result<u32> {
        if self.free != NO_SLOT {
            let slot = self.free;
            self.free = self.slot(slot).chain();
            self.available = self.available.wrapping_sub(1);
            self.set(slot, |slot| *slot = Slot { flags: PINNED, ..EMPTY });
            return Ok(slot);
        }
        self.wish |= self.held() < self.limit;
        // Twice around: the first time the recently used ones are passed over.
        for _ in 0..self.held().wrapping_mul(2) {
            let at = self.hand;
            self.hand = if at as usize >= self.held() { 1 } else { at.wrapping_add(1) };
            let flags = self.slot(at).flags;
            if flags & (DIRTY | PINNED | FREE) != 0 || at == self.keep {
                continue;
            }
            if flags & RECENT != 0 {
                self.set(at, |slot| slot.flags &= !RECENT);
                continue;
            }
            self.unlink(at);
            self.available = self.available.wrapping_sub(1);
            self.set(at, |slot| *slot = Slot { flags: PINNED, ..EMPTY });
            return Ok(at);
        }
        Err(Error::NeedMemory)
    }

    /// Gives a slot back that was taken and not used. (One that is used and not given to a page stays taken.)
    pub fn give_back(&mut self, slot: u32) {
        self.release(slot);
    }

    /// Makes a slot that was taken that of a page as it stands on the medium.
    pub fn hold(&mut self, slot: u32, id: u32) {
        self.link(slot, id);
        self.set(slot, |slot| slot.flags = RECENT);
        self.available = self.available.wrapping_add(1);
    }

    /// Forgets a page that can be read again.
    pub fn forget(&mut self, slot: u32) {
        self.unlink(slot);
        self.available = self.available.wrapping_sub(1);
        self.release(slot);
    }

    /// Every slot there is memory for.
    fn all_slots(&self) -> Range<u32> {
        1..(self.held() as u32).wrapping_add(1)
    }

    /// Forgets every page that can be read again and whose id fits.
    pub fn forget_clean(&mut self, which: impl Fn(u32) -> bool) {
        for slot in self.all_slots() {
            let Slot { id, flags, .. } = *self.slot(slot);
            if flags & (DIRTY | PINNED | FREE) == 0 && which(id) {
                self.forget(slot);
            }
        }
    }
}
