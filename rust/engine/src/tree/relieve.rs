//! Making room in a full leaf with the help of its neighbours, before it is split: pages stay fuller so.

use super::cells::Cells;
use super::insert::raise;
use super::page::{Entry, Page};
use super::pair::Pair;
use super::path::Step;
use super::Work;
use crate::error::Result;
use crate::store::{PageId, PageStore};

/// Makes room in the full leaf at the end of `path` by sharing its entries with the emptier one of its
/// neighbours. False, and nothing done, where that would make less room than `entry` bytes.
#[inline(never)]
pub(super) fn relieve<S: PageStore>(store: &mut S, work: &mut Work, entry: usize) -> Result<bool> {
    let path = &work.path;
    let Some(above) = path.height().checked_sub(2) else { return Ok(false) };
    let Step { id: parent, index } = path.step(above);
    let mut best = None;
    let used = Page(store.page(path.leaf().0)?).used();
    let mut most = used.wrapping_add(entry).saturating_sub(store.page_size()).max(8);
    // The leaf is the right one of a pair, then the left one.
    for side in [0, 1] {
        let Some(pair) = Pair::of(store, parent, index.wrapping_add(side))? else { continue };
        let (left, right, _) = store.build(pair.left, pair.right)?;
        let (left, right) = (Page(left).used(), Page(right).used());
        let moved = left.abs_diff(right) / 2;
        let leaf_is_fuller = (left > right) == (side == 1);
        if leaf_is_fuller && moved >= most {
            (best, most) = (Some(pair), moved);
        }
    }
    let Some(pair) = best else { return Ok(false) };
    let (cells, _) = pair.cells(store, &[])?;
    let half = cells.packed(0, cells.count()) / 2;
    let count = cells.fitting(half);
    pair.share(store, count, &mut work.key, &[])
}

/// Makes three pages of the full leaf at the end of `path` and a full neighbour, and puts the new entry in.
/// False, and nothing done, where there is no neighbour, or the entries do not fall so. The caller has
/// reserved as much as for a split.
#[inline(never)]
pub(super) fn spread<S: PageStore>(store: &mut S, root: &mut PageId, work: &mut Work, entry: &Entry) -> Result<bool> {
    let Work { path, key: separator } = work;
    let Some(above) = path.height().checked_sub(2) else { return Ok(false) };
    let ((leaf, index), parent) = (path.leaf(), path.step(above));
    let pair = match Pair::of(store, parent.id, parent.index.wrapping_add(1))? {
        Some(pair) => Some(pair),
        None => Pair::of(store, parent.id, parent.index)?,
    };
    let Some(pair) = pair else { return Ok(false) };
    let size = store.page_size();
    let (cells, _) = pair.cells(store, &[])?;
    let before = cells.left.count();
    let new = Some((if pair.left == leaf { index } else { before.wrapping_add(index) }, entry));
    let cells = Cells { new, ..cells };
    let all = cells.count();
    let third = (0..all).map(|index| cells.size(index, 0)).sum::<usize>() / 3;
    let (first, second) = (cells.within(third), cells.within(third.wrapping_mul(2)));
    let fits = cells.fits(0, first, size) && cells.fits(first, second, size) && cells.fits(second, all, size);
    if first > before || !fits {
        return Ok(false);
    }
    separator.set(&cells.separator(first));
    if !pair.replace_separator(store, separator.as_slice())? {
        return Ok(false);
    }
    pair.write(store)?;
    let added = store.allocate()?;
    for (id, from, to) in [(added, second, all), (pair.right, first, second)] {
        let (cells, scratch) = pair.cells(store, &[])?;
        Cells { new, ..cells }.build(from, to, scratch);
        store.install(id)?;
    }
    let (left, _, scratch) = store.build(pair.left, pair.left)?;
    let cells = Cells { new: new.filter(|(at, _)| *at <= before), ..Cells::of(Page(left)) };
    cells.build(0, first, scratch);
    store.install(pair.left)?;
    pair.replace_separator(store, separator.as_slice())?;
    store.install(pair.parent)?;
    let (middle, last, _) = store.build(pair.right, added)?;
    let cells = Cells { right: Some(Page(last)), ..Cells::of(Page(middle)) };
    separator.set(&cells.separator(cells.left.count()));
    path.set_index(above, pair.right_index);
    raise(store, root, work, above.wrapping_add(1), added)?;
    Ok(true)
}
