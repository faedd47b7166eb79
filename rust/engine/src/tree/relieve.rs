//! Making room in a full leaf with the help of its neighbours, before it is split: pages stay fuller so.

use super::cells::Source;
use super::page::{Entry, Page};
use super::pair::Pair;
use super::path::{Path, Step};
use super::Work;
use crate::error::Answer::{No, Yes};
use crate::error::Result;
use crate::store::{PageId, PageStore};

/// The full leaf at the end of the path and the emptier one of its neighbours, where sharing their entries makes room for
/// `entry` bytes, and how many of these the left one is then to have.
#[inline(always)]
pub(super) fn relieve<S: PageStore>(store: &mut S, path: &Path, entry: usize) -> Result<Option<(Pair, usize)>> {
    let Some(above) = path.height().checked_sub(2) else { return Ok(None) };
    let Step { id: parent, index } = path.step(above);
    let mut best = None;
    let used = Page(store.page(path.leaf().0)?).used();
    let mut most = used.wrapping_add(entry).saturating_sub(store.page_size()).max(8);
    // The leaf is the right one of a pair, then the left one.
    for side in 0..2usize {
        let Some(pair) = Pair::of(store, parent, index.wrapping_add(side))? else { continue };
        store.bring(pair.left, pair.right)?;
        let (left, right, _) = store.build(pair.left, pair.right)?;
        let (left, right) = (Page(left).used(), Page(right).used());
        let moved = left.abs_diff(right) / 2;
        let leaf_is_fuller = (left > right) == (side == 1);
        if leaf_is_fuller && moved >= most {
            (best, most) = (Some(pair), moved);
        }
    }
    let Some(pair) = best else { return Ok(None) };
    let count = half(store, &pair)?;
    Ok(Some((pair, count)))
}

/// How many entries of both fill half of their bytes.
#[inline(always)]
fn half<S: PageStore>(store: &mut S, pair: &Pair) -> Result<usize> {
    let mut count = 0;
    pair.entries(&[]).show(store, &mut |cells, _| {
        let half = cells.packed(0, cells.count()) / 2;
        count = cells.fitting(half);
    })?;
    Ok(count)
}

/// Makes three pages of the full leaf at the end of the path and a full neighbour, and puts the new entry in.
/// Gives the third page, with the work's key leading there from the right of the second; `None`, and nothing done, where
/// there is no neighbour, or the entries do not fall so. The caller has reserved as much as for a split.
#[inline(always)]
pub(super) fn spread<S: PageStore>(store: &mut S, work: &mut Work, entry: &Entry) -> Result<Option<PageId>> {
    let Work { path, key: separator } = work;
    let Some(above) = path.height().checked_sub(2) else { return Ok(None) };
    let ((leaf, index), parent) = (path.leaf(), path.step(above));
    let mut pair = Pair::of(store, parent.id, parent.index.wrapping_add(1))?;
    if pair.is_none() {
        pair = Pair::of(store, parent.id, parent.index)?;
    }
    let Some(pair) = pair else { return Ok(None) };
    let mut source = pair.entries(&[]);
    let (before, _) = source.counts(store)?;
    let at = if pair.left == leaf { index } else { before.wrapping_add(index) };
    source.new = Some((at, entry));
    let (_, all) = source.counts(store)?;
    let (first, second) = thirds(store, &source)?;
    let fits = first <= before
        && source.fits(store, 0, first)? == Yes
        && source.fits(store, first, second)? == Yes
        && source.fits(store, second, all)? == Yes;
    if !fits {
        return Ok(None);
    }
    source.separator(store, first, separator)?;
    if pair.replace_separator(store, separator.as_slice(), false)? == No {
        return Ok(None);
    }
    pair.write(store)?;
    let added = store.allocate()?;
    source.make_page(store, second, all, added)?;
    source.make_page(store, first, second, pair.right)?;
    source.right = pair.left;
    if at > before {
        source.new = None;
    }
    source.make_page(store, 0, first, pair.left)?;
    pair.replace_separator(store, separator.as_slice(), true)?;
    (source.left, source.right, source.new) = (pair.right, added, None);
    source.separator(store, second.wrapping_sub(first), separator)?;
    path.set_index(above, pair.right_index);
    Ok(Some(added))
}

/// Where the entries fall into three parts of like size.
#[inline(always)]
fn thirds<S: PageStore>(store: &mut S, entries: &Source) -> Result<(usize, usize)> {
    let mut thirds = (0, 0);
    entries.show(store, &mut |cells, _| {
        let third = cells.sizes(0, cells.count(), 0) / 3;
        thirds = (cells.within(third, 0), cells.within(third.wrapping_mul(2), 0));
    })?;
    Ok(thirds)
}
