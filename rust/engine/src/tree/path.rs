//! The way from the root to one place in a leaf.

use super::page::Page;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// The most levels a tree can have.
pub const MAX_HEIGHT: usize = 16;

/// One page on the way, and the entry taken there.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub id: PageId,
    pub index: u16,
}

/// The pages from the root to a leaf.
#[derive(Clone, Copy)]
pub struct Path {
    steps: [Step; MAX_HEIGHT],
    len: u8,
    found: bool,
}

impl Path {
    pub(super) const fn new() -> Self {
        Path { steps: [Step { id: PageId::NONE, index: 0 }; MAX_HEIGHT], len: 0, found: false }
    }

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
        let step = self.step(self.height().wrapping_sub(1));
        (step.id, usize::from(step.index))
    }

    #[inline]
    pub(super) fn step(&self, depth: usize) -> Step {
        self.steps.get(depth).copied().unwrap_or(Step { id: PageId::NONE, index: 0 })
    }

    pub(super) fn set(&mut self, depth: usize, id: PageId, index: usize) {
        if let Some(step) = self.steps.get_mut(depth) {
            *step = Step { id, index: index as u16 };
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
    }

    /// Makes the page at `depth` writable, and where that gives it another name, the pages above.
    pub(super) fn write<S: PageStore>(&mut self, store: &mut S, root: &mut PageId, depth: usize) -> Result<PageId> {
        let mut depth = depth;
        let old = self.step(depth);
        let mut id = store.write(old.id)?;
        let written = id;
        let mut old = old;
        while id != old.id {
            self.set(depth, id, usize::from(old.index));
            let Some(above) = depth.checked_sub(1) else {
                *root = id;
                break;
            };
            old = self.step(above);
            let parent = store.write(old.id)?;
            set_child(store, parent, usize::from(old.index), id)?;
            (depth, id) = (above, parent);
        }
        Ok(written)
    }

    /// Goes down from the page at the end of the path to the leaf for `key`, or to the first leaf.
    pub(super) fn descend<S: PageStore>(&mut self, store: &mut S, from: PageId, key: Option<&[u8]>) -> Result<()> {
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
}

/// The page that entry `index` of a branch leads to.
pub(super) fn child(page: Page, index: usize) -> Result<PageId> {
    page.cell(index).map(|cell| PageId::from_bytes(cell.value)).ok_or(Error::Corrupt)
}

pub(super) fn set_child<S: PageStore>(store: &mut S, branch: PageId, index: usize, child: PageId) -> Result<()> {
    let bytes = store.page_mut(branch)?;
    super::page::PageMut(bytes).overwrite(index, &[&child.to_bytes(), &[], &[]]);
    Ok(())
}

/// The way to a key, or to where it would stand.
pub fn locate<S: PageStore>(store: &mut S, root: PageId, key: &[u8]) -> Result<Path> {
    let mut path = Path::new();
    if root != PageId::NONE {
        path.descend(store, root, Some(key))?;
    }
    Ok(path)
}
