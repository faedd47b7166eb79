//! Pages in files that lose power at any moment: a log of segments, and a cache of pages before it.
//!
//! Pages keep their ids; where each stands in the log is what the page [`table`] says, which consists of pages
//! of its own. Changed pages stay in the [`cache`] until a [`checkpoint`] writes them, the parts of the table that
//! they change, and what else is to be known, behind what is there: nothing is ever written over. Where the cache is
//! too small for that some are written before ([`spill`], [`moved`]). Between
//! checkpoints the log takes *deltas*: what the database did, in its own words, so that a flush appends a few
//! bytes a record and a [`log::Log::commit`]. Opening ([`recovery`]) looks for the last commit that is whole,
//! begins with its checkpoint, and has the database do again what the deltas say. [`cleaning`] copies what lives
//! in the emptiest segment, a few pages with each checkpoint, and removes segments that nothing lives in.
//!
//! A page leaves the cache only when it is on the medium and synced, so that nothing that was acknowledged in
//! memory depends on what may have been lost.

mod backup;
mod cache;
mod checkpoint;
mod cleaning;
mod crc;
mod format;
mod log;
pub mod medium;
mod moved;
mod pages;
mod recovery;
mod savepoint;
mod space;
mod spill;
mod table;
mod verify;

pub use format::VERSION;

use super::raw::Block;
use super::{DurableStore, FileCounts, Meta, PageId, PageStore, Status, MAX_DELTA};
use crate::bytes::{varint_len, write, write_varint};
use crate::error::{Answer, Error, Result, ENOSPC};
use cache::{Cache, NO_SLOT};
use format::{Location, Place, Root, Snapshot, DELTA};
use log::Log;
use medium::Medium;
use savepoint::Savepoints;
use table::MAX_LEVELS;

/// Fewer pages than this a cache never has.
pub const LEAST_PAGES: usize = 8;
/// So many pages can always be had without writing, whoever reads.
const FOR_READING: usize = 3;
/// Deltas take at most so many bytes between two checkpoints, and some: opening has to go through them.
const DELTA_BYTES: u32 = 8192;

/// Of what is to be known of a page in the cache so many bytes are taken from the cache itself.
const ACCOUNT: usize = 28;
/// On a full medium a commit is made when so many pages are changed.
const PAGES_WHEN_FULL: u32 = 8;
/// A database whose clock has gone on by so many milliseconds since the last commit says so on closing.
const CLOCK_TOLERANCE: u64 = 1000;

/// What a database in files is made with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of a page, where there is no database yet.
    pub page_size: usize,
    /// At most so many pages are held in memory.
    pub cache_pages: usize,
}

/// Pages in files.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[repr(C)]
pub struct FileStore<M> {
    stage: recovery::Stage,
    /// Something was changed since the last commit.
    unflushed: bool,
    /// The deltas since the last commit do not say everything: the next one takes a checkpoint.
    incomplete: bool,
    /// The log can go on behind that commit.
    resumable: bool,
    /// How many savepoints are open.
    depth: u32,
    spare: space::Spare,
    /// Changes that deltas speak of, or should have spoken of, to tell whether there were some.
    said: u32,
    /// Bytes of deltas since the checkpoint.
    delta_bytes: u32,
    /// The pages on the medium: what the cache's changed pages change.
    snapshot: Snapshot,
    moved: moved::Moved,
    root: Root,
    cleaning: cleaning::Cleaning,
    cache: Cache,
    log: Log<M>,
    status: Status,
    /// Where a page of the tree is being made anew.
    scratch: u32,
    /// A checkpoint that a rollback goes back to and that is still to be read.
    pending_rollback: Location,
    savepoints: Savepoints,
    backup: backup::Backup,
    key_limit: u64,
    /// What the last commit said of the clock.
    committed_now: u64,
    options: Options,
    /// Of opening: the commit that was found, then the one that the state is that of.
    tail: Option<Place>,
    replay: Option<recovery::Replay>,
    /// Where it was before the last delta.
    replay_again: Option<recovery::Replay>,
    /// A slot whose memory is lent for deltas.
    lent: u32,
    /// Where the search for a free id goes on.
    search_from: u32,
    /// The pages of which the one in `scratch` is made.
    brought: [u32; 2],
    /// Where pages of the page table are being made anew, one a level.
    table_slots: [u32; MAX_LEVELS as usize],
    checkpoint: Place,
    before: checkpoint::Before,
    /// No segment of a lower sequence number is needed to find and check the checkpoint.
    needed_from: u32,
    /// What the cache had counted as touched at the last commit, if that was not the checkpoint.
    touched_before: u32,
}

impl<M: Medium> FileStore<M> {
    /// A store that is still to be opened, once it was told its [options](Self::set_options). All of it is zeros but
    /// for the medium: the code of a board clears it at once.
    pub const fn new(medium: M) -> Self {
        FileStore {
            log: Log::new(medium),
            cache: Cache::new(),
            options: Options { page_size: 0, cache_pages: 0 },
            root: Root { page_size: 0, has_segment: false, salt: 0 },
            stage: recovery::Stage::Closed,
            tail: None,
            replay: None,
            replay_again: None,
            lent: NO_SLOT,
            resumable: false,
            snapshot: Snapshot::UNKNOWN,
            search_from: 0,
            scratch: NO_SLOT,
            brought: [NO_SLOT; 2],
            table_slots: [NO_SLOT; MAX_LEVELS as usize],
            depth: 0,
            savepoints: Savepoints::NONE,
            pending_rollback: Location::NONE,
            checkpoint: Place::NONE,
            before: checkpoint::Before::NONE,
            needed_from: 0,
            delta_bytes: 0,
            touched_before: 0,
            said: 0,
            incomplete: false,
            unflushed: false,
            status: Status { now: 0, wall: 0, next_key: 0 },
            committed_now: 0,
            key_limit: 0,
            cleaning: cleaning::Cleaning::NONE,
            spare: space::Spare::NONE,
            backup: backup::Backup::NONE,
            moved: moved::Moved::NONE,
        }
    }

    /// To be said once, before anything else is done.
    pub fn set_options(&mut self, options: Options) {
        // Of a cache that can spare it some goes to what is to be known of pages, segments and the database.
        let account = if options.cache_pages < 2 * LEAST_PAGES {
            0
        } else {
            (options.cache_pages.saturating_mul(ACCOUNT) / options.page_size.max(1)).saturating_add(1)
        };
        self.options = Options { cache_pages: options.cache_pages.saturating_sub(account), ..options };
    }

    /// The medium below.
    pub fn medium_mut(&mut self) -> &mut M {
        &mut self.log.medium
    }

    // ---- memory ----

    /// Bytes of the block that is wanted next; 0 when there is enough.
    pub fn wanted(&self) -> usize {
        match self.stage {
            recovery::Stage::Closed => 0,
            recovery::Stage::Opening => self.cache.wanted(LEAST_PAGES),
            recovery::Stage::Replaying | recovery::Stage::Open => self.cache.wished(),
        }
    }

    /// Takes a block of that size.
    pub fn give(&mut self, block: Block) -> Option<Block> {
        if block.bytes() != self.wanted() {
            return Some(block);
        }
        self.cache.give(block)
    }

    /// There is no more memory to be had.
    pub fn refuse(&mut self) {
        self.cache.refuse();
    }

    /// A block that is not needed any more.
    pub fn surplus(&mut self) -> Option<Block> {
        self.cache.surplus()
    }

    /// On closing: every block in turn. The store must not be used any more.
    pub fn reclaim(&mut self) -> Option<Block> {
        self.log.abandon();
        self.stage = recovery::Stage::Closed;
        self.cache.reclaim()
    }

    /// In one piece: the medium is asked once.
    #[inline(always)]
    fn append_delta(&mut self, delta: &[&[u8]], len: usize) -> Result<()> {
        let mut frame = [DELTA; MAX_DELTA + 8];
        let mut end = write_varint(&mut frame, 1, len as u32);
        for part in delta {
            write(&mut frame, end, part);
            end = end.wrapping_add(part.len());
        }
        self.log.append(frame.get(..end).ok_or(Error::TooLong)?)
    }

    fn is_open(&self) -> bool {
        self.stage == recovery::Stage::Open
    }
}

impl<M: Medium> PageStore for FileStore<M> {
    fn page_size(&self) -> usize {
        match self.root.page_size {
            0 => self.options.page_size,
            size => size,
        }
    }

    #[inline]
    fn page(&mut self, id: PageId) -> Result<&[u8]> {
        let slot = self.load(id)?;
        self.cache.bytes(slot)
    }

    fn reserve(&mut self, _pages: usize, _touched: usize) -> Result<()> {
        // Room in the cache is made when it is needed: pages are written the later the better.
        self.refuse_when_full()
    }

    fn allocate(&mut self) -> Result<PageId> {
        let id = self.free_id()?;
        self.unflushed = true;
        self.add_page(id)?;
        Ok(PageId(id))
    }

    fn write(&mut self, id: PageId) -> Result<()> {
        self.changeable(id).map(|_| ())
    }

    #[inline]
    fn page_mut(&mut self, id: PageId) -> Result<&mut [u8]> {
        let slot = self.changeable(id)?;
        self.cache.bytes_mut(slot)
    }

    fn free(&mut self, id: PageId) -> Result<()> {
        self.unflushed = true;
        let slot = match self.cache.find(id.0) {
            Some(_) => self.changeable(id)?,
            None => self.add_page(id.0)?,
        };
        self.cache.set_freed(slot);
        Ok(())
    }

    fn bring(&mut self, left: PageId, right: PageId) -> Result<()> {
        self.load_two(left, right)
    }

    fn build(&mut self, _left: PageId, _right: PageId) -> Result<(&[u8], &[u8], &mut [u8])> {
        let [left, right] = self.brought;
        self.cache.two_and_one(left, right, self.scratch)
    }

    fn install(&mut self, id: PageId) -> Result<()> {
        let slot = self.changeable(id)?;
        self.cache.copy(self.scratch, slot)?;
        self.release_scratch();
        Ok(())
    }

    fn removal_can_fail(&self) -> bool {
        true
    }

    fn changes_can_fail(&self) -> bool {
        true
    }

    fn set_removing(&mut self, removing: bool) -> bool {
        self.set_removing_space(removing)
    }

    fn begin(&mut self, meta: &Meta) -> Result<()> {
        // Before anything has changed is the time to ask for pages that would have helped.
        if self.cache.wished() != 0 {
            return Err(Error::NeedMemory);
        }
        self.begin_savepoint(meta)
    }

    fn commit(&mut self) {
        self.commit_savepoint();
    }

    fn rollback(&mut self, meta: &mut Meta) {
        self.rollback_savepoint(meta);
    }

    fn depth(&self) -> u32 {
        self.depth
    }

    fn usage(&self) -> (u32, u32) {
        (self.snapshot.next_id.saturating_sub(self.snapshot.free_ids), u32::MAX >> 4)
    }

    fn log(&mut self, delta: &[&[u8]]) -> Result<()> {
        self.unflushed = true;
        self.said = self.said.wrapping_add(1);
        if self.incomplete {
            return Ok(());
        }
        if self.log.head().is_none() {
            self.incomplete = true;
            return Ok(());
        }
        let len: usize = delta.iter().map(|part| part.len()).sum();
        let end = len.wrapping_add(1).wrapping_add(varint_len(len as u32));
        let appended = self.log.room_for(end).and_then(|()| self.append_delta(delta, len));
        self.delta_bytes = self.delta_bytes.saturating_add(end as u32);
        // Half a delta in the log must not be taken for a whole one.
        self.incomplete |= appended.is_err();
        match appended {
            // The next commit can do without it.
            Err(error) if error == Error::io(ENOSPC) && self.log.is_removing => Ok(()),
            result => result,
        }
    }

    fn set_incomplete(&mut self) {
        self.said = self.said.wrapping_add(1);
        self.incomplete = true;
    }

    fn settle(&mut self) -> Result<()> {
        self.make_available(FOR_READING)
    }

    fn is_crowded(&self) -> bool {
        // On a full medium little can be written at a time, or there is no room for what gives space back.
        self.is_short_of_slots() || self.is_full() && self.cache.touched > PAGES_WHEN_FULL
    }

    fn allow_keys(&mut self, meta: &Meta, limit: u64) -> Result<()> {
        self.commit_keys(meta, limit)
    }

    fn make_durable(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        self.flush(meta, next_key)
    }

    fn key_limit(&self) -> u64 {
        self.key_limit
    }
}

impl<M: Medium> DurableStore for FileStore<M> {
    fn open(&mut self, wall: u64, seed: u64, meta: &mut Meta) -> Result<Answer> {
        let opened = self.open_files(wall, seed)?;
        if opened == Answer::Yes {
            *meta = self.snapshot.meta;
        }
        Ok(opened)
    }

    fn lend(&mut self) -> Result<Option<Block>> {
        self.lend_slot()
    }

    fn take_back(&mut self, block: Block) {
        self.cache.put_back(self.lent, block);
    }

    fn next_delta(&mut self, buf: &mut [u8]) -> Result<Option<usize>> {
        self.next_delta_of_log(buf)
    }

    fn repeat_delta(&mut self) {
        self.replay = self.replay_again;
    }

    fn finish_open(&mut self) {
        self.end_replay();
    }

    fn status(&self) -> Status {
        self.status
    }

    fn set_time(&mut self, now: u64, wall: u64) {
        self.status.now = now;
        // A clock that was set back does not make the time since then one that was spent switched off.
        self.status.wall = self.status.wall.max(wall);
    }

    fn set_unflushed(&mut self) {
        self.unflushed |= self.status.now >= self.committed_now.saturating_add(CLOCK_TOLERANCE);
    }

    fn compact(&mut self, budget: u32, meta: &Meta, next_key: u64) -> Result<Answer> {
        self.compact_some(budget, meta, next_key)
    }

    fn begin_backup(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        self.start_backup(meta, next_key)
    }

    fn backup(&mut self, budget: u32) -> Result<Answer> {
        self.backup_some(budget)
    }

    fn end_backup(&mut self) {
        self.give_up_backup();
    }

    fn counts(&self) -> FileCounts {
        let root = if self.root.has_segment { 0 } else { format::HEADER as u64 };
        FileCounts {
            bytes: u64::from(self.log.bytes()).wrapping_add(root).wrapping_add(self.spare.bytes()),
            hits: self.cache.hits,
            misses: self.cache.misses,
        }
    }
}
