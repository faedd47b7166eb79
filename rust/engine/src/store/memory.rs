//! Pages in memory that the owner of the database gives chunk by chunk, up to a limit.
//!
//! A chunk is a header and some pages:
//!
//! ```text
//! +------+------+--------------+----------------------------+--------+--------+---
//! | next | prev | free pages   | stamp, born of each page   | page 0 | page 1 | …
//! +------+------+--------------+----------------------------+--------+--------+---
//! ```
//!
//! `next` and `prev` link the chunks that have a free page; a chunk whose pages are all free goes back to
//! the owner. `stamp` says when the page was last put under a savepoint, `born` when it was allocated: see
//! [`journal`](super::journal). A page's id is its chunk's place in the table, times eight, plus its place
//! in the chunk.

use super::journal::Journal;
use super::raw::{self, Block, Chunks};
use super::{is_page_size, DurableStore, Meta, PageId, PageStore};
use crate::bytes::{div_ceil, trailing_zeros, u32_at, write_u32};
use crate::error::{Answer, Error, Result};

const NONE: u32 = u32::MAX;
const NEXT: usize = 0;
const PREV: usize = 4;
const FREE: usize = 8;
const STAMPS: usize = 16;
const IDS_PER_CHUNK: u32 = 8;
const FIRST_TABLE: usize = 16;

/// Pages in memory.
// In this order the code of a board is shorter: its instructions reach bytes that stand within the first 32.
#[repr(C)]
pub struct MemoryStore {
    /// What is done now may go over the limit, for as long as its transaction lasts.
    removing: bool,
    page_size: u32,
    pages_per_chunk: u32,
    chunk_limit: u32,
    free_head: u32,
    free_pages: u32,
    wanted_chunks: u32,
    empty_chunks: u32,
    scratch: PageId,
    chunks: Chunks,
    pub(super) journal: Journal,
}

impl MemoryStore {
    /// None, where the store is another one.
    pub(super) const NONE: MemoryStore = MemoryStore {
        removing: false,
        page_size: 0,
        pages_per_chunk: 0,
        chunk_limit: 0,
        free_head: 0,
        free_pages: 0,
        wanted_chunks: 0,
        empty_chunks: 0,
        scratch: PageId(0),
        chunks: Chunks::new(0),
        journal: Journal::NONE,
    };

    /// A store of pages of `page_size` bytes that takes at most `limit` bytes, but at least one chunk.
    pub fn new(page_size: usize, limit: usize) -> Result<Self> {
        if !is_page_size(page_size) {
            return Err(Error::BadOption);
        }
        let pages_per_chunk = 4096usize.checked_div(page_size).unwrap_or(0).max(4) as u32;
        let chunk_bytes = header(pages_per_chunk) + pages_per_chunk as usize * page_size;
        let chunk_limit = limit.checked_div(chunk_bytes).unwrap_or(0).clamp(1, (NONE / IDS_PER_CHUNK) as usize - 1);
        Ok(MemoryStore {
            chunks: Chunks::new(chunk_bytes as u32),
            page_size: page_size as u32,
            pages_per_chunk,
            chunk_limit: chunk_limit as u32,
            free_head: NONE,
            free_pages: 0,
            wanted_chunks: 0,
            empty_chunks: 0,
            removing: false,
            scratch: PageId::NONE,
            journal: Journal::new(),
        })
    }

    /// Bytes of the block that is wanted next; 0 when there is enough.
    pub fn wanted(&self) -> usize {
        if self.wanted_chunks <= self.chunks.held() {
            return 0;
        }
        if self.chunks.capacity() > self.chunks.held() {
            return self.chunks.chunk_bytes();
        }
        let places = (self.chunks.capacity() as usize).saturating_mul(2).max(FIRST_TABLE);
        places.saturating_mul(size_of::<*mut u8>())
    }

    /// Takes a block of the size [`wanted`](Self::wanted) and gives one back that it replaces; the block
    /// itself if it is not the one that was wanted.
    pub fn give(&mut self, block: Block) -> Option<Block> {
        if block.bytes() != self.wanted() {
            return Some(block);
        }
        if self.chunks.capacity() <= self.chunks.held() {
            return self.chunks.grow(block);
        }
        let index = match self.chunks.add(block) {
            Ok(index) => index,
            Err(block) => return Some(block),
        };
        self.free_pages = self.free_pages.wrapping_add(self.pages_per_chunk);
        self.empty_chunks = self.empty_chunks.wrapping_add(1);
        self.set_field(index, FREE, all_free(self.pages_per_chunk));
        self.link(index);
        None
    }

    /// A chunk that is not needed. One empty chunk is kept, so that a record put and deleted in turn does
    /// not move memory to and fro.
    pub fn surplus(&mut self) -> Option<Block> {
        self.wanted_chunks = 0;
        if self.empty_chunks < 2 {
            return None;
        }
        let mut index = self.free_head;
        while index != NONE && self.field(index, FREE) != all_free(self.pages_per_chunk) {
            index = self.field(index, NEXT);
        }
        self.unlink(index);
        self.empty_chunks = self.empty_chunks.wrapping_sub(1);
        self.free_pages = self.free_pages.wrapping_sub(self.pages_per_chunk);
        self.chunks.remove(index)
    }

    /// On closing: every block in turn. The store is empty then and must not be used.
    pub fn reclaim(&mut self) -> Option<Block> {
        self.free_head = NONE;
        self.free_pages = 0;
        self.wanted_chunks = 0;
        self.scratch = PageId::NONE;
        match self.chunks.places().checked_sub(1) {
            Some(last) => self.chunks.remove(last),
            None => self.chunks.take_table(),
        }
    }

    fn field(&self, chunk: u32, at: usize) -> u32 {
        self.chunks.bytes(chunk, at, 4).map_or(NONE, |bytes| u32_at(bytes, 0))
    }

    fn set_field(&mut self, chunk: u32, at: usize, value: u32) {
        if let Some(bytes) = self.chunks.bytes_mut(chunk, at, 4) {
            write_u32(bytes, 0, value);
        }
    }

    fn link(&mut self, chunk: u32) {
        let head = self.free_head;
        self.set_field(chunk, NEXT, head);
        self.set_field(chunk, PREV, NONE);
        self.set_field(head, PREV, chunk);
        self.free_head = chunk;
    }

    fn unlink(&mut self, chunk: u32) {
        let (next, prev) = (self.field(chunk, NEXT), self.field(chunk, PREV));
        self.set_field(next, PREV, prev);
        match prev {
            NONE => self.free_head = next,
            _ => self.set_field(prev, NEXT, next),
        }
    }

    #[inline(always)]
    fn place(&self, id: PageId) -> (u32, usize) {
        let in_chunk = (id.0 % IDS_PER_CHUNK) as usize;
        let at = header(self.pages_per_chunk).wrapping_add(in_chunk.wrapping_mul(self.page_size as usize));
        (id.0 / IDS_PER_CHUNK, at)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn bytes(&self, id: PageId) -> Option<&[u8]> {
        let (chunk, at) = self.place(id);
        self.chunks.bytes(chunk, at, self.page_size as usize)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn bytes_mut(&mut self, id: PageId) -> Option<&mut [u8]> {
        let (chunk, at) = self.place(id);
        self.chunks.bytes_mut(chunk, at, self.page_size as usize)
    }

    fn bit(id: PageId) -> u32 {
        1u32.wrapping_shl(id.0 % IDS_PER_CHUNK)
    }

    /// Where in its chunk the page's stamp stands, and behind it when it was born.
    fn stamp_at(id: PageId) -> usize {
        STAMPS.wrapping_add((id.0 % IDS_PER_CHUNK) as usize * 8)
    }

    /// When the page was last put under a savepoint.
    pub(super) fn stamp(&self, id: PageId) -> u32 {
        self.field(id.0 / IDS_PER_CHUNK, Self::stamp_at(id))
    }

    /// When the page was allocated.
    pub(super) fn born(&self, id: PageId) -> u32 {
        self.field(id.0 / IDS_PER_CHUNK, Self::stamp_at(id).wrapping_add(4))
    }

    pub(super) fn set_stamp(&mut self, id: PageId, stamp: u32) {
        self.set_field(id.0 / IDS_PER_CHUNK, Self::stamp_at(id), stamp);
    }

    /// Makes every page older than any savepoint to come.
    pub(super) fn clear_stamps(&mut self) {
        for chunk in 0..self.chunks.places() {
            let stamps = self.pages_per_chunk as usize * 8;
            if let Some(stamps) = self.chunks.bytes_mut(chunk, STAMPS, stamps) {
                stamps.fill(0);
            }
        }
    }

    fn set_born(&mut self, id: PageId, stamp: u32) {
        self.set_field(id.0 / IDS_PER_CHUNK, Self::stamp_at(id).wrapping_add(4), stamp);
    }

    fn is_free(&self, id: PageId) -> bool {
        self.field(id.0 / IDS_PER_CHUNK, FREE) & Self::bit(id) != 0
    }

    /// Makes sure of `pages` free pages, or notes what is wanted.
    pub(super) fn need(&mut self, pages: usize) -> Result<()> {
        let pages = u32::try_from(pages).map_err(|_| Error::Full)?;
        if !self.removing && self.used().saturating_add(pages) > self.page_limit() {
            return Err(Error::Full);
        }
        if pages <= self.free_pages {
            return Ok(());
        }
        let missing = pages.saturating_sub(self.free_pages) as usize;
        let missing = div_ceil(missing, self.pages_per_chunk as usize) as u32;
        // Counted from what there is, not from what is free: what the call at hand has taken comes back.
        self.wanted_chunks = self.chunks.held().saturating_add(missing);
        Err(Error::NeedMemory)
    }

    /// As many pages there may be.
    fn page_limit(&self) -> u32 {
        self.chunk_limit.wrapping_mul(self.pages_per_chunk)
    }

    /// Pages in use.
    fn used(&self) -> u32 {
        self.chunks.held().wrapping_mul(self.pages_per_chunk).wrapping_sub(self.free_pages)
    }

    /// A free page, whatever savepoints there are.
    pub(super) fn take_page(&mut self) -> Result<PageId> {
        self.need(1)?;
        let chunk = self.free_head;
        let free = self.field(chunk, FREE);
        let id = PageId(chunk.wrapping_mul(IDS_PER_CHUNK).wrapping_add(trailing_zeros(free)));
        if free == all_free(self.pages_per_chunk) {
            self.empty_chunks = self.empty_chunks.wrapping_sub(1);
        }
        let free = free & !Self::bit(id);
        self.set_field(chunk, FREE, free);
        if free == 0 {
            self.unlink(chunk);
        }
        self.free_pages = self.free_pages.wrapping_sub(1);
        Ok(id)
    }

    /// Gives a page back at once; nothing happens if it is free.
    pub(super) fn drop_page(&mut self, id: PageId) {
        let chunk = id.0 / IDS_PER_CHUNK;
        if self.is_free(id) {
            return;
        }
        let free = self.field(chunk, FREE);
        if free == 0 {
            self.link(chunk);
        }
        let free = free | Self::bit(id);
        self.set_field(chunk, FREE, free);
        if free == all_free(self.pages_per_chunk) {
            self.empty_chunks = self.empty_chunks.wrapping_add(1);
        }
        self.free_pages = self.free_pages.wrapping_add(1);
    }

    /// Copies one page to another.
    pub(super) fn copy(&mut self, from: PageId, to: PageId) -> Result<()> {
        let (from, to, size) = (self.place(from), self.place(to), self.page_size());
        let (source, _, copy) = self.chunks.two_and_one([from, from], to, size).ok_or(Error::Corrupt)?;
        raw::copy(copy, source);
        Ok(())
    }
}

const fn header(pages_per_chunk: u32) -> usize {
    STAMPS + pages_per_chunk as usize * 8
}

const fn all_free(pages_per_chunk: u32) -> u32 {
    (1 << pages_per_chunk) - 1
}

impl PageStore for MemoryStore {
    fn page_size(&self) -> usize {
        self.page_size as usize
    }

    #[inline(always)]
    fn page(&mut self, id: PageId) -> Result<&[u8]> {
        self.bytes(id).ok_or(Error::Corrupt)
    }

    fn reserve(&mut self, pages: usize, touched: usize) -> Result<()> {
        let images = if self.depth() > 0 {
            touched.saturating_add(Journal::pages_for(self.page_size(), pages.saturating_add(touched)))
        } else {
            0
        };
        let scratch = usize::from(self.scratch == PageId::NONE);
        self.need(pages.saturating_add(images).saturating_add(scratch))?;
        if self.scratch == PageId::NONE {
            self.scratch = self.take_page()?;
        }
        Ok(())
    }

    fn allocate(&mut self) -> Result<PageId> {
        let id = self.take_page()?;
        if let Err(error) = self.note_allocated(id) {
            self.drop_page(id);
            return Err(error);
        }
        let stamp = self.journal.clock();
        self.set_stamp(id, stamp);
        self.set_born(id, stamp);
        Ok(id)
    }

    #[inline]
    fn write(&mut self, id: PageId) -> Result<()> {
        if self.depth() > 0 {
            self.protect(id)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn page_mut(&mut self, id: PageId) -> Result<&mut [u8]> {
        self.bytes_mut(id).ok_or(Error::Corrupt)
    }

    fn free(&mut self, id: PageId) -> Result<()> {
        if self.note_freed(id)? == Answer::Yes {
            self.drop_page(id);
        }
        Ok(())
    }

    fn build(&mut self, left: PageId, right: PageId) -> Result<(&[u8], &[u8], &mut [u8])> {
        let (left, right, scratch, size) =
            (self.place(left), self.place(right), self.place(self.scratch), self.page_size());
        self.chunks.two_and_one([left, right], scratch, size).ok_or(Error::Corrupt)
    }

    fn install(&mut self, id: PageId) -> Result<()> {
        self.copy(self.scratch, id)
    }

    fn removal_can_fail(&self) -> bool {
        self.depth() > 0
    }

    fn set_removing(&mut self, removing: bool) -> bool {
        core::mem::replace(&mut self.removing, removing)
    }

    fn begin(&mut self, meta: &Meta) -> Result<()> {
        let removing = core::mem::replace(&mut self.removing, true);
        let begun = self.begin_savepoint(meta);
        self.removing = removing;
        begun
    }

    fn commit(&mut self) {
        self.commit_savepoint();
    }

    fn rollback(&mut self, meta: &mut Meta) {
        self.rollback_savepoint(meta);
    }

    fn depth(&self) -> u32 {
        self.journal.depth()
    }

    fn usage(&self) -> (u32, u32) {
        (self.used(), self.page_limit())
    }
}

impl DurableStore for MemoryStore {}
