//! Where pages live. The tree knows this trait only; [`memory`] is the first store behind it.

mod journal;
pub mod memory;
pub mod raw;

use crate::error::Result;

/// The name of a page. A store may give a page another one when it is made writable, so whoever holds an
/// id of a page that is about to change must take the new one.
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

    /// Makes a page writable and gives the name that it has from now on.
    fn write(&mut self, id: PageId) -> Result<PageId>;

    /// A page to change.
    fn page_mut(&mut self, id: PageId) -> Result<&mut [u8]>;

    /// Gives a page back; a rollback brings it back too.
    fn free(&mut self, id: PageId) -> Result<()>;

    /// Two pages to read, the same one perhaps, and the scratch page to make another of them.
    fn build(&mut self, left: PageId, right: PageId) -> Result<(&[u8], &[u8], &mut [u8])>;

    /// Copies the scratch page to a writable one.
    fn install(&mut self, id: PageId) -> Result<()>;

    /// Whether taking entries out of the tree can fail for want of memory or a medium.
    fn removal_can_fail(&self) -> bool;

    /// Whether what follows takes away more than it needs, so that no limit may stop it.
    fn set_removing(&mut self, removing: bool);

    /// Begins a savepoint, whatever the limit.
    fn begin(&mut self, meta: &Meta) -> Result<()>;

    /// Ends the innermost savepoint, its changes now belong to the one around it.
    fn commit(&mut self);

    /// Undoes everything since the innermost savepoint, ends it and gives its meta.
    fn rollback(&mut self) -> Option<Meta>;

    /// Open savepoints.
    fn depth(&self) -> u32;

    /// Pages in use, and how many there may be.
    fn usage(&self) -> (u64, u64);
}
