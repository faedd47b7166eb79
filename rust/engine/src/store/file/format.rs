//! The bytes of the files: docs/FORMAT.md shows them.

use super::crc::crc32;
use super::medium::File;
use crate::bytes::{trailing_zeros, u16_at, u32_at, write, write_u16, write_u32};
use crate::error::{Error, Result};
use crate::store::{Meta, Status};
use core::array::from_fn;

/// The version of the format that this engine writes, and the newest it reads.
pub const VERSION: u8 = 2;
/// The oldest that it reads: what was before changed from day to day.
const OLDEST: u8 = 1;

/// Segments of a database at most; their places in the table are the numbers of their files.
pub const SEGMENTS: usize = 56;
/// The place of the segment that stands in the root file, as in a backup.
pub const IN_ROOT: usize = 63;

/// Bytes of the root file, and of a segment's header.
pub const HEADER: usize = 32;
/// Bytes before the content of a page.
pub const PAGE_HEADER: usize = 12;
/// Bytes of a commit.
pub const COMMIT: usize = 72;
/// Bytes of a checkpoint before its table of segments.
pub const CHECKPOINT: usize = 20 + 4 * Meta::NUMBERS;
/// Bytes of one entry of that table.
pub const CHECKPOINT_SEGMENT: usize = 12;
/// In one: the pages that live are counted, their bytes are not.
pub const COUNTED: u8 = 1;

/// First bytes of frames.
pub const PAD: u8 = 0;
/// A delta: a varint length and so many bytes.
pub const DELTA: u8 = b'd';
/// What is passed over: a varint length and so many bytes.
pub const FILLER: u8 = b'f';
/// A page.
pub const PAGE: u8 = b'P';
const COMMIT_MAGIC: [u8; 4] = *b"Cmt\xe3";
const CHECKPOINT_MAGIC: [u8; 4] = *b"Ckp\xb5";

const ROOT_MAGIC: [u8; 8] = *b"MTDB\r\n\x1a\xd3";
const SEGMENT_MAGIC: [u8; 4] = *b"MTDS";

/// The first bytes of files of MicroPython's btree module (Berkeley DB 1.85), of either byte order.
const BTREE_MAGIC: [[u8; 4]; 2] = [[0x62, 0x31, 0x05, 0x00], [0x00, 0x05, 0x31, 0x62]];

/// Where a frame stands: a segment's place in the table, and an offset in it. All frames that are found by
/// their place stand at multiples of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location(pub u32);

impl Location {
    /// Nowhere: each segment begins with its header.
    pub const NONE: Location = Location(0);
    /// The largest offset, and so the largest segment.
    pub const MAX_OFFSET: u32 = (1 << 28) - 4;

    /// In that segment, at that offset.
    pub fn new(place: usize, offset: u32) -> Self {
        Location((place as u32) << 26 | (offset >> 2) & 0x03ff_ffff)
    }

    /// The segment's place in the table.
    pub fn place(self) -> usize {
        (self.0 >> 26) as usize
    }

    /// The offset in the segment.
    pub fn offset(self) -> u32 {
        (self.0 & 0x03ff_ffff) << 2
    }
}

/// The file that the segment at a place of the table stands in.
pub fn file_of(place: usize) -> File {
    if place == IN_ROOT {
        File::ROOT
    } else {
        File(place as u32)
    }
}

/// Where the frames of that segment begin.
pub fn first_frame(place: usize) -> u32 {
    if place == IN_ROOT {
        2 * HEADER as u32
    } else {
        HEADER as u32
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at.wrapping_add(4))) << 32
}

fn write_u64(bytes: &mut [u8], at: usize, value: u64) {
    write(bytes, at, &value.to_le_bytes());
}

/// Writes numbers one behind the other from `at` on.
#[inline(always)]
pub fn write_numbers(bytes: &mut [u8], at: usize, numbers: &[u32]) {
    for (index, number) in numbers.iter().enumerate() {
        write_u32(bytes, index.wrapping_mul(4).wrapping_add(at), *number);
    }
}

/// Puts the CRC of what is before it at the end; `seed` is what the CRC begins with.
#[inline(always)]
fn seal(bytes: &mut [u8], seed: u32) {
    let at = bytes.len().saturating_sub(4);
    let crc = crc32(seed, bytes.get(..at).unwrap_or(&[]));
    write_u32(bytes, at, crc);
}

fn is_sealed(bytes: &[u8], seed: u32) -> bool {
    let at = bytes.len().saturating_sub(4);
    u32_at(bytes, at) == crc32(seed, bytes.get(..at).unwrap_or(&[]))
}

/// What the CRCs of a database's frames begin with: its salt, and where the frame stands.
pub fn seed(salt: u64, sequence: u32, offset: u32) -> u32 {
    let mut bytes = [0; 16];
    write_u64(&mut bytes, 0, salt);
    write_u32(&mut bytes, 8, sequence);
    write_u32(&mut bytes, 12, offset);
    crc32(0, &bytes)
}

/// The root file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Bytes of a page.
    pub page_size: usize,
    /// A segment stands behind it in the same file.
    pub has_segment: bool,
    /// Of this database alone.
    pub salt: u64,
}

/// What stands where the root file should.
pub enum Found {
    /// Nothing that anyone could miss: the database is still to be made.
    Nothing,
    /// A database.
    Root(Root),
}

impl Root {
    /// Its bytes.
    pub fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        write(&mut bytes, 0, &ROOT_MAGIC);
        let shift = trailing_zeros(self.page_size as u32) as u8;
        write(&mut bytes, 8, &[VERSION, shift, u8::from(self.has_segment), 0]);
        write_u64(&mut bytes, 12, self.salt);
        seal(&mut bytes, 0);
        bytes
    }

    /// Reads the first bytes of a file of `len` bytes, [`HEADER`] of them or all there are.
    pub fn read(bytes: &[u8], len: usize) -> Result<Found> {
        // A root file that was cut off while it was made: nobody was told then that there is a database. What a
        // medium shows of bytes that did not reach it are zeros, or flash that was erased.
        let magic = bytes.get(..ROOT_MAGIC.len()).unwrap_or(bytes);
        let blank = |with: u8| bytes.iter().all(|byte| *byte == with);
        if len < HEADER && ROOT_MAGIC.starts_with(magic) || len <= HEADER && (blank(0) || blank(0xff)) {
            return Ok(Found::Nothing);
        }
        if BTREE_MAGIC.iter().any(|magic| bytes.starts_with(magic)) {
            return Err(Error::Btree);
        }
        if !bytes.starts_with(&ROOT_MAGIC) {
            return Err(Error::Foreign);
        }
        let version = bytes.get(8).copied().unwrap_or(0);
        if version > VERSION {
            return Err(Error::newer(version));
        }
        if version < OLDEST {
            return Err(Error::Foreign);
        }
        let page_size = 1usize.checked_shl(u32::from(bytes.get(9).copied().unwrap_or(0))).unwrap_or(0);
        if !is_sealed(bytes, 0) || !matches!(page_size, 512 | 1024 | 2048 | 4096) {
            return Err(Error::Corrupt);
        }
        let has_segment = bytes.get(10).copied() == Some(1);
        Ok(Found::Root(Root { page_size, has_segment, salt: u64_at(bytes, 12) }))
    }
}

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Segments are numbered as they are begun, from 1 on.
    pub sequence: u32,
    /// Where the segment before ended when this one goes on from there; 0 when it begins anew.
    pub continues: u32,
}

impl Segment {
    /// Its bytes.
    #[inline(never)]
    pub fn to_bytes(self, salt: u64, place: usize) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        write(&mut bytes, 0, &SEGMENT_MAGIC);
        write(&mut bytes, 4, &[VERSION, place as u8, 0, 0]);
        write_u32(&mut bytes, 8, self.sequence);
        write_u32(&mut bytes, 12, self.continues);
        write_u64(&mut bytes, 16, salt);
        seal(&mut bytes, 0);
        bytes
    }

    /// Reads it; `None` where it is damaged, or of another database.
    pub fn read(bytes: &[u8], salt: u64, place: usize) -> Option<Self> {
        let ours = bytes.len() == HEADER
            && bytes.starts_with(&SEGMENT_MAGIC)
            && is_sealed(bytes, 0)
            && bytes.get(5).copied() == Some(place as u8)
            && u64_at(bytes, 16) == salt;
        ours.then(|| Segment { sequence: u32_at(bytes, 8), continues: u32_at(bytes, 12) })
    }

    /// Whether the first bytes of a file are those of a segment, of whichever database, or are cut off.
    pub fn may_be_removed(bytes: &[u8]) -> bool {
        SEGMENT_MAGIC.starts_with(bytes.get(..SEGMENT_MAGIC.len()).unwrap_or(bytes))
    }
}

/// The header of a page frame; the content follows, without its longest run of zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFrame {
    /// 0 for a page of the tree, else the level of a page of the page table.
    pub level: u32,
    /// The page's id, or its index on its level.
    pub id: u32,
    /// What of the page is left out.
    pub gap: Gap,
    /// Of the frame.
    pub crc: u32,
}

/// A part of a page that consists of zeros; both numbers are multiples of a 256th of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where it begins.
    pub from: usize,
    /// Bytes.
    pub len: usize,
}

impl Gap {
    /// Of a page that stands in its frame as a whole.
    pub const NONE: Gap = Gap { from: 0, len: 0 };

    /// The longest in a page behind its first bytes.
    #[inline(never)]
    pub fn of(page: &[u8]) -> Self {
        let unit = (page.len() / 256).max(1);
        let (mut best, mut from, mut at) = (Gap::NONE, unit, unit);
        for bytes in page.get(unit..).unwrap_or(&[]).chunks_exact(unit) {
            at = at.wrapping_add(unit);
            if bytes.iter().any(|byte| *byte != 0) {
                from = at;
            } else if at.wrapping_sub(from) > best.len {
                best = Gap { from, len: at.wrapping_sub(from) };
            }
        }
        best
    }

    /// Where the page goes on.
    #[inline(always)]
    pub fn end(self) -> usize {
        self.from.wrapping_add(self.len)
    }

    /// The CRC of what is not left out, behind what has that CRC.
    #[inline(never)]
    fn crc(self, crc: u32, page: &[u8]) -> u32 {
        let crc = crc32(crc, page.get(..self.from).unwrap_or(&[]));
        crc32(crc, page.get(self.end()..).unwrap_or(&[]))
    }

    #[inline(never)]
    fn to_number(self, page_size: usize) -> u16 {
        match page_size / 256 {
            0 => page_size as u16,
            _ if self.len == 0 => page_size as u16,
            unit => ((self.from / unit) | ((self.len / unit) << 8)) as u16,
        }
    }

    fn from_number(number: u16, page_size: usize) -> Option<Self> {
        if usize::from(number) == page_size {
            return Some(Gap::NONE);
        }
        let unit = page_size / 256;
        let gap = Gap { from: usize::from(number & 0xff) * unit, len: usize::from(number >> 8) * unit };
        (gap.from > 0 && gap.len > 0 && gap.end() <= page_size).then_some(gap)
    }
}

impl PageFrame {
    /// The header's bytes for that page.
    #[inline(never)]
    pub fn to_bytes(level: u32, id: u32, gap: Gap, seed: u32, page: &[u8]) -> [u8; PAGE_HEADER] {
        let mut bytes = [0; PAGE_HEADER];
        write(&mut bytes, 0, &[PAGE, level as u8]);
        write_u16(&mut bytes, 2, gap.to_number(page.len()));
        write_u32(&mut bytes, 4, id);
        let crc = crc32(seed, bytes.get(..8).unwrap_or(&[]));
        write_u32(&mut bytes, 8, gap.crc(crc, page));
        bytes
    }

    /// Reads a header; `None` where there is no page of that size.
    pub fn read(bytes: &[u8], page_size: usize) -> Option<Self> {
        let gap = Gap::from_number(u16_at(bytes, 2), page_size)?;
        let level = u32::from(bytes.get(1).copied()?);
        let sound = bytes.first() == Some(&PAGE);
        sound.then(|| PageFrame { level, id: u32_at(bytes, 4), gap, crc: u32_at(bytes, 8) })
    }

    /// Bytes of the frame.
    pub fn len(&self, page_size: usize) -> usize {
        PAGE_HEADER.wrapping_add(page_size).wrapping_sub(self.gap.len)
    }

    /// Whether the page is what was written there.
    pub fn holds(&self, seed: u32, page: &[u8]) -> bool {
        let bytes = PageFrame::to_bytes(self.level, self.id, self.gap, seed, page);
        bytes.get(8..).map(|crc| u32_at(crc, 0)) == Some(self.crc)
    }
}

/// Where something stands in the log: a sequence number and an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment's sequence number.
    pub sequence: u32,
    /// The offset in it.
    pub offset: u32,
}

impl Place {
    /// Nowhere.
    pub const NONE: Place = Place { sequence: 0, offset: 0 };
}

/// A commit.
pub struct Commit {
    /// Commits are numbered; a later one counts.
    pub number: u32,
    /// Where it stands: the segment's sequence number and the offset.
    pub sequence: u32,
    /// See above.
    pub offset: u32,
    /// Where its group begins: right behind the commit before, or where its segment begins.
    pub group_sequence: u32,
    /// See above.
    pub group_offset: u32,
    /// Bytes of the group.
    pub group_len: u32,
    /// CRC of the group's bytes.
    pub group_crc: u32,
    /// Where the last checkpoint stands: sequence number and offset.
    pub checkpoint_sequence: u32,
    /// See above.
    pub checkpoint_offset: u32,
    /// Pages that the deltas since then change.
    pub pages: u32,
    /// What else it says.
    pub status: Status,
}

impl Commit {
    /// Its bytes.
    pub fn to_bytes(&self, salt: u64) -> [u8; COMMIT] {
        let mut bytes = [0; COMMIT];
        write(&mut bytes, 0, &COMMIT_MAGIC);
        let numbers = [
            self.number,
            self.sequence,
            self.offset,
            self.group_sequence,
            self.group_offset,
            self.group_len,
            self.group_crc,
            self.checkpoint_sequence,
            self.checkpoint_offset,
            self.pages,
        ];
        write_numbers(&mut bytes, 4, &numbers);
        write_u64(&mut bytes, 44, self.status.now);
        write_u64(&mut bytes, 52, self.status.wall);
        write_u64(&mut bytes, 60, self.status.next_key);
        seal(&mut bytes, seed(salt, self.sequence, self.offset));
        bytes
    }

    /// Whether one may begin so.
    pub fn may_begin(bytes: &[u8]) -> bool {
        bytes.starts_with(&COMMIT_MAGIC)
    }
}

/// A commit as it stands in the log.
pub struct CommitFrame(pub [u8; COMMIT]);

impl CommitFrame {
    /// None.
    pub const NONE: CommitFrame = CommitFrame([0; COMMIT]);

    /// Whether it is whole, and was written to this place.
    pub fn is_sound(&self, salt: u64, sequence: u32, offset: u32) -> bool {
        Commit::may_begin(&self.0)
            && self.place() == Place { sequence, offset }
            && is_sealed(&self.0, seed(salt, sequence, offset))
    }

    fn number_at(&self, index: usize) -> u32 {
        u32_at(&self.0, index.wrapping_mul(4).wrapping_add(4))
    }

    fn place_at(&self, index: usize) -> Place {
        Place { sequence: self.number_at(index), offset: self.number_at(index.wrapping_add(1)) }
    }

    /// [`Commit::number`].
    pub fn number(&self) -> u32 {
        self.number_at(0)
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        self.place_at(1)
    }

    /// Where its group begins.
    pub fn group(&self) -> Place {
        self.place_at(3)
    }

    /// Bytes of the group.
    pub fn group_len(&self) -> u32 {
        self.number_at(5)
    }

    /// CRC of the group's bytes.
    pub fn group_crc(&self) -> u32 {
        self.number_at(6)
    }

    /// Where the last checkpoint stands.
    pub fn checkpoint(&self) -> Place {
        self.place_at(7)
    }

    /// [`Commit::pages`].
    pub fn pages(&self) -> u32 {
        self.number_at(9)
    }

    /// What else it says.
    pub fn status(&self) -> Status {
        Status { now: u64_at(&self.0, 44), wall: u64_at(&self.0, 52), next_key: u64_at(&self.0, 60) }
    }
}

/// The whole state of the pages: the root of the page table, and what goes with it.
// In this order the code of a board is shorter: its instructions reach bytes that stand within the first 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Snapshot {
    /// The root of the page table.
    pub table: Location,
    /// Levels of the page table; 0 when it is empty.
    pub levels: u32,
    /// No page has this id or a later one.
    pub next_id: u32,
    /// Ids below that that no page has.
    pub free_ids: u32,
    /// The tree's root, and the counts.
    pub meta: Meta,
}

impl Snapshot {
    /// Not read yet: zeros.
    pub const UNKNOWN: Snapshot = Snapshot { meta: Meta::from_numbers([0; Meta::NUMBERS]), ..Snapshot::EMPTY };

    /// What has no page.
    pub const EMPTY: Snapshot =
        Snapshot { meta: Meta::EMPTY, table: Location::NONE, levels: 0, next_id: 0, free_ids: 0 };

    /// The bytes of a checkpoint before its table of `segments` entries, and without its CRC.
    #[inline(never)]
    pub fn to_bytes(self, segments: usize) -> [u8; CHECKPOINT] {
        let mut bytes = [0; CHECKPOINT];
        write(&mut bytes, 0, &CHECKPOINT_MAGIC);
        write(&mut bytes, 4, &[self.levels as u8, segments as u8, 0, 0]);
        write_numbers(&mut bytes, 8, &[self.table.0, self.next_id, self.free_ids]);
        write_numbers(&mut bytes, 20, &self.meta.to_numbers());
        bytes
    }

    /// Of how many segments a checkpoint tells that begins so; `None` where none does.
    pub fn segments(bytes: &[u8]) -> Option<usize> {
        let (levels, segments) = (*bytes.get(4)?, usize::from(*bytes.get(5)?));
        let sound = bytes.starts_with(&CHECKPOINT_MAGIC) && levels <= 3 && segments <= SEGMENTS + 1;
        sound.then_some(segments)
    }

    /// Takes over what stands in those bytes.
    pub fn read(&mut self, bytes: &[u8]) {
        let number = |index: usize| u32_at(bytes, index.wrapping_mul(4).wrapping_add(8));
        self.levels = u32::from(bytes.get(4).copied().unwrap_or(0));
        (self.table, self.next_id, self.free_ids) = (Location(number(0)), number(1), number(2));
        self.meta = Meta::from_numbers(from_fn(|n| number(n.wrapping_add(3))));
    }
}

/// How long the frame is that begins with these bytes (as many as there are, up to [`CHECKPOINT`]); `None` where
/// none begins so.
pub fn frame_len(bytes: &[u8], page_size: usize) -> Option<u32> {
    let len = match *bytes.first()? {
        PAD => 1,
        DELTA | FILLER => {
            let (len, at) = crate::bytes::varint_at(bytes, 1)?;
            at.checked_add(len as usize)?
        }
        PAGE => PageFrame::read(bytes, page_size)?.len(page_size),
        _ if Commit::may_begin(bytes) => COMMIT,
        _ => checkpoint_len(Snapshot::segments(bytes)?),
    };
    u32::try_from(len).ok()
}

/// Bytes of a checkpoint with a table of so many segments.
pub fn checkpoint_len(segments: usize) -> usize {
    CHECKPOINT.wrapping_add(segments.wrapping_mul(CHECKPOINT_SEGMENT)).wrapping_add(4)
}

#[cfg(test)]
mod tests {
    use super::Gap;

    /// What a page reads as that was written without its gap.
    fn kept(page: &[u8]) -> Gap {
        let gap = Gap::of(page);
        let read = Gap::from_number(gap.to_number(page.len()), page.len());
        assert_eq!(read, Some(gap), "{} bytes", page.len());
        assert!(page[gap.from..gap.end()].iter().all(|byte| *byte == 0));
        gap
    }

    #[test]
    fn the_longest_run_of_zeros_is_left_out_of_a_page() {
        for size in [512, 1024, 2048, 4096] {
            let mut page = std::vec![7; size];
            assert_eq!(kept(&page), Gap::NONE);
            page[100..size / 2].fill(0);
            page[size / 2 + 20..size - 30].fill(0);
            let gap = kept(&page);
            assert!(gap.len > (size / 2 - 130) * 3 / 4, "{gap:?} of {size}");
            page.fill(0);
            assert_eq!(kept(&page).len, size - size / 256, "the first bytes stand in every frame");
        }
    }

    #[test]
    fn numbers_that_are_no_gap_are_refused() {
        for number in [0, 1, 0x0100, 0xffff, 0x81c0] {
            assert_eq!(Gap::from_number(number, 512), None, "{number}");
        }
        assert_eq!(Gap::from_number(512, 512), Some(Gap::NONE), "as version 1 has it");
    }
}
