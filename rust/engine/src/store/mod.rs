//! Where pages live. The tree knows this trait only; behind it are [`memory`] and [`file`].

pub mod either;
pub mod file;
mod journal;
pub mod memory;
pub mod raw;

use crate::error::{Answer, Error, Result};
use raw::Block;

/// The name of a page, the same for as long as the page is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageId(pub u32);

impl PageId {
    /// No page: the end of a chain.
    pub const NONE: PageId = PageId(u32::MAX);

    /// As it stands in branches and chains.
    pub fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// Read from a branch or a chain; damaged bytes give a page that does not exist.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match bytes.first_chunk() {
            Some(bytes) => PageId(u32::from_le_bytes(*bytes)),
            None => PageId::NONE,
        }
    }
}

/// What must be the same again after a rollback, beside the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The root of the tree.
    pub root: PageId,
    /// Records, expired but uncollected ones among them.
    pub records: u32,
    /// Records that will expire.
    pub ttl_records: u32,
    /// Records whose document has a field named `tags`.
    pub field_tags: u32,
    /// Names that have a number.
    pub names: u32,
    /// Records whose value is compressed.
    pub compressed: u32,
    /// Bytes by which that makes them shorter.
    pub saved: u32,
}

impl Meta {
    /// How many numbers it is.
    pub const NUMBERS: usize = 7;

    /// Of an empty database.
    pub const EMPTY: Meta = Meta::from_numbers([PageId::NONE.0, 0, 0, 0, 0, 0, 0]);

    /// As stores keep it.
    pub fn to_numbers(self) -> [u32; Meta::NUMBERS] {
        let Meta { root, records, ttl_records, field_tags, names, compressed, saved } = self;
        [root.0, records, ttl_records, field_tags, names, compressed, saved]
    }

    /// From what [`to_numbers`](Meta::to_numbers) gave.
    pub const fn from_numbers(numbers: [u32; Meta::NUMBERS]) -> Self {
        let [root, records, ttl_records, field_tags, names, compressed, saved] = numbers;
        Meta { root: PageId(root), records, ttl_records, field_tags, names, compressed, saved }
    }
}

/// Fixed-size pages, read and changed in place, with savepoints to which all of them go back.
///
/// A page is changed only after [`write`](PageStore::write) or [`allocate`](PageStore::allocate) of it
/// in the same savepoint. One page of the store is scratch: pages are made anew there
/// ([`build`](PageStore::build)) and copied to their place ([`install`](PageStore::install)).
pub trait PageStore {
    /// Bytes of a page.
    fn page_size(&self) -> usize;

    /// A page to read. [`Error::Corrupt`](crate::Error::Corrupt) if there is none of that name.
    fn page(&mut self, id: PageId) -> Result<&[u8]>;

    /// Makes sure that `pages` new pages and the first change of `touched` old ones will be had.
    fn reserve(&mut self, pages: usize, touched: usize) -> Result<()>;

    /// A new page with undefined content.
    fn allocate(&mut self) -> Result<PageId>;

    /// Makes a page writable.
    fn write(&mut self, id: PageId) -> Result<()>;

    /// A page to change.
    fn page_mut(&mut self, id: PageId) -> Result<&mut [u8]>;

    /// Gives a page back; a rollback brings it back too.
    fn free(&mut self, id: PageId) -> Result<()>;

    /// Reads two pages, as far as that is to be done, for [`build`](PageStore::build), which must be what comes next.
    fn bring(&mut self, _left: PageId, _right: PageId) -> Result<()> {
        Ok(())
    }

    /// Two pages to read that were brought, the same one perhaps, and the scratch page to make another of them.
    fn build(&mut self, left: PageId, right: PageId) -> Result<(&[u8], &[u8], &mut [u8])>;

    /// Copies the scratch page to a writable one.
    fn install(&mut self, id: PageId) -> Result<()>;

    /// Whether taking entries out of the tree can fail for want of memory or a medium.
    fn removal_can_fail(&self) -> bool;

    /// Whether any change can fail halfway, outside of savepoints too, so that each needs one of its own.
    fn changes_can_fail(&self) -> bool {
        false
    }

    /// Says whether what follows takes away more than it needs, so that no limit may stop it, and gives what was said
    /// before.
    fn set_removing(&mut self, removing: bool) -> bool;

    /// Begins a savepoint, whatever the limit.
    fn begin(&mut self, meta: &Meta) -> Result<()>;

    /// Ends the innermost savepoint, its changes now belong to the one around it.
    fn commit(&mut self);

    /// Undoes everything since the innermost savepoint, ends it and sets its meta; nothing where there is none.
    fn rollback(&mut self, meta: &mut Meta);

    /// Open savepoints.
    fn depth(&self) -> u32;

    /// Pages in use, and how many there may be.
    fn usage(&self) -> (u32, u32);

    /// Takes down what the database has just done, so that it can be done again. In a savepoint that is rolled back
    /// it was not done.
    fn log(&mut self, _delta: &[&[u8]]) -> Result<()> {
        Ok(())
    }

    /// The database has done something that it cannot say in a delta.
    fn set_incomplete(&mut self) {}

    /// Sees to it, before a change ends, that whoever reads next needs nothing that can fail.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether it is time to make things durable, whatever the flush rule says.
    fn is_crowded(&self) -> bool {
        false
    }

    /// Makes everything durable, what open savepoints have done too. When it fails nothing has changed.
    fn make_durable(&mut self, _meta: &Meta, _next_key: u64) -> Result<()> {
        Ok(())
    }

    /// Allows for generated keys below that number, of which none may be given again whatever happens.
    fn allow_keys(&mut self, _meta: &Meta, _limit: u64) -> Result<()> {
        Ok(())
    }

    /// Generated keys from this number on were not given before, and were not allowed to be.
    fn key_limit(&self) -> u64 {
        u64::MAX
    }
}

/// Whether pages can have that size.
#[inline(never)]
pub fn is_page_size(bytes: usize) -> bool {
    bytes.is_power_of_two() && (512..=4096).contains(&bytes)
}

/// The longest delta in bytes.
pub const MAX_DELTA: usize = 400;

/// What each commit takes down beside the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The database's clock, in milliseconds.
    pub now: u64,
    /// Seconds since 1970, the latest that were seen; 0 where nobody ever knew.
    pub wall: u64,
    /// No generated key of this number or a later one was given.
    pub next_key: u64,
}

/// What is known of a database in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FileCounts {
    /// Bytes of all files, as far as written.
    pub bytes: u64,
    /// Pages found in the cache since opening.
    pub hits: u64,
    /// Pages read.
    pub misses: u64,
}

/// What a store can do whose pages outlive the program. In memory there is nothing to be done.
pub trait DurableStore: PageStore {
    /// Opens what is there, or makes it, and sets the counts of the last checkpoint; no when that was done by a
    /// call before. [`Error::NeedMemory`]: give, and call again. `wall`: seconds since 1970, or 0;
    /// `seed`: anything that is seldom the same.
    fn open(&mut self, _wall: u64, _seed: u64, meta: &mut Meta) -> Result<Answer> {
        *meta = Meta::EMPTY;
        Ok(Answer::Yes)
    }

    /// Memory for [`MAX_DELTA`] bytes, until [`take_back`](Self::take_back) with no call before that gives or asks for
    /// memory; `None` where there is no delta.
    fn lend(&mut self) -> Result<Option<Block>> {
        Ok(None)
    }

    /// Takes that back.
    fn take_back(&mut self, _block: Block) {}

    /// The next delta since that checkpoint, which the database has to do again, into `buf`.
    fn next_delta(&mut self, _buf: &mut [u8]) -> Result<Option<usize>> {
        Ok(None)
    }

    /// The delta last given could not be done for want of memory, and is to be given again.
    fn repeat_delta(&mut self) {}

    /// They are all done.
    fn finish_open(&mut self) {}

    /// What the last commit took down.
    fn status(&self) -> Status {
        Status::default()
    }

    /// What time it is, for commits to take down.
    fn set_time(&mut self, _now: u64, _wall: u64) {}

    /// The next commit is not to be left out where nothing has changed but the time.
    fn set_unflushed(&mut self) {}

    /// Gets space back, some `budget` pages at a time, and commits; true when nothing more is to be gained.
    fn compact(&mut self, _budget: u32, _meta: &Meta, _next_key: u64) -> Result<Answer> {
        Ok(Answer::Yes)
    }

    /// Commits, and begins a copy of that state.
    fn begin_backup(&mut self, _meta: &Meta, _next_key: u64) -> Result<()> {
        Err(Error::BadOption)
    }

    /// Copies at most `budget` pages; true when the copy is whole and durable.
    fn backup(&mut self, _budget: u32) -> Result<Answer> {
        Err(Error::BadOption)
    }

    /// Gives up a copy that is not whole.
    fn end_backup(&mut self) {}

    /// What is known of the files.
    fn counts(&self) -> FileCounts {
        FileCounts::default()
    }
}
