//! Taking an entry out of the tree, and pages that have become thin together.

use super::page::{Page, PageMut, HEADER};
use super::pair::Pair;
use super::path::{child, Path, Step};
use super::Work;
use crate::error::Answer::Yes;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Takes out the entry that the path, just located, has found; the path is then at the next one, if its page stays as it
/// is, or at none. Needs no memory outside of a savepoint.
pub fn remove<S: PageStore>(store: &mut S, root: &mut PageId, work: &mut Work) -> Result<()> {
    let height = work.path.height();
    store.reserve(0, height.wrapping_mul(2))?;
    let before = *root;
    take_out(store, root, work, height.wrapping_sub(1))?;
    if *root != before {
        work.path.truncate(0);
    }
    Ok(())
}

/// Takes the path's entry out of its page at `depth`, and out of the pages above what that empties.
pub(super) fn take_out<S: PageStore>(store: &mut S, root: &mut PageId, work: &mut Work, depth: usize) -> Result<()> {
    let mut depth = depth;
    loop {
        let Step { id, index } = work.path.step(depth);
        store.write(id)?;
        let page = store.page_mut(id)?;
        PageMut(page).remove(index);
        let (count, used, size) = (Page(page).count(), Page(page).used(), page.len());
        let Some(above) = depth.checked_sub(1) else {
            return shrink(store, root);
        };
        let known = usize::from(work.path.too_full);
        if count == 0 {
            store.free(id)?;
        } else if used.wrapping_mul(2) > size || known > 0 && used >= known {
            return Ok(());
        } else {
            let excess = merge(store, work, depth)?;
            if excess > 0 {
                // For as long as only this page becomes emptier.
                work.path.too_full = used.saturating_sub(excess).wrapping_add(1) as u16;
                return Ok(());
            }
        }
        // The leaf is no longer where the path ends.
        work.path.truncate(depth);
        depth = above;
    }
}

/// Joins the thin page at `depth` with a neighbour, if one page can hold both. The entry of the page above
/// that is to go is then the path's. Gives by how many bytes at least the pages are too full for that, 0 where they were
/// joined.
#[inline(always)]
fn merge<S: PageStore>(store: &mut S, work: &mut Work, depth: usize) -> Result<usize> {
    let above = depth.wrapping_sub(1);
    let Step { id: parent, index } = work.path.step(above);
    let mut least = usize::MAX;
    for side in 0..2usize {
        let right_index = index.wrapping_add(side);
        let Some(pair) = Pair::of(store, parent, right_index)? else { continue };
        let (left, right) = (Page(store.page(pair.left)?).filled(), Page(store.page(pair.right)?).filled());
        let excess = left.wrapping_add(right).saturating_sub(store.page_size().wrapping_sub(HEADER));
        least = least.min(excess.max(1));
        if excess > 0 {
            continue;
        }
        let separator = pair.separator(store, &mut work.key)?;
        if pair.join(store, separator)? == Yes {
            work.path.set_index(above, right_index);
            return Ok(0);
        }
    }
    Ok(least)
}

/// Takes roots away that lead to nothing, or to one page only.
fn shrink<S: PageStore>(store: &mut S, root: &mut PageId) -> Result<()> {
    loop {
        let page = Page(store.page(*root)?);
        let level = page.level();
        let next = match (page.count(), level) {
            (0, _) => PageId::NONE,
            (1, 1..) => child(page, 0)?,
            _ => return Ok(()),
        };
        // In a damaged tree a branch may lead to itself.
        if next != PageId::NONE && Page(store.page(next)?).level() >= level {
            return Err(Error::Corrupt);
        }
        store.free(*root)?;
        *root = next;
        if next == PageId::NONE {
            return Ok(());
        }
    }
}

/// Takes out everything. `each` sees the value of every entry of a leaf, to free what hangs on it.
pub fn clear<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    mut each: impl FnMut(&mut S, PageId, usize) -> Result<()>,
) -> Result<()> {
    let mut path = Path::default();
    if *root != PageId::NONE {
        path.descend(store, *root, None)?;
    }
    while let Some(depth) = path.height().checked_sub(1) {
        let step = path.step(depth);
        let page = Page(store.page(step.id)?);
        let (level, count, index) = (page.level(), page.count(), step.index);
        if level == 0 {
            for index in 0..count {
                each(store, step.id, index)?;
            }
        } else if index.wrapping_add(1) < count {
            path.set_index(depth, index.wrapping_add(1));
            let next = child(Page(store.page(step.id)?), index.wrapping_add(1))?;
            path.descend(store, next, None)?;
            continue;
        }
        store.free(step.id)?;
        path.truncate(depth);
    }
    *root = PageId::NONE;
    Ok(())
}
