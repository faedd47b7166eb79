//! The tree on a store that counts what was reserved, and checks of every page after every change.

mod host;

use host::{some_key, some_value, Host, Random};
use mtdb_engine::store::{Meta, PageId, PageStore};
use mtdb_engine::tree::page::{Entry, PageMut, HEADER};
use mtdb_engine::tree::{self, Key, KeyBuf, Work};
use mtdb_engine::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// A store that refuses what was not reserved, and forgets nothing.
struct Strict {
    size: usize,
    pages: Vec<Option<Vec<u8>>>,
    scratch: Vec<u8>,
    /// Reserved and not yet used up.
    new: usize,
    touch: usize,
    touched: BTreeSet<u32>,
    breaches: Vec<String>,
}

impl Strict {
    fn new(size: usize) -> Self {
        Strict {
            size,
            pages: Vec::new(),
            scratch: vec![0; size],
            new: 0,
            touch: 0,
            touched: BTreeSet::new(),
            breaches: Vec::new(),
        }
    }

    fn begin_operation(&mut self) {
        (self.new, self.touch) = (0, 0);
        self.touched.clear();
    }

    fn take(&mut self) -> PageId {
        let free = self.pages.iter().position(Option::is_none);
        let id = free.unwrap_or(self.pages.len());
        if id == self.pages.len() {
            self.pages.push(None);
        }
        self.pages[id] = Some(vec![0xa5; self.size]);
        PageId(id as u32)
    }
}

impl PageStore for Strict {
    fn page_size(&self) -> usize {
        self.size
    }
    fn page(&mut self, id: PageId) -> Result<&[u8]> {
        self.pages.get(id.0 as usize).and_then(Option::as_deref).ok_or(Error::Corrupt)
    }
    fn reserve(&mut self, pages: usize, touched: usize) -> Result<()> {
        (self.new, self.touch) = (pages, touched);
        Ok(())
    }
    fn allocate(&mut self) -> Result<PageId> {
        match self.new.checked_sub(1) {
            Some(left) => self.new = left,
            None => self.breaches.push("a page was allocated that had not been reserved".into()),
        }
        let id = self.take();
        self.touched.insert(id.0);
        Ok(id)
    }
    fn write(&mut self, id: PageId) -> Result<()> {
        if self.touched.contains(&id.0) {
            return Ok(());
        }
        match self.touch.checked_sub(1) {
            Some(left) => self.touch = left,
            None => self.breaches.push("a page was touched that had not been reserved".into()),
        }
        self.touched.insert(id.0);
        Ok(())
    }
    fn page_mut(&mut self, id: PageId) -> Result<&mut [u8]> {
        assert!(self.touched.contains(&id.0), "a page is changed after write() only");
        self.pages.get_mut(id.0 as usize).and_then(Option::as_deref_mut).ok_or(Error::Corrupt)
    }
    fn free(&mut self, id: PageId) -> Result<()> {
        assert!(self.pages[id.0 as usize].take().is_some(), "a page is freed once");
        self.touched.remove(&id.0);
        Ok(())
    }
    fn build(&mut self, left: PageId, right: PageId) -> Result<(&[u8], &[u8], &mut [u8])> {
        let page = |id: PageId| self.pages.get(id.0 as usize).and_then(Option::as_deref).ok_or(Error::Corrupt);
        Ok((page(left)?, page(right)?, &mut self.scratch))
    }
    fn install(&mut self, id: PageId) -> Result<()> {
        assert!(self.touched.contains(&id.0), "a page is installed after write() only");
        self.pages[id.0 as usize] = Some(self.scratch.clone());
        Ok(())
    }
    fn removal_can_fail(&self) -> bool {
        false
    }
    fn set_removing(&mut self, removing: bool) -> bool {
        removing
    }
    fn begin(&mut self, _: &Meta) -> Result<()> {
        unreachable!("the tree opens no savepoints")
    }
    fn commit(&mut self) {}
    fn rollback(&mut self, _meta: &mut Meta) {}
    fn depth(&self) -> u32 {
        0
    }
    fn usage(&self) -> (u32, u32) {
        (self.pages.iter().flatten().count() as u32, u32::MAX)
    }
}

fn u16_at(page: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([page[at], page[at + 1]]))
}

fn varint(page: &[u8], at: &mut usize) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = page[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// Checks a page byte by byte and gives its entries.
fn entries_of(page: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (count, from, garbage, prefix) = (u16_at(page, 2), u16_at(page, 4), u16_at(page, 6), u16_at(page, 10));
    let end = page.len() - prefix;
    assert!(HEADER + 2 * count <= from && from <= end, "cells begin behind the slots: {count} {from}");
    let mut spans = Vec::new();
    let mut entries = Vec::new();
    for slot in 0..count {
        let start = u16_at(page, HEADER + 2 * slot);
        assert!(start >= from);
        let mut at = start;
        let len = varint(page, &mut at);
        let mut key = page[end..].to_vec();
        key.extend_from_slice(&page[at..at + len]);
        at += len;
        let len = varint(page, &mut at);
        entries.push((key, page[at..at + len].to_vec()));
        at += len;
        assert!(at <= end, "a cell ends before the prefix");
        spans.push((start, at));
    }
    spans.sort();
    assert!(spans.windows(2).all(|two| two[0].1 <= two[1].0), "cells do not overlap");
    let live: usize = spans.iter().map(|(start, end)| end - start).sum();
    assert_eq!(live + garbage, end - from, "garbage is what no entry has");
    entries
}

struct Map {
    store: Strict,
    root: PageId,
    work: Work,
    model: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Map {
    fn new(size: usize) -> Self {
        Map { store: Strict::new(size), root: PageId::NONE, work: Work::default(), model: BTreeMap::new() }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.store.begin_operation();
        self.work.path.locate(&mut self.store, self.root, &Key::whole(key)).unwrap();
        let entry = Entry { key: Key::whole(key), value: [value, &[]] };
        tree::insert(&mut self.store, &mut self.root, &mut self.work, &entry).unwrap();
        self.model.insert(key.to_vec(), value.to_vec());
    }

    fn delete(&mut self, key: &[u8]) {
        self.store.begin_operation();
        self.work.path.locate(&mut self.store, self.root, &Key::whole(key)).unwrap();
        assert_eq!(self.work.path.found(), self.model.remove(key).is_some());
        if self.work.path.found() {
            tree::remove(&mut self.store, &mut self.root, &mut self.work).unwrap();
        }
    }

    fn pack(&mut self) {
        let (mut leaf, mut key) = (PageId::NONE, KeyBuf::new());
        for _ in 0..100_000 {
            self.store.begin_operation();
            leaf = tree::pack(&mut self.store, &mut self.root, &mut self.work, leaf, &mut key).unwrap();
            if leaf == PageId::NONE {
                return;
            }
        }
        panic!("packing does not end");
    }

    /// Every page sound, every key between the separators above it, every page reached, every entry there.
    fn check(&mut self) {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        if self.root != PageId::NONE {
            self.check_page(self.root, None, &[], None, &mut seen, &mut found);
        }
        let there: BTreeSet<_> = (0..self.store.pages.len()).filter(|id| self.store.pages[*id].is_some()).collect();
        assert_eq!(seen, there, "every page is reached once");
        let model: Vec<_> = self.model.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        assert!(found == model, "the tree holds what the model holds");
    }

    fn check_page(
        &self,
        id: PageId,
        level: Option<u8>,
        low: &[u8],
        high: Option<&[u8]>,
        seen: &mut BTreeSet<usize>,
        found: &mut Vec<(Vec<u8>, Vec<u8>)>,
    ) {
        assert!(seen.insert(id.0 as usize), "a page is reached once");
        let page = self.store.pages[id.0 as usize].as_deref().expect("a page that is there");
        let mut entries = entries_of(page);
        if let Some(level) = level {
            assert_eq!(page[0], level);
        }
        let keyless = usize::from(page[0] > 0);
        assert!(!entries.is_empty());
        for (key, _) in &entries[keyless..] {
            assert!(key.as_slice() >= low && high.is_none_or(|high| key.as_slice() < high));
        }
        assert!(entries[keyless..].windows(2).all(|two| two[0].0 < two[1].0), "keys ascend");
        if page[0] == 0 {
            found.append(&mut entries);
            return;
        }
        for index in 0..entries.len() {
            let low = if index == 0 { low } else { &entries[index].0 };
            let high = entries.get(index + 1).map(|(key, _)| key.as_slice()).or(high);
            self.check_page(PageId::from_bytes(&entries[index].1), Some(page[0] - 1), low, high, seen, found);
        }
    }
}

const ROUNDS: u64 = if cfg!(miri) { 60 } else { 6_000 };

fn churn() -> Vec<String> {
    let mut breaches = Vec::new();
    for size in if cfg!(miri) { &[512][..] } else { &[512, 1024, 2048, 4096] }.iter().copied() {
        for seed in 0..if cfg!(miri) { 1 } else { 8 } {
            let mut random = Random(0x9e37_79b9 + seed * 7919 + size as u64);
            let mut map = Map::new(size);
            for round in 0..ROUNDS {
                let grow = (round / 700) % 2 == 0;
                let known = map.model.len() as u64;
                if random.below(10) < if grow { 8 } else { 3 } {
                    let key = if known > 0 && random.below(5) == 0 {
                        map.model.keys().nth(random.below(known) as usize).unwrap().clone()
                    } else {
                        some_key(&mut random, size, seed % 3)
                    };
                    let value = some_value(&mut random, size, key.len());
                    map.put(&key, &value);
                } else if known > 0 {
                    let key = map.model.keys().nth(random.below(known) as usize).unwrap().clone();
                    map.delete(&key);
                }
                if round % 500 == 499 {
                    map.pack();
                }
                if round % 50 == 0 {
                    map.check();
                }
            }
            map.check();
            breaches.extend(map.store.breaches.drain(..).map(|what| format!("{size}: {what}")));
            for key in map.model.clone().into_keys() {
                map.delete(&key);
            }
            map.check();
        }
    }
    breaches
}

#[test]
fn random_keys_and_values_of_any_length_make_sound_pages_of_what_was_reserved() {
    let breaches = churn();
    let kinds = breaches.iter().fold(BTreeMap::<_, u32>::new(), |mut kinds, what| {
        *kinds.entry(what).or_default() += 1;
        kinds
    });
    assert!(breaches.is_empty(), "{kinds:?}");
}

#[test]
fn a_branch_that_leads_to_itself_is_found_to_be_damaged() {
    let mut host = Host::new(512, 1 << 20);
    host.run(|db| db.store_mut().reserve(2, 0)).unwrap();
    let store = host.db.store_mut();
    let (leaf, branch) = (store.allocate().unwrap(), store.allocate().unwrap());
    let mut page = PageMut(store.page_mut(leaf).unwrap());
    page.clear(0, &Key::default(), 0);
    page.insert(0, &Entry { key: Key::whole(b"a"), value: [&[1], &[]] });
    let mut page = PageMut(store.page_mut(branch).unwrap());
    page.clear(1, &Key::default(), 0);
    page.insert(0, &Entry { key: Key::default(), value: [&leaf.to_bytes(), &[]] });
    page.insert(1, &Entry { key: Key::whole(b"m"), value: [&branch.to_bytes(), &[]] });
    let mut root = branch;
    let mut work = Work::default();
    work.path.locate(store, root, &Key::whole(b"a")).unwrap();
    assert_eq!(tree::remove(store, &mut root, &mut work), Err(Error::Corrupt));
}
