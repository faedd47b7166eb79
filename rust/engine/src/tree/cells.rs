//! Making pages anew: of a page and one more entry, of two pages, of parts of them.

use super::key::{separator_len, Key};
use super::page::{Entry, Page, PageMut, HEADER, SLOT};
use super::KeyBuf;
use crate::error::{Answer, Result};
use crate::store::{PageId, PageStore};

/// How entries are cut into those of up to three pages side by side, each of which holds its own.
#[derive(Clone, Copy)]
pub struct Cuts {
    /// How many are the left page's now.
    pub before: usize,
    /// Where the first page's end.
    pub first: usize,
    /// Where the second one's end.
    pub second: usize,
    /// Where all end.
    pub all: usize,
}

/// Where the entries come from that a page is made of anew: as [`Cells`], by the names of the pages.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub left: PageId,
    /// The same as the left one where there is none.
    pub right: PageId,
    pub new: Option<(usize, &'a Entry<'a>)>,
    /// Entries that the new one stands in the place of: one or none.
    pub replaced: usize,
    pub separator: &'a [u8],
}

impl<'a> Source<'a> {
    /// The entries of one page.
    pub fn of(page: PageId) -> Self {
        Source { left: page, right: page, new: None, replaced: 0, separator: &[] }
    }

    /// The entries of one page and one more.
    pub fn with(page: PageId, index: usize, entry: &'a Entry<'a>) -> Self {
        Source { new: Some((index, entry)), ..Source::of(page) }
    }

    /// The entries, and the scratch page.
    // Reading pages, which may write others, goes deep: it comes before the frames that the entries take.
    #[inline(never)]
    pub fn cells<'s, S: PageStore>(&'s self, store: &'s mut S) -> Result<(Cells<'s>, &'s mut [u8])> {
        store.bring(self.left, self.right)?;
        self.brought_cells(store)
    }

    #[inline(never)]
    fn brought_cells<'s, S: PageStore>(&'s self, store: &'s mut S) -> Result<(Cells<'s>, &'s mut [u8])> {
        let Source { new, replaced, separator, .. } = *self;
        let (left, right, scratch) = store.build(self.left, self.right)?;
        let right = if self.left == self.right { &[] } else { right };
        Ok((Cells { left: Page(left), right: Page(right), new, replaced, separator }, scratch))
    }

    /// Whether a page holds entries `from` to before `to`, of which there are some.
    #[inline(never)]
    pub fn fits<S: PageStore>(&self, store: &mut S, from: usize, to: usize) -> Result<Answer> {
        let (cells, scratch) = self.cells(store)?;
        Ok(cells.fits(from, to, scratch.len()).into())
    }

    /// The cuts that make two or three parts of like size.
    #[inline(never)]
    pub fn in_parts<S: PageStore>(&self, store: &mut S, parts: usize) -> Result<Option<Cuts>> {
        let (cells, scratch) = self.cells(store)?;
        Ok(cells.in_parts(parts, scratch.len()))
    }

    /// Makes a page of entries `from` to before `to`.
    pub fn make_page<S: PageStore>(&self, store: &mut S, from: usize, to: usize, id: PageId) -> Result<()> {
        self.make(store, from, to)?;
        store.install(id)
    }

    /// Makes the scratch page of entries `from` to before `to`.
    pub fn make<S: PageStore>(&self, store: &mut S, from: usize, to: usize) -> Result<()> {
        store.bring(self.left, self.right)?;
        self.make_of_brought(store, from, to)
    }

    #[inline(never)]
    fn make_of_brought<S: PageStore>(&self, store: &mut S, from: usize, to: usize) -> Result<()> {
        let (cells, scratch) = self.brought_cells(store)?;
        cells.build(from, to, scratch);
        Ok(())
    }

    /// Makes the left page, the right one, which are writable, and the added one of them as they are cut.
    #[inline(always)]
    pub fn divide<S: PageStore>(&self, store: &mut S, cuts: &Cuts, added: PageId) -> Result<()> {
        let Cuts { before, first, second, all } = *cuts;
        if second < all {
            self.make_page(store, second, all, added)?;
        }
        // The page that gains is made first, while the other one still has what it gains.
        let (mut right, mut gone) = (*self, 0);
        let new_is_left = usize::from(self.new.is_some_and(|(at, _)| at < first));
        let left_gains = first.wrapping_sub(new_is_left) > before;
        if left_gains {
            self.make_page(store, 0, first, self.left)?;
            right.left = self.right;
            gone = before.wrapping_add(new_is_left);
            right.new = self.new.filter(|_| new_is_left == 0).map(|(at, entry)| (at.wrapping_sub(before), entry));
        }
        right.make_page(store, first.wrapping_sub(gone), second.wrapping_sub(gone), self.right)?;
        if left_gains {
            Ok(())
        } else {
            self.make_page(store, 0, first, self.left)
        }
    }

    /// The shortest key that leads to entry `at` and what follows, but not to what is before.
    pub fn separator<S: PageStore>(&self, store: &mut S, at: usize, key: &mut KeyBuf) -> Result<()> {
        let (cells, _) = self.cells(store)?;
        key.set(&cells.separator(at));
        Ok(())
    }
}

/// The entries that a page is made of anew: those of a page, then those of its right sibling, with one
/// more put in.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    /// The page whose entries come first.
    pub left: Page<'a>,
    /// The page whose entries follow; an empty one where there is none.
    pub right: Page<'a>,
    /// One more entry and its index among all of them.
    pub new: Option<(usize, &'a Entry<'a>)>,
    /// Entries that the new one stands in the place of: one or none.
    pub replaced: usize,
    /// In branches: the key that leads to the right page, so its entry 0's when that is not first.
    pub separator: &'a [u8],
}

impl<'a> Cells<'a> {
    /// The entries of one page.
    pub fn of(page: Page<'a>) -> Self {
        Cells { left: page, right: Page(&[]), new: None, replaced: 0, separator: &[] }
    }

    /// How many.
    pub fn count(&self) -> usize {
        let new = usize::from(self.new.is_some()).wrapping_sub(self.replaced);
        self.left.count().wrapping_add(self.right.count()).wrapping_add(new)
    }

    /// Where entry `index` comes from: a page and its index there, or `None` if it is the new one.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    fn source(&self, index: usize) -> Option<(Page<'a>, usize)> {
        let mut index = index;
        if let Some((at, _)) = self.new {
            if index == at {
                return None;
            }
            if index > at {
                index = index.wrapping_sub(1).wrapping_add(self.replaced);
            }
        }
        Some(match index.checked_sub(self.left.count()) {
            Some(index) if !self.right.0.is_empty() => (self.right, index),
            _ => (self.left, index),
        })
    }

    /// Entry `index`.
    pub fn get(&self, index: usize) -> Entry<'a> {
        let Some((page, index)) = self.source(index) else {
            return self.new.map_or_else(Default::default, |(_, entry)| *entry);
        };
        let cell = page.cell(index).unwrap_or_default();
        let key = match index {
            0 if page.level() > 0 => Key::whole(self.separator),
            _ => Key { prefix: page.prefix(), suffix: cell.suffix },
        };
        Entry { key, value: [cell.value, &[]] }
    }

    /// The shortest key that leads to entry `at` and what follows, but not to what is before.
    #[inline(always)]
    pub fn separator(&self, at: usize) -> Key<'a> {
        let first = self.get(at).key;
        match self.left.level() {
            0 => first.until(separator_len(&self.get(at.wrapping_sub(1)).key, &first)),
            _ => first,
        }
    }

    /// The bytes of entry `index`, if they are the same in a page with a prefix of `prefix` bytes.
    #[inline]
    fn as_it_stands(&self, index: usize, prefix: usize) -> Option<&'a [u8]> {
        let (page, index) = self.source(index)?;
        let has_key = index > 0 || page.level() == 0;
        (has_key && page.prefix().len() == prefix).then(|| page.cell_bytes(index))?
    }

    /// The first entry of `from` on that has a key of its own in a page that begins with `from`.
    fn first_key(&self, from: usize) -> usize {
        from.wrapping_add(usize::from(self.left.level() > 0))
    }

    /// The prefix that entries `from` to before `to` share.
    pub fn prefix(&self, from: usize, to: usize) -> (Key<'a>, usize) {
        let from = self.first_key(from);
        if from >= to {
            return (Key::default(), 0);
        }
        let first = self.get(from).key;
        (first, first.common(&self.get(to.wrapping_sub(1)).key))
    }

    /// Bytes of entry `index` with its slot, behind a prefix of `prefix` bytes.
    pub fn size(&self, index: usize, prefix: usize) -> usize {
        if let Some(bytes) = self.as_it_stands(index, prefix) {
            return SLOT.wrapping_add(bytes.len());
        }
        SLOT.wrapping_add(self.get(index).size_behind(prefix))
    }

    /// Bytes of entries `from` to before `to` with their slots, behind a prefix of `prefix` bytes.
    #[inline(never)]
    pub fn sizes(&self, from: usize, to: usize, prefix: usize) -> usize {
        (from..to).map(|index| self.size(index, prefix)).sum()
    }

    /// Bytes of a page that holds entries `from` to before `to` and nothing else.
    #[inline(never)]
    pub fn packed(&self, from: usize, to: usize) -> usize {
        let (_, prefix) = self.prefix(from, to);
        let keyed = self.first_key(from).min(to);
        let first = self.sizes(from, keyed, usize::MAX);
        let others = self.sizes(keyed, to, prefix);
        HEADER.wrapping_add(prefix).wrapping_add(first).wrapping_add(others)
    }

    /// Whether a page holds entries `from` to before `to`, of which there are some.
    pub fn fits(&self, from: usize, to: usize, page_size: usize) -> bool {
        from < to && self.packed(from, to) <= page_size
    }

    /// The cuts behind the entries of the first page and the second one, if pages of `room` bytes hold them, of which the
    /// first two get some.
    #[inline(never)]
    pub fn cuts(&self, first: usize, second: usize, room: usize) -> Option<Cuts> {
        let all = self.count();
        let fits = |from, to| self.fits(from, to, room);
        let fit = fits(0, first) && fits(first, second) && (second == all || fits(second, all));
        fit.then(|| Cuts { before: self.left.count(), first, second, all })
    }

    /// The cuts that make two or three parts of like size.
    pub fn in_parts(&self, parts: usize, room: usize) -> Option<Cuts> {
        let all = self.count();
        let part = self.packed(0, all).checked_div(parts).unwrap_or(0);
        let second = if parts > 2 { self.fitting(part.wrapping_mul(2)) } else { all };
        self.cuts(self.fitting(part), second, room)
    }

    /// How many of the first entries take no more than so many bytes behind a prefix of `prefix` bytes.
    #[inline(never)]
    pub fn within(&self, bytes: usize, prefix: usize) -> usize {
        let mut used = 0usize;
        let fits = |index: &usize| {
            used = used.wrapping_add(self.size(*index, prefix));
            used <= bytes
        };
        (0..self.count()).take_while(fits).count()
    }

    /// How many of the first entries a page of `room` bytes holds.
    #[inline(never)]
    pub fn fitting(&self, room: usize) -> usize {
        let (_, prefix) = self.prefix(0, self.count());
        let mut count = self.within(room.saturating_sub(HEADER.wrapping_add(prefix)), prefix);
        // The first ones may share a longer prefix than all of them do.
        while count < self.count() && self.packed(0, count.wrapping_add(1)) <= room {
            count = count.wrapping_add(1);
        }
        count
    }

    /// Makes `page` of entries `from` to before `to`.
    #[inline(never)]
    pub fn build(&self, from: usize, to: usize, page: &mut [u8]) {
        let (first, prefix) = self.prefix(from, to);
        let mut page = PageMut(page);
        let mut end = page.clear(self.left.level(), &first, prefix);
        for (slot, index) in (from..to).enumerate() {
            end = match self.as_it_stands(index, prefix) {
                Some(cell) if index >= self.first_key(from) => page.append_cell(slot, end, cell),
                _ => {
                    let mut entry = self.get(index);
                    if index < self.first_key(from) {
                        entry.key = Key::default();
                    }
                    page.append(slot, end, &entry, prefix)
                }
            };
        }
        page.set_filled(to.saturating_sub(from), end);
        if let Some((at, _)) = self.new.filter(|(at, _)| (from..to).contains(at)) {
            page.set_run(at.wrapping_sub(from).wrapping_add(1));
        }
    }

    /// Where to split: the first entry of the right page, so that both halves fit.
    #[inline(always)]
    pub fn split_point(&self, room: usize) -> Option<usize> {
        let all = self.count();
        let at = self.new.map_or(0, |(at, _)| at);
        let next = at.wrapping_add(1);
        // What is behind a run goes out of its way at once; the run then fills page after page. Otherwise the halves are alike.
        let best = if at == self.left.run() {
            // What stands in a page already need not be measured.
            if next == all {
                return Some(at);
            }
            next
        } else {
            let (_, prefix) = self.prefix(0, all);
            self.within(self.sizes(0, all, prefix).wrapping_sub(1) / 2, prefix).wrapping_add(1)
        };
        // What stands before the new entry and what stands behind it are in one page now, and it takes at most half a page: so
        // it fits with one of them. Where it has not the page's prefix it is first or last, and alone.
        [best, at, next].into_iter().find(|point| self.cuts(*point, all, room).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::max_cell;
    use super::super::page::tests::{add, filled};
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_split_of_an_ascending_run_leaves_the_left_page_full() {
        let mut buf = filled(&[]);
        let mut n = 0;
        while add(&mut buf, std::format!("{n:04}").as_bytes(), &[1; 20]) {
            n += 1;
        }
        let key = std::format!("{n:04}");
        let entry = Entry { key: Key::whole(key.as_bytes()), value: [&[1; 20], &[]] };
        let cells = Cells { new: Some((n, &entry)), ..Cells::of(Page(&buf)) };
        assert_eq!(cells.split_point(512), Some(n));
    }

    /// A full page, and an entry it has no room for; `branch` says which kind of page.
    fn overfull(random: &mut impl FnMut(usize) -> usize, branch: bool) -> (Vec<u8>, usize, Vec<u8>, Vec<u8>) {
        let mut buf = std::vec![0; 512];
        PageMut(&mut buf).clear(u8::from(branch), &Key::default(), 0);
        if branch {
            PageMut(&mut buf).insert(0, &Entry { key: Key::default(), value: [&[0; 4], &[]] });
        }
        let (common, largest) = ([random(60), 0][random(2)], [4, 40, 512][random(3)]);
        loop {
            let apart = if random(40) == 0 { random(common + 1) } else { common };
            let mut key = std::vec![b'k'; apart];
            key.extend((0..1 + random(8)).map(|_| b'j' + random(3) as u8));
            key.resize(key.len() + random(largest.min(120 - key.len())), b'x');
            let most = max_cell(512) - SLOT - 2 - key.len();
            let len = if random(8) == 0 { most } else { random(largest.min(most)) };
            let value = std::vec![7; if branch { 4 } else { len }];
            let entry = Entry { key: Key::whole(&key), value: [&value, &[]] };
            let Err(index) = Page(&buf).search(&entry.key) else { continue };
            if !add(&mut buf, &key, &value) {
                return (buf, index.max(usize::from(branch)), key, value);
            }
            PageMut(&mut buf).set_run(random(40));
        }
    }

    #[test]
    fn every_full_page_can_be_split_for_every_entry() {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        for round in 0..if cfg!(miri) { 20 } else { 20_000 } {
            let (page, index, key, value) = overfull(&mut random, round % 2 == 1);
            let entry = Entry { key: Key::whole(&key), value: [&value, &[]] };
            let cells = Cells { new: Some((index, &entry)), ..Cells::of(Page(&page)) };
            let at = cells.split_point(512).expect("a place to split at");
            assert!(cells.fits(0, at, 512) && cells.fits(at, cells.count(), 512), "round {round}");
        }
    }
}
