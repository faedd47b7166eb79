//! A store that is in memory or in files, so that what is above is compiled once.

use super::file::medium::Medium;
use super::file::FileStore;
use super::memory::MemoryStore;
use super::raw::{Block, Owned, Words};
use super::{DurableStore, FileCounts, Meta, PageId, PageStore, Status};
use crate::error::{Answer, Result};

/// One of the two: in files, whose state lives in a block of its own, where there are some. Both have their place, so
/// that no byte of it is what lay there before: a collector looks through it for addresses.
// In this order the code of a board is shorter: what tells the two apart is the first word.
#[repr(C)]
pub struct Store<M> {
    files: Option<Owned<FileStore<M>>>,
    memory: MemoryStore,
}

/// Does the same with either.
macro_rules! either {
    (mut $store:expr, $it:ident => $does:expr) => {
        match &mut $store.files {
            Some($it) => $does,
            None => {
                let $it = &mut $store.memory;
                $does
            }
        }
    };
    ($store:expr, $it:ident => $does:expr) => {
        match &$store.files {
            Some($it) => $does,
            None => {
                let $it = &$store.memory;
                $does
            }
        }
    };
}

impl<M: Medium> Store<M> {
    /// In memory.
    pub fn in_memory(memory: MemoryStore) -> Self {
        Store { files: None, memory }
    }

    /// In files.
    pub fn in_files(files: Owned<FileStore<M>>) -> Self {
        Store { files: Some(files), memory: MemoryStore::NONE }
    }

    /// The store in files, if it is one.
    pub fn files(&mut self) -> Option<&mut FileStore<M>> {
        self.files.as_deref_mut()
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn page_words(&mut self, id: PageId) -> Words<'_> {
        either!(mut self, it => it.page(id)).into()
    }

    /// Bytes of the block that is wanted next; 0 when there is enough.
    pub fn wanted(&self) -> usize {
        either!(self, it => it.wanted())
    }

    /// Takes a block of that size, and gives one back that it replaces, or that was not wanted.
    pub fn give(&mut self, block: Block) -> Option<Block> {
        either!(mut self, it => it.give(block))
    }

    /// A block that is not needed any more.
    pub fn surplus(&mut self) -> Option<Block> {
        either!(mut self, it => it.surplus())
    }

    /// On closing: every block in turn, but for that of the state.
    pub fn reclaim(&mut self) -> Option<Block> {
        either!(mut self, it => it.reclaim())
    }
}

impl<M: Medium> PageStore for Store<M> {
    #[inline]
    fn page_size(&self) -> usize {
        either!(self, it => it.page_size())
    }

    #[inline(always)]
    fn page(&mut self, id: PageId) -> Result<&[u8]> {
        self.page_words(id).into()
    }

    fn reserve(&mut self, pages: usize, touched: usize) -> Result<()> {
        either!(mut self, it => it.reserve(pages, touched))
    }

    fn allocate(&mut self) -> Result<PageId> {
        either!(mut self, it => it.allocate())
    }

    #[inline]
    fn write(&mut self, id: PageId) -> Result<()> {
        either!(mut self, it => it.write(id))
    }

    #[inline]
    fn page_mut(&mut self, id: PageId) -> Result<&mut [u8]> {
        either!(mut self, it => it.page_mut(id))
    }

    fn free(&mut self, id: PageId) -> Result<()> {
        either!(mut self, it => it.free(id))
    }

    fn bring(&mut self, left: PageId, right: PageId) -> Result<()> {
        either!(mut self, it => it.bring(left, right))
    }

    fn build(&mut self, left: PageId, right: PageId) -> Result<(&[u8], &[u8], &mut [u8])> {
        either!(mut self, it => it.build(left, right))
    }

    fn install(&mut self, id: PageId) -> Result<()> {
        either!(mut self, it => it.install(id))
    }

    fn removal_can_fail(&self) -> bool {
        either!(self, it => it.removal_can_fail())
    }

    #[inline]
    fn changes_can_fail(&self) -> bool {
        either!(self, it => it.changes_can_fail())
    }

    fn set_removing(&mut self, removing: bool) -> bool {
        either!(mut self, it => it.set_removing(removing))
    }

    fn begin(&mut self, meta: &Meta) -> Result<()> {
        either!(mut self, it => it.begin(meta))
    }

    fn commit(&mut self) {
        either!(mut self, it => it.commit())
    }

    fn rollback(&mut self, meta: &mut Meta) {
        either!(mut self, it => it.rollback(meta))
    }

    #[inline]
    fn depth(&self) -> u32 {
        either!(self, it => it.depth())
    }

    fn usage(&self) -> (u32, u32) {
        either!(self, it => it.usage())
    }

    fn log(&mut self, delta: &[&[u8]]) -> Result<()> {
        either!(mut self, it => it.log(delta))
    }

    fn set_incomplete(&mut self) {
        either!(mut self, it => it.set_incomplete())
    }

    fn settle(&mut self) -> Result<()> {
        either!(mut self, it => it.settle())
    }

    fn is_crowded(&self) -> bool {
        either!(self, it => it.is_crowded())
    }

    #[inline(always)]
    fn make_durable(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        either!(mut self, it => it.make_durable(meta, next_key))
    }

    fn allow_keys(&mut self, meta: &Meta, limit: u64) -> Result<()> {
        either!(mut self, it => it.allow_keys(meta, limit))
    }

    fn key_limit(&self) -> u64 {
        either!(self, it => it.key_limit())
    }
}

impl<M: Medium> DurableStore for Store<M> {
    #[inline(always)]
    fn open(&mut self, wall: u64, seed: u64, meta: &mut Meta) -> Result<Answer> {
        either!(mut self, it => it.open(wall, seed, meta))
    }

    fn lend(&mut self) -> Result<Option<Block>> {
        either!(mut self, it => it.lend())
    }

    fn take_back(&mut self, block: Block) {
        either!(mut self, it => it.take_back(block))
    }

    #[inline(always)]
    fn next_delta(&mut self, buf: &mut [u8]) -> Result<Option<usize>> {
        either!(mut self, it => it.next_delta(buf))
    }

    fn repeat_delta(&mut self) {
        either!(mut self, it => it.repeat_delta())
    }

    fn finish_open(&mut self) {
        either!(mut self, it => it.finish_open())
    }

    fn status(&self) -> Status {
        either!(self, it => it.status())
    }

    fn set_time(&mut self, now: u64, wall: u64) {
        either!(mut self, it => it.set_time(now, wall))
    }

    fn set_unflushed(&mut self) {
        either!(mut self, it => it.set_unflushed())
    }

    #[inline(never)]
    fn compact(&mut self, budget: u32, meta: &Meta, next_key: u64) -> Result<Answer> {
        either!(mut self, it => it.compact(budget, meta, next_key))
    }

    fn begin_backup(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        either!(mut self, it => it.begin_backup(meta, next_key))
    }

    fn backup(&mut self, budget: u32) -> Result<Answer> {
        either!(mut self, it => it.backup(budget))
    }

    fn end_backup(&mut self) {
        either!(mut self, it => it.end_backup())
    }

    fn counts(&self) -> FileCounts {
        either!(self, it => it.counts())
    }
}
