//! Looking at every page where it stands, for tools, right after opening: nothing is written.

use super::format::{CommitFrame, Location, Place, COMMIT};
use super::log::Log;
use super::medium::Medium;
use super::FileStore;
use crate::error::{Answer, Result};
use crate::store::{PageId, PageStore};

impl<M: Medium> FileStore<M> {
    /// No page has this id or a later one.
    pub fn page_ids(&self) -> u32 {
        self.snapshot.next_id
    }

    /// Reads the page of that id, what of the page table leads to it too, and checks that it is what was written;
    /// false where no page has that id.
    pub fn verify_page(&mut self, id: u32) -> Result<bool> {
        if let Some(slot) = self.cache.find(id) {
            return Ok(!matches!(self.cache.change_of(slot), Some((_, true))));
        }
        self.make_available(1)?;
        if self.table_entry(id)? == Location::NONE {
            return Ok(false);
        }
        self.page(PageId(id)).map(|_| true)
    }

    /// Whether the log has a later commit than the one that the state is that of: something between them is damaged.
    pub fn has_lost_commits(&mut self) -> Result<bool> {
        let mut last = CommitFrame::NONE;
        let found = self.find_commit(&mut last)? == Answer::Yes;
        Ok(found.then(|| last.place()) != self.tail)
    }

    /// Bytes behind the commit that the state is that of: what was cut off while it was written, or is damaged.
    pub fn bytes_behind_commit(&self) -> u64 {
        let tail = self.tail.unwrap_or(Place::NONE);
        // What opening itself has written is not meant.
        let head = self.log.head().map(|head| head.place);
        let behind = |place: usize| {
            let known = self.log.known(place);
            let counts = match known.sequence {
                sequence if sequence == tail.sequence => tail.offset.wrapping_add(COMMIT as u32),
                sequence if sequence > tail.sequence => 0,
                _ => known.size,
            };
            u64::from(known.size.saturating_sub(counts))
        };
        Log::<M>::places().filter(|place| Some(*place) != head).map(behind).sum()
    }
}
