//! Putting an entry into the tree, and splitting the pages that are full.

use super::page::{separator_len, Cells, Fit, Page, PageMut, Parts};
use super::path::Path;
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
        store.reserve(1, 0)?;
        *root = store.allocate()?;
        PageMut(store.page_mut(*root)?).clear(0, Default::default(), 0);
        path.truncate(0);
        path.push(*root, 0)?;
    }
    let leaf = path.height().wrapping_sub(1);
    let (id, index) = path.leaf();
    let replaced = path.found();
    // Where the new value does not fit beside the old one, the old one still makes room for it: a page
    // too many is asked for at worst.
    let splits = match fit(store, id, index, key, value)? {
        Fit::No => splits(store, path)?,
        _ => 0,
    };
    let new_pages = if splits > leaf { splits.wrapping_add(1) } else { splits };
    store.reserve(new_pages, splits.wrapping_add(1).min(path.height()))?;
    let id = path.write(store, root, leaf)?;
    if replaced {
        let mut page = PageMut(store.page_mut(id)?);
        if page.overwrite(index, value) {
            return Ok(());
        }
        page.remove(index);
    }
    place(store, root, path, key, value)
}

fn fit<S: PageStore>(store: &mut S, id: PageId, index: usize, key: &[u8], value: &Parts) -> Result<Fit> {
    Ok(Page(store.page(id)?).fit(index, key, value))
}

/// How many pages from the leaf up may split, whatever their separators are.
fn splits<S: PageStore>(store: &mut S, path: &Path) -> Result<usize> {
    let separator = max_key(store.page_size());
    let mut splits: usize = 1;
    while let Some(depth) = path.height().checked_sub(splits.wrapping_add(1)) {
        if Page(store.page(path.step(depth).id)?).takes_any(separator, CHILD) {
            break;
        }
        splits = splits.wrapping_add(1);
    }
    Ok(splits)
}

/// Puts the entry in the leaf, and a separator for each page split in the page above.
fn place<S: PageStore>(store: &mut S, root: &mut PageId, path: &mut Path, key: &[u8], value: &Parts) -> Result<()> {
    let mut depth = path.height().wrapping_sub(1);
    let mut index = usize::from(path.step(depth).index);
    let mut separator = KeyBuf::new();
    let mut right = PageId::NONE.to_bytes();
    let mut at_leaf = true;
    loop {
        let id = path.write(store, root, depth)?;
        let (key, value): (&[u8], Parts) = match at_leaf {
            true => (key, *value),
            false => (separator.as_slice(), [&right, &[], &[]]),
        };
        match fit(store, id, index, key, &value)? {
            Fit::Direct => {
                PageMut(store.page_mut(id)?).insert(index, key, &value);
                return Ok(());
            }
            Fit::Packed => {
                let (page, _, scratch) = store.build(id, id)?;
                let cells = Cells { new: Some((index, key, value)), ..Cells::of(Page(page)) };
                cells.build(0, cells.count(), scratch);
                return store.install(id);
            }
            Fit::No => {
                let new;
                (new, separator) = split(store, id, index, key, &value)?;
                right = new.to_bytes();
                at_leaf = false;
                match depth.checked_sub(1) {
                    Some(above) => depth = above,
                    None => return grow(store, root, id, new, &separator),
                }
                index = usize::from(path.step(depth).index).wrapping_add(1);
            }
        }
    }
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
