//! A full medium: the spare file that is given up then, so that deleting and cleaning can go on.

use super::log::KEEP_FREE;
use super::medium::{File, Medium};
use super::FileStore;
use crate::error::{Error, Result, ENOSPC};

/// Bytes of the spare: a segment of a small database and what a filesystem needs to begin another file.
const SPARE_BYTES: u32 = 20_480;

/// What is known of the spare.
#[derive(Default)]
pub struct Spare {
    there: bool,
}

impl Spare {
    /// Bytes of it.
    pub fn bytes(&self) -> u64 {
        if self.there {
            u64::from(SPARE_BYTES)
        } else {
            0
        }
    }
}

impl<M: Medium> FileStore<M> {
    /// Looks for the spare.
    pub(super) fn find_spare(&mut self) -> Result<()> {
        let size = self.log.medium.size(File::SPARE)?;
        self.spare.there = size.is_some_and(|size| size >= SPARE_BYTES);
        Ok(())
    }

    /// Whether the medium is so full that only what frees space goes on.
    pub(super) fn is_full(&self) -> bool {
        !self.spare.there
    }

    /// Says whether what is done now takes away more than it needs, and gives what was said before.
    pub(super) fn set_removing_space(&mut self, removing: bool) -> bool {
        let before = self.is_removing();
        self.log.keep_free = if removing { 0 } else { KEEP_FREE };
        before
    }

    pub(super) fn is_removing(&self) -> bool {
        self.log.keep_free == 0
    }

    /// Refuses what needs more space than it frees while there is no spare.
    pub(super) fn refuse_when_full(&mut self) -> Result<()> {
        if self.spare.there || self.is_removing() || !self.is_open() {
            return Ok(());
        }
        self.make_spare()
    }

    /// Does what writes, and where what is done frees space in the end, with the spare given up for it.
    pub(super) fn with_spare<T>(&mut self, write: impl Fn(&mut Self) -> Result<T>) -> Result<T> {
        match write(self) {
            Err(Error::Io(ENOSPC)) if self.is_removing() && self.give_up_spare() => write(self),
            result => result,
        }
    }

    /// Gives the spare up; false where there is none.
    fn give_up_spare(&mut self) -> bool {
        let given_up = self.spare.there && self.log.medium.remove(File::SPARE).is_ok();
        self.spare.there &= !given_up;
        given_up
    }

    /// Makes the spare, if there is room and none.
    pub(super) fn make_spare(&mut self) -> Result<()> {
        if self.spare.there {
            return Ok(());
        }
        if self.log.medium.space().is_ok_and(|free| free < u64::from(SPARE_BYTES) * 2) {
            return Err(Error::Io(ENOSPC));
        }
        let written = self.write_spare();
        self.log.medium.close(File::SPARE);
        self.spare.there = written.is_ok();
        if written.is_err() {
            let _ = self.log.medium.remove(File::SPARE);
        }
        written
    }

    fn write_spare(&mut self) -> Result<()> {
        let medium = &mut self.log.medium;
        medium.create(File::SPARE)?;
        for _ in 0..SPARE_BYTES / 64 {
            medium.append(File::SPARE, &[0xff; 64])?;
        }
        medium.sync(File::SPARE)
    }
}
