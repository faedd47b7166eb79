//! Two pages side by side: joining them, and sharing what is in them.

use super::cells::Cells;
use super::key::separator_len;
use super::page::Page;
use super::path::{child, Path};
use super::remove::take_out;
use super::KeyBuf;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Two pages side by side under one branch.
pub(super) struct Pair {
    /// The way to the left one, which is the last page of it.
    pub path: Path,
    pub left: PageId,
    pub right: PageId,
    /// The right one's entry in the branch.
    pub right_index: usize,
    /// The key there.
    pub separator: KeyBuf,
}

impl Pair {
    /// The path's page at `depth` and its right neighbour, if there is one.
    pub fn of<S: PageStore>(store: &mut S, path: &Path, depth: usize) -> Result<Option<Pair>> {
        let Some(above) = depth.checked_sub(1) else { return Ok(None) };
        let parent = path.step(above);
        let branch = Page(store.page(parent.id)?);
        let right_index = usize::from(parent.index).wrapping_add(1);
        if right_index >= branch.count() {
            return Ok(None);
        }
        let mut separator = KeyBuf::new();
        separator.set(branch.key(right_index).ok_or(Error::Corrupt)?);
        let right = child(branch, right_index)?;
        let mut path = *path;
        path.truncate(depth.wrapping_add(1));
        Ok(Some(Pair { path, left: path.step(depth).id, right, right_index, separator }))
    }

    /// The depth of the branch.
    pub fn above(&self) -> usize {
        self.path.height().wrapping_sub(2)
    }

    /// The entries of both, and the scratch page.
    pub fn cells<'s, S: PageStore>(&'s self, store: &'s mut S) -> Result<(Cells<'s>, &'s mut [u8])> {
        let (left, right, scratch) = store.build(self.left, self.right)?;
        let separator = self.separator.as_slice();
        Ok((Cells { right: Some(Page(right)), separator, ..Cells::of(Page(left)) }, scratch))
    }

    /// Makes one page of both and frees the other.
    pub fn join<S: PageStore>(mut self, store: &mut S, root: &mut PageId) -> Result<()> {
        let (cells, scratch) = self.cells(store)?;
        cells.build(0, cells.count(), scratch);
        let depth = self.path.height().wrapping_sub(1);
        let left = self.path.write(store, root, depth)?;
        store.install(left)?;
        store.free(self.right)?;
        let above = self.above();
        self.path.set(above, self.path.step(above).id, self.right_index);
        take_out(store, root, &mut self.path, above)
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
        let above = self.above();
        let parent = self.path.step(above).id;
        if !replace(store, parent, self.right_index, separator.as_slice(), self.right)? {
            return Ok(false);
        }
        self.left = self.path.write(store, root, above.wrapping_add(1))?;
        self.right = store.write(self.right)?;
        let parent = self.path.write(store, root, above)?;
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
        replace(store, parent, self.right_index, separator.as_slice(), self.right)?;
        store.install(parent)?;
        Ok(true)
    }
}

/// Makes the branch anew in scratch with another key for one of its entries; false if that does not fit.
pub(super) fn replace<S: PageStore>(
    store: &mut S,
    branch: PageId,
    index: usize,
    key: &[u8],
    child: PageId,
) -> Result<bool> {
    let (size, value) = (store.page_size(), child.to_bytes());
    let (page, _, scratch) = store.build(branch, branch)?;
    let new = Some((index, key, [&value[..], &[], &[]]));
    let cells = Cells { new, replaces: true, ..Cells::of(Page(page)) };
    let fits = cells.packed(0, cells.count()) <= size;
    if fits {
        cells.build(0, cells.count(), scratch);
    }
    Ok(fits)
}
