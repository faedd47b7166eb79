//! What a host does for the engine: gives it memory from std's allocator, a budget of blocks at most, and
//! encodes documents.
#![allow(unsafe_code, dead_code)]

use mtdb_engine::compress::value::compress;
use mtdb_engine::database::{Database, FlushRule, NewRecord, Next, ScanCursor, FOREVER};
use mtdb_engine::document::{Encoder, Item, Name, Reader};
use mtdb_engine::query::{check, compile, Query, Term};
use mtdb_engine::store::file::medium::Medium;
use mtdb_engine::store::file::{FileStore, Options};
use mtdb_engine::store::memory::MemoryStore;
use mtdb_engine::store::raw::Block;
use mtdb_engine::store::DurableStore;
use mtdb_engine::tree::max_key;
use mtdb_engine::tree::page::fits_a_cell;
use mtdb_engine::{Error, Result};
use std::alloc::{alloc, dealloc, Layout};
use std::collections::HashMap;

/// A value as tests write it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<Value>),
    Dict(Vec<(String, Value)>),
}

/// A store that is given memory.
pub trait Fed: DurableStore {
    fn wanted(&self) -> usize;
    fn give(&mut self, block: Block) -> Option<Block>;
    fn surplus(&mut self) -> Option<Block>;
    fn reclaim(&mut self) -> Option<Block>;
}

macro_rules! fed {
    ($store:ty $(, $medium:ident)?) => {
        impl$(<$medium: Medium>)? Fed for $store {
            fn wanted(&self) -> usize {
                self.wanted()
            }
            fn give(&mut self, block: Block) -> Option<Block> {
                self.give(block)
            }
            fn surplus(&mut self) -> Option<Block> {
                self.surplus()
            }
            fn reclaim(&mut self) -> Option<Block> {
                self.reclaim()
            }
        }
    };
}
fed!(MemoryStore);
fed!(FileStore<M>, M);

/// A database and the memory it was given.
pub struct Host<S: Fed = MemoryStore> {
    pub db: Database<S>,
    blocks: HashMap<usize, Layout>,
    /// How many more blocks it may have.
    pub allowance: usize,
    /// Compress values of so many bytes and more.
    pub compress_from: usize,
}

impl Host {
    pub fn new(page_size: usize, limit: usize) -> Self {
        let store = MemoryStore::new(page_size, limit).expect("a page size");
        Host::around(Database::new(store, FlushRule::Memory))
    }
}

impl<M: Medium> Host<FileStore<M>> {
    /// Opens a database in files.
    pub fn open(medium: M, page_size: usize, cache_pages: usize, rule: FlushRule) -> Result<Self> {
        Self::open_at(medium, page_size, cache_pages, rule, 0)
    }

    pub fn open_at(medium: M, page_size: usize, cache_pages: usize, rule: FlushRule, wall: u64) -> Result<Self> {
        let mut store = FileStore::new(medium);
        store.set_options(Options { page_size, cache_pages });
        let mut host = Host::around(Database::new(store, rule));
        host.run(|db| db.open(wall, 42))?;
        Ok(host)
    }

    /// A whole write, as the glue makes it.
    pub fn write<T>(&mut self, writes: u32, flush: bool, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.feed();
        self.run(|db| db.begin())?;
        let depth = self.db.depth();
        let result = change(self).and_then(|value| self.run(|db| db.commit_writes(writes, flush)).map(|()| value));
        if result.is_err() {
            assert_eq!(self.db.depth(), depth);
            self.db.rollback();
        }
        result
    }
}

impl<S: Fed> Host<S> {
    fn around(db: Database<S>) -> Self {
        Host { db, blocks: HashMap::new(), allowance: usize::MAX, compress_from: usize::MAX }
    }

    /// How many blocks the database holds.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Gives what the database wants; false when there is no more.
    pub fn feed(&mut self) -> bool {
        loop {
            let wanted = self.db.store_mut().wanted();
            if wanted == 0 {
                return true;
            }
            let Some(left) = self.allowance.checked_sub(1) else { return false };
            self.allowance = left;
            let layout = Layout::from_size_align(wanted, 8).expect("a layout");
            // SAFETY: the layout is not empty; the block is the database's until it comes back.
            let block = unsafe { Block::new(alloc(layout), wanted) }.expect("memory");
            let block_at = {
                let raw = block.into_raw();
                self.blocks.insert(raw as usize, layout);
                raw
            };
            // SAFETY: as above; into_raw has just given the same block back.
            let block = unsafe { Block::new(block_at, wanted) }.expect("memory");
            if let Some(old) = self.db.store_mut().give(block) {
                self.take_back(old);
            }
        }
    }

    fn take_back(&mut self, block: Block) {
        let raw = block.into_raw();
        let layout = self.blocks.remove(&(raw as usize)).expect("a block that was given");
        // SAFETY: it was allocated with this layout, and the database no longer has it.
        unsafe { dealloc(raw, layout) };
    }

    /// Takes back what the database does not need.
    pub fn trim(&mut self) {
        while let Some(block) = self.db.store_mut().surplus() {
            self.take_back(block);
        }
    }

    /// Makes a call, giving memory as long as it asks for some.
    pub fn run<T>(&mut self, mut call: impl FnMut(&mut Database<S>) -> Result<T>) -> Result<T> {
        loop {
            match call(&mut self.db) {
                Err(error) if error == Error::NeedMemory && self.feed() => {}
                result => return result,
            }
        }
    }

    /// Encodes tags and a value; what names have numbers is used, what could have one gets it.
    pub fn body(&mut self, tags: &[&str], value: &Value) -> Result<Vec<u8>> {
        let mut buf = vec![0; 20_000];
        let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
        for tag in tags {
            let number = self.db.name_number(tag.as_bytes())?;
            encoder.tag(number, tag.as_bytes(), self.db.has_room_for_names())?;
        }
        encode(&mut self.db, &mut encoder, value)?;
        let (mut len, literals) = (encoder.len, encoder.literals);
        buf.truncate(len);
        if literals > 0 {
            len = self.run(|db| db.intern_names(&mut buf, tags.len() as u32))?;
        }
        buf.truncate(len);
        Ok(buf)
    }

    /// The body with its value compressed, where it is to be and that makes it shorter.
    pub fn compressed(&self, body: &[u8], tag_count: u32) -> Option<Vec<u8>> {
        let mut tags = Reader::new(body, 0);
        (0..tag_count).for_each(|_| _ = tags.name().expect("a tag"));
        let value = &body[tags.at..];
        if value.len() < self.compress_from {
            return None;
        }
        let mut out = vec![0; value.len() - 1];
        let len = compress(value, &mut out, &mut Box::default())?;
        Some([&body[..tags.at], &out[..len]].concat())
    }

    /// Puts a value as the glue does: names, then the record, all or nothing.
    pub fn put(&mut self, key: &str, value: &Value, tags: &[&str], expires: u64) -> Result<()> {
        self.run(|db| db.begin())?;
        let result = self.body(tags, value).and_then(|body| {
            let tag_count = tags.len() as u32;
            let stored = self.compressed(&body, tag_count);
            let stored = stored.as_deref();
            let record = NewRecord { key: key.as_bytes(), body: &body, tag_count, expires, stored };
            self.run(|db| db.put(&record))
        });
        match result {
            Ok(()) => self.db.commit(),
            Err(_) => self.db.rollback(),
        }
        result
    }

    pub fn put_plain(&mut self, key: &str, value: &Value) -> Result<()> {
        self.put(key, value, &[], FOREVER)
    }

    /// The tags and the value of a record.
    pub fn get(&mut self, key: &str, now: u64) -> Result<Option<(Vec<String>, Value)>> {
        let mut buf = vec![0; 300];
        let found = loop {
            match self.run(|db| db.get(key.as_bytes(), now, Some(&mut buf))) {
                Err(error) if error.room().is_some_and(|len| len > buf.len()) => buf.resize(error.room().unwrap(), 0),
                found => break found?,
            }
        };
        let Some(found) = found else { return Ok(None) };
        buf.truncate(found.body_len);
        self.decode(&buf, found.tag_count).map(Some)
    }

    fn decode(&mut self, body: &[u8], tag_count: u32) -> Result<(Vec<String>, Value)> {
        let mut reader = Reader::new(body, 0);
        let tags = (0..tag_count).map(|_| name(&mut self.db, &mut reader)).collect::<Result<_>>()?;
        let value = decode(&mut self.db, &mut reader)?;
        assert_eq!(reader.at, body.len(), "the body ends with its value");
        Ok((tags, value))
    }

    pub fn delete(&mut self, key: &str, now: u64) -> Result<bool> {
        self.run(|db| db.delete(key.as_bytes(), now))
    }

    /// All keys in order.
    pub fn keys(&mut self, now: u64) -> Vec<String> {
        let mut cursor = ScanCursor::new();
        let mut keys = Vec::new();
        while self.run(|db| db.next(&mut cursor, now, None)).expect("a sound tree").is_some() {
            keys.push(String::from_utf8(cursor.key().to_vec()).expect("UTF-8"));
        }
        keys
    }

    /// How many values are compressed, and the bytes that saves: counted one by one.
    pub fn recount(&mut self, now: u64) -> (u32, u32) {
        let (mut compressed, mut saved) = (0, 0);
        let mut buf = vec![0; 70_000];
        for key in self.keys(now) {
            let stored = self.db.get(key.as_bytes(), now, None).expect("a sound record").expect("it was just seen");
            let found = self.db.get(key.as_bytes(), now, Some(&mut buf)).expect("a sound record").expect("the same");
            compressed += u32::from(found.fingerprint != 0);
            saved += (found.body_len - stored.body_len) as u32;
        }
        (compressed, saved)
    }

    /// The keys of the records that match, in order.
    pub fn query(&mut self, query: &Value, now: u64) -> Vec<String> {
        let encoded = literal(query);
        let mut terms = vec![Term::Empty; check(&encoded).expect("a query")];
        let mut limit = compile(&encoded, &mut terms, |name| self.db.name_number(name).unwrap_or(0)).expect("a query");
        let query = Query { encoded: &encoded, terms: &terms };
        let mut cursor = ScanCursor::new();
        let mut keys = Vec::new();
        let mut buf = vec![0; 16];
        while limit > 0 {
            match self.run(|db| db.next_match(&query, &mut cursor, now, 7, &mut buf)) {
                Ok(Next::Found(_)) => {
                    keys.push(String::from_utf8(cursor.key().to_vec()).expect("UTF-8"));
                    limit -= 1;
                }
                Ok(Next::More) => {}
                Ok(Next::End) => break,
                Err(error) if error.room().is_some() => buf.resize(error.room().unwrap(), 0),
                Err(error) => panic!("{error:?}"),
            }
        }
        keys
    }
}

impl<S: Fed> Drop for Host<S> {
    fn drop(&mut self) {
        while let Some(block) = self.db.store_mut().reclaim() {
            self.take_back(block);
        }
        assert!(self.blocks.is_empty(), "every block comes back on closing");
    }
}

fn name<S: Fed>(db: &mut Database<S>, reader: &mut Reader) -> Result<String> {
    Ok(match reader.name()? {
        Name::Text(text) => String::from_utf8(text.to_vec()).expect("UTF-8"),
        Name::Number(number) => {
            let mut buf = [0; 64];
            let len = db.name_text(number, &mut buf)?;
            String::from_utf8(buf[..len].to_vec()).expect("UTF-8")
        }
    })
}

fn decode<S: Fed>(db: &mut Database<S>, reader: &mut Reader) -> Result<Value> {
    Ok(match reader.item()? {
        Item::None => Value::None,
        Item::Bool(value) => Value::Bool(value),
        Item::Int(value) => Value::Int(value),
        Item::BigInt(..) | Item::Bytes(_) => unreachable!("the tests have none"),
        Item::Float(value) => Value::Float(value),
        Item::Str(text) => Value::Str(String::from_utf8(text.to_vec()).expect("UTF-8")),
        Item::List(count) => Value::List((0..count).map(|_| decode(db, reader)).collect::<Result<_>>()?),
        Item::Dict(count) => {
            Value::Dict((0..count).map(|_| Ok((name(db, reader)?, decode(db, reader)?))).collect::<Result<_>>()?)
        }
    })
}

fn encode<S: Fed>(db: &mut Database<S>, encoder: &mut Encoder, value: &Value) -> Result<()> {
    encode_with(encoder, value, &mut |name| Ok((db.name_number(name)?, db.has_room_for_names())))
}

/// A value with its names written out, as queries are.
pub fn literal(value: &Value) -> Vec<u8> {
    let mut buf = vec![0; 20_000];
    let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
    encode_with(&mut encoder, value, &mut |_| Ok((0, false))).expect("room");
    let len = encoder.len;
    buf.truncate(len);
    buf
}

/// The number of a name, and whether it could get one.
type NumberOf<'n> = &'n mut dyn FnMut(&[u8]) -> Result<(u16, bool)>;

fn encode_with(encoder: &mut Encoder, value: &Value, number: NumberOf) -> Result<()> {
    match value {
        Value::None => encoder.none(),
        Value::Bool(value) => encoder.bool(*value),
        Value::Int(value) => encoder.int(*value),
        Value::Float(value) => encoder.float(*value, 24),
        Value::Str(text) => encoder.str(text.as_bytes()),
        Value::List(items) => {
            encoder.list(items.len())?;
            items.iter().try_for_each(|item| encode_with(encoder, item, number))
        }
        Value::Dict(pairs) => {
            encoder.dict(pairs.len())?;
            pairs.iter().try_for_each(|(name, value)| {
                let (number_of_name, room) = number(name.as_bytes())?;
                encoder.name(number_of_name, name.as_bytes(), room)?;
                encode_with(encoder, value, number)
            })
        }
    }
}

/// Random numbers that are the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

pub fn int(value: i64) -> Value {
    Value::Int(value)
}

pub fn str(text: &str) -> Value {
    Value::Str(text.into())
}

/// Text of which deflating leaves some half.
pub fn half_noise(random: &mut Random, len: usize) -> String {
    (0..len).map(|_| char::from(b"0123456789abcdef"[random.below(16) as usize])).collect()
}

pub fn dict<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Dict(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// Keys that share much, little or nothing, of any length up to the longest.
pub fn some_key(random: &mut Random, size: usize, style: u64) -> Vec<u8> {
    let longest = max_key(size);
    let stem = random.below(if style == 0 { 3 } else { 12 }) as u8;
    let len = match random.below(4) {
        0 => 1 + random.below(6) as usize,
        1 => longest,
        2 => longest - random.below(longest as u64 / 2) as usize,
        _ => 1 + random.below(longest as u64) as usize,
    };
    let mut key = vec![b'D', b'a' + stem];
    let shared = if random.below(2) == 0 { len.saturating_sub(3) } else { random.below(len as u64) as usize };
    while key.len() < shared {
        key.push(b'a' + stem);
    }
    while key.len() < len {
        key.push(random.below(if style == 2 { 3 } else { 256 }) as u8);
    }
    key
}

pub fn some_value(random: &mut Random, size: usize, key: usize) -> Vec<u8> {
    let mut most = size / 2;
    while !fits_a_cell(size, key, most) {
        most -= 1;
    }
    let len = match random.below(5) {
        0 => most,
        1 => random.below(most as u64 + 1) as usize,
        _ => random.below(12) as usize,
    };
    vec![random.below(256) as u8; len]
}
