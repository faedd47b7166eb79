//! Two pages side by side: joining them, and sharing what is in them.

use super::cells::Cells;
use super::key::Key;
use super::page::{Entry, Page};
use super::path::{child, Path};
use super::KeyBuf;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Two pages of one level side by side.
pub(super) struct Pair {
    pub left: PageId,
    pub right: PageId,
    /// The branch above both, and its entry for the right one.
    pub parent: PageId,
    pub right_index: usize,
}

impl Pair {
    /// The page that entry `right_index` of a branch leads to and its left neighbour under that branch, if both are there.
    pub fn of<S: PageStore>(store: &mut S, parent: PageId, right_index: usize) -> Result<Option<Pair>> {
        let branch = Page(store.page(parent)?);
        match right_index.checked_sub(1) {
            Some(left) if right_index < branch.count() => {
                let (left, right) = (child(branch, left)?, child(branch, right_index)?);
                Ok(Some(Pair { left, right, parent, right_index }))
            }
            _ => Ok(None),
        }
    }

    /// The path's page at `depth` and its right neighbour, which is under another branch.
    pub fn across<S: PageStore>(store: &mut S, path: &Path, depth: usize) -> Result<Option<Pair>> {
        for above in (0..depth.saturating_sub(1)).rev() {
            let step = path.step(above);
            let Some(mut pair) = Pair::of(store, step.id, step.index.wrapping_add(1))? else { continue };
            for _ in above.wrapping_add(1)..depth {
                pair.right = child(Page(store.page(pair.right)?), 0)?;
            }
            pair.left = path.step(depth).id;
            return Ok(Some(pair));
        }
        Ok(None)
    }

    /// The entries of both, and the scratch page. Of branches `separator` is the key that leads to the right one.
    pub fn cells<'s, S: PageStore>(&self, store: &'s mut S, separator: &'s [u8]) -> Result<(Cells<'s>, &'s mut [u8])> {
        let (left, right, scratch) = store.build(self.left, self.right)?;
        Ok((Cells { right: Some(Page(right)), separator, ..Cells::of(Page(left)) }, scratch))
    }

    /// The key that leads to the right one, in `buf`.
    pub fn separator<'a, S: PageStore>(&self, store: &mut S, buf: &'a mut KeyBuf) -> Result<&'a [u8]> {
        buf.set(&Page(store.page(self.parent)?).key(self.right_index).ok_or(Error::Corrupt)?);
        Ok(buf.as_slice())
    }

    /// Makes one page of both, which stand under one branch, and frees the other. The entry for it is to be taken out.
    pub fn join<S: PageStore>(&self, store: &mut S, separator: &[u8]) -> Result<()> {
        let (cells, scratch) = self.cells(store, separator)?;
        cells.build(0, cells.count(), scratch);
        store.write(self.left)?;
        store.install(self.left)?;
        store.free(self.right)
    }

    /// Moves entries until the left page has `count` of them, with `raised` for the key that then leads to the right one; false, and nothing done, if the branch cannot
    /// hold the new separator, or one of the pages not its entries.
    pub fn share<S: PageStore>(
        &self,
        store: &mut S,
        count: usize,
        raised: &mut KeyBuf,
        separator: &[u8],
    ) -> Result<bool> {
        let size = store.page_size();
        let (cells, _) = self.cells(store, separator)?;
        let (before, all) = (cells.left.count(), cells.count());
        if !cells.fits(0, count, size) || !cells.fits(count, all, size) {
            return Ok(false);
        }
        raised.set(&cells.separator(count));
        if !self.replace_separator(store, raised.as_slice())? {
            return Ok(false);
        }
        self.write(store)?;
        // The page that gains is made first, while the other one still has what it gains.
        let (first, second) = ((self.left, 0, count), (self.right, count, all));
        let (gains, loses) = if count > before { (first, second) } else { (second, first) };
        let (id, from, to) = gains;
        let (cells, scratch) = self.cells(store, separator)?;
        cells.build(from, to, scratch);
        store.install(id)?;
        let (id, from, to) = loses;
        let (page, _, scratch) = store.build(id, id)?;
        let skipped = if count > before { before } else { 0 };
        let cells = Cells { separator, ..Cells::of(Page(page)) };
        cells.build(from.wrapping_sub(skipped), to.wrapping_sub(skipped), scratch);
        store.install(id)?;
        self.replace_separator(store, raised.as_slice())?;
        store.install(self.parent)?;
        Ok(true)
    }

    /// Makes both pages and the branch writable.
    pub fn write<S: PageStore>(&self, store: &mut S) -> Result<()> {
        store.write(self.left)?;
        store.write(self.parent)?;
        store.write(self.right)
    }

    /// Makes the branch anew in scratch with another key for the right page; false if that does not fit.
    pub fn replace_separator<S: PageStore>(&self, store: &mut S, key: &[u8]) -> Result<bool> {
        let size = store.page_size();
        let value = child(Page(store.page(self.parent)?), self.right_index)?.to_bytes();
        let (page, _, scratch) = store.build(self.parent, self.parent)?;
        let entry = Entry { key: Key::whole(key), value: [&value, &[]] };
        let cells = Cells { new: Some((self.right_index, &entry)), replaces: true, ..Cells::of(Page(page)) };
        let fits = cells.fits(0, cells.count(), size);
        if fits {
            cells.build(0, cells.count(), scratch);
        }
        Ok(fits)
    }
}
