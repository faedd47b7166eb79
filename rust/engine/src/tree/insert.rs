//! Putting an entry into the tree, and splitting the pages that are full.

use super::cells::Source;
use super::key::Key;
use super::page::{parts_len, Entry, Fit, Page, PageMut};
use super::path::{Path, Step};
use super::relieve::relieve;
use super::{max_key, Work};
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Bytes of a page's id in a branch.
const CHILD: usize = 4;

/// Puts an entry where the path, just located for its key, leads; a value that is there is replaced. Changes nothing
/// when it fails for want of memory.
pub fn insert<S: PageStore>(store: &mut S, root: &mut PageId, work: &mut Work, entry: &Entry) -> Result<()> {
    if *root == PageId::NONE {
        return plant(store, root, entry);
    }
    let path = &mut work.path;
    let leaf = path.height().wrapping_sub(1);
    let (id, index) = path.leaf();
    let page = Page(store.page(id)?);
    let replaced = path.found();
    if replaced && page.cell(index).is_some_and(|cell| cell.value.len() == parts_len(&entry.value)) {
        store.reserve(0, 1)?;
        store.write(id)?;
        PageMut(store.page_mut(id)?).overwrite(index, &entry.value);
        return Ok(());
    }
    let fits = if replaced { page.fit_instead(index, &entry.value) } else { page.fit(index, entry) };
    if fits == Fit::No && !replaced && index != page.run() && relieve(store, root, work, entry)? == Yes {
        return Ok(());
    }
    if fits == Fit::No {
        reserve_split(store, &work.path)?;
    } else {
        store.reserve(0, 1)?;
    }
    store.write(id)?;
    let mut page = PageMut(store.page_mut(id)?);
    if replaced {
        page.remove(index);
    } else if fits == Fit::Direct {
        page.insert(index, entry);
        return Ok(());
    }
    if place(store, id, index, entry)? == Yes {
        return Ok(());
    }
    let right = split_leaf(store, work, entry)?;
    raise(store, root, work, leaf, right)
}

/// Makes the first page of a tree.
#[inline(never)]
fn plant<S: PageStore>(store: &mut S, root: &mut PageId, entry: &Entry) -> Result<()> {
    store.reserve(1, 0)?;
    let id = store.allocate()?;
    let mut page = PageMut(store.page_mut(id)?);
    page.clear(0, &Key::default(), 0);
    page.insert(0, entry);
    *root = id;
    Ok(())
}

/// Makes sure that there can be one more leaf, in every branch that may then split, whatever the separators are: the branch
/// above the leaf may get a new one, and another one for its neighbour ([`relieve`]).
#[inline(never)]
pub(super) fn reserve_split<S: PageStore>(store: &mut S, path: &Path) -> Result<()> {
    let separator = max_key(store.page_size());
    let mut splits: usize = 1;
    while let Some(depth) = path.height().checked_sub(splits.wrapping_add(1)) {
        if Page(store.page(path.step(depth).id)?).takes_any(if splits == 1 { 2 } else { 1 }, separator, CHILD) {
            return store.reserve(splits, splits.wrapping_add(2));
        }
        splits = splits.wrapping_add(1);
    }
    // The root splits, and gets a page above it.
    store.reserve(splits.wrapping_add(1), splits.wrapping_add(2))
}

/// Splits the path's leaf for an entry that does not fit, and gives the new page on the right; the work's key is that
/// which leads there.
#[inline(always)]
fn split_leaf<S: PageStore>(store: &mut S, work: &mut Work, entry: &Entry) -> Result<PageId> {
    let (id, index) = work.path.leaf();
    let split = split(store, id, index, entry)?;
    Source::with(id, index, entry).separator(store, split.at, &mut work.key)?;
    split.finish(store, id)?;
    Ok(split.right)
}

/// Puts the work's key, which leads to a new page on the right of the path's page at `depth`, in the page above, and so
/// on for each page that splits for it.
#[inline(never)]
pub(super) fn raise<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    work: &mut Work,
    depth: usize,
    right: PageId,
) -> Result<()> {
    let Work { path, key: separator } = work;
    let (mut depth, mut right) = (depth, right);
    while let Some(above) = depth.checked_sub(1) {
        let Step { id, index } = path.step(above);
        let (index, child) = (index.wrapping_add(1), right.to_bytes());
        let entry = Entry { key: Key::whole(separator.as_slice()), value: [&child, &[]] };
        store.write(id)?;
        if place(store, id, index, &entry)? == Yes {
            return Ok(());
        }
        let split = split(store, id, index, &entry)?;
        // Where the page is split at the entry itself, its key goes on up.
        if split.at != index {
            let at = split.at.wrapping_sub(usize::from(split.at > index));
            separator.set(&Page(store.page(id)?).key(at).ok_or(Error::Corrupt)?);
        }
        split.finish(store, id)?;
        right = split.right;
        depth = above;
    }
    grow(store, root, path.step(0).id, right, separator.as_slice())
}

/// Puts an entry in a writable page; false, and nothing done, where it has no room.
fn place<S: PageStore>(store: &mut S, id: PageId, index: usize, entry: &Entry) -> Result<Answer> {
    match Page(store.page(id)?).fit(index, entry) {
        Fit::Direct => PageMut(store.page_mut(id)?).insert(index, entry),
        Fit::Packed => {
            let count = Page(store.page(id)?).count();
            Source::with(id, index, entry).make_page(store, 0, count.wrapping_add(1), id)?;
        }
        Fit::No => return Ok(No),
    }
    Ok(Yes)
}

/// A page whose upper entries have a new page on its right, and whose lower ones stand in scratch.
struct Split {
    right: PageId,
    /// The first entry of the right page, of all with the new one.
    at: usize,
    /// The lower ones are as they were, and not in scratch.
    appended: bool,
}

impl Split {
    /// Takes the upper entries out of the page.
    #[inline(always)]
    fn finish<S: PageStore>(&self, store: &mut S, id: PageId) -> Result<()> {
        if self.appended {
            Ok(())
        } else {
            store.install(id)
        }
    }
}

/// Copies the upper entries to a new page on the right, the new entry being put into either.
#[inline(never)]
fn split<S: PageStore>(store: &mut S, id: PageId, index: usize, entry: &Entry) -> Result<Split> {
    let right = store.allocate()?;
    let source = Source::with(id, index, entry);
    let (cells, scratch) = source.cells(store)?;
    let (count, all) = (cells.left.count(), cells.count());
    let at = cells.split_point(scratch.len()).ok_or(Error::Corrupt)?;
    source.make_page(store, at, all, right)?;
    let appended = at == index && at == count;
    if !appended {
        source.make(store, 0, at)?;
    }
    Ok(Split { right, at, appended })
}

/// Puts a new root above the two halves of the old one.
#[inline(always)]
fn grow<S: PageStore>(store: &mut S, root: &mut PageId, left: PageId, right: PageId, separator: &[u8]) -> Result<()> {
    let level = Page(store.page(left)?).level().checked_add(1).ok_or(Error::Corrupt)?;
    let id = store.allocate()?;
    let mut page = PageMut(store.page_mut(id)?);
    page.clear(level, &Key::default(), 0);
    page.insert(0, &Entry { key: Key::default(), value: [&left.to_bytes(), &[]] });
    page.insert(1, &Entry { key: Key::whole(separator), value: [&right.to_bytes(), &[]] });
    *root = id;
    Ok(())
}
