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
pub use scan::{Next, ScanCursor, Step};
pub use statistics::Statistics;

use crate::bytes::hash32;
use crate::document::Name;
use crate::error::{Answer, Error, Result};
use crate::store::{Meta, PageId, PageStore};
use crate::tree::page::{Entry, Page};
use crate::tree::{self, Key, Work};
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
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[repr(C)]
pub struct Database<S> {
    store: S,
    /// Another number whenever the tree has changed; never 0.
    change: u32,
    meta: Meta,
    next_key: u64,
    /// No record expires before.
    next_expiry: u64,
    names_epoch: u32,
    /// The number of the name `tags`, 0 while it has none; `None` where it has to be looked up.
    tags_name: Option<u32>,
    /// The leaf to pack next.
    pack_from: PageId,
    /// Compacting has packed the leaves and is busy with the medium.
    packed: bool,
    /// The change that was a removal, behind which the path now is.
    removed: u32,
    /// The running transaction has put something.
    grew: bool,
    clock: u64,
    counts: Counts,
    flush: FlushRule,
    work: Work,
}

impl<S: PageStore> Database<S> {
    /// A database on an empty store.
    // It is made in its place so, and not on the stack before.
    #[inline(always)]
    pub fn new(store: S, flush: FlushRule) -> Self {
        Database {
            store,
            meta: Meta::EMPTY,
            change: 1,
            removed: 0,
            names_epoch: 0,
            tags_name: Some(0),
            next_key: 0,
            next_expiry: u64::MAX,
            flush,
            counts: Counts::default(),
            work: Work::default(),
            pack_from: PageId::NONE,
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

    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn check_key(&self, key: &[u8]) -> Result<()> {
        if (1..=self.max_key()).contains(&key.len()) {
            Ok(())
        } else {
            Err(Error::BadKey)
        }
    }

    #[inline(never)]
    fn changed(&mut self) {
        self.change = self.change.wrapping_add(1).max(1);
    }

    /// Goes to a key in the tree; whether it is there.
    fn locate(&mut self, key: &Key) -> Result<Answer> {
        // Removals in the order of the keys find the next one where they are.
        if self.removed != self.change || self.work.path.is_at(&mut self.store, key)? == Answer::No {
            self.work.path.locate(&mut self.store, self.meta.root, key)?;
        }
        Ok(self.work.path.found().into())
    }

    /// The value of a key in the tree.
    #[inline(always)]
    fn look_up(&mut self, key: &Key) -> Result<Option<&[u8]>> {
        if self.locate(key)? == Answer::No {
            return Ok(None);
        }
        let (leaf, index) = self.work.path.leaf();
        Page(self.store.page(leaf)?).cell(index).map(|cell| Some(cell.value)).ok_or(Error::Corrupt)
    }

    fn insert(&mut self, entry: &Entry) -> Result<()> {
        self.locate(&entry.key)?;
        self.insert_at(entry)
    }

    /// Puts an entry in the place of its key, just located.
    fn insert_at(&mut self, entry: &Entry) -> Result<()> {
        self.changed();
        tree::insert(&mut self.store, &mut self.meta.root, &mut self.work, entry)
    }

    /// Takes an entry out; false if it is not there.
    fn remove(&mut self, key: &Key) -> Result<Answer> {
        let found = self.locate(key)?;
        if found == Answer::Yes {
            self.remove_at()?;
        }
        Ok(found)
    }

    /// Takes out the entry just located.
    fn remove_at(&mut self) -> Result<()> {
        self.changed();
        tree::remove(&mut self.store, &mut self.meta.root, &mut self.work)?;
        self.removed = self.change;
        Ok(())
    }
}

fn document_key(key: &[u8]) -> Key<'_> {
    Key { prefix: &[DOCUMENT], suffix: key }
}

/// What keys of the tree begin with; a record's key follows.
// Two words, which are compared and copied at once.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(align(4))]
struct Range {
    bytes: [u8; tree::KEY_OVERHEAD],
    len: u8,
}

impl Range {
    /// Everything.
    const ALL: Range = Range::of(0, [0; 4], 0);
    /// The records.
    const DOCUMENTS: Range = Range::of(DOCUMENT, [0; 4], 1);

    const fn of(namespace: u8, [a, b, c, d]: [u8; 4], len: u8) -> Self {
        Range { bytes: [namespace, a, b, c, d, 0, 0], len }
    }

    /// The entries of a tag.
    fn of_tag(tag: Name) -> Self {
        match tag {
            Name::Number(number) => Range::of(TAG, (u32::from(number) << 16).to_be_bytes(), 3),
            Name::Text(text) => Range::of(UNNUMBERED_TAG, hash32(text).to_be_bytes(), 5),
        }
    }

    /// The records that expire then.
    fn of_time(expires: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = expires.to_be_bytes();
        Range { bytes: [EXPIRY, a, b, c, d, e, f], len: 7 }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The entry of a record.
    fn key<'a>(&'a self, key: &'a [u8]) -> Key<'a> {
        Key { prefix: self.as_slice(), suffix: key }
    }
}
