//! A database that outlives the program: opening, making durable, backups.

use super::Database;
use crate::error::{Answer, Error, Result, ENOSPC};
use crate::store::raw::Owned;
use crate::store::{DurableStore, FileCounts, MAX_DELTA};

impl<S: DurableStore> Database<S> {
    /// Opens what is there, or makes it. [`Error::NeedMemory`]: give, and call again. `wall`: seconds since 1970, or
    /// 0; `seed`: anything that is seldom the same. Nothing is written to a database that is there.
    pub fn open(&mut self, wall: u64, seed: u64) -> Result<()> {
        self.open_store(wall, seed)?;
        self.replay_all()?;
        self.store.finish_open();
        self.take_status(wall)
    }

    #[inline(never)]
    fn open_store(&mut self, wall: u64, seed: u64) -> Result<()> {
        if self.store.open(wall, seed, &mut self.meta)? == Answer::Yes {
            self.restored();
        }
        Ok(())
    }

    #[inline(always)]
    fn take_status(&mut self, wall: u64) -> Result<()> {
        let status = self.store.status();
        self.next_key = status.next_key;
        let away = if status.wall == 0 { 0 } else { wall.saturating_sub(status.wall) };
        // A clock that is ahead by more than 136 years is wrong.
        let away = u32::try_from(away).unwrap_or(u32::MAX);
        self.clock = status.now.saturating_add(u64::from(away).wrapping_mul(1000));
        self.next_expiry = u64::MAX;
        // What is read here needs no memory when it is read next.
        if self.meta.ttl_records > 0 && self.first_expiry()?.is_some() {
            self.next_expiry = 0;
        }
        self.counts = Default::default();
        Ok(())
    }

    /// Does what was done since the last checkpoint.
    #[inline(never)]
    fn replay_all(&mut self) -> Result<()> {
        let Some(block) = self.store.lend()? else { return Ok(()) };
        match Owned::new(block, || [0; MAX_DELTA]) {
            Ok(mut delta) => {
                let done = self.replay_each(&mut *delta);
                self.store.take_back(delta.into_block());
                done
            }
            Err(block) => {
                self.store.take_back(block);
                Err(Error::Corrupt)
            }
        }
    }

    #[inline(never)]
    fn replay_each(&mut self, delta: &mut [u8]) -> Result<()> {
        while let Some(len) = self.store.next_delta(delta)? {
            let Err(error) = self.replay(delta.get(..len).unwrap_or(&[])) else { continue };
            if error == Error::NeedMemory {
                self.store.repeat_delta();
            }
            // What was done once can be done again: where it cannot, something is damaged.
            return Err(match error {
                Error::BadKey | Error::BadTag | Error::TooDeep | Error::TooLong => Error::Corrupt,
                _ => error,
            });
        }
        Ok(())
    }

    /// Where the clock stood, in milliseconds: times go on from there.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// What time it is, for the next commit.
    pub fn set_time(&mut self, now: u64, wall: u64) {
        self.store.set_time(now, wall);
    }

    /// Ends the innermost transaction and counts so many writes. Where it was the outermost one, and the flush rule
    /// or `flush` says so, everything is made durable with it; when that fails the transaction is still open.
    pub fn commit_writes(&mut self, writes: u32, flush: bool) -> Result<()> {
        let outermost = self.store.depth() == 1;
        let counted = self.counts.unflushed.saturating_add(writes);
        let due = flush || self.flush.is_due(counted, &self.counts) || self.store.is_crowded();
        let flushed = outermost && due && (counted > 0 || flush);
        if flushed && self.grew {
            self.make_durable()?;
        } else if flushed {
            self.removing(Self::make_durable)?;
        } else {
            self.store.settle()?;
        }
        self.commit();
        self.counts.writes = self.counts.writes.saturating_add(writes);
        self.counts.unflushed = if flushed { 0 } else { counted };
        self.counts.operations.flushes = self.counts.operations.flushes.wrapping_add(u64::from(flushed && counted > 0));
        Ok(())
    }

    /// Makes everything before durable, all or nothing; inside a transaction that waits for its end.
    pub fn flush(&mut self) -> Result<()> {
        if self.store.depth() == 0 {
            self.removing(Self::make_durable)?;
            self.counts.operations.flushes =
                self.counts.operations.flushes.wrapping_add(u64::from(self.counts.unflushed > 0));
            self.counts.unflushed = 0;
        }
        Ok(())
    }

    /// The same on closing: no generated key is given after that, and records with a TTL stay as old as they are.
    pub fn close(&mut self) -> Result<()> {
        if self.store.depth() == 0 {
            if self.meta.ttl_records > 0 {
                self.store.set_unflushed();
            }
            self.removing(|database| database.store.make_durable(&database.meta, database.next_key))?;
        }
        Ok(())
    }

    /// Packs at most `budget` leaves, and once a whole round is done, gets back space of the medium; goes on at the
    /// next call where this one ended; true when nothing more is to be gained.
    pub fn compact(&mut self, budget: u32) -> Result<bool> {
        if !self.packed {
            let packed = self.removing(|database| database.pack(budget));
            if self.store.is_crowded() {
                self.flush()?;
            }
            // Without room to write in, what is packed closer gains nothing.
            self.packed = packed == Err(Error::io(ENOSPC)) || packed? == Answer::Yes;
            return Ok(false);
        }
        let keys = self.keys_to_allow();
        let compact = |database: &mut Self| database.store.compact(budget, &database.meta, keys);
        let compacted = match self.store.depth() {
            0 => self.removing(compact),
            _ => Ok(Answer::Yes),
        };
        let done = compacted == Err(Error::io(ENOSPC)) || compacted? == Answer::Yes;
        self.packed = !done;
        Ok(done)
    }

    /// Begins a copy of the database as it is now. Outside of transactions.
    pub fn begin_backup(&mut self) -> Result<()> {
        let keys = self.keys_to_allow();
        self.store.begin_backup(&self.meta, keys)
    }

    /// Copies at most `budget` pages; true when the copy is whole and durable.
    pub fn backup(&mut self, budget: u32) -> Result<bool> {
        Ok(self.store.backup(budget)? == Answer::Yes)
    }

    /// Gives up a copy that is not whole.
    pub fn end_backup(&mut self) {
        self.store.end_backup();
    }

    /// What is known of the files.
    pub fn file_counts(&self) -> FileCounts {
        self.store.counts()
    }
}
