//! The way from the root to one place in a leaf.

use super::key::Key;
use super::page::Page;
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// The most levels a tree can have.
pub const MAX_HEIGHT: usize = 16;

/// One page on the way, and the entry taken there.
pub(super) struct Step {
    pub id: PageId,
    pub index: usize,
}

/// The pages from the root to a leaf.
// In this order the code of a board is shorter: its instructions reach bytes that stand within the first 32.
#[derive(Clone, Default)]
#[repr(C)]
pub struct Path {
    len: u8,
    found: bool,
    /// Bytes in use of the last page from which on no neighbour has room for its entries; 0 where that is not known.
    pub(super) too_full: u16,
    ids: [u32; MAX_HEIGHT],
    indexes: [u16; MAX_HEIGHT],
}

impl Path {
    /// Whether the key looked for is there.
    pub fn found(&self) -> bool {
        self.found
    }

    /// How many pages.
    pub fn height(&self) -> usize {
        usize::from(self.len)
    }

    /// The leaf and the entry in it.
    #[inline]
    pub fn leaf(&self) -> (PageId, usize) {
        let Step { id, index } = self.step(self.height().wrapping_sub(1));
        (id, index)
    }

    #[inline]
    pub(super) fn step(&self, depth: usize) -> Step {
        match (self.ids.get(depth), self.indexes.get(depth)) {
            (Some(id), Some(index)) => Step { id: PageId(*id), index: usize::from(*index) },
            _ => Step { id: PageId::NONE, index: 0 },
        }
    }

    pub(super) fn set(&mut self, depth: usize, id: PageId, index: usize) {
        if let (Some(to), Some(entry)) = (self.ids.get_mut(depth), self.indexes.get_mut(depth)) {
            (*to, *entry) = (id.0, index as u16);
        }
    }

    /// Goes to another entry of the page at `depth`.
    #[inline(never)]
    pub(super) fn set_index(&mut self, depth: usize, index: usize) {
        if let Some(entry) = self.indexes.get_mut(depth) {
            *entry = index as u16;
        }
    }

    pub(super) fn push(&mut self, id: PageId, index: usize) -> Result<()> {
        let depth = self.height();
        if depth >= MAX_HEIGHT {
            return Err(Error::Corrupt);
        }
        self.set(depth, id, index);
        self.len = self.len.wrapping_add(1);
        Ok(())
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len as u8);
        self.too_full = 0;
    }

    /// Goes down from the page at the end of the path to the leaf for `key`, or to the first leaf.
    pub(super) fn descend<S: PageStore>(&mut self, store: &mut S, from: PageId, key: Option<&Key>) -> Result<()> {
        let mut id = from;
        loop {
            let page = Page(store.page(id)?);
            if page.level() == 0 {
                let place = key.map_or(Err(0), |key| page.search(key));
                self.found = place.is_ok();
                let (Ok(index) | Err(index)) = place;
                return self.push(id, index);
            }
            let index = key.map_or(0, |key| page.child_for(key));
            let child = child(page, index)?;
            self.push(id, index)?;
            id = child;
        }
    }

    /// Goes from wherever it is to a key, or to where it would stand.
    #[inline(always)]
    pub fn locate<S: PageStore>(&mut self, store: &mut S, root: PageId, key: &Key) -> Result<()> {
        (self.len, self.found, self.too_full) = (0, false, 0);
        if root != PageId::NONE {
            self.descend(store, root, Some(key))?;
        }
        Ok(())
    }

    /// Whether it is at the entry of a key, in a tree that has not changed since but for what [`remove`](super::remove) took
    /// out there.
    pub fn is_at<S: PageStore>(&mut self, store: &mut S, key: &Key) -> Result<Answer> {
        let (id, index) = self.leaf();
        if id == PageId::NONE {
            return Ok(No);
        }
        let page = Page(store.page(id)?);
        self.found = page.level() == 0 && page.is_at(index, key);
        Ok(self.found.into())
    }

    /// The entry there, or where none is, the next one, to which it goes; `None` at the end.
    pub fn entry<S: PageStore>(&mut self, store: &mut S) -> Result<Option<(PageId, usize)>> {
        while self.len > 0 {
            let (id, index) = self.leaf();
            if index < Page(store.page(id)?).count() {
                return Ok(Some((id, index)));
            }
            if self.next_leaf(store)? == No {
                break;
            }
        }
        Ok(None)
    }

    /// Goes behind the entry that it is at.
    pub fn step_over(&mut self) {
        let (_, index) = self.leaf();
        self.set_index(self.height().wrapping_sub(1), index.wrapping_add(1));
    }

    /// Goes to the first entry of the next leaf; false where there is none.
    pub(super) fn next_leaf<S: PageStore>(&mut self, store: &mut S) -> Result<Answer> {
        let mut depth = self.height().wrapping_sub(1);
        while let Some(above) = depth.checked_sub(1) {
            let Step { id, index } = self.step(above);
            let page = Page(store.page(id)?);
            let index = index.wrapping_add(1);
            if index < page.count() {
                let next = child(page, index)?;
                self.set_index(above, index);
                self.truncate(depth);
                self.descend(store, next, None)?;
                return Ok(Yes);
            }
            depth = above;
        }
        Ok(No)
    }
}

/// The page that entry `index` of a branch leads to.
pub(super) fn child(page: Page, index: usize) -> Result<PageId> {
    page.cell(index).map(|cell| PageId::from_bytes(cell.value)).ok_or(Error::Corrupt)
}
