//! Putting an entry into the tree, and splitting the pages that are full.

use super::cells::Cells;
use super::key::separator_len;
use super::page::{entry_size, parts_len, Fit, Page, PageMut, Parts};
use super::path::{locate, Path};
use super::relieve::{relieve, spread};
use super::{max_key, KeyBuf};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Bytes of a page's id in a branch.
const CHILD: usize = 4;

/// Puts `key` with `value` where `path`, just located for that key, leads; a value that is there
/// is replaced. Changes nothing when it fails for want of memory.
pub fn insert<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    path: &mut Path,
    key: &[u8],
    value: &Parts,
) -> Result<()> {
    if *root == PageId::NONE {
        return plant(store, root, key, value);
    }
    let leaf = path.height().wrapping_sub(1);
    let (id, index) = path.leaf();
    let page = Page(store.page(id)?);
    let replaced = path.found();
    if replaced && page.cell(index).is_some_and(|cell| cell.value.len() == parts_len(value)) {
        store.reserve(0, 1)?;
        let id = path.write(store, root, leaf)?;
        PageMut(store.page_mut(id)?).overwrite(index, value);
        return Ok(());
    }
    let mut fits = if replaced { page.fit_instead(index, value) } else { page.fit(index, key, value) };
    let neighbours_may_help = fits == Fit::No && !replaced && index != page.run();
    if neighbours_may_help {
        store.reserve(0, 3)?;
        if relieve(store, root, path, entry_size(key.len(), value))? {
            *path = locate(store, *root, key)?;
            let (id, index) = path.leaf();
            fits = fit(store, id, index, key, value)?;
        }
    }
    let (_, index) = path.leaf();
    let splits = if fits == Fit::No { splits(store, path)? } else { 0 };
    let new_pages = if splits > leaf { splits.wrapping_add(1) } else { splits };
    store.reserve(new_pages, splits.wrapping_add(2))?;
    if fits == Fit::No && neighbours_may_help && spread(store, root, path, key, value)? {
        return Ok(());
    }
    let id = path.write(store, root, leaf)?;
    let mut page = PageMut(store.page_mut(id)?);
    if replaced {
        page.remove(index);
    } else if fits == Fit::Direct {
        page.insert(index, key, value);
        return Ok(());
    }
    place(store, root, path, key, value)
}

/// Makes the first page of a tree.
fn plant<S: PageStore>(store: &mut S, root: &mut PageId, key: &[u8], value: &Parts) -> Result<()> {
    store.reserve(1, 0)?;
    let id = store.allocate()?;
    let mut page = PageMut(store.page_mut(id)?);
    page.clear(0, Default::default(), 0);
    page.insert(0, key, value);
    *root = id;
    Ok(())
}

fn fit<S: PageStore>(store: &mut S, id: PageId, index: usize, key: &[u8], value: &Parts) -> Result<Fit> {
    Ok(Page(store.page(id)?).fit(index, key, value))
}

/// How many pages from the leaf up may split, whatever their separators are: the branch above the leaf may get
/// a new one, and another one for its neighbour ([`spread`]).
fn splits<S: PageStore>(store: &mut S, path: &Path) -> Result<usize> {
    let separator = max_key(store.page_size());
    let mut splits: usize = 1;
    while let Some(depth) = path.height().checked_sub(splits.wrapping_add(1)) {
        if Page(store.page(path.step(depth).id)?).takes_any(if splits == 1 { 2 } else { 1 }, separator, CHILD) {
            break;
        }
        splits = splits.wrapping_add(1);
    }
    Ok(splits)
}

/// Puts the entry in the path's leaf, and where that splits, a separator in the page above.
fn place<S: PageStore>(store: &mut S, root: &mut PageId, path: &mut Path, key: &[u8], value: &Parts) -> Result<()> {
    let depth = path.height().wrapping_sub(1);
    match place_in(store, root, path, depth, path.leaf().1, key, value)? {
        Some((right, separator)) => raise(store, root, path, depth, right, separator),
        None => Ok(()),
    }
}

/// Puts the key that leads to a new page, which came from the right of the path's page at `depth`, in the
/// page above, and so on for each page that splits for it.
pub(super) fn raise<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    path: &mut Path,
    depth: usize,
    right: PageId,
    separator: KeyBuf,
) -> Result<()> {
    let (mut depth, mut right, mut separator) = (depth, right, separator);
    while let Some(above) = depth.checked_sub(1) {
        let index = usize::from(path.step(above).index).wrapping_add(1);
        let (key, value) = (separator.as_slice(), right.to_bytes());
        let Some(split) = place_in(store, root, path, above, index, key, &[&value, &[], &[]])? else {
            return Ok(());
        };
        (right, separator) = split;
        depth = above;
    }
    grow(store, root, path.step(0).id, right, &separator)
}

/// Puts an entry in the path's page at `depth`; where that splits, gives the new page and the key to it.
fn place_in<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    path: &mut Path,
    depth: usize,
    index: usize,
    key: &[u8],
    value: &Parts,
) -> Result<Option<(PageId, KeyBuf)>> {
    let id = path.write(store, root, depth)?;
    match fit(store, id, index, key, value)? {
        Fit::Direct => PageMut(store.page_mut(id)?).insert(index, key, value),
        Fit::Packed => {
            let (page, _, scratch) = store.build(id, id)?;
            let cells = Cells { new: Some((index, key, *value)), ..Cells::of(Page(page)) };
            cells.build(0, cells.count(), scratch);
            store.install(id)?;
        }
        Fit::No => return split(store, id, index, key, value).map(Some),
    }
    Ok(None)
}

/// Moves the upper entries to a new page on the right, the new entry being put into either, and gives
/// that page and the shortest key that leads to it.
fn split<S: PageStore>(store: &mut S, id: PageId, index: usize, key: &[u8], value: &Parts) -> Result<(PageId, KeyBuf)> {
    let right = store.allocate()?;
    let size = store.page_size();
    let (page, _, scratch) = store.build(id, id)?;
    let cells = Cells { new: Some((index, key, *value)), ..Cells::of(Page(page)) };
    let at = cells.split_point(size).ok_or(Error::Corrupt)?;
    let mut separator = KeyBuf::new();
    let (last, first) = (cells.get(at.wrapping_sub(1)).0, cells.get(at).0);
    separator.set(first);
    if Page(page).level() == 0 {
        separator.truncate(separator_len(last, first));
    }
    cells.build(at, cells.count(), scratch);
    let appended = at == index && at == Page(page).count();
    store.install(right)?;
    if appended {
        return Ok((right, separator));
    }
    let (page, _, scratch) = store.build(id, id)?;
    let cells = Cells { new: Some((index, key, *value)), ..Cells::of(Page(page)) };
    cells.build(0, at, scratch);
    store.install(id)?;
    Ok((right, separator))
}

/// Puts a new root above the two halves of the old one.
fn grow<S: PageStore>(store: &mut S, root: &mut PageId, left: PageId, right: PageId, separator: &KeyBuf) -> Result<()> {
    let level = Page(store.page(left)?).level().checked_add(1).ok_or(Error::Corrupt)?;
    let id = store.allocate()?;
    let mut page = PageMut(store.page_mut(id)?);
    page.clear(level, Default::default(), 0);
    page.insert(0, &[], &[&left.to_bytes(), &[], &[]]);
    page.insert(1, separator.as_slice(), &[&right.to_bytes(), &[], &[]]);
    *root = id;
    Ok(())
}
