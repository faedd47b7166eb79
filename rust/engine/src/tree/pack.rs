//! Moving entries together, so that deletes in many pages give whole pages back.

use super::key::Key;
use super::page::Page;
use super::pair::Pair;
use super::path::Path;
use super::remove::take_out;
use super::{KeyBuf, Work};
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Fills the leaf `from` from its right neighbour, or where it is the last one under its branch, that branch from its own,
/// and gives the leaf to go on from; no page when that was the last leaf. Where `from` is no leaf of the tree it is the
/// first one that is filled. `key` is memory to work with.
pub fn pack<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    work: &mut Work,
    from: PageId,
    key: &mut KeyBuf,
) -> Result<PageId> {
    if *root == PageId::NONE {
        return Ok(PageId::NONE);
    }
    go_to(store, *root, &mut work.path, from, key)?;
    let (from, _) = work.path.leaf();
    let height = work.path.height();
    store.reserve(0, height.wrapping_mul(2))?;
    let leaf = height.wrapping_sub(1);
    for depth in (1..height).rev() {
        let above = work.path.step(depth.wrapping_sub(1));
        let Some(pair) = Pair::of(store, above.id, above.index.wrapping_add(1))? else { continue };
        let filled = fill(store, root, work, &pair, depth, key)?;
        // What a leaf took may have come with a neighbour that it takes more from; a branch takes leaves to
        // fill the last one from.
        if filled == Filled::Whole || (filled == Filled::Part && depth < leaf) {
            return Ok(from);
        }
        if depth < leaf {
            // The branch is full. Its last leaf still takes what fits from the first one of the next.
            if let Some(pair) = Pair::across(store, &work.path, leaf)? {
                share_most(store, &pair, key, &[])?;
            }
        }
        break;
    }
    go_to(store, *root, &mut work.path, from, key)?;
    next_leaf(store, &mut work.path, key)
}

/// Goes to a leaf, or where it is none of the tree's, to the first one; `key` is then its first key.
#[inline(never)]
fn go_to<S: PageStore>(store: &mut S, root: PageId, path: &mut Path, leaf: PageId, key: &mut KeyBuf) -> Result<()> {
    key.truncate(0);
    match store.page(leaf) {
        Ok(bytes) => key.set(&Page(bytes).key(0).unwrap_or_default()),
        Err(error) if error == Error::Corrupt => {}
        Err(error) => return Err(error),
    }
    path.locate(store, root, &Key::whole(key.as_slice()))?;
    if path.leaf().0 != leaf {
        key.truncate(0);
        path.locate(store, root, &Key::default())?;
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Filled {
    Not,
    Part,
    Whole,
}

/// Moves as much of the right page to the left one as fits, all of it or a part.
#[inline(always)]
fn fill<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    work: &mut Work,
    pair: &Pair,
    depth: usize,
    raised: &mut KeyBuf,
) -> Result<Filled> {
    let separator = pair.separator(store, &mut work.key)?;
    if pair.join(store, separator)? == Yes {
        let above = depth.wrapping_sub(1);
        work.path.set_index(above, pair.right_index);
        take_out(store, root, work, above)?;
        return Ok(Filled::Whole);
    }
    share_most(store, pair, raised, separator).map(|shared| if shared == Yes { Filled::Part } else { Filled::Not })
}

/// Moves a part of the right page to the left one, as much as fits, leaving one entry.
fn share_most<S: PageStore>(store: &mut S, pair: &Pair, raised: &mut KeyBuf, separator: &[u8]) -> Result<Answer> {
    let entries = pair.entries(separator);
    let (cells, scratch) = entries.cells(store)?;
    let (all, room) = (cells.count(), scratch.len());
    match cells.cuts(cells.fitting(room).min(all.wrapping_sub(1)), all, room) {
        Some(cuts) if cuts.first > cuts.before => Ok(pair.divide(store, &entries, &cuts, raised)?.is_some().into()),
        _ => Ok(No),
    }
}

/// The leaf behind the path's, whose first key is `key`.
fn next_leaf<S: PageStore>(store: &mut S, path: &mut Path, key: &KeyBuf) -> Result<PageId> {
    while path.next_leaf(store)? == Yes {
        let (leaf, _) = path.leaf();
        let Some(first) = Page(store.page(leaf)?).key(0) else { continue };
        // Where a damaged tree leads back, a round would never end.
        if first.compared_by(key.as_slice()).is_ge() {
            return Err(Error::Corrupt);
        }
        return Ok(leaf);
    }
    Ok(PageId::NONE)
}
