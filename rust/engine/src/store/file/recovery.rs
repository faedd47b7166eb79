//! Opening: finding the last commit that is whole, and going through the deltas since its checkpoint.
//!
//! Nothing is written to a database that is there. Where its newest segment ends with the commit, the log goes
//! on there; else what stands behind the commit is torn, and the next commit begins a new segment.

use super::crc::crc32;
use super::format::{
    frame_len, Commit, CommitFrame, Found, Place, Root, Segment, Snapshot, CHECKPOINT, COMMIT, DELTA, HEADER, IN_ROOT,
    SEGMENTS,
};
use super::log::{Known, Log};
use super::medium::{File, Medium};
use super::{FileStore, LEAST_PAGES};
use crate::bytes::{hash64, varint_at};
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};
use crate::store::raw::Block;
use crate::store::{Meta, Status};

/// Bytes read at once when the log is searched.
const WINDOW: usize = 128;
/// Pages that doing deltas again may take beyond those that a commit speaks of and a quarter of them: while that is done
/// nothing can be written, so that all that is changed stays in memory. One of them is lent for the deltas themselves.
const PAGES_MORE: usize = 33;

/// Generated keys that a new database may give before its next commit.
const FIRST_KEYS: u64 = 1 << 12;

/// How far opening has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is known yet.
    Closed,
    /// What there is has been seen; memory is needed.
    Opening,
    /// Deltas are done again.
    Replaying,
    /// All is done.
    Open,
}

/// A place among the frames.
#[derive(Clone, Copy)]
struct At {
    place: usize,
    offset: u32,
}

/// Where doing deltas again has come to.
#[derive(Clone, Copy)]
pub struct Replay {
    at: At,
    /// The number of the commit at which all ends.
    last: u32,
}

impl<M: Medium> FileStore<M> {
    /// Opens the database, or makes it. [`Error::NeedMemory`] until there is enough.
    pub(super) fn open_files(&mut self, wall: u64, seed: u64) -> Result<Answer> {
        if self.stage == Stage::Closed {
            self.look(seed)?;
        }
        if self.stage != Stage::Opening {
            return Ok(No);
        }
        if self.cache.wanted(LEAST_PAGES) != 0 {
            return Err(Error::NeedMemory);
        }
        match self.tail.and_then(|tail| self.log.place_of(tail.sequence).map(|place| At { place, offset: tail.offset }))
        {
            Some(at) => {
                let mut commit = CommitFrame::NONE;
                self.read_commit(at, &mut commit)?.or(Error::Corrupt)?;
                self.load_checkpoint(&commit)?;
            }
            None => self.make(wall)?,
        }
        self.find_spare()?;
        self.stage = Stage::Replaying;
        Ok(Yes)
    }

    /// Sees what there is, without any memory.
    #[inline(always)]
    fn look(&mut self, seed: u64) -> Result<()> {
        self.log.forget_all();
        self.incomplete = true;
        let mut bytes = [0; HEADER];
        let found = match self.log.medium.size(File::ROOT)? {
            None => Found::Nothing,
            Some(len) => {
                let got = self.log.medium.read(File::ROOT, 0, &mut bytes)?;
                Root::read(bytes.get(..got).unwrap_or(&[]), len as usize)?
            }
        };
        self.root = match found {
            Found::Root(root) => root,
            Found::Nothing => {
                Root { page_size: self.options.page_size, has_segment: false, salt: hash64(&seed.to_le_bytes(), None) }
            }
        };
        (self.log.salt, self.log.page_size) = (self.root.salt, self.root.page_size as u32);
        let mut pages = LEAST_PAGES;
        if let Found::Root(_) = found {
            self.read_headers()?;
            let mut commit = CommitFrame::NONE;
            self.find_commit(&mut commit)?.or(Error::Corrupt)?;
            self.take_number(&commit);
            if commit.pages() > 0 {
                pages = (commit.pages() as usize).saturating_mul(5) / 4 + PAGES_MORE;
            }
        } else {
            self.refuse_foreign_segments()?;
        }
        self.cache.set_size(self.root.page_size, self.options.cache_pages.max(pages));
        self.stage = Stage::Opening;
        Ok(())
    }

    /// Takes the segments that are there into the table.
    fn read_headers(&mut self) -> Result<()> {
        let mut there = self.log.medium.list()?;
        if self.root.has_segment {
            there |= 1 << IN_ROOT;
        }
        let mut continues = [0u32; SEGMENTS];
        for place in Log::<M>::places().filter(|place| there >> *place & 1 == 1) {
            let mut header = [0; HEADER];
            let got = self.log.read_header(place, &mut header)?;
            let header = header.get(..got).unwrap_or(&[]);
            match Segment::read(header, self.root.salt, place) {
                Some(segment) => {
                    self.log.learn(place, Known { sequence: segment.sequence, ..Known::NONE });
                    if let Some(entry) = continues.get_mut(place) {
                        *entry = segment.continues;
                    }
                }
                // What was cut off while it was made is made anew when its place is used again.
                None if Segment::may_be_removed(header) => {}
                None => self.log.blocked |= 1u64.wrapping_shl(place as u32),
            }
        }
        // A segment that another one goes on from ends where that says.
        for (place, end) in continues.iter().enumerate() {
            if *end == 0 {
                continue;
            }
            let before = self.log.known(place).sequence.wrapping_sub(1);
            if let Some(known) = self.log.place_of(before).and_then(|place| self.log.known_mut(place)) {
                known.size = *end;
            }
        }
        // The newest, and those that were given up, end with their files.
        for place in Log::<M>::places() {
            let known = *self.log.known(place);
            if known.sequence != 0 && known.size == 0 {
                let size = self.log.file_size(place)?;
                self.log.learn(place, Known { size, ..known });
            }
        }
        Ok(())
    }

    /// Without a root file segments of ours are left over from a database that is gone, and are removed once a new
    /// one is made; others block their places.
    #[inline(always)]
    fn refuse_foreign_segments(&mut self) -> Result<()> {
        let there = self.log.medium.list()?;
        for place in (0..SEGMENTS).filter(|place| there >> *place & 1 == 1) {
            let mut header = [0; HEADER];
            let got = self.log.read_header(place, &mut header)?;
            if !Segment::may_be_removed(header.get(..got).unwrap_or(&[])) {
                self.log.blocked |= 1u64.wrapping_shl(place as u32);
            }
        }
        Ok(())
    }

    // ---- the last commit ----

    /// The last commit that is whole, if there is one.
    pub(super) fn find_commit(&mut self, commit: &mut CommitFrame) -> Result<Answer> {
        let mut below = u32::MAX;
        while let Some(place) = self.newest_below(below) {
            if self.find_commit_in(place, commit)? == Yes {
                return Ok(Yes);
            }
            below = self.log.known(place).sequence;
        }
        Ok(No)
    }

    fn newest_below(&self, sequence: u32) -> Option<usize> {
        let (mut newest, mut above) = (None, 0);
        for place in Log::<M>::places() {
            let found = self.log.known(place).sequence;
            if found > above && found < sequence {
                (newest, above) = (Some(place), found);
            }
        }
        newest
    }

    /// Searches a segment from its end.
    fn find_commit_in(&mut self, place: usize, commit: &mut CommitFrame) -> Result<Answer> {
        let first = Log::<M>::first_frame(place);
        let mut end = self.log.known(place).size & !3;
        let mut window = [0; WINDOW];
        while end > first {
            let start = end.saturating_sub(WINDOW as u32).max(first);
            let bytes = window.get_mut(..(end.wrapping_sub(start)) as usize).unwrap_or(&mut []);
            self.log.read(place, start, bytes)?;
            let mut at = end.wrapping_sub(4);
            while at >= start {
                if Commit::may_begin(window.get(at.wrapping_sub(start) as usize..).unwrap_or(&[]))
                    && self.read_commit(At { place, offset: at }, commit)? == Yes
                    && self.group_is_whole(commit)? == Yes
                {
                    return Ok(Yes);
                }
                at = at.wrapping_sub(4);
            }
            end = start;
        }
        Ok(No)
    }

    /// Reads the commit that stands there, if there is one.
    fn read_commit(&mut self, at: At, commit: &mut CommitFrame) -> Result<Answer> {
        let whole = self.log.peek(at.place, at.offset, &mut commit.0)?.len() == COMMIT;
        let sequence = self.log.known(at.place).sequence;
        Ok((whole && commit.is_sound(self.root.salt, sequence, at.offset)).into())
    }

    fn group_is_whole(&mut self, commit: &CommitFrame) -> Result<Answer> {
        let (Place { mut sequence, mut offset }, last) = (commit.group(), commit.place());
        let (mut crc, mut len) = (0, 0u32);
        let mut window = [0; WINDOW];
        while sequence <= last.sequence {
            let Some(place) = self.log.place_of(sequence) else { return Ok(No) };
            let end = if sequence == last.sequence { last.offset } else { self.log.known(place).size };
            while offset < end {
                let count = (end.wrapping_sub(offset) as usize).min(WINDOW);
                let bytes = window.get_mut(..count).unwrap_or(&mut []);
                match self.log.read(place, offset, bytes) {
                    Err(error) if error == Error::Corrupt => return Ok(No),
                    result => result?,
                }
                crc = crc32(crc, bytes);
                len = len.wrapping_add(count as u32);
                offset = offset.wrapping_add(count as u32);
            }
            sequence = sequence.wrapping_add(1);
            offset = HEADER as u32;
        }
        Ok((crc == commit.group_crc() && len == commit.group_len()).into())
    }

    // ---- the state at that commit ----

    fn load_checkpoint(&mut self, commit: &CommitFrame) -> Result<()> {
        self.checkpoint = commit.checkpoint();
        let Place { sequence, offset } = self.checkpoint;
        let place = self.log.place_of(sequence).ok_or(Error::Corrupt)?;
        self.read_checkpoint(place, offset)?;
        // The checkpoint's own commit is the first one behind it.
        let mut own = CommitFrame::NONE;
        self.next_commit(At { place, offset }, &mut own)?.or(Error::Corrupt)?;
        self.needed_from = own.group().sequence;
        self.go_on_behind(&own, commit.number())
    }

    fn take_number(&mut self, commit: &CommitFrame) {
        self.tail = Some(commit.place());
        (self.log.number, self.log.committed) = (commit.number(), commit.place().sequence);
    }

    /// The state is that of a commit now. Goes on with the deltas behind it, if there are some before the last one and
    /// their group is whole.
    #[inline(never)]
    fn go_on_behind(&mut self, commit: &CommitFrame, last: u32) -> Result<()> {
        self.status = commit.status();
        (self.key_limit, self.committed_now) = (self.status.next_key, self.status.now);
        self.take_number(commit);
        self.replay = None;
        let (number, Place { sequence, offset }) = (commit.number(), commit.place());
        let Some(place) = self.log.place_of(sequence).filter(|_| number < last) else { return Ok(()) };
        let at = At { place, offset: offset.wrapping_add(COMMIT as u32) };
        let mut until = CommitFrame::NONE;
        if self.next_commit(at, &mut until)? == Yes
            && until.number() == number.wrapping_add(1)
            && self.group_is_whole(&until)? == Yes
        {
            self.replay = Some(Replay { at, last });
        }
        Ok(())
    }

    /// Reads the first commit from there on, if there is one.
    fn next_commit(&mut self, at: At, commit: &mut CommitFrame) -> Result<Answer> {
        let (mut at, mut first) = (at, [0; CHECKPOINT]);
        loop {
            let len = self.frame(&mut at, &mut first)?;
            if len == 0 {
                return Ok(No);
            }
            if Commit::may_begin(&first) {
                return self.read_commit(at, commit);
            }
            at.offset = at.offset.saturating_add(len);
        }
    }

    /// Goes on to the next segment where one ends, and gives the frame's first bytes and its length; 0 where there is none.
    fn frame(&mut self, at: &mut At, first: &mut [u8; CHECKPOINT]) -> Result<u32> {
        if at.offset >= self.log.known(at.place).size {
            let next = self.log.known(at.place).sequence.wrapping_add(1);
            let Some(place) = self.log.place_of(next) else { return Ok(0) };
            *at = At { place, offset: HEADER as u32 };
        }
        first.fill(0);
        Ok(frame_len(self.log.peek(at.place, at.offset, first)?, self.root.page_size).unwrap_or(0))
    }

    /// The memory of a slot, to read deltas into.
    pub(super) fn lend_slot(&mut self) -> Result<Option<Block>> {
        if self.replay.is_none() {
            return Ok(None);
        }
        self.lent = self.take_slot()?;
        Ok(self.cache.lend(self.lent))
    }

    /// The next delta that is to be done again; `None` when that is all. What does not fit `buf` is damaged.
    pub(super) fn next_delta_of_log(&mut self, buf: &mut [u8]) -> Result<Option<usize>> {
        let mut first = [0; CHECKPOINT];
        while let Some(Replay { mut at, last }) = self.replay {
            self.replay_again = self.replay;
            let len = self.frame(&mut at, &mut first)?;
            if len == 0 {
                self.replay = None;
                break;
            }
            let next = At { offset: at.offset.saturating_add(len), ..at };
            self.replay = Some(Replay { at: next, last });
            if Commit::may_begin(&first) {
                let mut commit = CommitFrame::NONE;
                self.read_commit(at, &mut commit)?.or(Error::Corrupt)?;
                self.go_on_behind(&commit, last)?;
            } else if first.first() == Some(&DELTA) {
                let (count, from) = varint_at(&first, 1).ok_or(Error::Corrupt)?;
                let bytes = buf.get_mut(..count as usize).ok_or(Error::Corrupt)?;
                self.log.read(at.place, at.offset.saturating_add(from as u32), bytes)?;
                self.delta_bytes = self.delta_bytes.saturating_add(len);
                return Ok(Some(bytes.len()));
            }
        }
        Ok(None)
    }

    /// All deltas are done again: the log goes on where it ended, if nothing is torn there.
    #[inline(never)]
    pub(super) fn end_replay(&mut self) {
        self.unflushed = false;
        self.incomplete = true;
        self.stage = Stage::Open;
        let (tail, newest) = (self.tail.unwrap_or(Place::NONE), self.newest_below(u32::MAX));
        let known = newest.filter(|place| *place != IN_ROOT).map_or(Known::NONE, |place| *self.log.known(place));
        if known.sequence == tail.sequence && known.size == tail.offset.wrapping_add(COMMIT as u32) {
            self.resumable = true;
            self.incomplete = false;
        }
    }

    /// Goes on at the end of the newest segment, where that can be done and is still to be.
    pub(super) fn wake(&mut self) {
        if core::mem::take(&mut self.resumable) {
            let tail = self.tail.unwrap_or(Place::NONE);
            let place = self.log.place_of(tail.sequence).ok_or(Error::Corrupt);
            let resumed = place.and_then(|place| self.log.resume(place, tail.offset.wrapping_add(COMMIT as u32)));
            self.incomplete |= resumed.is_err();
        }
    }

    // ---- a new one ----

    fn make(&mut self, wall: u64) -> Result<()> {
        let there = self.log.medium.list()?;
        for place in (0..SEGMENTS).filter(|place| (there & !self.log.blocked) >> *place & 1 == 1) {
            self.log.medium.remove(File(place as u32))?;
        }
        self.status = Status { now: 0, wall, next_key: 0 };
        self.snapshot = Snapshot::EMPTY;
        // The first segment, then the root file: without it there is no database.
        let status = Status { next_key: FIRST_KEYS, ..self.status };
        let made = self.write_checkpoint(&Meta::EMPTY, &status).and_then(|()| self.make_spare());
        self.key_limit = FIRST_KEYS;
        if made.is_err() {
            self.log.abandon();
            for place in 0..SEGMENTS {
                if self.log.known(place).sequence != 0 {
                    let _ = self.log.remove(place);
                }
            }
            return made;
        }
        // Where this fails nobody knows whether the root file is there; what it leads to is.
        let root = self.root.to_bytes();
        let medium = &mut self.log.medium;
        let made = medium.create(File::ROOT).and_then(|()| {
            medium.append(File::ROOT, &root)?;
            medium.sync(File::ROOT)
        });
        medium.close(File::ROOT);
        made
    }
}
