//! One page: a sorted map from keys to small values, the keys' common prefix stored once.
//!
//! ```text
//!  0      1         2       4            6         8        10           12
//! +-------+---------+-------+------------+---------+--------+------------+-----------------
//! | level | 0       | count | cells from | garbage | run    | prefix len | slot 0 | slot 1 | …
//! +-------+---------+-------+------------+---------+--------+------------+-----------------
//!   … free … | cell | cell | … | prefix |
//! ```
//!
//! A slot is the offset of a cell, in the order of the keys; all numbers are little-endian `u16`. A
//! cell is `varint suffix length, suffix, varint value length, value`. Leaves (level 0) hold records
//! and index entries, branches the ids of the pages one level below: entry `i` leads to the keys from
//! its own key on, entry 0 to everything before entry 1. `run` is the slot after the last
//! insertion: an insertion there goes on with an ascending run, and the page is then split so that what
//! is behind stays full. A branch's entry 0 has no key of its own: it stands under the prefix alone.

use super::cells::Cells;
use super::key::Key;
use crate::bytes::{u16_at, u16_here, varint_at, varint_len, write, write_u16, write_varint};
use crate::store::raw::shift;
use crate::store::PageId;
use core::cmp::Ordering;

/// Bytes before the first slot.
pub const HEADER: usize = 12;
/// Bytes of a slot.
pub(super) const SLOT: usize = 2;
/// Whether eight bytes of a key are compared at once: machines of 32 bits are as fast byte by byte.
const BY_HEADS: bool = cfg!(target_pointer_width = "64");

/// The largest cell with its slot: any two fit a page, so that every page can be split.
pub const fn max_cell(page_size: usize) -> usize {
    (page_size - HEADER) / 2
}

/// One entry of a page.
#[derive(Clone, Copy, Default)]
pub struct Cell<'a> {
    /// The key behind the page's prefix.
    pub suffix: &'a [u8],
    /// What the key leads to.
    pub value: &'a [u8],
    /// Where the value begins in the page.
    pub value_at: usize,
    start: usize,
}

impl Cell<'_> {
    fn size(&self) -> usize {
        self.value_at.wrapping_add(self.value.len()).wrapping_sub(self.start)
    }
}

/// How a new entry gets into a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Into the free space as it is.
    Direct,
    /// After the page has been packed, perhaps with another prefix.
    Packed,
    /// Not at all.
    No,
}

/// An entry to put into a page, in parts, so that nobody has to put them together first.
#[derive(Clone, Copy, Default)]
pub struct Entry<'a> {
    /// The whole key.
    pub key: Key<'a>,
    /// What the key leads to.
    pub value: Parts<'a>,
}

impl Entry<'_> {
    /// Bytes of it with its slot in a page whose keys have nothing in common.
    pub(super) fn size(&self) -> usize {
        SLOT.wrapping_add(self.size_behind(0))
    }

    /// Bytes of its cell behind a prefix of so many bytes.
    pub(super) fn size_behind(&self, prefix: usize) -> usize {
        cell_size(self.key.len().saturating_sub(prefix), parts_len(&self.value))
    }
}

/// A value in up to two parts.
pub type Parts<'a> = [&'a [u8]; 2];

/// The first eight bytes of a key, of which only `len` count, as a number that compares as they do.
#[inline]
pub(super) fn head(bytes: [u8; 8], len: usize) -> u64 {
    let unused = 8usize.saturating_sub(len) as u32;
    u64::from_be_bytes(bytes) & u64::MAX.checked_shl(unused.wrapping_mul(8)).unwrap_or(0)
}

pub(super) fn parts_len([first, second]: &Parts) -> usize {
    first.len().wrapping_add(second.len())
}

fn cell_size(suffix: usize, value: usize) -> usize {
    varint_len(suffix as u32) + varint_len(value as u32) + suffix + value
}

/// Whether an entry may stand in a page itself.
pub fn fits_a_cell(page_size: usize, key: usize, value: usize) -> bool {
    SLOT + cell_size(key, value) <= max_cell(page_size)
}

/// A page to read.
#[derive(Clone, Copy)]
pub struct Page<'a>(pub &'a [u8]);

impl<'a> Page<'a> {
    /// 0 for a leaf.
    #[inline]
    pub fn level(self) -> u8 {
        self.0.first().copied().unwrap_or(0)
    }

    /// The number at `at` of the header.
    #[inline(always)]
    fn number(self, at: usize) -> usize {
        let header: &[u8; HEADER] = self.0.first_chunk().unwrap_or(&[0; HEADER]);
        usize::from(u16_here(header, at))
    }

    /// How many entries.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn count(self) -> usize {
        // A damaged page may say more, and some work grows with the square of this.
        self.number(2).min(self.0.len().saturating_sub(HEADER) / SLOT)
    }

    fn cells_from(self) -> usize {
        self.number(4)
    }

    fn garbage(self) -> usize {
        self.number(6)
    }

    /// The slot at which an ascending run would go on.
    pub fn run(self) -> usize {
        self.number(8)
    }

    /// What all keys begin with.
    #[inline]
    pub fn prefix(self) -> &'a [u8] {
        let len = self.number(10);
        self.0.get(self.0.len().wrapping_sub(len)..).unwrap_or(&[])
    }

    /// Entry `index`; `None` where there is none, or the page is damaged.
    #[inline]
    pub fn cell(self, index: usize) -> Option<Cell<'a>> {
        let start = usize::from(u16_here(self.0, HEADER.wrapping_add(index.wrapping_mul(SLOT))));
        // Past the page's end there is no slot that says HEADER or more.
        if index >= usize::from(u16_here(self.0, 2)) || start < HEADER {
            return None;
        }
        let (suffix, at) = self.sized(start)?;
        let (value, end) = self.sized(at)?;
        Some(Cell { suffix, value, value_at: end.wrapping_sub(value.len()), start })
    }

    /// A varint length and so many bytes, and where they end.
    #[inline(always)]
    fn sized(self, at: usize) -> Option<(&'a [u8], usize)> {
        let (len, at) = match self.0.get(at) {
            Some(len @ 0..0x80) => (u32::from(*len), at.wrapping_add(1)),
            _ => varint_at(self.0, at)?,
        };
        let end = at.wrapping_add(len as usize);
        Some((self.0.get(at..end)?, end))
    }

    /// The bytes of entry `index`.
    #[inline]
    pub(super) fn cell_bytes(self, index: usize) -> Option<&'a [u8]> {
        let cell = self.cell(index)?;
        self.0.get(cell.start..cell.start.wrapping_add(cell.size()))
    }

    /// The key of entry `index` behind the prefix.
    #[inline]
    fn suffix(self, index: usize) -> &'a [u8] {
        let start = usize::from(u16_at(self.0, HEADER.wrapping_add(index.wrapping_mul(SLOT))));
        self.sized(start).map_or(&[], |(suffix, _)| suffix)
    }

    /// The whole key of entry `index`.
    pub fn key(self, index: usize) -> Option<Key<'a>> {
        Some(Key { prefix: self.prefix(), suffix: self.cell(index)?.suffix })
    }

    /// Whether `key` is that of entry `index`.
    pub fn is_at(self, index: usize, key: &Key) -> bool {
        let Some(cell) = self.cell(index) else { return false };
        key.behind(self.prefix()).is_some_and(|rest| rest.compared_by(cell.suffix) == Ordering::Equal)
    }

    /// Where `key` stands, or where it would.
    #[inline]
    pub fn search(self, key: &Key) -> Result<usize, usize> {
        let prefix = self.prefix();
        let Some(rest) = key.behind(prefix) else {
            return Err(if key.compared_by(prefix) == Ordering::Greater { 0 } else { self.count() });
        };
        let wanted = if BY_HEADS { rest.head() } else { 0 };
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low.wrapping_add(high) / 2;
            match self.compare(middle, wanted, &rest) {
                Ordering::Less => low = middle.wrapping_add(1),
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// How the suffix of entry `index` compares with `rest`, whose head is `wanted`: mostly the heads tell.
    #[inline]
    fn compare(self, index: usize, wanted: u64, rest: &Key) -> Ordering {
        let start = usize::from(u16_at(self.0, HEADER.wrapping_add(index.wrapping_mul(SLOT))));
        let cell = if BY_HEADS { self.0.get(start..).and_then(|cell| cell.first_chunk::<9>()) } else { None };
        if let Some([len @ 0..0x80, bytes @ ..]) = cell {
            let found = head(*bytes, usize::from(*len));
            if found != wanted {
                return found.cmp(&wanted);
            }
        }
        rest.compared_by(self.suffix(index))
    }

    /// In a branch: the entry that leads to `key`.
    #[inline]
    pub fn child_for(self, key: &Key) -> usize {
        match self.search(key) {
            Ok(index) => index,
            Err(index) => index.saturating_sub(1),
        }
    }

    fn slots_end(self) -> usize {
        HEADER.wrapping_add(self.count().wrapping_mul(SLOT))
    }

    fn contiguous(self) -> usize {
        self.cells_from().saturating_sub(self.slots_end())
    }

    /// Bytes in use, of the whole page.
    pub fn used(self) -> usize {
        self.0.len().saturating_sub(self.contiguous()).saturating_sub(self.garbage())
    }

    /// Bytes of its entries with their slots.
    pub fn filled(self) -> usize {
        self.used().saturating_sub(HEADER).saturating_sub(self.prefix().len())
    }

    /// How an entry would get in at `index`.
    pub fn fit(self, index: usize, entry: &Entry) -> Fit {
        let cells = Cells { new: Some((index, entry)), ..Cells::of(self) };
        let prefix = self.prefix();
        if entry.key.behind(prefix).is_some() {
            let size = SLOT.wrapping_add(entry.size_behind(prefix.len()));
            if size <= self.contiguous() {
                return Fit::Direct;
            }
            if size <= self.contiguous().wrapping_add(self.garbage()) {
                return Fit::Packed;
            }
            if cells.prefix(0, cells.count()).1 == prefix.len() {
                return Fit::No;
            }
        }
        if cells.packed(0, cells.count()) <= self.0.len() {
            Fit::Packed
        } else {
            Fit::No
        }
    }

    /// How another value would get in, in the place of entry `index`'s.
    pub fn fit_instead(self, index: usize, value: &Parts) -> Fit {
        let Some(old) = self.cell(index) else { return Fit::No };
        let room = self.contiguous().wrapping_add(self.garbage()).wrapping_add(old.size());
        if cell_size(old.suffix.len(), parts_len(value)) <= room {
            Fit::Packed
        } else {
            Fit::No
        }
    }

    /// Whether so many entries of these lengths get in wherever they belong, whatever they do to the prefix.
    pub fn takes_any(self, entries: usize, key: usize, value: usize) -> bool {
        let prefix = self.prefix().len();
        let grown = self.used().wrapping_add(self.count().saturating_mul(prefix.wrapping_add(1)));
        grown.wrapping_add(entries.wrapping_mul(SLOT + cell_size(key, value))) <= self.0.len()
    }
}

/// A page to change.
pub struct PageMut<'a>(pub &'a mut [u8]);

impl PageMut<'_> {
    /// Makes it an empty page whose keys will begin with what `prefix` says, and gives where cells end.
    pub fn clear(&mut self, level: u8, prefix: &Key, prefix_len: usize) -> usize {
        let size = self.0.len();
        // What is free is zero, and takes no space in files.
        self.0.fill(0);
        write(self.0, 0, &[level, 0]);
        let from = size.wrapping_sub(prefix_len);
        prefix.until(prefix_len).copy_from(0, self.0, from);
        write_u16(self.0, 2, 0);
        write_u16(self.0, 4, from as u16);
        write_u16(self.0, 6, 0);
        write_u16(self.0, 8, u16::MAX);
        write_u16(self.0, 10, prefix_len as u16);
        from
    }

    fn page(&self) -> Page<'_> {
        Page(self.0)
    }

    /// Notes where the last insertion was.
    pub fn set_run(&mut self, run: usize) {
        write_u16(self.0, 8, run as u16);
    }

    /// Puts an entry at `index`, into free space that [`Page::fit`] has found.
    pub fn insert(&mut self, index: usize, entry: &Entry) {
        let prefix = self.page().prefix().len();
        let (count, slots_end, end) = (self.page().count(), self.page().slots_end(), self.page().cells_from());
        let slot = HEADER.wrapping_add(index.wrapping_mul(SLOT));
        if let Some(slots) = self.0.get_mut(slot..slots_end.wrapping_add(SLOT)) {
            shift_right(slots);
        }
        let at = self.append(index, end, entry, prefix);
        self.set_filled(count.wrapping_add(1), at);
        self.set_run(index.wrapping_add(1));
    }

    /// Writes a cell that ends at `end` and its slot, and gives where the cell begins.
    pub(super) fn append(&mut self, slot: usize, end: usize, entry: &Entry, prefix: usize) -> usize {
        let at = end.wrapping_sub(entry.size_behind(prefix));
        let next = write_varint(self.0, at, entry.key.len().saturating_sub(prefix) as u32);
        let next = entry.key.copy_from(prefix, self.0, next);
        let next = write_varint(self.0, next, parts_len(&entry.value) as u32);
        write_parts(self.0, next, &entry.value);
        write_u16(self.0, HEADER.wrapping_add(slot.wrapping_mul(SLOT)), at as u16);
        at
    }

    /// The same for a cell as it stands in another page.
    #[inline]
    pub(super) fn append_cell(&mut self, slot: usize, end: usize, cell: &[u8]) -> usize {
        let at = end.wrapping_sub(cell.len());
        write(self.0, at, cell);
        write_u16(self.0, HEADER.wrapping_add(slot.wrapping_mul(SLOT)), at as u16);
        at
    }

    /// Notes how many entries there are, and where their cells begin.
    pub(super) fn set_filled(&mut self, count: usize, cells_from: usize) {
        write_u16(self.0, 2, count as u16);
        write_u16(self.0, 4, cells_from as u16);
    }

    /// Takes entry `index` out. Of a branch's first two entries it is entry 1 that goes, its child
    /// being entry 0's from now on.
    pub fn remove(&mut self, index: usize) {
        let mut index = index;
        if index == 0 && self.page().level() > 0 {
            let next = self.page().cell(1).map(|cell| PageId::from_bytes(cell.value).to_bytes());
            if let Some(child) = next {
                self.overwrite(0, &[&child, &[]]);
                index = 1;
            }
        }
        let page = self.page();
        let Some(size) = page.cell(index).map(|cell| cell.size()) else {
            return;
        };
        let (count, garbage, slots_end, run) = (page.count(), page.garbage(), page.slots_end(), page.run());
        let slot = HEADER.wrapping_add(index.wrapping_mul(SLOT));
        if let Some(slots) = self.0.get_mut(slot..slots_end) {
            shift_left(slots);
        }
        write_u16(self.0, slots_end.wrapping_sub(SLOT), 0);
        write_u16(self.0, 2, count.wrapping_sub(1) as u16);
        write_u16(self.0, 6, garbage.wrapping_add(size) as u16);
        if run > index {
            self.set_run(run.saturating_sub(1));
        }
    }

    /// Writes over the value of entry `index`; false, and nothing written, if it has another length.
    pub fn overwrite(&mut self, index: usize, value: &Parts) -> bool {
        let Some(cell) = self.page().cell(index) else {
            return false;
        };
        if cell.value.len() != parts_len(value) {
            return false;
        }
        let at = cell.value_at;
        write_parts(self.0, at, value);
        true
    }
}

fn write_parts(page: &mut [u8], at: usize, [first, second]: &Parts) {
    write(page, at, first);
    write(page, at.wrapping_add(first.len()), second);
}

fn shift_right(slots: &mut [u8]) {
    let len = slots.len().saturating_sub(SLOT);
    shift(slots, 0, SLOT, len);
}

fn shift_left(slots: &mut [u8]) {
    let len = slots.len().saturating_sub(SLOT);
    shift(slots, SLOT, 0, len);
}

/// `search` and its like compare prefix and suffix apart; this is what they must agree with.
#[cfg(test)]
pub fn whole_key(page: Page, index: usize) -> std::vec::Vec<u8> {
    let mut key = page.prefix().to_vec();
    key.extend_from_slice(page.cell(index).map_or(&[][..], |cell| cell.suffix));
    key
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::vec::Vec;

    /// A leaf with these keys.
    pub fn filled(keys: &[&[u8]]) -> Vec<u8> {
        let mut buf = std::vec![0; 512];
        PageMut(&mut buf).clear(0, &Key::default(), 0);
        for key in keys {
            add(&mut buf, key, b"v");
        }
        buf
    }

    /// Puts a new key in a page; false where that has no room. A branch's entry 0 has no key and stays the first.
    pub fn add(buf: &mut [u8], key: &[u8], value: &[u8]) -> bool {
        let entry = Entry { key: Key::whole(key), value: [value, &[]] };
        let index = Page(buf).search(&entry.key).unwrap_err().max(usize::from(Page(buf).level() > 0));
        match Page(buf).fit(index, &entry) {
            Fit::Direct => PageMut(buf).insert(index, &entry),
            Fit::Packed => {
                let old = buf.to_vec();
                let cells = Cells { new: Some((index, &entry)), ..Cells::of(Page(&old)) };
                cells.build(0, cells.count(), buf);
            }
            Fit::No => return false,
        }
        true
    }

    #[test]
    fn entries_are_found_in_order_whatever_order_they_came_in() {
        let buf = filled(&[b"night", b"nine", b"ni", b"nicest", b"a", b"nicer"]);
        let page = Page(&buf);
        let keys: Vec<_> = (0..page.count()).map(|n| whole_key(page, n)).collect();
        assert_eq!(keys, [&b"a"[..], b"ni", b"nicer", b"nicest", b"night", b"nine"]);
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(page.search(&Key::whole(key)), Ok(n));
        }
        for (key, index) in [(&b"nice"[..], 2), (b"zz", 6), (b"", 0)] {
            assert_eq!(page.search(&Key::whole(key)), Err(index));
        }
    }

    #[test]
    fn keys_in_order_share_their_prefix_and_fill_the_page() {
        let mut buf = filled(&[]);
        let mut count = 0;
        while add(&mut buf, std::format!("Dlong-common-key-{count:06}").as_bytes(), b"0123456789") {
            count += 1;
        }
        assert!(count >= 29, "{count} entries of 10 bytes in 512");
        assert!(Page(&buf).prefix().len() >= 20);
    }

    #[test]
    fn a_removed_entry_leaves_room_that_packing_finds() {
        let mut buf = filled(&[]);
        let mut key = 0;
        while add(&mut buf, &[b'k', key], &[7; 40]) {
            key += 1;
        }
        PageMut(&mut buf).remove(3);
        let entry = Entry { key: Key { prefix: b"k", suffix: &[3] }, value: [&[8; 30], &[8; 10]] };
        assert_eq!(Page(&buf).search(&entry.key), Err(3));
        assert_eq!(Page(&buf).fit(3, &entry), Fit::Packed);
        assert!(add(&mut buf, &[b'k', 3], &[8; 40]));
        assert_eq!(Page(&buf).cell(3).unwrap().value, &[8; 40]);
    }

    #[test]
    fn a_damaged_page_gives_no_entries_and_no_panic() {
        let mut buf = filled(&[b"one", b"two"]);
        write_u16(&mut buf, HEADER, 511);
        assert!(Page(&buf).cell(0).is_none());
        write_u16(&mut buf, 2, u16::MAX);
        assert!(Page(&buf).cell(40_000).is_none());
        assert!(Page(&[]).cell(0).is_none());
    }
}
