//! Moving entries together, so that deletes in many pages give whole pages back.

use super::cursor::Cursor;
use super::page::Page;
use super::pair::Pair;
use super::{locate, KeyBuf};
use crate::error::Result;
use crate::store::{PageId, PageStore};

/// Fills the leaf that `key` belongs to from its right neighbour, or the first branch above it that has one
/// from that, and makes `key` the place to go on from. False when that was the last leaf.
pub fn pack<S: PageStore>(store: &mut S, root: &mut PageId, key: &mut KeyBuf) -> Result<bool> {
    if *root == PageId::NONE {
        return Ok(false);
    }
    let path = locate(store, *root, key.as_slice())?;
    store.reserve(0, path.height().wrapping_mul(2))?;
    for depth in (1..path.height()).rev() {
        let Some(pair) = Pair::of(store, &path, depth)? else { continue };
        let size = store.page_size();
        let (cells, _) = pair.cells(store)?;
        let (before, count, all) = (cells.left.count(), cells.fitting(size), cells.count());
        let filled = match count {
            count if count == all => pair.join(store, root).map(|()| true)?,
            count if count > before => pair.share(store, root, count)?,
            _ => false,
        };
        let leaf = depth.wrapping_add(1) == path.height();
        // What a leaf gets may come with a neighbour that it gets more from; a branch gets leaves to fill.
        if filled && (count == all || !leaf) {
            return Ok(true);
        }
        break;
    }
    next_leaf(store, *root, path.leaf().0, key)
}

/// Makes `key` the first one behind a leaf.
fn next_leaf<S: PageStore>(store: &mut S, root: PageId, leaf: PageId, key: &mut KeyBuf) -> Result<bool> {
    let page = Page(store.page(leaf)?);
    let Some(last) = page.count().checked_sub(1).and_then(|last| page.key(last)) else { return Ok(false) };
    key.set(last);
    let mut cursor = Cursor::behind(key.as_slice());
    let found = cursor.next(store, root, 1)?.is_some();
    if found {
        *key = KeyBuf::of(&[cursor.key()]);
    }
    Ok(found)
}
