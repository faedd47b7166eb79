//! Writing: pages, the parts of the page table that they change, checkpoints, commits.

use super::cache::{Versions, NO_SLOT};
use super::cleaning::{PAGES, PAGES_WITH_DELTAS};
use super::crc::crc32;
use super::format::{
    checkpoint_len, Gap, Location, PageFrame, Snapshot, CHECKPOINT, CHECKPOINT_SEGMENT, COUNTED, PAGE_HEADER,
};
use super::log::{Live, Log, Place};
use super::medium::Medium;
use super::table::{cache_id, is_table, MAX_LEVELS};
use super::{FileStore, DELTA_BYTES, FOR_READING, LEAST_PAGES};
use crate::bytes::{u32_at, write, write_u32};
use crate::error::{Error, Result};
use crate::store::{Meta, Status};

/// The pages of the table that are being made anew, one a level: its index there, and where the old one stands.
type Path = [Option<(u32, Location)>; MAX_LEVELS as usize];

impl<M: Medium> FileStore<M> {
    /// Appends a page and gives where it stands.
    pub(super) fn append_page(&mut self, level: u8, id: u32, slot: u16) -> Result<Location> {
        let gap = Gap::of(self.cache.bytes(slot)?);
        let len = PAGE_HEADER.wrapping_add(self.root.page_size).wrapping_sub(gap.len);
        // What begins a segment anew is not what the deltas go on from.
        self.incomplete |= self.log.head().is_none();
        let appended = self.log.aligned_room_for(len).and_then(|head| {
            let seed = self.log.seed_at(head.place, head.at);
            let content = self.cache.bytes(slot)?;
            self.log.append(&PageFrame::to_bytes(level, id, gap, seed, content))?;
            self.log.append(content.get(..gap.from).unwrap_or(&[]))?;
            self.log.append(content.get(gap.end()..).unwrap_or(&[]))?;
            self.log.note_frame(len);
            Ok(Location::new(head.place, head.at))
        });
        self.incomplete |= appended.is_err();
        appended
    }

    /// Runs what appends to the log. When it fails all is as before, but for the head.
    fn attempt<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let live = self.log.live();
        let levels = self.slots_for_table(self.snapshot.next_id.saturating_sub(1));
        for slot in self.table_slots.iter_mut().take(levels) {
            *slot = self.cache.take().unwrap_or(NO_SLOT);
        }
        let written = match self.table_slots.iter().take(levels).all(|slot| *slot != NO_SLOT) {
            true => write(self),
            false => Err(Error::NeedMemory),
        };
        for slot in &mut self.table_slots {
            if *slot != NO_SLOT {
                self.cache.give_back(*slot);
                *slot = NO_SLOT;
            }
        }
        written.inspect_err(|_| {
            self.incomplete = true;
            self.log.set_live(&live);
            self.cache.forget_clean(is_table);
        })
    }

    /// Writes changed pages and what they change in the page table.
    fn append_versions(&mut self, versions: Versions) -> Result<Snapshot> {
        self.write_pages(versions)?;
        self.forget_lost();
        self.write_table(versions)
    }

    /// The same, made durable, so that the pages can leave the cache.
    pub(super) fn write_versions(&mut self, versions: Versions) -> Result<()> {
        if self.cache.next_changed(versions, 0).is_some() || self.next_moved(0).is_some() {
            self.snapshot = self.attempt(|store| {
                let snapshot = store.append_versions(versions)?;
                store.log.sync().map(|()| snapshot)
            })?;
            self.cache.written(versions);
            self.forget_moved();
            // The deltas before do not count any more: what follows them is not all of the group.
            self.incomplete = true;
            self.log.end_group();
        }
        Ok(())
    }

    fn write_pages(&mut self, versions: Versions) -> Result<()> {
        let mut from = 0;
        while let Some((slot, id, freed)) = self.cache.next_changed(versions, from) {
            let older = self.cache.is_folded_older(slot, versions);
            if older {
                self.cache.exchange(slot)?;
            }
            let written = if freed { Ok(Location::NONE) } else { self.append_page(0, id, slot) };
            if older {
                self.cache.exchange(slot)?;
            }
            let location = written?;
            self.cache.set_location(slot, location.0);
            from = id.saturating_add(1);
        }
        Ok(())
    }

    /// The page with the least id of `from` or more that the page table does not know where it stands now, and where.
    fn next_written(&self, versions: Versions, from: u32) -> Option<(u32, Location)> {
        let changed = self.cache.next_changed(versions, from);
        let changed = changed.map(|(slot, id, _)| (id, Location(self.cache.location(slot))));
        let moved = self.next_moved(from);
        // What is in the cache is newer.
        changed.into_iter().chain(moved).min_by_key(|(id, _)| *id)
    }

    /// Writes the pages of the table above the pages just written, each once.
    fn write_table(&mut self, versions: Versions) -> Result<Snapshot> {
        let mut path: Path = [None; MAX_LEVELS as usize];
        let mut snapshot = self.snapshot;
        let mut from = 0;
        while let Some((id, new)) = self.next_written(versions, from) {
            self.deepen(&mut path, &mut snapshot, id)?;
            self.open_path(&mut path, &mut snapshot, id)?;
            let (lowest, offset) = (self.table_slot(1), self.table_offset(1, id));
            let old = Location(u32_at(self.cache.bytes(lowest)?, offset));
            write_u32(self.cache.bytes_mut(lowest)?, offset, new.0);
            self.log.add_live(old, -1);
            self.log.add_live(new, 1);
            if new == Location::NONE {
                snapshot.free_ids = snapshot.free_ids.wrapping_add(1);
            }
            from = id.saturating_add(1);
        }
        self.close_path(&mut path, &mut snapshot, MAX_LEVELS)?;
        Ok(snapshot)
    }

    fn table_slot(&self, level: u8) -> u16 {
        self.table_slots.get(usize::from(level).wrapping_sub(1)).copied().unwrap_or(NO_SLOT)
    }

    /// Puts levels on top of the table until an id has a place in it.
    fn deepen(&mut self, path: &mut Path, snapshot: &mut Snapshot, id: u32) -> Result<()> {
        while self.table_index(snapshot.levels, id) > 0 || snapshot.levels == 0 {
            // What is below the new root must be whole.
            self.close_path(path, snapshot, MAX_LEVELS)?;
            let old = snapshot.table;
            snapshot.levels = snapshot.levels.wrapping_add(1);
            if snapshot.levels > MAX_LEVELS {
                return Err(Error::Full);
            }
            let slot = self.table_slot(snapshot.levels);
            let bytes = self.cache.bytes_mut(slot)?;
            bytes.fill(0);
            write_u32(bytes, 0, old.0);
            if let Some(entry) = path.get_mut(usize::from(snapshot.levels).wrapping_sub(1)) {
                *entry = Some((0, Location::NONE));
            }
            snapshot.table = Location::NONE;
        }
        Ok(())
    }

    /// Makes the pages of the table on the way to an id those that are made anew.
    fn open_path(&mut self, path: &mut Path, snapshot: &mut Snapshot, id: u32) -> Result<()> {
        let entry = |path: &Path, level: u8| path.get(usize::from(level).wrapping_sub(1)).copied().flatten();
        for level in (1..=snapshot.levels).rev() {
            let index = self.table_index(level, id);
            if entry(path, level).is_some_and(|(open, _)| open == index) {
                continue;
            }
            self.close_path(path, snapshot, level)?;
            let old = if level == snapshot.levels {
                snapshot.table
            } else {
                let above = self.table_slot(level.wrapping_add(1));
                let offset = self.table_offset(level.wrapping_add(1), id);
                Location(u32_at(self.cache.bytes(above)?, offset))
            };
            self.fill_table_slot(level, index, old)?;
            if let Some(place) = path.get_mut(usize::from(level).wrapping_sub(1)) {
                *place = Some((index, old));
            }
        }
        Ok(())
    }

    /// Copies a page of the table to where it is made anew.
    fn fill_table_slot(&mut self, level: u8, index: u32, old: Location) -> Result<()> {
        let slot = self.table_slot(level);
        if old == Location::NONE {
            self.cache.bytes_mut(slot)?.fill(0);
            return Ok(());
        }
        match self.cache.find(cache_id(level, index)) {
            Some(cached) => self.cache.copy(cached, slot),
            None => self.read_page(old, level, index, slot),
        }
    }

    /// Writes the pages of the table that were made anew on this level and those below, and tells those above.
    fn close_path(&mut self, path: &mut Path, snapshot: &mut Snapshot, top: u8) -> Result<()> {
        for level in 1..=top.min(snapshot.levels) {
            let Some(entry) = path.get_mut(usize::from(level).wrapping_sub(1)).and_then(|entry| entry.take()) else {
                continue;
            };
            let (index, old) = entry;
            let slot = self.table_slot(level);

            let empty = self.cache.bytes(slot)?.iter().all(|byte| *byte == 0);
            let new = if empty { Location::NONE } else { self.append_page(level, index, slot)? };
            self.log.add_live(old, -1);
            self.log.add_live(new, 1);
            if let Some(cached) = self.cache.find(cache_id(level, index)) {
                if empty {
                    self.cache.forget(cached);
                } else {
                    self.cache.copy(slot, cached)?;
                }
            }
            if level == snapshot.levels {
                snapshot.table = new;
            } else {
                let above = self.table_slot(level.wrapping_add(1));
                let offset = self.table_offset(
                    level.wrapping_add(1),
                    index.wrapping_shl(self.table_bits().wrapping_mul(u32::from(level))),
                );
                write_u32(self.cache.bytes_mut(above)?, offset, new.0);
            }
        }
        Ok(())
    }

    /// Appends a checkpoint and gives where it stands.
    pub(super) fn append_snapshot(&mut self, snapshot: &Snapshot) -> Result<Location> {
        let listed = |log: &Log<M>, place: usize| log.known(place).live.pages() > 0;
        let segments = Log::<M>::places().filter(|place| listed(&self.log, *place)).count();
        self.incomplete |= self.log.head().is_none();
        let appended = self.log.aligned_room_for(checkpoint_len(segments)).and_then(|head| {
            let first: [u8; CHECKPOINT] = snapshot.to_bytes(segments);
            let mut crc = crc32(self.log.seed_at(head.place, head.at), &first);
            self.log.append(&first)?;
            for place in Log::<M>::places() {
                let known = self.log.known(place);
                if listed(&self.log, place) {
                    let mut entry = [0; CHECKPOINT_SEGMENT];
                    write(&mut entry, 0, &[place as u8, COUNTED]);
                    write_u32(&mut entry, 4, known.sequence);
                    write_u32(&mut entry, 8, known.live.to_number());
                    crc = crc32(crc, &entry);
                    self.log.append(&entry)?;
                }
            }
            self.log.append(&crc.to_le_bytes())?;
            Ok(Location::new(head.place, head.at))
        });
        self.incomplete |= appended.is_err();
        appended
    }

    /// Reads a checkpoint, and takes its counts of what lives in each segment.
    pub(super) fn read_checkpoint(&mut self, place: usize, offset: u32) -> Result<Snapshot> {
        let mut first = [0; CHECKPOINT];
        self.log.read(place, offset, &mut first)?;
        let (snapshot, segments) = Snapshot::read(&first).ok_or(Error::Corrupt)?;
        let mut crc = crc32(self.log.seed_at(place, offset), &first);
        let mut at = offset.wrapping_add(CHECKPOINT as u32);
        // Twice through the table: nothing of it counts before its CRC has been seen.
        let mut entry = [0; CHECKPOINT_SEGMENT];
        for _ in 0..segments {
            self.log.read(place, at, &mut entry)?;
            crc = crc32(crc, &entry);
            at = at.wrapping_add(CHECKPOINT_SEGMENT as u32);
        }
        let mut sum = [0; 4];
        self.log.read(place, at, &mut sum)?;
        if u32_at(&sum, 0) != crc {
            return Err(Error::Corrupt);
        }
        for place in Log::<M>::places() {
            if let Some(known) = self.log.known_mut(place) {
                known.live = Live::default();
            }
        }
        let whole = PAGE_HEADER.wrapping_add(self.root.page_size) as u32;
        at = offset.wrapping_add(CHECKPOINT as u32);
        for _ in 0..segments {
            self.log.read(place, at, &mut entry)?;
            at = at.wrapping_add(CHECKPOINT_SEGMENT as u32);
            let known = self.log.known_mut(usize::from(entry.first().copied().unwrap_or(0))).ok_or(Error::Corrupt)?;
            // Pages live in a segment that is not there.
            if known.sequence != u32_at(&entry, 4) {
                return Err(Error::Corrupt);
            }
            known.live = match entry.get(1) {
                Some(&COUNTED) => Live::from_number(u32_at(&entry, 8)),
                // Version 1 has their bytes.
                _ => Live::new(u32_at(&entry, 8).checked_div(whole).unwrap_or(0), whole, whole),
            };
        }
        Ok(snapshot)
    }

    /// Whether pages should be written rather than kept changed in the cache.
    pub(super) fn is_short_of_slots(&self) -> bool {
        self.cache.available() < (self.cache.held() / 8).max(FOR_READING)
    }

    /// Whether opening would have to do too much again, or could not.
    fn checkpoint_is_due(&mut self) -> bool {
        let most = self.cache.held().max(LEAST_PAGES).wrapping_add(32);
        self.incomplete
            || self.log.head().is_none()
            || self.delta_bytes > DELTA_BYTES
            || self.cache.touched as usize > most
            || self.many_moved()
            || self.is_short_of_slots() && !self.can_spill()
    }

    /// Makes everything durable, what open savepoints have done too. When that fails all is as before, but for the
    /// head.
    pub(super) fn flush(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        self.finish_rollback()?;
        if !self.unflushed {
            return Ok(());
        }
        self.wake();
        let status = Status { next_key, ..self.status };
        self.with_spare(|store| store.flush_once(meta, status))?;
        (self.key_limit, self.committed_now, self.unflushed) = (status.next_key, status.now, false);
        if self.delta_bytes == 0 {
            self.clean_more(meta, status);
        }
        Ok(())
    }

    fn flush_once(&mut self, meta: &Meta, status: Status) -> Result<()> {
        if self.checkpoint_is_due() {
            return self.write_checkpoint(meta, status);
        }
        self.clean_some(PAGES_WITH_DELTAS);
        let room = self.room_until_next_flush();
        let written = self.write_cold(room).and_then(|()| self.log.commit(self.checkpoint, self.cache.touched, status));
        match written {
            Ok(_) => {
                self.settle_moved();
                self.touched_before = self.cache.touched;
            }
            Err(_) => {
                self.forget_pending();
                self.incomplete = true;
            }
        }
        written.map(|_| ())
    }

    /// From now on deltas begin at that checkpoint, whose group begins in the segment of that sequence number.
    fn begin_from(&mut self, checkpoint: Place, group: u32) {
        (self.checkpoint, self.needed_from) = (checkpoint, group);
        (self.incomplete, self.delta_bytes, self.cache.touched, self.touched_before) = (false, 0, 0, 0);
    }

    /// Commits that keys below `limit` may be given, and of the records only what is outside of all savepoints.
    pub(super) fn commit_keys(&mut self, meta: &Meta, limit: u64) -> Result<()> {
        self.unflushed = true;
        if self.savepoints.depth() == 0 {
            return self.flush(meta, limit);
        }
        self.write_changed()?;
        let note = self.note(0);
        let checkpoint = self.log.place_at(note.checkpoint);
        let said_already = self.said != note.said;
        let committed = self.log.commit(checkpoint, 0, Status { next_key: limit, ..self.status });
        self.incomplete |= committed.is_err();
        self.begin_from(checkpoint, committed?);
        self.incomplete = said_already;
        self.key_limit = limit;
        Ok(())
    }

    /// Commits by writing everything that is changed.
    pub(super) fn write_checkpoint(&mut self, meta: &Meta, status: Status) -> Result<()> {
        self.clean_some(PAGES);
        let (snapshot, checkpoint, begins) = self.attempt(|store| {
            let snapshot = Snapshot { meta: *meta, ..store.append_versions(Versions::Newest)? };
            let location = store.append_snapshot(&snapshot)?;
            let checkpoint = store.log.place_at(location);
            let begins = store.log.commit(checkpoint, 0, status)?;
            Ok((snapshot, checkpoint, begins))
        })?;
        self.snapshot = snapshot;
        self.cache.written(Versions::Newest);
        self.forget_moved();
        self.begin_from(checkpoint, begins);
        (self.committed_now, self.unflushed) = (status.now, false);
        self.cache.set_limit(self.options.cache_pages);
        self.after_checkpoint();
        Ok(())
    }
}
