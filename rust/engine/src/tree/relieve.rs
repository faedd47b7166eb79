//! Making room in a full leaf with the help of its neighbours, before it is split: pages stay fuller so.

use super::cells::Cells;
use super::insert::raise;
use super::key::separator_len;
use super::page::{Page, Parts};
use super::pair::{replace, Pair};
use super::path::{child, Path};
use super::KeyBuf;
use crate::error::Result;
use crate::store::{PageId, PageStore};

/// Makes room in the full leaf at the end of `path` by sharing its entries with the emptier one of its
/// neighbours. False, and nothing done, where that would make less room than `entry` bytes.
pub(super) fn relieve<S: PageStore>(store: &mut S, root: &mut PageId, path: &Path, entry: usize) -> Result<bool> {
    let Some(depth) = path.height().checked_sub(1) else { return Ok(false) };
    let mut best = None;
    let used = Page(store.page(path.leaf().0)?).used();
    let mut most = used.wrapping_add(entry).saturating_sub(store.page_size()).max(8);
    for side in [0, 1] {
        let Some(path) = beside(store, path, depth, side)? else { continue };
        let Some(pair) = Pair::of(store, &path, depth)? else { continue };
        let (left, right, _) = store.build(pair.left, pair.right)?;
        let moved = Page(left).used().abs_diff(Page(right).used()) / 2;
        let leaf_is_fuller = (Page(left).used() > Page(right).used()) == (side == 1);
        if leaf_is_fuller && moved >= most {
            (best, most) = (Some(pair), moved);
        }
    }
    let Some(pair) = best else { return Ok(false) };
    let (cells, _) = pair.cells(store)?;
    let half = cells.packed(0, cells.count()) / 2;
    let count = cells.fitting(half);
    pair.share(store, root, count)
}

/// The path to the left neighbour of the path's leaf (side 0), or the path itself (side 1).
fn beside<S: PageStore>(store: &mut S, path: &Path, depth: usize, side: usize) -> Result<Option<Path>> {
    let mut path = *path;
    if side == 0 {
        let Some(above) = depth.checked_sub(1) else { return Ok(None) };
        let parent = path.step(above);
        let Some(left) = usize::from(parent.index).checked_sub(1) else { return Ok(None) };
        let id = child(Page(store.page(parent.id)?), left)?;
        path.set(above, parent.id, left);
        path.set(depth, id, 0);
    }
    Ok(Some(path))
}

/// Makes three pages of the full leaf at the end of `path` and a full neighbour, and puts the new entry in.
/// False, and nothing done, where there is no neighbour, or the entries do not fall so. The caller has
/// reserved as much as for a split.
pub(super) fn spread<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    path: &Path,
    key: &[u8],
    value: &Parts,
) -> Result<bool> {
    let Some(depth) = path.height().checked_sub(1) else { return Ok(false) };
    let (leaf, index) = path.leaf();
    let pair = match Pair::of(store, path, depth)? {
        Some(pair) => Some(pair),
        None => match beside(store, path, depth, 0)? {
            Some(path) => Pair::of(store, &path, depth)?,
            None => None,
        },
    };
    let Some(mut pair) = pair else { return Ok(false) };
    let size = store.page_size();
    let (cells, _) = pair.cells(store)?;
    let before = cells.left.count();
    let new = Some((if pair.left == leaf { index } else { before.wrapping_add(index) }, key, *value));
    let cells = Cells { new, ..cells };
    let all = cells.count();
    let third = (0..all).map(|index| cells.size(index, 0)).sum::<usize>() / 3;
    let (first, second) = (cells.within(third), cells.within(third.wrapping_mul(2)));
    let fits = |from: usize, to: usize| from < to && cells.packed(from, to) <= size;
    if first > before || !fits(0, first) || !fits(first, second) || !fits(second, all) {
        return Ok(false);
    }
    let (mut separator, mut raised) = (KeyBuf::new(), KeyBuf::new());
    for (at, separator) in [(first, &mut separator), (second, &mut raised)] {
        let (last, next) = (cells.get(at.wrapping_sub(1)).0, cells.get(at).0);
        separator.set(next);
        separator.truncate(separator_len(last, next));
    }
    let parent = pair.path.step(pair.above).id;
    if !replace(store, parent, pair.right_index, separator.as_slice())? {
        return Ok(false);
    }
    let parent = pair.write(store, root)?;
    let added = store.allocate()?;
    for (id, from, to) in [(added, second, all), (pair.right, first, second)] {
        let (cells, scratch) = pair.cells(store)?;
        Cells { new, ..cells }.build(from, to, scratch);
        store.install(id)?;
    }
    let (left, _, scratch) = store.build(pair.left, pair.left)?;
    let cells = Cells { new: new.filter(|(at, _, _)| *at <= before), ..Cells::of(Page(left)) };
    cells.build(0, first, scratch);
    store.install(pair.left)?;
    replace(store, parent, pair.right_index, separator.as_slice())?;
    store.install(parent)?;
    pair.path.set(pair.above, parent, pair.right_index);
    raise(store, root, &mut pair.path, depth, added, raised)?;
    Ok(true)
}
