//! The table of segments: which there are, how long they are, and what lives in each.

use super::super::format::{file_of, Location, Place, IN_ROOT, PAGE_HEADER, SEGMENTS};
use super::super::medium::Medium;
use super::Log;
use crate::error::Result;
use core::ops::Range;

/// How many pages live in a segment, and how long their frames are on average.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Live(u32);

impl Live {
    /// The number of pages stands in the lower bits, the length in 256ths of a whole page's above; there 0 is a whole one.
    const PAGES: u32 = 0x00ff_ffff;

    /// So many pages, in frames of so many bytes of the `whole` that a frame has at most.
    pub fn new(pages: u32, frame: u32, whole: u32) -> Self {
        let part = frame.saturating_mul(256).checked_div(whole).unwrap_or(0) & 0xff;
        Live(part << 24 | pages & Self::PAGES)
    }

    /// As a checkpoint has it.
    pub fn from_number(number: u32) -> Self {
        Live(number)
    }

    /// See [`from_number`](Self::from_number).
    pub fn to_number(self) -> u32 {
        self.0
    }

    /// How many.
    pub fn pages(self) -> u32 {
        self.0 & Self::PAGES
    }

    /// Bytes of a frame where a page that leaves out nothing takes `whole`.
    #[inline(always)]
    pub fn frame(self, whole: u32) -> u32 {
        match self.0 >> 24 {
            0 => whole,
            part => whole.wrapping_mul(part) / 256,
        }
    }

    fn add(self, pages: i32) -> Self {
        Live(self.0 & !Self::PAGES | self.pages().wrapping_add_signed(pages) & Self::PAGES)
    }
}

/// What is known of one segment.
#[derive(Clone, Copy)]
pub struct Known {
    /// Its sequence number; 0 where there is none.
    pub sequence: u32,
    /// The pages in it that the page table leads to.
    pub live: Live,
    /// Bytes of it.
    pub size: u32,
}

impl Known {
    /// There is none.
    pub const NONE: Known = Known { sequence: 0, live: Live(0), size: 0 };
}

impl<M: Medium> Log<M> {
    /// Begins with none.
    pub fn forget_all(&mut self) {
        self.segments.fill(Known::NONE);
    }

    /// Every place there can be a segment at, and some where there is none.
    pub fn places() -> Range<usize> {
        0..IN_ROOT + 1
    }

    /// What is known of the segment at a place.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn known(&self, place: usize) -> &Known {
        match place {
            IN_ROOT => &self.in_root,
            _ => self.segments.as_slice().get(place).unwrap_or(&Known::NONE),
        }
    }

    /// The same, to change.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn known_mut(&mut self, place: usize) -> Option<&mut Known> {
        match place {
            IN_ROOT => Some(&mut self.in_root),
            _ => self.segments.as_mut_slice().get_mut(place),
        }
    }

    /// Takes a segment into the table that is there.
    pub fn learn(&mut self, place: usize, known: Known) {
        self.last_sequence = self.last_sequence.max(known.sequence);
        if let Some(entry) = self.known_mut(place) {
            *entry = known;
        }
    }

    /// What commits call a location.
    pub fn place_at(&self, location: Location) -> Place {
        Place { sequence: self.known(location.place()).sequence, offset: location.offset() }
    }

    /// The place of the segment of that sequence number.
    pub fn place_of(&self, sequence: u32) -> Option<usize> {
        Self::places().find(|place| sequence != 0 && self.known(*place).sequence == sequence)
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        Self::places().filter(|place| self.known(*place).sequence != 0).count()
    }

    /// How many have pages that live.
    #[inline(always)]
    pub fn segments_with_pages(&self) -> usize {
        Self::places().filter(|place| self.known(*place).live.pages() > 0).count()
    }

    /// Bytes of all segments.
    #[inline(never)]
    pub fn bytes(&self) -> u32 {
        Self::places().fold(0, |size, place| self.known(place).size.saturating_add(size))
    }

    /// About so many of them are pages that live.
    #[inline(never)]
    pub fn living_bytes(&self) -> u32 {
        Self::places().fold(0, |live, place| self.living(place).saturating_add(live))
    }

    /// About so many bytes of a segment are pages that live.
    #[inline(never)]
    pub fn living(&self, place: usize) -> u32 {
        let Known { live, size, .. } = *self.known(place);
        let (pages, frame) = (live.pages(), live.frame(self.whole_frame()));
        match size.checked_div(frame) {
            Some(most) if pages <= most => pages.wrapping_mul(frame),
            _ => size,
        }
    }

    pub(super) fn whole_frame(&self) -> u32 {
        self.page_size.wrapping_add(PAGE_HEADER as u32)
    }

    /// A page was appended in a frame of so many bytes.
    #[inline(never)]
    pub fn note_frame(&mut self, len: usize) {
        let whole = self.whole_frame();
        let Some(head) = self.head.as_mut() else { return };
        (head.frames, head.frame_bytes) = (head.frames.saturating_add(1), head.frame_bytes.saturating_add(len as u32));
        let (place, frame) = (head.place, head.frame_bytes.checked_div(head.frames).unwrap_or(0));
        if let Some(known) = self.known_mut(place) {
            known.live = Live::new(known.live.pages(), frame, whole);
        }
    }

    /// One page more lives in a segment, or one less.
    pub fn add_live(&mut self, location: Location, pages: i32) {
        if location != Location::NONE {
            if let Some(known) = self.known_mut(location.place()) {
                known.live = known.live.add(pages);
            }
            if let Some(change) = self.changes.get_mut(location.place().min(SEGMENTS)) {
                *change = change.saturating_add(pages as i16);
            }
        }
    }

    /// Begins to keep in mind what lives in each segment, for [`restore_live`](Self::restore_live).
    pub fn keep_live(&mut self) {
        self.changes = [0; SEGMENTS + 1];
    }

    /// What lives is what did then.
    pub fn restore_live(&mut self) {
        for place in Self::places() {
            let change = self.changes.get(place.min(SEGMENTS)).copied().unwrap_or(0);
            if let Some(known) = self.known_mut(place) {
                known.live = known.live.add(-i32::from(change));
            }
        }
    }

    /// Nothing lives.
    pub fn clear_live(&mut self) {
        for place in Self::places() {
            if let Some(known) = self.known_mut(place) {
                known.live = Live::default();
            }
        }
    }

    /// Removes a segment's file, and forgets it.
    pub fn remove(&mut self, place: usize) -> Result<()> {
        if place == IN_ROOT {
            return Ok(());
        }
        self.medium.remove(file_of(place))?;
        if let Some(known) = self.known_mut(place) {
            *known = Known::NONE;
        }
        Ok(())
    }
}
