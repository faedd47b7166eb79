//! Making room for an entry in a full leaf with the help of a neighbour, before it is split: pages stay fuller so.

use super::insert::{raise, reserve_split};
use super::page::{Entry, Page};
use super::pair::Pair;
use super::Work;
use crate::error::Answer::{self, No, Yes};
use crate::error::Result;
use crate::store::{PageId, PageStore};

/// Puts an entry that the path's leaf has no room for into it and a neighbour that has, or where both are full, into these
/// and a third page; no, and nothing done, where there is no neighbour, or the entries do not fall so.
#[inline(always)]
pub(super) fn relieve<S: PageStore>(
    store: &mut S,
    root: &mut PageId,
    work: &mut Work,
    entry: &Entry,
) -> Result<Answer> {
    let Some(above) = work.path.height().checked_sub(2) else { return Ok(No) };
    let ((leaf, index), parent) = (work.path.leaf(), work.path.step(above));
    // What a neighbour may have in use to take its share, with room for another such entry.
    let most = store.page_size().wrapping_mul(2).wrapping_sub(entry.size().wrapping_mul(2));
    let most = most.saturating_sub(Page(store.page(leaf)?).used());
    let (mut best, mut least) = (None, usize::MAX);
    // The right one, or the left one where that has more room and enough.
    for side in 0..2usize {
        let right_index = parent.index.wrapping_add(1).wrapping_sub(side);
        let Some(pair) = Pair::of(store, parent.id, right_index)? else { continue };
        let neighbour = if side > 0 { pair.left } else { pair.right };
        let used = Page(store.page(neighbour)?).used();
        if best.is_none() || used < least && used <= most {
            (best, least) = (Some(pair), used);
        }
    }
    let Some(pair) = best else { return Ok(No) };
    let mut source = pair.entries(&[]);
    let before = if pair.left == leaf { 0 } else { Page(store.page(pair.left)?).count() };
    source.new = Some((before.wrapping_add(index), entry));
    let mut parts = if least <= most { 2 } else { 3 };
    while parts <= 3 {
        if parts > 2 {
            reserve_split(store, &work.path)?;
        } else {
            store.reserve(0, 3)?;
        }
        let added = source
            .in_parts(store, parts)?
            .map_or(Ok(None), |cuts| pair.divide(store, &source, &cuts, &mut work.key))?;
        if let Some(added) = added {
            if added != PageId::NONE {
                work.path.set_index(above, pair.right_index);
                raise(store, root, work, above.wrapping_add(1), added)?;
            }
            return Ok(Yes);
        }
        parts = parts.wrapping_add(1);
    }
    Ok(No)
}
