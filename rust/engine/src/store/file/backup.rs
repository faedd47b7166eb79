//! A copy of the whole database in one file: a root file with a segment behind it.
//!
//! It is a copy of the last checkpoint, whatever is written meanwhile: until it is whole no segment is removed.
//! Pages stand in it in the order of their ids, those of the page table behind, level by level; so where each will
//! stand is known from how many come before it.

use super::crc::crc32;
use super::format::{
    first_frame, seed, Commit, Gap, Location, PageFrame, Root, Segment, Snapshot, CHECKPOINT, CHECKPOINT_SEGMENT,
    COUNTED, IN_ROOT, PAGE_HEADER,
};
use super::medium::{File, Medium};
use super::FileStore;
use crate::bytes::{hash64, u32_at, write, write_u32};
use crate::error::{Answer, Error, Result};
use crate::store::Meta;

/// The sequence number of the segment in a backup.
const SEQUENCE: u32 = 1;

/// How far a backup has come.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[repr(C)]
pub struct Backup {
    active: bool,
    /// The level that is being copied, and the next index on it.
    level: u32,
    index: u32,
    /// Where this level and the one below begin.
    begins: u32,
    below: u32,
    /// Pages of the level below that this level has led to.
    led_to: u32,
    at: u32,
    crc: u32,
    live: u32,
    salt: u64,
    of: Snapshot,
}

impl Backup {
    /// None.
    pub const NONE: Backup = Backup {
        active: false,
        of: Snapshot::UNKNOWN,
        salt: 0,
        level: 0,
        index: 0,
        begins: 0,
        below: 0,
        led_to: 0,
        at: 0,
        crc: 0,
        live: 0,
    };

    /// Appends to the copy.
    fn append(&mut self, medium: &mut impl Medium, bytes: &[u8]) -> Result<()> {
        self.crc = crc32(self.crc, bytes);
        let end = self.at.checked_add(bytes.len() as u32).filter(|at| *at < Location::MAX_OFFSET);
        self.at = end.ok_or(Error::Full)?;
        medium.append(File::BACKUP, bytes)
    }

    /// Whether one is under way.
    pub fn is_active(&self) -> bool {
        self.active
    }
}

impl<M: Medium> FileStore<M> {
    /// Begins a backup of what is durable once this is done.
    pub(super) fn start_backup(&mut self, meta: &Meta, next_key: u64) -> Result<()> {
        self.give_up_backup();
        // A checkpoint says all.
        (self.incomplete, self.unflushed) = (true, true);
        self.flush(meta, next_key)?;
        let salt = hash64(&self.log.number.to_le_bytes(), Some(self.root.salt));
        let first = first_frame(IN_ROOT);
        self.backup =
            Backup { active: true, of: self.snapshot, salt, begins: first, below: first, at: first, ..Backup::NONE };
        let root = Root { has_segment: true, salt, ..self.root };
        let segment = Segment { sequence: SEQUENCE, continues: 0 };
        let medium = &mut self.log.medium;
        let begun = medium.create(File::BACKUP).and_then(|()| {
            medium.append(File::BACKUP, &root.to_bytes())?;
            medium.append(File::BACKUP, &segment.to_bytes(salt, IN_ROOT))
        });
        begun.inspect_err(|_| self.give_up_backup())
    }

    /// Gives up a backup that is not whole.
    pub(super) fn give_up_backup(&mut self) {
        if core::mem::take(&mut self.backup.active) {
            self.log.medium.close(File::BACKUP);
            let _ = self.log.medium.remove(File::BACKUP);
        }
    }

    /// Copies at most `budget` pages; true when the copy is whole and durable.
    pub(super) fn backup_some(&mut self, budget: u32) -> Result<Answer> {
        if !self.backup.active {
            return Err(Error::Corrupt);
        }
        let copied = self.copy_some(budget);
        match copied {
            Ok(done) => self.backup.active = done == Answer::No,
            Err(_) => self.give_up_backup(),
        }
        copied
    }

    #[inline(always)]
    fn copy_some(&mut self, budget: u32) -> Result<Answer> {
        let mut left = budget;
        while self.backup.level <= self.backup.of.levels && self.backup.of.levels > 0 {
            let shift = self.table_bits().wrapping_mul(self.backup.level);
            let going = &mut self.backup;
            let end = going.of.next_id.checked_sub(1).map_or(0, |last| (last >> shift).wrapping_add(1));
            if going.index >= end {
                going.level = going.level.wrapping_add(1);
                (going.index, going.led_to) = (0, 0);
                (going.below, going.begins) = (going.begins, going.at);
                continue;
            }
            if left == 0 {
                return Ok(Answer::No);
            }
            left = left.wrapping_sub(1);
            self.copy_page()?;
            self.backup.index = self.backup.index.wrapping_add(1);
        }
        self.finish_backup().map(|()| Answer::Yes)
    }

    /// Copies the page at hand, if there is one.
    fn copy_page(&mut self) -> Result<()> {
        let slot = self.take_slot()?;
        let copied = self.copy_page_by(slot);
        self.cache.give_back(slot);
        copied
    }

    /// The same, with a slot of the cache for the pages on the way.
    fn copy_page_by(&mut self, slot: u32) -> Result<()> {
        let frame = (PAGE_HEADER.wrapping_add(self.root.page_size)) as u32;
        let (level, index) = (self.backup.level, self.backup.index);
        let location = self.entry_of(level, index, slot)?;
        if location == Location::NONE {
            return Ok(());
        }
        self.read_page(location, level, index, slot)?;
        let (content, going) = (self.cache.bytes_mut(slot)?, &mut self.backup);
        if level > 0 {
            for entry in content.chunks_exact_mut(4).filter(|entry| u32_at(entry, 0) != 0) {
                let offset = going.below.wrapping_add(going.led_to.wrapping_mul(frame));
                write_u32(entry, 0, Location::new(IN_ROOT, offset).0);
                going.led_to = going.led_to.wrapping_add(1);
            }
        }
        let content = self.cache.bytes(slot)?;
        let header = PageFrame::to_bytes(level, index, Gap::NONE, seed(going.salt, SEQUENCE, going.at), content);
        going.live = going.live.wrapping_add(1);
        going.append(&mut self.log.medium, &header)?;
        going.append(&mut self.log.medium, content)
    }

    /// Where a page stood at that checkpoint.
    #[inline(always)]
    fn entry_of(&mut self, level: u32, index: u32, slot: u32) -> Result<Location> {
        let id = index.checked_shl(self.table_bits().wrapping_mul(level)).unwrap_or(0);
        let Snapshot { table: mut location, levels: mut at, .. } = self.backup.of;
        while at > level && location != Location::NONE {
            self.read_page(location, at, self.table_index(at, id), slot)?;
            let offset = self.table_offset(at, id);
            location = Location(u32_at(self.cache.bytes(slot)?, offset));
            at = at.wrapping_sub(1);
        }
        Ok(location)
    }

    #[inline(always)]
    fn finish_backup(&mut self) -> Result<()> {
        let going = &mut self.backup;
        let segments = usize::from(going.live > 0);
        let table = match going.live {
            0 => Location::NONE,
            // The root of the page table is the last page of all.
            _ => Location::new(IN_ROOT, going.at.wrapping_sub((PAGE_HEADER.wrapping_add(self.root.page_size)) as u32)),
        };
        let (at, medium) = (going.at, &mut self.log.medium);
        let mut entry = [0; CHECKPOINT_SEGMENT];
        write(&mut entry, 0, &[IN_ROOT as u8, COUNTED]);
        write_u32(&mut entry, 4, SEQUENCE);
        write_u32(&mut entry, 8, going.live);
        let first: [u8; CHECKPOINT] = Snapshot { table, ..going.of }.to_bytes(segments);
        let entry = entry.get(..segments.wrapping_mul(CHECKPOINT_SEGMENT)).unwrap_or(&[]);
        let crc = crc32(crc32(seed(going.salt, SEQUENCE, at), &first), entry);
        going.append(medium, &first)?;
        going.append(medium, entry)?;
        going.append(medium, &crc.to_le_bytes())?;
        let commit = Commit {
            number: 1,
            sequence: SEQUENCE,
            offset: going.at,
            group_sequence: SEQUENCE,
            group_offset: first_frame(IN_ROOT),
            group_len: going.at.wrapping_sub(first_frame(IN_ROOT)),
            group_crc: going.crc,
            checkpoint_sequence: SEQUENCE,
            checkpoint_offset: at,
            pages: 0,
            status: self.status,
        };
        going.append(medium, &commit.to_bytes(going.salt))?;
        medium.sync(File::BACKUP)?;
        medium.close(File::BACKUP);
        Ok(())
    }
}
