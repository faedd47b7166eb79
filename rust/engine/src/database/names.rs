//! The table of names: fields and tags that repeat are stored once and referred to by number.

use super::{Database, MAX_TAG_BYTES, NAME, NUMBER};
use crate::bytes::{u16_at, write, write_varint};
use crate::document::{Name, NameWalk, Reader, MAX_NUMBERED_NAME};
use crate::error::{Answer, Error, Result};
use crate::store::{raw, PageStore};
use crate::tree::page::Entry;
use crate::tree::Key;

/// The largest number. Names beyond that many are written out wherever they stand.
pub const MAX_NAME_NUMBER: u16 = 511;

impl<S: PageStore> Database<S> {
    /// Grows when numbers were taken away.
    pub fn names_epoch(&self) -> u32 {
        self.names_epoch
    }

    /// How many names have a number: they are 1 to that.
    pub fn names(&self) -> u32 {
        self.meta.names
    }

    /// Whether another name would get a number.
    pub fn has_room_for_names(&self) -> bool {
        self.meta.names < u32::from(MAX_NAME_NUMBER)
    }

    /// The number of a name, or 0.
    pub fn name_number(&mut self, name: &[u8]) -> Result<u16> {
        self.find_name(name).map(|number| number as u16)
    }

    /// The same, as wide as an error: their result is in two registers then.
    pub fn find_name(&mut self, name: &[u8]) -> Result<u32> {
        if name.len() > MAX_NUMBERED_NAME {
            return Ok(0);
        }
        Ok(self.look_up(&name_key(name))?.map_or(0, |number| u32::from(u16_at(number, 0))))
    }

    /// Copies the name of a number into `buf` and gives its length.
    pub fn name_text(&mut self, number: u16, buf: &mut [u8; MAX_TAG_BYTES]) -> Result<usize> {
        let text = self.look_up(&number_key(&number.to_be_bytes()))?.ok_or(Error::Corrupt)?;
        match write(buf, 0, text) {
            true => Ok(text.len()),
            false => Err(Error::Corrupt),
        }
    }

    /// Whether a name that is written out has a number or would get one.
    pub(super) fn could_have_number(&mut self, name: &[u8]) -> Result<Answer> {
        let could = name.len() <= MAX_NUMBERED_NAME && (self.has_room_for_names() || self.find_name(name)? != 0);
        Ok(could.into())
    }

    /// Gives numbers to the names written out in a body, puts them in their place, and gives the body's
    /// new length. What has got a number keeps it when this fails: the caller's transaction undoes that.
    pub fn intern_names(&mut self, body: &mut [u8], tag_count: u32) -> Result<usize> {
        self.intern_all(body, tag_count)?;
        self.number_names(body, tag_count)
    }

    #[inline(never)]
    fn intern_all(&mut self, body: &[u8], tag_count: u32) -> Result<()> {
        let mut walk = NameWalk::new(0, tag_count);
        while walk.next(body)? == Answer::Yes {
            if let Name::Text(text) = Reader::new(body, walk.name_at).name()? {
                self.intern(text)?;
            }
        }
        Ok(())
    }

    /// Replaces each name written out by its number. The body only gets shorter, so it is done in place.
    #[inline(never)]
    fn number_names(&mut self, body: &mut [u8], tag_count: u32) -> Result<usize> {
        let mut shift = Shift { to: 0, from: 0 };
        let mut walk = NameWalk::new(0, tag_count);
        while walk.next(body)? == Answer::Yes {
            self.number_name(body, walk.name_at, walk.at(), &mut shift)?;
        }
        let end = body.len();
        shift.copy(body, end);
        Ok(shift.to)
    }

    fn number_name(&mut self, body: &mut [u8], at: usize, end: usize, shift: &mut Shift) -> Result<()> {
        let Name::Text(text) = Reader::new(body, at).name()? else {
            return Ok(());
        };
        let number = self.find_name(text)?;
        if number != 0 {
            shift.copy(body, at);
            shift.to = write_varint(body, shift.to, number);
            shift.from = end;
        }
        Ok(())
    }

    /// Gives a name a number, if it has none and there is one left.
    pub(super) fn intern(&mut self, name: &[u8]) -> Result<()> {
        if name.len() > MAX_NUMBERED_NAME || !self.has_room_for_names() || self.find_name(name)? != 0 {
            return Ok(());
        }
        let number = self.meta.names.wrapping_add(1) as u16;
        self.change(true, &mut |database| {
            database.insert(&Entry { key: name_key(name), value: [&number.to_le_bytes(), &[]] })?;
            database.insert(&Entry { key: number_key(&number.to_be_bytes()), value: [name, &[]] })?;
            database.meta.names = u32::from(number);
            database.log_name(name)
        })?;
        if name == b"tags" {
            self.tags_name = Some(u32::from(number));
        }
        Ok(())
    }

    /// After numbers may have been taken away, or given back by a rollback.
    #[inline(never)]
    pub(super) fn forget_names(&mut self) {
        self.names_epoch = self.names_epoch.wrapping_add(1);
        self.tags_name = None;
    }

    /// The number of the name `tags`, or 0.
    pub(super) fn tags_name(&mut self) -> Result<u32> {
        if let Some(number) = self.tags_name {
            return Ok(number);
        }
        let number = self.find_name(b"tags")?;
        self.tags_name = Some(number);
        Ok(number)
    }
}

/// Bytes moved to the front: those from `from` on belong at `to`.
struct Shift {
    to: usize,
    from: usize,
}

impl Shift {
    fn copy(&mut self, bytes: &mut [u8], until: usize) {
        let len = until.saturating_sub(self.from);
        raw::shift(bytes, self.from, self.to, len);
        self.to = self.to.wrapping_add(len);
        self.from = until;
    }
}

fn name_key(name: &[u8]) -> Key<'_> {
    Key { prefix: &[NAME], suffix: name }
}

fn number_key(number: &[u8; 2]) -> Key<'_> {
    Key { prefix: &[NUMBER], suffix: number }
}
