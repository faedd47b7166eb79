//! Making pages anew: of a page and one more entry, of two pages, of parts of them.

use super::key::{separator_len, Key};
use super::page::{Entry, Page, PageMut, HEADER, SLOT};
use super::KeyBuf;
use crate::error::{Answer, Error, Result};
use crate::store::{PageId, PageStore};

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

    /// Shows the entries and the scratch page to somebody.
    #[inline(never)]
    pub fn show<S: PageStore>(&self, store: &mut S, to: &mut dyn FnMut(&Cells, &mut [u8])) -> Result<()> {
        store.bring(self.left, self.right)?;
        self.show_brought(store, to)
    }

    #[inline(always)]
    fn show_brought<S: PageStore>(&self, store: &mut S, to: &mut dyn FnMut(&Cells, &mut [u8])) -> Result<()> {
        let Source { new, replaced, separator, .. } = *self;
        let (left, right, scratch) = store.build(self.left, self.right)?;
        let right = if self.left == self.right { &[] } else { right };
        to(&Cells { left: Page(left), right: Page(right), new, replaced, separator }, scratch);
        Ok(())
    }

    /// How many entries the left page has, and how many there are.
    pub fn counts<S: PageStore>(&self, store: &mut S) -> Result<(usize, usize)> {
        let mut counts = (0, 0);
        self.show(store, &mut |cells, _| counts = (cells.left.count(), cells.count()))?;
        Ok(counts)
    }

    /// Whether a page holds entries `from` to before `to`, of which there are some.
    pub fn fits<S: PageStore>(&self, store: &mut S, from: usize, to: usize) -> Result<Answer> {
        let mut fits = Answer::No;
        self.show(store, &mut |cells, scratch| fits = cells.fits(from, to, scratch.len()).into())?;
        Ok(fits)
    }

    /// Makes a page of entries `from` to before `to`.
    pub fn make_page<S: PageStore>(&self, store: &mut S, from: usize, to: usize, id: PageId) -> Result<()> {
        self.make(store, from, to)?;
        store.install(id)
    }

    /// Makes the scratch page of entries `from` to before `to`.
    pub fn make<S: PageStore>(&self, store: &mut S, from: usize, to: usize) -> Result<()> {
        self.show(store, &mut |cells, scratch| cells.build(from, to, scratch))
    }

    /// Where to split a page of them: the first entry of the right half.
    pub fn split_point<S: PageStore>(&self, store: &mut S) -> Result<usize> {
        let mut point = None;
        self.show(store, &mut |cells, scratch| point = cells.split_point(scratch.len()))?;
        point.ok_or(Error::Corrupt)
    }

    /// The shortest key that leads to entry `at` and what follows, but not to what is before.
    pub fn separator<S: PageStore>(&self, store: &mut S, at: usize, key: &mut KeyBuf) -> Result<()> {
        self.show(store, &mut |cells, _| key.set(&cells.separator(at)))
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
    pub fn split_point(&self, page_size: usize) -> Option<usize> {
        let count = self.count();
        let fits = |at: usize| self.fits(0, at, page_size) && self.fits(at, count, page_size);
        if let Some((at, _)) = self.new {
            let run = at == self.left.run();
            // What stands in a page already need not be measured.
            if run && at == self.left.count() {
                return Some(at);
            }
            // What is behind a run goes out of its way at once; the run then fills page after page.
            if run && fits(at.wrapping_add(1)) {
                return Some(at.wrapping_add(1));
            }
            if run && fits(at) {
                return Some(at);
            }
        }
        // Neither half's prefix is shorter than what the new entry and the page share.
        let prefix = self.new.map_or(0, |(_, entry)| entry.key.common(&Key::whole(self.left.prefix())));
        let total = self.sizes(0, count, prefix);
        let middle = self.within((total / 2).saturating_sub(1), prefix).wrapping_add(1);
        let left = self.sizes(0, middle, prefix);
        let overhead = HEADER.wrapping_add(prefix);
        let room = page_size.saturating_sub(overhead);
        if middle < count && left <= room && total.wrapping_sub(left) <= room {
            return Some(middle);
        }
        let mut best = None;
        for at in 1..count {
            if fits(at) && best.is_none_or(|best: usize| at.abs_diff(middle) < best.abs_diff(middle)) {
                best = Some(at);
            }
        }
        best
    }
}
