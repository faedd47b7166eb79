//! Walking the records in the order of their keys, all of them or those that match a query.

use super::get::{Found, Stored};
use super::put::tag_range;
use super::{Database, DOCUMENT};
use crate::bytes::write;
use crate::document::{Name, OperandNames, Reader};
use crate::error::{Error, Result};
use crate::query::{matches, Query, Record};
use crate::store::PageStore;

use crate::tree::{Cursor, KeyBuf};

/// A place between records.
#[derive(Clone)]
pub struct ScanCursor {
    tree: Cursor,
    /// What the tree's keys begin with on this way; the record's key follows.
    range_len: u8,
}

/// What a step of a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A record.
    Found(Found),
    /// No more of them.
    End,
    /// The budget is used up.
    More,
}

impl ScanCursor {
    /// Before the first record.
    pub fn new() -> Self {
        ScanCursor { tree: Cursor::before(&[DOCUMENT]), range_len: 1 }
    }

    /// The key of the record last given.
    pub fn key(&self) -> &[u8] {
        self.tree.key().get(usize::from(self.range_len)..).unwrap_or(&[])
    }

    /// Goes on in another range of the tree, behind the same record.
    fn change_range(&mut self, range: &KeyBuf) {
        let same = self.tree.key().get(..usize::from(self.range_len)) == Some(range.as_slice());
        if same {
            return;
        }
        let key = KeyBuf::of(&[range.as_slice(), self.key()]);
        self.tree = if self.key().is_empty() { Cursor::before(key.as_slice()) } else { Cursor::behind(key.as_slice()) };
        self.range_len = range.as_slice().len() as u8;
    }
}

impl Default for ScanCursor {
    fn default() -> Self {
        ScanCursor::new()
    }
}

impl<S: PageStore> Database<S> {
    /// The next record whose time has not come. [`Error::NoRoom`] does not move the cursor.
    pub fn next(&mut self, cursor: &mut ScanCursor, now: u64, buf: Option<&mut [u8]>) -> Result<Option<Found>> {
        cursor.change_range(&KeyBuf::of(&[&[DOCUMENT]]));
        while let Some(stored) = self.next_stored(cursor)? {
            if stored.head.has_expired(now) {
                continue;
            }
            if let Some(buf) = buf {
                self.copy_body(&stored, buf).inspect_err(|_| cursor.tree.step_back())?;
            }
            return Ok(Some(stored.found()));
        }
        Ok(None)
    }

    /// The next record that matches, its body in `buf`, looking at no more than `budget` of them. A body
    /// that is too large for a page is read into `buf` before it is matched.
    pub fn next_match(
        &mut self,
        query: &Query,
        cursor: &mut ScanCursor,
        now: u64,
        budget: u32,
        buf: &mut [u8],
    ) -> Result<Next> {
        let Some(range) = self.range_of(query) else {
            return Ok(Next::End);
        };
        cursor.change_range(&range);
        for _ in 0..budget {
            let Some(stored) = self.next_stored(cursor)? else {
                return Ok(Next::End);
            };
            if stored.head.has_expired(now) {
                continue;
            }
            let found = self.copy_if_matching(query, &stored, buf).inspect_err(|_| cursor.tree.step_back())?;
            if found {
                return Ok(Next::Found(stored.found()));
            }
        }
        Ok(Next::More)
    }

    /// The next record in the cursor's range.
    fn next_stored(&mut self, cursor: &mut ScanCursor) -> Result<Option<Stored>> {
        loop {
            let range = KeyBuf::of(&[cursor.tree.key().get(..usize::from(cursor.range_len)).unwrap_or(&[])]);
            let Some((leaf, index)) = cursor.tree.next(&mut self.store, self.meta.root, self.change)? else {
                return Ok(None);
            };
            if !cursor.tree.key().starts_with(range.as_slice()) {
                return Ok(None);
            }
            if range.as_slice() == [DOCUMENT] {
                return self.stored(leaf, index).map(Some);
            }
            if let Some(stored) = self.find(cursor.key())? {
                return Ok(Some(stored));
            }
        }
    }

    /// What the tree's keys begin with where all matches are found; `None` where there can be none.
    fn range_of(&self, query: &Query) -> Option<KeyBuf> {
        let Some((at, tag)) = query.required_tag(self.meta.field_tags > 0) else {
            return Some(KeyBuf::of(&[&[DOCUMENT]]));
        };
        match query.number(at) {
            0 if self.has_room_for_names() => None,
            0 => Some(tag_range(Name::Text(tag))),
            number => Some(tag_range(Name::Number(number))),
        }
    }

    fn copy_if_matching(&mut self, query: &Query, stored: &Stored, buf: &mut [u8]) -> Result<bool> {
        if stored.head.large.is_some() {
            self.copy_body(stored, buf)?;
            let body = buf.get(..stored.body_len).ok_or(Error::Corrupt)?;
            return matches(query, &record(body, stored.head.tag_count)?);
        }
        let body = self.body_in_place(stored)?;
        let found = matches(query, &record(body, stored.head.tag_count)?)?;
        if found && !write(buf, 0, body) {
            return Err(Error::NoRoom(stored.body_len));
        }
        Ok(found)
    }
}

fn record(body: &[u8], tag_count: u32) -> Result<Record<'_>> {
    let mut tags = Reader::new(body, 0);
    for _ in 0..tag_count {
        tags.name()?;
    }
    Ok(Record { tag_count, body, value_at: tags.at })
}
