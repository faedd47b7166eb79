//! Moving entries together, so that deletes in many pages give whole pages back.

use super::cursor::Cursor;
use super::page::{separator_len, Cells, Page};
use super::path::{child, Path};
use super::remove::take_out;
use super::{locate, KeyBuf};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Fills the leaf that `key` belongs to from its right neighbour under the same branch, frees the
/// neighbour if nothing is left in it, and makes `key` the place to go on from. False when that was the
/// last leaf.
pub fn pack<S: PageStore>(store: &mut S, root: &mut PageId, key: &mut KeyBuf) -> Result<bool> {
    let mut path = locate(store, *root, key.as_slice())?;
    let Some(above) = path.height().checked_sub(2) else {
        return Ok(false);
    };
    store.reserve(0, path.height().wrapping_mul(2))?;
    let parent = path.step(above);
    let right_index = usize::from(parent.index).wrapping_add(1);
    let branch = Page(store.page(parent.id)?);
    if right_index >= branch.count() {
        return next_leaf(store, *root, path.leaf().0, key);
    }
    let right = child(branch, right_index)?;
    let left = path.leaf().0;
    let (taken, all) = takes(store, left, right)?;
    if taken == all {
        join(store, root, &mut path, left, right)?;
        path.set(above, path.step(above).id, right_index);
        take_out(store, root, &mut path, above)?;
        return Ok(true);
    }
    if taken > 0 {
        move_over(store, root, &mut path, right_index, right, taken)?;
    }
    next_leaf(store, *root, path.leaf().0, key)
}

/// How many entries of the right page fit the left one, and how many it has.
fn takes<S: PageStore>(store: &mut S, left: PageId, right: PageId) -> Result<(usize, usize)> {
    let size = store.page_size();
    let (left, right, _) = store.build(left, right)?;
    let (left, right) = (Page(left), Page(right));
    let cells = Cells { right: Some(right), ..Cells::of(left) };
    let fits = |taken: &usize| cells.packed(0, left.count().wrapping_add(*taken)) <= size;
    let taken = (1..=right.count()).take_while(fits).last().unwrap_or(0);
    Ok((taken, right.count()))
}

fn join<S: PageStore>(store: &mut S, root: &mut PageId, path: &mut Path, left: PageId, right: PageId) -> Result<()> {
    let (left_page, right_page, scratch) = store.build(left, right)?;
    let cells = Cells { right: Some(Page(right_page)), ..Cells::of(Page(left_page)) };
    cells.build(0, cells.count(), scratch);
    let left = path.write(store, root, path.height().wrapping_sub(1))?;
    store.install(left)?;
    store.free(right)
}

/// Moves the first `taken` entries of the right page to the path's leaf, if the branch can hold the new
/// separator.
fn move_over<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    path: &mut Path,
    right_index: usize,
    right: PageId,
    taken: usize,
) -> Result<()> {
    let above = path.height().wrapping_sub(2);
    let mut separator = KeyBuf::new();
    let page = Page(store.page(right)?);
    let last = page.key(taken.wrapping_sub(1)).ok_or(Error::Corrupt)?;
    let first = page.key(taken).ok_or(Error::Corrupt)?;
    separator.set(first);
    separator.truncate(separator_len(last, first));
    let value = right.to_bytes();
    let parent = path.step(above).id;
    if !replace(store, parent, right_index, separator.as_slice(), &value)? {
        return Ok(());
    }
    let left = path.write(store, root, above.wrapping_add(1))?;
    let right = store.write(right)?;
    let parent = path.write(store, root, above)?;

    let (left_page, right_page, scratch) = store.build(left, right)?;
    let cells = Cells { right: Some(Page(right_page)), ..Cells::of(Page(left_page)) };
    cells.build(0, Page(left_page).count().wrapping_add(taken), scratch);
    store.install(left)?;
    let (page, _, scratch) = store.build(right, right)?;
    let cells = Cells::of(Page(page));
    cells.build(taken, cells.count(), scratch);
    store.install(right)?;

    replace(store, parent, right_index, separator.as_slice(), &right.to_bytes())?;
    store.install(parent)
}

/// Makes the branch anew in scratch with another key for one of its entries; false if that does not fit.
fn replace<S: PageStore>(store: &mut S, branch: PageId, index: usize, key: &[u8], value: &[u8]) -> Result<bool> {
    let size = store.page_size();
    let (page, _, scratch) = store.build(branch, branch)?;
    let new = Some((index, key, [value, &[], &[]]));
    let cells = Cells { new, replaces: true, ..Cells::of(Page(page)) };
    let fits = cells.packed(0, cells.count()) <= size;
    if fits {
        cells.build(0, cells.count(), scratch);
    }
    Ok(fits)
}

/// Makes `key` the first one behind a leaf.
fn next_leaf<S: PageStore>(store: &mut S, root: PageId, leaf: PageId, key: &mut KeyBuf) -> Result<bool> {
    let page = Page(store.page(leaf)?);
    key.set(page.key(page.count().wrapping_sub(1)).ok_or(Error::Corrupt)?);
    let mut cursor = Cursor::behind(key.as_slice());
    let found = cursor.next(store, root, 1)?.is_some();
    if found {
        *key = KeyBuf::of(&[cursor.key()]);
    }
    Ok(found)
}
