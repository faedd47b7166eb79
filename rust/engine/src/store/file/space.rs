//! A full medium: the spare file that is given up then, so that deleting and cleaning can go on.

use super::medium::{File, Medium};
use super::FileStore;
use crate::error::{Error, Result, ENOSPC};

/// Bytes that the spare grows by at once at most.
const SPARE_STEP: u32 = 28_672;

/// What is known of the spare.
pub struct Spare {
    size: u32,
}

impl Spare {
    /// There is none.
    pub const NONE: Spare = Spare { size: 0 };

    /// Bytes of it.
    pub fn bytes(&self) -> u64 {
        u64::from(self.size)
    }
}

impl<M: Medium> FileStore<M> {
    /// Looks for the spare.
    pub(super) fn find_spare(&mut self) -> Result<()> {
        self.spare.size = self.log.medium.size(File::SPARE)?.unwrap_or(0);
        Ok(())
    }

    /// Whether the medium is so full that only what frees space goes on.
    pub(super) fn is_full(&self) -> bool {
        self.spare.size == 0
    }

    /// Says whether what is done now takes away more than it needs, and gives what was said before.
    pub(super) fn set_removing_space(&mut self, removing: bool) -> bool {
        core::mem::replace(&mut self.log.is_removing, removing)
    }

    /// Refuses what needs more space than it frees while there is no spare.
    pub(super) fn refuse_when_full(&mut self) -> Result<()> {
        if !self.is_full() || self.log.is_removing || !self.is_open() {
            return Ok(());
        }
        self.make_spare()
    }

    /// Does what writes, and where what is done frees space in the end, with the spare given up for it.
    pub(super) fn with_spare<T>(&mut self, write: impl Fn(&mut Self) -> Result<T>) -> Result<T> {
        match write(self) {
            Err(error) if error == Error::io(ENOSPC) && self.give_up_spare() => write(self),
            result => result,
        }
    }

    /// Gives the spare up for what frees space; false where there is none.
    #[inline(never)]
    fn give_up_spare(&mut self) -> bool {
        let given_up = self.log.is_removing && self.spare.size > 0 && self.log.medium.remove(File::SPARE).is_ok();
        if given_up {
            self.spare.size = 0;
        }
        given_up
    }

    /// Makes the spare, or makes it larger, if it is not large enough and there is room.
    pub(super) fn make_spare(&mut self) -> Result<()> {
        let wanted = self.log.spare_size();
        // What has to grow grows with several commits, so that none of them takes long.
        let more = wanted.saturating_sub(self.spare.size).min(SPARE_STEP);
        if self.spare.size >= wanted {
            return Ok(());
        }
        // It must not take what is needed to use it.
        if self.log.medium.space().is_ok_and(|free| free < u64::from(more) + u64::from(wanted) / 2) {
            return Err(Error::io(ENOSPC));
        }
        let written = self.write_spare(more);
        self.log.medium.close(File::SPARE);
        match written {
            Ok(()) => self.spare.size = self.spare.size.saturating_add(more),
            Err(_) => {
                let _ = self.log.medium.remove(File::SPARE);
                self.spare.size = 0;
            }
        }
        written
    }

    /// Makes the spare anew where it is far larger than what is left of the database needs.
    pub(super) fn shrink_spare(&mut self) {
        if self.spare.size / 2 >= self.log.spare_size() && self.give_up_spare() {
            // Where that fails the medium counts as full, and it is tried again.
            let _ = self.make_spare();
        }
    }

    fn write_spare(&mut self, bytes: u32) -> Result<()> {
        let medium = &mut self.log.medium;
        match self.spare.size {
            0 => medium.create(File::SPARE)?,
            _ => medium.reopen(File::SPARE)?,
        }
        for _ in 0..bytes / 64 {
            medium.append(File::SPARE, &[0xff; 64])?;
        }
        medium.sync(File::SPARE)
    }
}
