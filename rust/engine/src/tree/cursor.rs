//! A place in the order of the keys that outlives changes of the tree.

use super::page::Page;
use super::path::{child, Path};
use super::KeyBuf;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Walks the entries whose keys follow a key. It remembers its last key, and the path to it for as long
/// as the tree has not changed.
#[derive(Clone)]
pub struct Cursor {
    key: KeyBuf,
    path: Path,
    change: u32,
    inclusive: bool,
}

impl Cursor {
    /// A cursor before the first key that begins with `key`, or follows it.
    pub fn before(key: &[u8]) -> Self {
        Cursor { key: KeyBuf::of(&[key]), path: Path::new(), change: 0, inclusive: true }
    }

    /// A cursor behind `key`.
    pub fn behind(key: &[u8]) -> Self {
        Cursor { inclusive: false, ..Cursor::before(key) }
    }

    /// Goes to the next entry and gives its page and its index there; `None` at the end. `change` is a
    /// number, not 0, that is another one whenever the tree may have changed.
    pub fn next<S: PageStore>(&mut self, store: &mut S, root: PageId, change: u32) -> Result<Option<(PageId, usize)>> {
        let Some((id, index)) = self.advance(store, root, change)? else { return Ok(None) };
        self.stay(store, index)?;
        Ok(Some((id, index)))
    }

    /// As [`next`](Self::next), but the cursor is only on that entry or a later one of the same page once
    /// [`stay`](Self::stay) says so; until then nothing may change.
    pub fn advance<S: PageStore>(
        &mut self,
        store: &mut S,
        root: PageId,
        change: u32,
    ) -> Result<Option<(PageId, usize)>> {
        if root == PageId::NONE {
            return Ok(None);
        }
        if self.change == change && self.path.height() > 0 {
            let (id, index) = self.path.leaf();
            self.path.set(self.path.height().wrapping_sub(1), id, index.wrapping_add(1));
        } else {
            let mut path = Path::new();
            path.descend(store, root, Some(self.key.as_slice()))?;
            if path.found() && !self.inclusive {
                let (id, index) = path.leaf();
                path.set(path.height().wrapping_sub(1), id, index.wrapping_add(1));
            }
            self.path = path;
            self.change = change;
        }
        loop {
            let (id, index) = self.path.leaf();
            if index < Page(store.page(id)?).count() {
                return Ok(Some((id, index)));
            }
            if !self.next_leaf(store)? {
                self.change = 0;
                return Ok(None);
            }
        }
    }

    /// Puts the cursor on entry `index` of the page that it is in.
    pub fn stay<S: PageStore>(&mut self, store: &mut S, index: usize) -> Result<()> {
        let (id, _) = self.path.leaf();
        self.path.set(self.path.height().wrapping_sub(1), id, index);
        self.key.set(Page(store.page(id)?).key(index).ok_or(Error::Corrupt)?);
        self.inclusive = false;
        Ok(())
    }

    fn next_leaf<S: PageStore>(&mut self, store: &mut S) -> Result<bool> {
        let mut depth = self.path.height().wrapping_sub(1);
        while let Some(above) = depth.checked_sub(1) {
            let step = self.path.step(above);
            let index = usize::from(step.index).wrapping_add(1);
            let page = Page(store.page(step.id)?);
            if index < page.count() {
                let next = child(page, index)?;
                self.path.set(above, step.id, index);
                self.path.truncate(depth);
                self.path.descend(store, next, None)?;
                return Ok(true);
            }
            depth = above;
        }
        Ok(false)
    }

    /// After an advance that did not [`stay`](Self::stay): the next one goes on from the last key.
    pub fn forget_path(&mut self) {
        self.change = 0;
    }

    /// Goes back, so that the entry last given comes again.
    pub fn step_back(&mut self) {
        self.inclusive = true;
        self.change = 0;
    }

    /// Whether the entry of this key is still to come.
    pub fn comes_again(&self) -> bool {
        self.inclusive
    }

    /// The path to the entry last given, for as long as the tree has not changed.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The key of the entry last given.
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.key.as_slice()
    }
}
