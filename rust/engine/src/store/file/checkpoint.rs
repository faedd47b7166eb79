//! Writing: pages, the parts of the page table that they change, checkpoints, commits.

use super::cache::{Versions, NO_SLOT};
use super::cleaning::{PAGES, PAGES_WITH_DELTAS};
use super::crc::crc32;
use super::format::{
    checkpoint_len, Gap, Location, PageFrame, Place, Snapshot, CHECKPOINT, CHECKPOINT_SEGMENT, COUNTED, PAGE_HEADER,
};
use super::log::{Live, Log};
use super::medium::Medium;
use super::table::{cache_id, is_table, MAX_LEVELS};
use super::{FileStore, DELTA_BYTES, FOR_READING, LEAST_PAGES};
use crate::bytes::{u32_at, write, write_u32};
use crate::error::{Error, Result};
use crate::store::{Meta, Status};

/// The pages of the table that are being made anew: those on the way to an id, on the levels above `closed`.
struct Path {
    id: u32,
    closed: u32,
}

/// What a failure to write brings back.
#[derive(Clone, Copy)]
pub struct Before {
    table: Location,
    levels: u32,
    free_ids: u32,
}

impl Before {
    pub const NONE: Before = Before { table: Location::NONE, levels: 0, free_ids: 0 };
}

impl<M: Medium> FileStore<M> {
    /// Appends a page and gives where it stands.
    #[inline(never)]
    pub(super) fn append_page(&mut self, level: u32, id: u32, slot: u32) -> Result<Location> {
        // What begins a segment anew is not what the deltas go on from.
        self.incomplete |= self.log.head().is_none();
        let gap = Gap::of(self.cache.bytes(slot)?);
        let len = PAGE_HEADER.wrapping_add(self.root.page_size).wrapping_sub(gap.len);
        let appended = self.log.aligned_room_for(len).and_then(|()| self.append_frame(level, id, slot, gap));
        self.incomplete |= appended.is_err();
        appended
    }

    /// The same, where there is room for it.
    #[inline(always)]
    fn append_frame(&mut self, level: u32, id: u32, slot: u32, gap: Gap) -> Result<Location> {
        let (at, content) = (self.log.end(), self.cache.bytes(slot)?);
        self.log.append(&PageFrame::to_bytes(level, id, gap, self.log.seed_at(at), content))?;
        self.log.append(content.get(..gap.from).unwrap_or(&[]))?;
        self.log.append(content.get(gap.end()..).unwrap_or(&[]))?;
        self.log.note_frame(PAGE_HEADER.wrapping_add(content.len()).wrapping_sub(gap.len));
        Ok(at)
    }

    /// Before something is appended that changes the page table.
    #[inline(always)]
    fn begin_attempt(&mut self) -> Result<()> {
        let Snapshot { table, levels, free_ids, .. } = self.snapshot;
        self.before = Before { table, levels, free_ids };
        self.log.keep_live();
        let levels = self.slots_for_table(self.snapshot.next_id.saturating_sub(1));
        for slot in self.table_slots.iter_mut().take(levels) {
            *slot = self.cache.take()?;
        }
        Ok(())
    }

    /// And after that. When it has failed all is as before, but for the head.
    #[inline(never)]
    fn end_attempt(&mut self, written: Result<()>) -> Result<()> {
        for slot in &mut self.table_slots {
            if *slot != NO_SLOT {
                self.cache.give_back(*slot);
                *slot = NO_SLOT;
            }
        }
        if written.is_err() {
            self.incomplete = true;
            let Before { table, levels, free_ids } = self.before;
            (self.snapshot.table, self.snapshot.levels, self.snapshot.free_ids) = (table, levels, free_ids);
            self.log.restore_live();
            self.cache.forget_clean(is_table);
        }
        written
    }

    /// Writes changed pages and what they change in the page table.
    fn append_versions(&mut self, versions: Versions) -> Result<()> {
        self.begin_attempt()?;
        self.write_pages(versions)?;
        self.forget_lost();
        self.write_table(versions)
    }

    /// The same, made durable, so that the pages can leave the cache.
    #[inline(never)]
    pub(super) fn write_versions(&mut self, versions: Versions) -> Result<()> {
        if self.next_written(versions, 0).is_some() {
            let written = self.append_versions(versions).and_then(|()| self.log.sync());
            self.end_attempt(written)?;
            self.cache.written(versions);
            self.forget_moved();
            // The deltas before do not count any more: what follows them is not all of the group.
            self.incomplete = true;
            self.log.end_group();
        }
        Ok(())
    }

    #[inline(always)]
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
    #[inline(never)]
    fn next_written(&self, versions: Versions, from: u32) -> Option<(u32, Location)> {
        let moved = self.next_moved(from);
        match self.cache.next_changed(versions, from) {
            // What is in the cache is newer.
            Some((slot, id, _)) if moved.is_none_or(|(moved, _)| id <= moved) => {
                Some((id, Location(self.cache.location(slot))))
            }
            _ => moved,
        }
    }

    /// Writes the pages of the table above the pages just written, each once.
    #[inline(always)]
    fn write_table(&mut self, versions: Versions) -> Result<()> {
        let mut path = Path { id: 0, closed: self.snapshot.levels };
        let mut from = 0;
        while let Some((id, new)) = self.next_written(versions, from) {
            from = id.saturating_add(1);
            while self.table_index(self.snapshot.levels, id) > 0 || self.snapshot.levels == 0 {
                // What is below the new root must be whole.
                self.close_path(&mut path, MAX_LEVELS)?;
                self.deepen()?;
            }
            let apart = self.apart(&path, id);
            self.close_path(&mut path, apart)?;
            self.open_path(apart, id)?;
            path = Path { id, closed: 0 };
            self.set_above(0, id, new)?;
            if new == Location::NONE {
                self.snapshot.free_ids = self.snapshot.free_ids.wrapping_add(1);
            }
        }
        self.close_path(&mut path, MAX_LEVELS)
    }

    #[inline(never)]
    fn table_slot(&self, level: u32) -> u32 {
        self.table_slots.get((level as usize).wrapping_sub(1)).copied().unwrap_or(NO_SLOT)
    }

    /// Where the page of a level (0: of the tree) on the way to an id stands, as the pages say that are being made anew.
    fn above(&self, level: u32, id: u32) -> Result<Location> {
        if level == self.snapshot.levels {
            return Ok(self.snapshot.table);
        }
        let level = level.wrapping_add(1);
        Ok(Location(u32_at(self.cache.bytes(self.table_slot(level))?, self.table_offset(level, id))))
    }

    /// Says it anew, and counts what lives.
    #[inline(never)]
    fn set_above(&mut self, level: u32, id: u32, new: Location) -> Result<()> {
        let old = self.above(level, id)?;
        self.log.add_live(old, -1);
        self.log.add_live(new, 1);
        if level == self.snapshot.levels {
            self.snapshot.table = new;
        } else {
            let level = level.wrapping_add(1);
            let offset = self.table_offset(level, id);
            write_u32(self.cache.bytes_mut(self.table_slot(level))?, offset, new.0);
        }
        Ok(())
    }

    /// Puts a level on top of the table.
    #[inline(always)]
    fn deepen(&mut self) -> Result<()> {
        if self.snapshot.levels >= MAX_LEVELS {
            return Err(Error::Full);
        }
        self.snapshot.levels = self.snapshot.levels.wrapping_add(1);
        let old = core::mem::replace(&mut self.snapshot.table, Location::NONE);
        let bytes = self.cache.bytes_mut(self.table_slot(self.snapshot.levels))?;
        bytes.fill(0);
        write_u32(bytes, 0, old.0);
        Ok(())
    }

    /// The highest level on which the way to an id leads through other pages than those that are being made anew.
    #[inline(always)]
    fn apart(&self, path: &Path, id: u32) -> u32 {
        let mut level = self.snapshot.levels;
        while level > path.closed && self.table_index(level, path.id) == self.table_index(level, id) {
            level = level.wrapping_sub(1);
        }
        level
    }

    /// Begins to make the pages of the table on the way to an id anew, on this level and those below.
    #[inline(always)]
    fn open_path(&mut self, top: u32, id: u32) -> Result<()> {
        let mut level = top;
        while level > 0 {
            self.fill_table_slot(level, self.table_index(level, id), self.above(level, id)?)?;
            level = level.wrapping_sub(1);
        }
        Ok(())
    }

    /// Copies a page of the table to where it is made anew.
    fn fill_table_slot(&mut self, level: u32, index: u32, old: Location) -> Result<()> {
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
    #[inline(never)]
    fn close_path(&mut self, path: &mut Path, top: u32) -> Result<()> {
        while path.closed < top.min(self.snapshot.levels) {
            path.closed = path.closed.wrapping_add(1);
            let (level, slot) = (path.closed, self.table_slot(path.closed));
            let new = match is_blank(self.cache.bytes(slot)?) {
                true => Location::NONE,
                false => self.append_page(level, self.table_index(level, path.id), slot)?,
            };
            self.renew(level, path.id, slot, new)?;
        }
        Ok(())
    }

    /// A page of the table was made anew, and stands there: so it is in the cache too, and the page above says so.
    #[inline(never)]
    fn renew(&mut self, level: u32, id: u32, slot: u32, new: Location) -> Result<()> {
        if let Some(cached) = self.cache.find(cache_id(level, self.table_index(level, id))) {
            match new {
                Location::NONE => self.cache.forget(cached),
                _ => self.cache.copy(slot, cached)?,
            }
        }
        self.set_above(level, id, new)
    }

    /// Appends a checkpoint and gives where it stands: of the page table as it is, and what else is given.
    #[inline(never)]
    pub(super) fn append_snapshot(&mut self, meta: &Meta, next_id: u32, free_ids: u32) -> Result<Location> {
        let segments = self.log.segments_with_pages();
        self.incomplete |= self.log.head().is_none();
        let mut appended = self.log.aligned_room_for(checkpoint_len(segments)).map(|()| self.log.end());
        if appended.is_ok() {
            let crc = self.append_state(meta, next_id, free_ids, segments);
            if let Err(error) = crc.and_then(|crc| self.append_segments(crc)) {
                appended = Err(error);
            }
        }
        self.incomplete |= appended.is_err();
        appended
    }

    #[inline(always)]
    fn append_state(&mut self, meta: &Meta, next_id: u32, free_ids: u32, segments: usize) -> Result<u32> {
        let first = Snapshot { meta: *meta, next_id, free_ids, ..self.snapshot }.to_bytes(segments);
        let crc = crc32(self.log.seed_at(self.log.end()), &first);
        self.log.append(&first).map(|()| crc)
    }

    #[inline(always)]
    fn append_segments(&mut self, crc: u32) -> Result<()> {
        let mut crc = crc;
        for place in Log::<M>::places() {
            let known = self.log.known(place);
            if known.live.pages() > 0 {
                let mut entry = [0; CHECKPOINT_SEGMENT];
                write(&mut entry, 0, &[place as u8, COUNTED]);
                write_u32(&mut entry, 4, known.sequence);
                write_u32(&mut entry, 8, known.live.to_number());
                crc = crc32(crc, &entry);
                self.log.append(&entry)?;
            }
        }
        self.log.append(&crc.to_le_bytes())
    }

    /// Reads a checkpoint, and takes its counts of what lives in each segment. The state is that of it then.
    #[inline(never)]
    pub(super) fn read_checkpoint(&mut self, place: usize, offset: u32) -> Result<()> {
        let mut first = [0; CHECKPOINT];
        let segments = self.read_state(place, offset, &mut first)?;
        self.read_segments(place, offset, segments)?;
        self.snapshot.read(&first);
        Ok(())
    }

    /// Reads a checkpoint's first bytes, sees that it is whole, and gives of how many segments it tells.
    #[inline(always)]
    fn read_state(&mut self, place: usize, offset: u32, first: &mut [u8; CHECKPOINT]) -> Result<usize> {
        self.log.read(place, offset, first)?;
        let segments = Snapshot::segments(first).ok_or(Error::Corrupt)?;
        let mut crc = crc32(self.log.seed_at(Location::new(place, offset)), first);
        let mut at = offset.wrapping_add(CHECKPOINT as u32);
        let mut entry = [0; CHECKPOINT_SEGMENT];
        for _ in 0..segments {
            self.log.read(place, at, &mut entry)?;
            crc = crc32(crc, &entry);
            at = at.wrapping_add(CHECKPOINT_SEGMENT as u32);
        }
        let mut sum = [0; 4];
        self.log.read(place, at, &mut sum)?;
        match u32::from_le_bytes(sum) == crc {
            true => Ok(segments),
            false => Err(Error::Corrupt),
        }
    }

    /// Takes the counts of a checkpoint that is whole.
    #[inline(always)]
    fn read_segments(&mut self, place: usize, offset: u32, segments: usize) -> Result<()> {
        self.log.clear_live();
        let whole = PAGE_HEADER.wrapping_add(self.root.page_size) as u32;
        let mut at = offset.wrapping_add(CHECKPOINT as u32);
        let mut entry = [0; CHECKPOINT_SEGMENT];
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
        Ok(())
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
        self.with_spare(|store| store.flush_once(meta, &status))?;
        (self.key_limit, self.committed_now, self.unflushed) = (status.next_key, status.now, false);
        if self.delta_bytes == 0 {
            self.clean_more(meta, &status);
        }
        Ok(())
    }

    fn flush_once(&mut self, meta: &Meta, status: &Status) -> Result<()> {
        if self.checkpoint_is_due() {
            return self.write_checkpoint(meta, status);
        }
        self.clean_some(PAGES_WITH_DELTAS);
        let room = self.room_until_next_flush();
        let cold = match self.cache.available() < room && self.can_spill() {
            true => self.write_cold(room),
            false => Ok(()),
        };
        let written = cold.and_then(|()| self.log.commit(self.checkpoint, self.cache.touched, status));
        self.end_moving(written.is_ok());
        written?;
        self.touched_before = self.cache.touched;
        Ok(())
    }

    /// From now on deltas begin at that checkpoint, whose group begins in the segment of that sequence number.
    fn begin_from(&mut self, checkpoint: Place, group: u32) {
        (self.checkpoint, self.needed_from) = (checkpoint, group);
        (self.incomplete, self.delta_bytes, self.cache.touched, self.touched_before) = (false, 0, 0, 0);
    }

    /// Commits that keys below `limit` may be given, and of the records only what is outside of all savepoints.
    pub(super) fn commit_keys(&mut self, meta: &Meta, limit: u64) -> Result<()> {
        self.unflushed = true;
        if self.depth == 0 {
            return self.flush(meta, limit);
        }
        self.write_changed()?;
        let note = self.note(0);
        let checkpoint = self.log.place_at(note.checkpoint);
        let said_already = self.said != note.said;
        let committed = self.log.commit(checkpoint, 0, &Status { next_key: limit, ..self.status });
        self.incomplete |= committed.is_err();
        self.begin_from(checkpoint, committed?);
        self.incomplete = said_already;
        self.key_limit = limit;
        Ok(())
    }

    /// Commits by writing everything that is changed.
    pub(super) fn write_checkpoint(&mut self, meta: &Meta, status: &Status) -> Result<()> {
        self.clean_some(PAGES);
        let written = self.append_checkpoint(meta, status);
        self.end_attempt(written)?;
        self.snapshot.meta = *meta;
        self.cache.written(Versions::NEWEST);
        self.forget_moved();
        (self.committed_now, self.unflushed) = (status.now, false);
        self.cache.set_limit(self.options.cache_pages);
        self.after_checkpoint();
        Ok(())
    }

    #[inline(always)]
    fn append_checkpoint(&mut self, meta: &Meta, status: &Status) -> Result<()> {
        self.append_versions(Versions::NEWEST)?;
        let location = self.append_snapshot(meta, self.snapshot.next_id, self.snapshot.free_ids)?;
        let checkpoint = self.log.place_at(location);
        let begins = self.log.commit(checkpoint, 0, status)?;
        self.begin_from(checkpoint, begins);
        Ok(())
    }
}

#[inline(always)]
fn is_blank(page: &[u8]) -> bool {
    page.iter().all(|byte| *byte == 0)
}
