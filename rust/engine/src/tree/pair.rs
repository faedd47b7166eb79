//! Two pages side by side: joining them, and sharing what is in them.

use super::cells::Cells;
use super::key::separator_len;
use super::page::Page;
use super::path::{child, Path};
use super::remove::take_out;
use super::{locate, KeyBuf};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Two pages of one level side by side.
pub(super) struct Pair {
    /// The way to the left one, which is the last page of it.
    pub path: Path,
    pub left: PageId,
    pub right: PageId,
    /// The depth of the branch that leads to both, and its entry for the right one.
    pub above: usize,
    pub right_index: usize,
    /// The key there.
    pub separator: KeyBuf,
}

impl Pair {
    /// The path's page at `depth` and its right neighbour under the same branch, if there is one.
    pub fn of<S: PageStore>(store: &mut S, path: &Path, depth: usize) -> Result<Option<Pair>> {
        match depth.checked_sub(1) {
            Some(above) => Pair::below(store, path, depth, above),
            None => Ok(None),
        }
    }

    /// The same under a branch further up.
    pub fn across<S: PageStore>(store: &mut S, path: &Path, depth: usize) -> Result<Option<Pair>> {
        for above in (0..depth.saturating_sub(1)).rev() {
            if let Some(pair) = Pair::below(store, path, depth, above)? {
                return Ok(Some(pair));
            }
        }
        Ok(None)
    }

    fn below<S: PageStore>(store: &mut S, path: &Path, depth: usize, above: usize) -> Result<Option<Pair>> {
        let parent = path.step(above);
        let branch = Page(store.page(parent.id)?);
        let right_index = usize::from(parent.index).wrapping_add(1);
        if right_index >= branch.count() {
            return Ok(None);
        }
        let mut separator = KeyBuf::new();
        separator.set(branch.key(right_index).ok_or(Error::Corrupt)?);
        let mut right = child(branch, right_index)?;
        for _ in above.wrapping_add(1)..depth {
            right = child(Page(store.page(right)?), 0)?;
        }
        let mut path = *path;
        path.truncate(depth.wrapping_add(1));
        Ok(Some(Pair { path, left: path.step(depth).id, right, above, right_index, separator }))
    }

    /// The entries of both, and the scratch page.
    pub fn cells<'s, S: PageStore>(&'s self, store: &'s mut S) -> Result<(Cells<'s>, &'s mut [u8])> {
        let (left, right, scratch) = store.build(self.left, self.right)?;
        let separator = self.separator.as_slice();
        Ok((Cells { right: Some(Page(right)), separator, ..Cells::of(Page(left)) }, scratch))
    }

    /// Makes one page of both, which stand under one branch, and frees the other.
    pub fn join<S: PageStore>(mut self, store: &mut S, root: &mut PageId) -> Result<()> {
        let (cells, scratch) = self.cells(store)?;
        cells.build(0, cells.count(), scratch);
        let depth = self.path.height().wrapping_sub(1);
        let left = self.path.write(store, root, depth)?;
        store.install(left)?;
        store.free(self.right)?;
        self.path.set(self.above, self.path.step(self.above).id, self.right_index);
        take_out(store, root, &mut self.path, self.above)
    }

    /// Moves entries until the left page has `count` of them; false, and nothing done, if the branch cannot
    /// hold the new separator, or one of the pages not its entries.
    pub fn share<S: PageStore>(mut self, store: &mut S, root: &mut PageId, count: usize) -> Result<bool> {
        let size = store.page_size();
        let (cells, _) = self.cells(store)?;
        let (before, all) = (cells.left.count(), cells.count());
        if count == 0 || count >= all || cells.packed(0, count) > size || cells.packed(count, all) > size {
            return Ok(false);
        }
        let mut separator = KeyBuf::new();
        let (last, first) = (cells.get(count.wrapping_sub(1)).0, cells.get(count).0);
        separator.set(first);
        if cells.left.level() == 0 {
            separator.truncate(separator_len(last, first));
        }
        let parent = self.path.step(self.above).id;
        if !replace(store, parent, self.right_index, separator.as_slice())? {
            return Ok(false);
        }
        let parent = self.write(store, root)?;
        if count > before {
            // The page that gains is made first, while the other one still has what it gains.
            let (cells, scratch) = self.cells(store)?;
            cells.build(0, count, scratch);
            store.install(self.left)?;
            let (page, _, scratch) = store.build(self.right, self.right)?;
            let cells = Cells { separator: self.separator.as_slice(), ..Cells::of(Page(page)) };
            cells.build(count.wrapping_sub(before), cells.count(), scratch);
            store.install(self.right)?;
        } else {
            let (cells, scratch) = self.cells(store)?;
            cells.build(count, all, scratch);
            store.install(self.right)?;
            let (page, _, scratch) = store.build(self.left, self.left)?;
            Cells::of(Page(page)).build(0, count, scratch);
            store.install(self.left)?;
        }
        replace(store, parent, self.right_index, separator.as_slice())?;
        store.install(parent)?;
        Ok(true)
    }

    /// Makes both pages and the branch writable, and gives the branch.
    pub fn write<S: PageStore>(&mut self, store: &mut S, root: &mut PageId) -> Result<PageId> {
        let depth = self.path.height().wrapping_sub(1);
        self.left = self.path.write(store, root, depth)?;
        let parent = self.path.write(store, root, self.above)?;
        let mut right = locate(store, *root, self.separator.as_slice())?;
        self.right = right.write(store, root, depth)?;
        Ok(parent)
    }
}

/// Makes the branch anew in scratch with another key for one of its entries; false if that does not fit.
pub(super) fn replace<S: PageStore>(store: &mut S, branch: PageId, index: usize, key: &[u8]) -> Result<bool> {
    let size = store.page_size();
    let value = child(Page(store.page(branch)?), index)?.to_bytes();
    let (page, _, scratch) = store.build(branch, branch)?;
    let new = Some((index, key, [&value[..], &[], &[]]));
    let cells = Cells { new, replaces: true, ..Cells::of(Page(page)) };
    let fits = cells.packed(0, cells.count()) <= size;
    if fits {
        cells.build(0, cells.count(), scratch);
    }
    Ok(fits)
}
