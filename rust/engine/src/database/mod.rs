//! The database: records with keys, TTLs and tags, in one tree of pages.
//!
//! Everything stands in the tree under one-byte namespaces:
//!
//! | key | value |
//! |---|---|
//! | `D` key | the record: see [`record`] |
//! | `E` time, 6 bytes, high byte first, key | nothing: the record expires then |
//! | `N` name | the name's number, 2 bytes |
//! | `T` number, 2 bytes, high byte first, key | nothing: the record has that tag |
//! | `U` 32-bit FNV-1a of the tag, key | nothing: the same for tags without a number |
//! | `n` number, 2 bytes, high byte first | the name of that number |

mod check;
mod compressed;
mod delete;
mod delta;
mod durable;
mod expiry;
mod flush;
mod get;
mod keys;
mod names;
mod put;
pub mod record;
mod scan;
mod statistics;
mod transaction;

pub use check::{Check, Checked, Flaw};
pub use flush::FlushRule;
pub use get::Found;
pub use keys::GENERATED_KEY_BYTES;
pub use names::MAX_NAME_NUMBER;
pub use put::NewRecord;
pub use scan::{Next, ScanCursor};
pub use statistics::Statistics;

use crate::error::{Error, Result};
use crate::store::{Meta, PageStore};
use crate::tree::{self, KeyBuf, Path};
use statistics::Counts;

/// The longest key, whatever the page size.
pub const MAX_KEY_BYTES: usize = 255;
/// The most tags a record can have.
pub const MAX_TAGS: u32 = 32;
/// The longest tag in bytes.
pub const MAX_TAG_BYTES: usize = 64;
/// The longest encoded body in bytes.
pub const MAX_VALUE_BYTES: usize = 65_535;
/// A buffer of so many bytes has room to read every record, compressed or not.
pub const READ_BYTES: usize = 2 * MAX_VALUE_BYTES + crate::compress::inflate::SCRATCH_BYTES;
/// The latest time of expiry that a record can hold: some 8,900 years.
pub const LAST_TIME: u64 = (1 << 48) - 1;
/// As a time of expiry: never.
pub const FOREVER: u64 = 0;

const DOCUMENT: u8 = b'D';
const EXPIRY: u8 = b'E';
const NAME: u8 = b'N';
const TAG: u8 = b'T';
const UNNUMBERED_TAG: u8 = b'U';
const NUMBER: u8 = b'n';

/// An open database on a store of pages. Times are milliseconds of one clock that never goes back.
pub struct Database<S> {
    store: S,
    meta: Meta,
    /// Another number whenever the tree has changed; never 0.
    change: u32,
    names_epoch: u32,
    /// The number of the name `tags`, 0 while it has none; `None` where it has to be looked up.
    tags_name: Option<u16>,
    next_key: u64,
    /// No record expires before.
    next_expiry: u64,
    flush: FlushRule,
    counts: Counts,
    pack_from: KeyBuf,
    /// Compacting has packed the leaves and is busy with the medium.
    packed: bool,
    clock: u64,
    /// The running transaction has put something.
    grew: bool,
}

impl<S: PageStore> Database<S> {
    /// A database on an empty store.
    pub fn new(store: S, flush: FlushRule) -> Self {
        Database {
            store,
            meta: Meta::EMPTY,
            change: 1,
            names_epoch: 0,
            tags_name: Some(0),
            next_key: 0,
            next_expiry: u64::MAX,
            flush,
            counts: Counts::default(),
            pack_from: KeyBuf::new(),
            packed: false,
            clock: 0,
            grew: false,
        }
    }

    /// The store below, for what only its owner knows: memory to give and to take back.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The longest key in bytes: a quarter of the page less 8, and never over 255.
    pub fn max_key(&self) -> usize {
        (self.store.page_size() / 4).saturating_sub(8).min(MAX_KEY_BYTES)
    }

    fn check_key(&self, key: &[u8]) -> Result<()> {
        if (1..=self.max_key()).contains(&key.len()) {
            Ok(())
        } else {
            Err(Error::BadKey)
        }
    }

    fn changed(&mut self) {
        self.change = self.change.wrapping_add(1).max(1);
    }

    fn locate(&mut self, key: &[u8]) -> Result<Path> {
        tree::locate(&mut self.store, self.meta.root, key)
    }

    fn insert(&mut self, key: &[u8], value: &tree::page::Parts) -> Result<()> {
        let mut path = self.locate(key)?;
        self.insert_at(&mut path, key, value)
    }

    fn insert_at(&mut self, path: &mut Path, key: &[u8], value: &tree::page::Parts) -> Result<()> {
        self.changed();
        tree::insert(&mut self.store, &mut self.meta.root, path, key, value)
    }

    /// Takes an entry out; false if it is not there.
    fn remove(&mut self, key: &[u8]) -> Result<bool> {
        let mut path = self.locate(key)?;
        if path.found() {
            self.remove_at(&mut path)?;
        }
        Ok(path.found())
    }

    fn remove_at(&mut self, path: &mut Path) -> Result<()> {
        self.changed();
        tree::remove(&mut self.store, &mut self.meta.root, path)
    }
}

fn document_key(key: &[u8]) -> KeyBuf {
    KeyBuf::of(&[&[DOCUMENT], key])
}

fn expiry_key(expires: u64, key: &[u8]) -> KeyBuf {
    let [_, _, time @ ..] = expires.to_be_bytes();
    KeyBuf::of(&[&[EXPIRY], &time, key])
}
