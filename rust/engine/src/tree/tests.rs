//! The tree against a BTreeMap, on the memory store.

use super::page::{whole_key, Entry, Page};
use super::*;
use crate::error::Error;
use crate::store::memory::MemoryStore;
use crate::store::raw::Block;
use crate::store::{Meta, PageId, PageStore};
use std::collections::BTreeMap;
use std::vec::Vec;

/// Gives a store what it wants, from std's allocator.
#[allow(unsafe_code)]
pub fn feed(store: &mut MemoryStore) {
    loop {
        let words = store.wanted().div_ceil(8);
        if words == 0 {
            return;
        }
        let bytes = store.wanted();
        let memory = std::boxed::Box::leak(std::vec![0u64; words].into_boxed_slice());
        // SAFETY: the memory is leaked, so nobody else ever uses it.
        let block = unsafe { Block::new(memory.as_mut_ptr().cast(), bytes) }.unwrap();
        store.give(block);
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

struct Map {
    store: MemoryStore,
    root: PageId,
    work: Work,
    model: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Map {
    fn new(page_size: usize) -> Self {
        Map {
            store: MemoryStore::new(page_size, 1 << 24).unwrap(),
            root: PageId::NONE,
            work: Work::default(),
            model: BTreeMap::new(),
        }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        loop {
            self.work.path.locate(&mut self.store, self.root, &Key::whole(key)).unwrap();
            let entry = Entry { key: Key::whole(key), value: [value, &[]] };
            match insert(&mut self.store, &mut self.root, &mut self.work, &entry) {
                Err(error) if error == Error::NeedMemory => feed(&mut self.store),
                result => break result.unwrap(),
            }
        }
        self.model.insert(key.to_vec(), value.to_vec());
    }

    fn delete(&mut self, key: &[u8]) {
        loop {
            self.work.path.locate(&mut self.store, self.root, &Key::whole(key)).unwrap();
            assert_eq!(self.work.path.found(), self.model.contains_key(key));
            if !self.work.path.found() {
                break;
            }
            match remove(&mut self.store, &mut self.root, &mut self.work) {
                Err(error) if error == Error::NeedMemory => feed(&mut self.store),
                result => break result.unwrap(),
            }
        }
        self.model.remove(key);
    }

    fn entries(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut cursor = Cursor::before(KeyBuf::new());
        let mut entries = Vec::new();
        while let Some((id, index)) = cursor.next(&mut self.store, self.root, 1).unwrap() {
            let page = Page(self.store.page(id).unwrap());
            assert_eq!(whole_key(page, index), cursor.key());
            entries.push((cursor.key().to_vec(), page.cell(index).unwrap().value.to_vec()));
        }
        entries
    }

    fn check(&mut self) {
        let model: Vec<_> = self.model.clone().into_iter().collect();
        assert!(self.entries() == model, "the tree differs from the model");
    }

    fn meta(&self) -> Meta {
        Meta { root: self.root, ..Meta::EMPTY }
    }
}

fn random_key(random: &mut Random) -> Vec<u8> {
    let mut key = std::format!("k{:03}", random.below(400)).into_bytes();
    key.resize(4 + random.below(2) as usize * random.below(100) as usize, b'x');
    key
}

/// Under Miri, which takes a thousand times as long, a few of each kind.
const ROUNDS: u64 = if cfg!(miri) { 60 } else { 20_000 };

#[test]
fn random_changes_leave_what_a_btreemap_holds() {
    for (seed, page_size) in [(1, 512), (2, 1024), (3, 4096)] {
        let mut random = Random(seed);
        let mut map = Map::new(page_size);
        for round in 0..ROUNDS {
            let key = random_key(&mut random);
            if random.below(5) < 3 {
                let value = std::vec![random.below(256) as u8; random.below(120) as usize];
                map.put(&key, &value);
            } else {
                map.delete(&key);
            }
            if round % 1000 == 0 {
                map.check();
            }
        }
        map.check();
        for key in map.model.clone().into_keys() {
            map.delete(&key);
        }
        assert_eq!(map.root, PageId::NONE);
        assert_eq!(map.store.usage().0, 1, "only the scratch page is left");
    }
}

#[test]
fn rollbacks_and_commits_of_nested_savepoints_leave_what_the_model_holds() {
    let mut random = Random(7);
    let mut map = Map::new(512);
    let mut around: Vec<BTreeMap<Vec<u8>, Vec<u8>>> = Vec::new();
    for _ in 0..ROUNDS {
        match random.below(40) {
            0 if around.len() < 5 => {
                while map.store.begin(&map.meta()) == Err(Error::NeedMemory) {
                    feed(&mut map.store);
                }
                around.push(map.model.clone());
            }
            1 if !around.is_empty() => {
                map.store.commit();
                around.pop();
                map.check();
            }
            2 if !around.is_empty() => {
                let mut meta = Meta::EMPTY;
                map.store.rollback(&mut meta);
                map.root = meta.root;
                map.model = around.pop().unwrap();
                map.check();
            }
            n => {
                let key = random_key(&mut random);
                if n % 2 == 0 {
                    map.put(&key, &[n as u8; 30]);
                } else {
                    map.delete(&key);
                }
            }
        }
    }
    while map.store.depth() > 0 {
        map.store.commit();
    }
    map.check();
    for key in map.model.clone().into_keys() {
        map.delete(&key);
    }
    assert_eq!(map.store.usage().0, 1, "no image and no journal page is left");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn keys_in_order_fill_their_pages() {
    let mut map = Map::new(512);
    for n in 0..2000 {
        map.put(std::format!("D{n:010}").as_bytes(), &[1; 30]);
    }
    let bytes = map.store.usage().0 as usize * 512;
    assert!(bytes < 2000 * 42, "{bytes} bytes");
}

#[test]
fn a_cursor_goes_on_behind_its_key_whatever_changed() {
    let mut map = Map::new(512);
    let count = if cfg!(miri) { 100 } else { 200 };
    for n in 0..count {
        map.put(std::format!("{n:03}").as_bytes(), b"v");
    }
    let mut cursor = Cursor::before(KeyBuf::of(&[b"050"]));
    let mut seen = Vec::new();
    let mut change = 1;
    while cursor.next(&mut map.store, map.root, change).unwrap().is_some() {
        let key = cursor.key().to_vec();
        let n: usize = std::str::from_utf8(&key).unwrap().parse().unwrap();
        seen.push(n);
        if n % 3 == 0 {
            map.delete(&key);
            map.delete(std::format!("{:03}", n + 1).as_bytes());
            change += 1;
        }
    }
    let expected: Vec<usize> = (50..count).filter(|n| n % 3 != 1 || *n == 49).collect();
    assert_eq!(seen, expected);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn packing_gives_the_pages_back_that_deletes_have_thinned() {
    let mut map = Map::new(512);
    for n in 0..1000 {
        map.put(std::format!("{n:06}").as_bytes(), &[1; 24]);
    }
    let full = map.store.usage().0;
    for n in (0..1000).filter(|n| n % 5 < 2) {
        map.delete(std::format!("{n:06}").as_bytes());
    }
    let (mut leaf, mut key) = (PageId::NONE, KeyBuf::new());
    loop {
        leaf = pack(&mut map.store, &mut map.root, &mut map.work, leaf, &mut key).unwrap();
        if leaf == PageId::NONE {
            break;
        }
    }
    map.check();
    let packed = map.store.usage().0;
    assert!(packed * 100 <= full * 68, "{packed} of {full} pages for 60 % of the entries");
}

#[test]
fn clearing_frees_every_page() {
    let mut map = Map::new(512);
    let count = if cfg!(miri) { 80 } else { 500 };
    for n in 0..count {
        map.put(std::format!("{n:06}").as_bytes(), &[1; 24]);
    }
    let mut entries = 0;
    clear(&mut map.store, &mut map.root, |_, _, _| {
        entries += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!((entries, map.root), (count, PageId::NONE));
    assert_eq!(map.store.usage().0, 1);
}
