//! A place in the order of the keys that outlives changes of the tree.

use super::key::Key;
use super::page::Page;
use super::path::Path;
use super::KeyBuf;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Walks the entries whose keys follow a key. It remembers its last key, and the path to it for as long
/// as the tree has not changed.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[derive(Clone)]
#[repr(C)]
pub struct Cursor {
    path: Path,
    change: u32,
    inclusive: bool,
    key: KeyBuf,
}

impl Cursor {
    /// A cursor before the first key that begins with `key`, or follows it.
    #[inline(always)]
    pub fn before(key: KeyBuf) -> Self {
        Cursor { key, path: Path::default(), change: 0, inclusive: true }
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
            self.path.step_over();
        } else {
            self.change = 0;
            self.path.locate(store, root, &Key::whole(self.key.as_slice()))?;
            if self.path.found() && !self.inclusive {
                self.path.step_over();
            }
            self.change = change;
        }
        let entry = self.path.entry(store)?;
        if entry.is_none() {
            self.change = 0;
        }
        Ok(entry)
    }

    /// Puts the cursor on entry `index` of the page that it is in.
    pub fn stay<S: PageStore>(&mut self, store: &mut S, index: usize) -> Result<()> {
        let (id, _) = self.path.leaf();
        self.path.set_index(self.path.height().wrapping_sub(1), index);
        self.key.set(&Page(store.page(id)?).key(index).ok_or(Error::Corrupt)?);
        self.inclusive = false;
        Ok(())
    }

    /// After an advance that did not [`stay`](Self::stay): the next one goes on from the last key.
    pub fn forget_path(&mut self) {
        self.change = 0;
    }

    /// Goes to the same key with other bytes in the place of its first `len`; before it where no more than those were there.
    pub fn change_prefix(&mut self, len: usize, prefix: &[u8]) {
        self.inclusive |= self.key.as_slice().len() <= len;
        self.key.replace(len, prefix);
        self.change = 0;
    }

    /// Goes back, so that the entry last given comes again.
    #[inline(never)]
    pub fn step_back(&mut self) {
        self.inclusive = true;
        self.change = 0;
    }

    /// Whether the entry of this key is still to come.
    pub fn comes_again(&self) -> bool {
        self.inclusive
    }

    /// The key of the entry last given.
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.key.as_slice()
    }
}
