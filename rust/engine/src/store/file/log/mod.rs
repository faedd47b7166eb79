//! The log: segments that are only ever appended to, the last of them the head.
//!
//! Whatever fails on the way to the medium ends the head: nothing is appended to it any more. What comes then
//! begins a segment of its own, and begins it with a checkpoint, which needs nothing of what was lost.

mod segments;

pub use segments::{Known, Live};

use super::crc::crc32;
use super::format::{
    file_of, first_frame, seed, Commit, Location, Place, Segment, COMMIT, FILLER, HEADER, IN_ROOT, PAD, SEGMENTS,
};
use super::medium::{File, Medium};
use crate::bytes::{trailing_zeros, write};
use crate::error::{Error, Result, ENOSPC};
use crate::store::raw::Late;
use crate::store::Status;

/// Segments of a small database have so many bytes at most, less what a filesystem needs of four blocks.
const SMALLEST: u32 = 16_384;
/// What a new segment takes, at most, of all there is: so their number grows with the logarithm of the size.
const PARTS: u32 = 16;

/// Less is not filled up, and so much is written at once for it.
const FILL: u32 = 64;

/// What a filesystem needs beside the bytes of a new file.
const FILE_OVERHEAD: u32 = 4096;

/// The segment that is appended to.
#[derive(Clone, Copy)]
pub struct Head {
    /// Its place in the table.
    pub place: usize,
    /// Where the next frame goes.
    pub at: u32,
    /// Up to where it is durable.
    synced: u32,
    /// Where it ends.
    limit: u32,
    /// Pages appended to it, and bytes of their frames.
    frames: u32,
    frame_bytes: u32,
}

/// What was appended since the last commit.
#[derive(Clone, Copy)]
struct Group {
    sequence: u32,
    offset: u32,
    len: u32,
    crc: u32,
}

/// The log.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[repr(C)]
pub struct Log<M> {
    head: Option<Head>,
    /// Bytes of a page: a segment has room for some.
    pub page_size: u32,
    /// What it stands on.
    pub medium: M,
    in_root: Known,
    group: Group,
    /// The number of the last commit that was tried.
    pub number: u32,
    last_sequence: u32,
    /// How often a head ended of which not all was durable.
    pub lost: u32,
    /// That of the segment that the last commit stands in.
    pub committed: u32,
    /// What is done takes away more than it needs; other things do not begin a segment that may not fit.
    pub is_removing: bool,
    /// There is room for few more segments.
    pub is_low: bool,
    /// Of this database.
    pub salt: u64,
    /// Places whose files are not ours: they are left alone.
    pub blocked: u64,
    segments: Late<Known, SEGMENTS>,
    /// How many pages more or less live in each since [`keep_live`](Self::keep_live); the root file's is the last.
    changes: [i16; SEGMENTS + 1],
}

impl<M: Medium> Log<M> {
    /// A log of nothing.
    pub const fn new(medium: M) -> Self {
        Log {
            medium,
            salt: 0,
            page_size: 0,
            segments: Late::EMPTY,
            in_root: Known::NONE,
            changes: [0; SEGMENTS + 1],
            blocked: 0,
            head: None,
            group: Group { sequence: 0, offset: 0, len: 0, crc: 0 },
            number: 0,
            last_sequence: 0,
            lost: 0,
            committed: 0,
            is_removing: false,
            is_low: false,
        }
    }

    // ---- the head ----

    /// Where the head is, if there is one.
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// Goes on where a segment ends.
    pub fn resume(&mut self, place: usize, at: u32) -> Result<()> {
        self.medium.reopen(file_of(place))?;
        let (limit, frame) = (self.segment_size(), self.known(place).live.frame(self.whole_frame()));
        self.head = Some(Head { place, at, synced: at, limit, frames: 1, frame_bytes: frame });
        self.begin_group();
        Ok(())
    }

    /// Gives the head up: what was appended to it since the last commit does not count.
    pub fn abandon(&mut self) {
        if let Some(head) = self.head.take() {
            self.lost = self.lost.wrapping_add(u32::from(head.at != head.synced));
            self.medium.close(file_of(head.place));
            if let Some(known) = self.known_mut(head.place) {
                known.size = head.synced;
            }
        }
    }

    /// How large the spare is to be: a segment that was cleaned fits there, and what else a checkpoint writes.
    pub fn spare_size(&self) -> u32 {
        let size = self.segment_size();
        size.saturating_add(size / 2).saturating_add(FILE_OVERHEAD) & !63
    }

    fn segment_size(&self) -> u32 {
        let part = self.bytes() / PARTS;
        let smallest = self.page_size.saturating_mul(16).max(SMALLEST);
        let size = part.checked_next_power_of_two().unwrap_or(smallest).max(smallest).min(Location::MAX_OFFSET / 4);
        // A file of several blocks has pointers in them.
        size.wrapping_sub(size / 256)
    }

    /// Where the next segment can be.
    #[inline(never)]
    fn free_place(&self) -> Result<usize> {
        let free = |place: &usize| self.known(*place).sequence == 0 && self.blocked >> *place & 1 == 0;
        (0..SEGMENTS).find(free).ok_or(Error::io(ENOSPC))
    }

    /// Makes the segment there that was just begun the head.
    #[inline(always)]
    fn begin_head(&mut self, place: usize, sequence: u32, least: u32) {
        let (at, limit) = (HEADER as u32, self.segment_size().max(least.wrapping_add(HEADER as u32)));
        self.learn(place, Known { sequence, size: at, ..Known::NONE });
        self.head = Some(Head { place, at, synced: 0, limit, frames: 0, frame_bytes: 0 });
    }

    /// Whether there is space for a segment.
    #[inline(never)]
    fn look_for_space(&mut self) -> Result<()> {
        let needed = self.segment_size().saturating_add(FILE_OVERHEAD);
        let space = self.medium.space().unwrap_or(u64::MAX).min(u64::from(u32::MAX)) as u32;
        self.is_low = space < needed.saturating_mul(4);
        match !self.is_removing && space < needed {
            true => Err(Error::io(ENOSPC)),
            false => Ok(()),
        }
    }

    /// Begins the next segment; it says where the one before ended, or 0.
    #[inline(always)]
    fn write_header(&mut self, place: usize, header: Segment) -> Result<()> {
        let file = file_of(place);
        let header = header.to_bytes(self.salt, place);
        let made = self.medium.create(file).and_then(|()| self.medium.append(file, &header));
        if made.is_err() {
            self.medium.close(file);
            let _ = self.medium.remove(file);
        }
        made
    }

    /// Makes sure that a frame of so many bytes can be appended whole.
    #[inline(never)]
    pub fn room_for(&mut self, len: usize) -> Result<()> {
        let len = len as u32;
        let mut continues = 0;
        if let Some(head) = &self.head {
            if head.at.saturating_add(len) <= head.limit {
                return Ok(());
            }
            continues = head.at;
            self.sync()?;
            self.abandon();
        }
        let in_group = continues > 0 && self.group.len > 0;
        let (place, sequence) = (self.free_place()?, self.last_sequence.wrapping_add(1));
        self.look_for_space()?;
        self.write_header(place, Segment { sequence, continues })?;
        self.begin_head(place, sequence, len);
        if !in_group {
            self.begin_group();
        }
        Ok(())
    }

    /// Where the next frame goes.
    #[inline(always)]
    pub fn end(&self) -> Location {
        self.head.as_ref().map_or(Location::NONE, |head| Location::new(head.place, head.at))
    }

    fn begin_group(&mut self) {
        if let Some(head) = self.head {
            let sequence = self.known(head.place).sequence;
            self.group = Group { sequence, offset: head.at, len: 0, crc: 0 };
        }
    }

    /// Appends bytes of a frame that there is room for.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(head) = self.head else { return Err(Error::Corrupt) };
        if let Err(error) = self.medium.append(file_of(head.place), bytes) {
            self.abandon();
            return Err(error);
        }
        self.group.crc = crc32(self.group.crc, bytes);
        self.group.len = self.group.len.wrapping_add(bytes.len() as u32);
        self.advance(bytes.len());
        Ok(())
    }

    fn advance(&mut self, len: usize) {
        if let Some(head) = self.head.as_mut() {
            head.at = head.at.wrapping_add(len as u32);
            let (place, size) = (head.place, head.at);
            if let Some(known) = self.known_mut(place) {
                known.size = size;
            }
        }
    }

    /// Makes sure that a frame of so many bytes can be appended at a multiple of four.
    #[inline(never)]
    pub fn aligned_room_for(&mut self, len: usize) -> Result<()> {
        self.room_for(len.wrapping_add(3))?;
        let pads = self.head.as_ref().map_or(0, |head| head.at.wrapping_neg() & 3);
        self.append([PAD; 3].get(..pads as usize).unwrap_or(&[]))
    }

    /// What the CRC of a frame begins with that stands there.
    pub fn seed_at(&self, at: Location) -> u32 {
        seed(self.salt, self.known(at.place()).sequence, at.offset())
    }

    /// Makes what was appended durable. A failure ends the head.
    pub fn sync(&mut self) -> Result<()> {
        let Some(head) = self.head else { return Ok(()) };
        let synced = self.medium.sync(file_of(head.place));
        match self.head.as_mut() {
            Some(head) if synced.is_ok() => head.synced = head.at,
            _ => self.abandon(),
        }
        synced
    }

    /// What was appended so far is durable and needs no commit to be found: the next one speaks of what follows.
    pub fn end_group(&mut self) {
        self.begin_group();
    }

    /// Bytes from `end` to where a block of the file ends, if it is cheaper to fill them than to have them copied.
    fn filler(&self, end: u32) -> u32 {
        let block = self.medium.copied_block();
        let (mut boundary, mut number) = (block, 1u32);
        while block > 0 && boundary < end {
            let pointers = trailing_zeros(number).wrapping_add(1).wrapping_mul(4);
            boundary = boundary.saturating_add(block.saturating_sub(pointers).max(1));
            number = number.wrapping_add(1);
        }
        let rest = boundary.saturating_sub(end);
        if rest < block / 2 && !self.is_low {
            rest
        } else {
            0
        }
    }

    /// Fills the block that `more` bytes end in, which are appended next and synced.
    pub fn fill_block(&mut self, more: usize) -> Result<()> {
        self.aligned_room_for(more)?;
        let Some(head) = &self.head else { return Err(Error::Corrupt) };
        let end = head.at.saturating_add(more as u32);
        let (limit, filler) = (head.limit, self.filler(end) & !3);
        if filler < FILL || end.saturating_add(filler) > limit {
            return Ok(());
        }
        self.append_filler(filler)
    }

    #[inline(never)]
    fn append_filler(&mut self, filler: u32) -> Result<()> {
        let mut bytes = [0; FILL as usize];
        let count = filler.wrapping_sub(3);
        write(&mut bytes, 0, &[FILLER, count as u8 | 0x80, (count >> 7) as u8]);
        self.append(bytes.get(..3).unwrap_or(&[]))?;
        bytes.fill(0);
        let mut left = count as usize;
        while left > 0 {
            let some = bytes.get(..left.min(bytes.len())).unwrap_or(&[]);
            self.append(some)?;
            left = left.wrapping_sub(some.len());
        }
        Ok(())
    }

    /// Ends the group with a commit, makes it durable, and gives the sequence number of the segment that the group
    /// begins in.
    pub fn commit(&mut self, checkpoint: Place, pages: u32, status: &Status) -> Result<u32> {
        self.fill_block(COMMIT)?;
        self.aligned_room_for(COMMIT)?;
        self.append_commit(checkpoint, pages, status)?;
        self.sync()?;
        let begins = self.group.sequence;
        self.begin_group();
        self.committed = self.group.sequence;
        Ok(begins)
    }

    #[inline(never)]
    fn append_commit(&mut self, checkpoint: Place, pages: u32, status: &Status) -> Result<()> {
        self.number = self.number.wrapping_add(1);
        let at = self.end();
        let bytes = Commit {
            number: self.number,
            sequence: self.known(at.place()).sequence,
            offset: at.offset(),
            group_sequence: self.group.sequence,
            group_offset: self.group.offset,
            group_len: self.group.len,
            group_crc: self.group.crc,
            checkpoint_sequence: checkpoint.sequence,
            checkpoint_offset: checkpoint.offset,
            pages,
            status: *status,
        }
        .to_bytes(self.salt);
        if let Err(error) = self.medium.append(file_of(at.place()), &bytes) {
            self.abandon();
            return Err(error);
        }
        self.advance(COMMIT);
        Ok(())
    }

    // ---- reading ----

    /// Reads all of `buf` from a segment; what is not there is [`Error::Corrupt`].
    pub fn read(&mut self, place: usize, at: u32, buf: &mut [u8]) -> Result<()> {
        if self.known(place).sequence == 0 {
            return Err(Error::Corrupt);
        }
        let got = self.medium.read(file_of(place), at, buf)?;
        if got == buf.len() {
            Ok(())
        } else {
            Err(Error::Corrupt)
        }
    }

    /// Reads as much of `buf` as the segment still has from there on.
    pub fn peek<'b>(&mut self, place: usize, at: u32, buf: &'b mut [u8]) -> Result<&'b [u8]> {
        let there = self.known(place).size.saturating_sub(at) as usize;
        let wanted = buf.len().min(there);
        let buf = buf.get_mut(..wanted).unwrap_or(&mut []);
        let got = self.medium.read(file_of(place), at, buf)?;
        Ok(buf.get(..got).unwrap_or(&[]))
    }

    /// Reads what there is of a segment's header.
    pub fn read_header(&mut self, place: usize, buf: &mut [u8; HEADER]) -> Result<usize> {
        let at = if place == IN_ROOT { HEADER as u32 } else { 0 };
        self.medium.read(file_of(place), at, buf)
    }

    /// Where in its segment the first frame stands.
    pub fn first_frame(place: usize) -> u32 {
        first_frame(place)
    }

    /// Bytes of a segment's file, as far as they are durable.
    pub fn file_size(&mut self, place: usize) -> Result<u32> {
        let file: File = file_of(place);
        Ok(self.medium.size(file)?.unwrap_or(0))
    }
}
