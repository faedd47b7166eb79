//! What the database counts.

use super::Database;
use crate::error::{Answer, Result};
use crate::store::{FileCounts, PageId, PageStore};
use crate::tree::{self, KeyBuf};

/// Counted since opening.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub operations: Operations,
    /// Writes, and those in batches, for the flush rule; as many as can be said.
    pub writes: u32,
    pub batched: u32,
    pub unflushed: u32,
}

/// What was done since opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Operations {
    /// Records put.
    pub puts: u64,
    /// Records asked for by key.
    pub gets: u64,
    /// Records deleted by the program.
    pub deletes: u64,
    /// Queries.
    pub queries: u64,
    /// Batches.
    pub batches: u64,
    /// Flushes.
    pub flushes: u64,
}

/// What is known of an open database.
// Its layout is that of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Statistics {
    /// What was done since opening.
    pub operations: Operations,
    /// Pages in use, in bytes.
    pub bytes_used: u64,
    /// As many bytes of pages there may be.
    pub bytes_limit: u64,
    /// What is left of them.
    pub free_bytes: u64,
    /// What is known of the files, where somebody has asked for that.
    pub files: FileCounts,
    /// Records, expired but uncollected ones among them.
    pub records: u32,
    /// Of these, with a TTL.
    pub ttl_records: u32,
    /// Names that have a number.
    pub names: u32,
    /// Records whose value is compressed.
    pub compressed: u32,
    /// Bytes by which that makes them shorter.
    pub saved: u32,
    /// Bytes of a page.
    pub page_size: u32,
}

impl<S: PageStore> Database<S> {
    /// Records, expired but uncollected ones among them.
    pub fn records(&self) -> u32 {
        self.meta.records
    }

    /// Counts a batch of so many writes.
    pub fn count_batch(&mut self, writes: u32) {
        self.counts.batched = self.counts.batched.saturating_add(writes);
        self.counts.operations.batches = self.counts.operations.batches.wrapping_add(1);
    }

    /// Counts a query.
    pub fn count_query(&mut self) {
        self.counts.operations.queries = self.counts.operations.queries.wrapping_add(1);
    }

    /// All of them but for the files.
    pub fn statistics(&self) -> Statistics {
        let mut out = Statistics::default();
        self.tell_statistics(&mut out);
        out
    }

    /// The same, in `out`.
    pub fn tell_statistics(&self, out: &mut Statistics) {
        let page_size = self.store.page_size() as u32;
        let (pages_used, pages_limit) = self.store.usage();
        let bytes = |pages: u32| u64::from(pages).wrapping_mul(u64::from(page_size));
        out.operations = self.counts.operations;
        out.bytes_used = bytes(pages_used);
        out.bytes_limit = bytes(pages_limit);
        out.free_bytes = out.bytes_limit.saturating_sub(out.bytes_used);
        out.records = self.meta.records;
        out.ttl_records = self.meta.ttl_records;
        out.names = self.meta.names;
        out.compressed = self.meta.compressed;
        out.saved = self.meta.saved;
        out.page_size = page_size;
    }

    /// Packs at most `budget` leaves and goes on at the next call where this one ended; true when a whole
    /// round is done.
    pub(super) fn pack(&mut self, budget: u32) -> Result<Answer> {
        for _ in 0..budget {
            if self.pack_leaf()? == Answer::No {
                return Ok(Answer::Yes);
            }
        }
        Ok(Answer::No)
    }

    /// Packs one leaf; no when it was the last one.
    #[inline(never)]
    fn pack_leaf(&mut self) -> Result<Answer> {
        self.changed();
        let (mut key, mut next) = (KeyBuf::new(), PageId::NONE);
        // The same records in other pages: there is nothing that a delta could say, and nothing it needs to.
        self.change(self.store.changes_can_fail(), &mut |database| {
            let Database { store, meta, work, pack_from, .. } = database;
            next = tree::pack(store, &mut meta.root, work, *pack_from, &mut key)?;
            Ok(())
        })?;
        self.pack_from = next;
        Ok((next != PageId::NONE).into())
    }
}
