//! Moving entries together, so that deletes in many pages give whole pages back.

use super::cursor::Cursor;
use super::page::Page;
use super::pair::Pair;
use super::{locate, KeyBuf};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Fills the leaf that `key` belongs to from its right neighbour, or where it is the last one under its branch,
/// that branch from its own, and makes `key` the place to go on from. False when that was the last leaf.
pub fn pack<S: PageStore>(store: &mut S, root: &mut PageId, key: &mut KeyBuf) -> Result<bool> {
    if *root == PageId::NONE {
        return Ok(false);
    }
    let path = locate(store, *root, key.as_slice())?;
    store.reserve(0, path.height().wrapping_mul(2))?;
    let leaf = path.height().wrapping_sub(1);
    for depth in (1..path.height()).rev() {
        let Some(pair) = Pair::of(store, &path, depth)? else { continue };
        let filled = fill(store, root, pair)?;
        // What a leaf took may have come with a neighbour that it takes more from; a branch takes leaves to
        // fill the last one from.
        if filled == Filled::Whole || (filled == Filled::Part && depth < leaf) {
            return Ok(true);
        }
        if depth < leaf {
            // The branch is full. Its last leaf still takes what fits from the first one of the next.
            if let Some(pair) = Pair::across(store, &path, leaf)? {
                share_most(store, root, pair)?;
            }
        }
        break;
    }
    let leaf = locate(store, *root, key.as_slice())?.leaf().0;
    next_leaf(store, *root, leaf, key)
}

#[derive(PartialEq, Eq)]
enum Filled {
    Not,
    Part,
    Whole,
}

/// Moves as much of the right page to the left one as fits, all of it or a part.
fn fill<S: PageStore>(store: &mut S, root: &mut PageId, pair: Pair) -> Result<Filled> {
    let size = store.page_size();
    let (cells, _) = pair.cells(store)?;
    if cells.fitting(size) == cells.count() {
        return pair.join(store, root).map(|()| Filled::Whole);
    }
    share_most(store, root, pair).map(|shared| if shared { Filled::Part } else { Filled::Not })
}

/// Moves a part of the right page to the left one, as much as fits.
fn share_most<S: PageStore>(store: &mut S, root: &mut PageId, pair: Pair) -> Result<bool> {
    let size = store.page_size();
    let (cells, _) = pair.cells(store)?;
    let (before, count) = (cells.left.count(), cells.fitting(size).min(cells.count().wrapping_sub(1)));
    if count > before {
        pair.share(store, root, count)
    } else {
        Ok(false)
    }
}

/// Makes `key` the first one behind a leaf.
fn next_leaf<S: PageStore>(store: &mut S, root: PageId, leaf: PageId, key: &mut KeyBuf) -> Result<bool> {
    let page = Page(store.page(leaf)?);
    let Some(last) = page.count().checked_sub(1).and_then(|last| page.key(last)) else { return Ok(false) };
    let mut behind = KeyBuf::new();
    behind.set(last);
    let mut cursor = Cursor::behind(behind.as_slice());
    let found = cursor.next(store, root, 1)?.is_some();
    if found {
        // Where a damaged tree leads back, a round would never end.
        if cursor.key() <= key.as_slice() {
            return Err(Error::Corrupt);
        }
        *key = KeyBuf::of(&[cursor.key()]);
    }
    Ok(found)
}
