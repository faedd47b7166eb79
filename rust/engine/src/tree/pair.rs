//! Two pages side by side: joining them, and sharing what is in them.

use super::cells::{Cuts, Source};
use super::key::Key;
use super::page::{Entry, Page};
use super::path::{child, Path};
use super::KeyBuf;
use crate::error::Answer::{self, No, Yes};
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

    /// The entries of both. Of branches `separator` is the key that leads to the right one.
    pub fn entries<'a>(&self, separator: &'a [u8]) -> Source<'a> {
        Source { right: self.right, separator, ..Source::of(self.left) }
    }

    /// The key that leads to the right one, in `buf`.
    pub fn separator<'a, S: PageStore>(&self, store: &mut S, buf: &'a mut KeyBuf) -> Result<&'a [u8]> {
        buf.set(&Page(store.page(self.parent)?).key(self.right_index).ok_or(Error::Corrupt)?);
        Ok(buf.as_slice())
    }

    /// Makes one page of both, which stand under one branch, and frees the other. The entry for it is to be taken out.
    /// False, and nothing done, where it does not hold all entries.
    pub fn join<S: PageStore>(&self, store: &mut S, separator: &[u8]) -> Result<Answer> {
        let entries = self.entries(separator);
        let (cells, scratch) = entries.cells(store)?;
        let all = cells.count();
        if !cells.fits(0, all, scratch.len()) {
            return Ok(No);
        }
        store.write(self.left)?;
        entries.make_page(store, 0, all, self.left)?;
        store.free(self.right)?;
        Ok(Yes)
    }

    /// Puts entries, which are both pages' and perhaps a new one, where they are cut: the first ones into the left page, the
    /// next ones into the right one, and the others, if there are any, into a page on the right of that, which it gives;
    /// `raised` is then the key that leads there. `None`, and nothing done, if the branch does not hold the right page's new key.
    pub fn divide<S: PageStore>(
        &self,
        store: &mut S,
        entries: &Source,
        cuts: &Cuts,
        raised: &mut KeyBuf,
    ) -> Result<Option<PageId>> {
        entries.separator(store, cuts.first, raised)?;
        if self.replace_separator(store, raised.as_slice(), false)? == No {
            return Ok(None);
        }
        self.write(store)?;
        let added = if cuts.second < cuts.all { store.allocate()? } else { PageId::NONE };
        entries.divide(store, cuts, added)?;
        self.replace_separator(store, raised.as_slice(), true)?;
        if added != PageId::NONE {
            let behind = Source { right: added, ..Source::of(self.right) };
            behind.separator(store, cuts.second.wrapping_sub(cuts.first), raised)?;
        }
        Ok(Some(added))
    }

    /// Makes both pages and the branch writable.
    #[inline(always)]
    fn write<S: PageStore>(&self, store: &mut S) -> Result<()> {
        store.write(self.left)?;
        store.write(self.parent)?;
        store.write(self.right)
    }

    /// Whether another key for the right page fits the branch. Where it does and `install` says so, it is put there.
    fn replace_separator<S: PageStore>(&self, store: &mut S, key: &[u8], install: bool) -> Result<Answer> {
        let branch = Page(store.page(self.parent)?);
        let (value, count) = (child(branch, self.right_index)?.to_bytes(), branch.count());
        let entry = Entry { key: Key::whole(key), value: [&value, &[]] };
        let source = Source { replaced: 1, ..Source::with(self.parent, self.right_index, &entry) };
        let fits = source.fits(store, 0, count)?;
        if fits == Yes && install {
            source.make_page(store, 0, count, self.parent)?;
        }
        Ok(fits)
    }
}
