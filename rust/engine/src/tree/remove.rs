//! Taking an entry out of the tree, and pages that have become thin together.

use super::cells::Cells;
use super::page::{Page, PageMut};
use super::path::{child, Path};
use super::KeyBuf;
use crate::error::{Error, Result};
use crate::store::{PageId, PageStore};

/// Takes out the entry that `path`, just located, has found. Needs no memory outside of a savepoint.
pub fn remove<S: PageStore>(store: &mut S, root: &mut PageId, path: &mut Path) -> Result<()> {
    store.reserve(0, path.height().wrapping_mul(2))?;
    take_out(store, root, path, path.height().wrapping_sub(1))
}

/// Takes the path's entry out of its page at `depth`, and out of the pages above what that empties.
pub(super) fn take_out<S: PageStore>(store: &mut S, root: &mut PageId, path: &mut Path, depth: usize) -> Result<()> {
    let mut depth = depth;
    loop {
        let id = path.write(store, root, depth)?;
        let index = usize::from(path.step(depth).index);
        PageMut(store.page_mut(id)?).remove(index);
        let Some(above) = depth.checked_sub(1) else {
            return shrink(store, root);
        };
        let page = Page(store.page(id)?);
        if page.count() == 0 {
            store.free(id)?;
        } else if page.used().wrapping_mul(2) > store.page_size() || !merge(store, root, path, depth)? {
            return Ok(());
        }
        depth = above;
    }
}

/// Joins the thin page at `depth` with a neighbour, if one page can hold both. The entry of the page above
/// that is to go is then the path's.
fn merge<S: PageStore>(store: &mut S, root: &mut PageId, path: &mut Path, depth: usize) -> Result<bool> {
    let above = depth.wrapping_sub(1);
    let (id, parent) = (path.step(depth).id, path.step(above));
    let index = usize::from(parent.index);
    let siblings = [index.checked_sub(1), Some(index.wrapping_add(1))];
    for sibling in siblings.into_iter().flatten() {
        let page = Page(store.page(parent.id)?);
        if sibling >= page.count() {
            continue;
        }
        let sibling_id = child(page, sibling)?;
        let (left, right) = if sibling < index { (sibling_id, id) } else { (id, sibling_id) };
        let (left_index, right_index) = (index.min(sibling), index.max(sibling));
        let mut separator = KeyBuf::new();
        separator.set(page.key(right_index).unwrap_or_default());
        let size = store.page_size();
        let (left_page, right_page, scratch) = store.build(left, right)?;
        if Page(left_page).too_full_to_join(Page(right_page)) {
            continue;
        }
        let right_page = Some(Page(right_page));
        let cells = Cells { right: right_page, separator: separator.as_slice(), ..Cells::of(Page(left_page)) };
        let count = cells.count();
        if cells.packed(0, count) > size {
            continue;
        }
        cells.build(0, count, scratch);
        path.set(above, parent.id, left_index);
        path.set(depth, left, 0);
        let left = path.write(store, root, depth)?;
        store.install(left)?;
        store.free(right)?;
        let parent = path.step(above).id;
        path.set(above, parent, right_index);
        return Ok(true);
    }
    Ok(false)
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
    let mut path = Path::new();
    if *root != PageId::NONE {
        path.descend(store, *root, None)?;
    }
    while let Some(depth) = path.height().checked_sub(1) {
        let step = path.step(depth);
        let page = Page(store.page(step.id)?);
        let (level, count, index) = (page.level(), page.count(), usize::from(step.index));
        if level == 0 {
            for index in 0..count {
                each(store, step.id, index)?;
            }
        } else if index.wrapping_add(1) < count {
            path.set(depth, step.id, index.wrapping_add(1));
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
