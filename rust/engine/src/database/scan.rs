//! Walking the records in the order of their keys, all of them or those that match a query.

use super::compressed::{is_compressed, value_at};
use super::get::{Found, Stored};
use super::record::Head;
use super::{Database, Range, DOCUMENT};
use crate::document::{Name, OperandNames};
use crate::error::{Answer, Error, Result};
use crate::query::{matches, Query, Record};
use crate::store::PageStore;

use crate::tree::page::Page;
use crate::tree::{Cursor, KeyBuf};

/// A place between records.
// In this order the code of a board is shorter: its instructions reach what stands within the first 128 bytes.
#[derive(Clone)]
#[repr(C)]
pub struct ScanCursor {
    range: Range,
    tree: Cursor,
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
    // It is made in its place so, and not on the stack before.
    #[inline(always)]
    pub fn new() -> Self {
        ScanCursor { tree: Cursor::before(KeyBuf::new()), range: Range::ALL }
    }

    /// The key of the record last given.
    pub fn key(&self) -> &[u8] {
        self.tree.key().get(usize::from(self.range.len)..).unwrap_or(&[])
    }

    /// Goes on in another range of the tree, behind the same record.
    fn change_range(&mut self, range: &Range) {
        if *range == self.range {
            return;
        }
        self.tree.change_prefix(usize::from(self.range.len), range.as_slice());
        self.range = *range;
    }
}

impl Default for ScanCursor {
    fn default() -> Self {
        ScanCursor::new()
    }
}

/// The same, the record being told of elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Step {
    /// A record.
    Found,
    /// No more of them.
    End,
    /// The budget is used up.
    More,
}

/// What a look at the records of one leaf came to.
#[derive(PartialEq, Eq)]
#[repr(u32)]
enum Look {
    /// This record matches.
    Match,
    /// This record cannot be matched in its page: it is too large, or compressed.
    Elsewhere,
    /// Those before this one do not.
    Passed,
    /// The records end here.
    End,
}

/// Looks at no more than `budget` records of a leaf, from `index` on.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn look(page: Page, index: &mut usize, budget: u32, query: &Query, now: u64) -> Result<Look> {
    let end = page.count().min(index.saturating_add(budget as usize));
    let is_record = |index: usize| page.key(index).and_then(|key| key.first()) == Some(DOCUMENT);
    let all_records = is_record(end.wrapping_sub(1));
    while *index < end {
        if !all_records && !is_record(*index) {
            return Ok(Look::End);
        }
        let value = page.cell(*index).ok_or(Error::Corrupt)?.value;
        let mut head = Head::default();
        head.read(value)?;
        if !head.has_expired(now) {
            if head.large.is_some() {
                return Ok(Look::Elsewhere);
            }
            let record = record(value.get(head.bytes()..).ok_or(Error::Corrupt)?, u32::from(head.tag_count))?;
            if is_compressed(record.body, record.value_at) {
                return Ok(Look::Elsewhere);
            }
            if matches(query, &record)? == Answer::Yes {
                return Ok(Look::Match);
            }
        }
        *index = index.wrapping_add(1);
    }
    Ok(Look::Passed)
}

impl<S: PageStore> Database<S> {
    /// The next record whose time has not come. [`NoRoom`](crate::ErrorKind::NoRoom) does not move the cursor.
    pub fn next(&mut self, cursor: &mut ScanCursor, now: u64, buf: Option<&mut [u8]>) -> Result<Option<Found>> {
        let mut found = Found::default();
        Ok((self.next_into(cursor, now, buf, &mut found)? == Answer::Yes).then_some(found))
    }

    /// As [`next`](Self::next), what is known of the record in `found`.
    pub fn next_into(
        &mut self,
        cursor: &mut ScanCursor,
        now: u64,
        buf: Option<&mut [u8]>,
        found: &mut Found,
    ) -> Result<Answer> {
        cursor.change_range(&Range::DOCUMENTS);
        let mut stored = Stored::NONE;
        while self.next_stored(cursor, &mut stored)? == Answer::Yes {
            if stored.head.has_expired(now) {
                continue;
            }
            self.load(&stored, buf, found).inspect_err(|_| cursor.tree.step_back())?;
            return Ok(Answer::Yes);
        }
        Ok(Answer::No)
    }

    /// The next record that matches, its body in `buf`, looking at no more than `budget` of them. A body
    /// that is too large for a page, or compressed, is read into `buf` before it is matched.
    pub fn next_match(
        &mut self,
        query: &Query,
        cursor: &mut ScanCursor,
        now: u64,
        budget: u32,
        buf: &mut [u8],
    ) -> Result<Next> {
        let mut found = Found::default();
        Ok(match self.next_match_into(query, cursor, now, budget, buf, &mut found)? {
            Step::Found => Next::Found(found),
            Step::End => Next::End,
            Step::More => Next::More,
        })
    }

    /// As [`next_match`](Self::next_match), what is known of the record in `found`.
    pub fn next_match_into(
        &mut self,
        query: &Query,
        cursor: &mut ScanCursor,
        now: u64,
        budget: u32,
        buf: &mut [u8],
        found: &mut Found,
    ) -> Result<Step> {
        let Some(range) = self.range_of(query) else { return Ok(Step::End) };
        cursor.change_range(&range);
        let mut stored = Stored::NONE;
        let mut left = budget;
        while left > 0 {
            let mut known = false;
            if range == Range::DOCUMENTS {
                // All records, a leaf at a time.
                let Some((leaf, first)) = cursor.tree.advance(&mut self.store, self.meta.root, self.change)? else {
                    return Ok(Step::End);
                };
                let mut index = first;
                let looked = look(Page(self.store.page(leaf)?), &mut index, left, query, now);
                let looked = looked.inspect_err(|_| cursor.tree.forget_path())?;
                if looked == Look::End {
                    return Ok(Step::End);
                }
                let last = if looked == Look::Passed { index.wrapping_sub(1) } else { index };
                cursor.tree.stay(&mut self.store, last)?;
                left = left.saturating_sub(last.wrapping_sub(first) as u32).saturating_sub(1);
                if looked == Look::Passed {
                    continue;
                }
                (stored.leaf, stored.index) = (leaf, index);
                self.read_head(&mut stored)?;
                known = looked == Look::Match;
            } else {
                left = left.wrapping_sub(1);
                if self.next_stored(cursor, &mut stored)? == Answer::No {
                    return Ok(Step::End);
                }
                if stored.head.has_expired(now) {
                    continue;
                }
            }
            if self.read_match(query, cursor, &stored, known, buf, found)? == Answer::Yes {
                return Ok(Step::Found);
            }
        }
        Ok(Step::More)
    }

    /// The next record in the cursor's range.
    fn next_stored(&mut self, cursor: &mut ScanCursor, stored: &mut Stored) -> Result<Answer> {
        loop {
            let Some((leaf, index)) = cursor.tree.next(&mut self.store, self.meta.root, self.change)? else {
                return Ok(Answer::No);
            };
            if !cursor.tree.key().starts_with(cursor.range.as_slice()) {
                return Ok(Answer::No);
            }
            if cursor.range == Range::DOCUMENTS {
                (stored.leaf, stored.index) = (leaf, index);
                self.read_head(stored)?;
                return Ok(Answer::Yes);
            }
            if self.find(cursor.key(), stored)? == Answer::Yes {
                return Ok(Answer::Yes);
            }
        }
    }

    /// Where all matches of a query are found; `None` where there can be none.
    fn range_of(&self, query: &Query) -> Option<Range> {
        let Some((at, tag)) = query.required_tag(self.meta.field_tags > 0) else {
            return Some(Range::DOCUMENTS);
        };
        match query.number(at) {
            0 if self.has_room_for_names() => None,
            0 => Some(Range::of_tag(Name::Text(tag))),
            number => Some(Range::of_tag(Name::Number(number))),
        }
    }

    /// Reads a record into `buf` if it matches, which may be known; one that cannot be matched in its page in any case.
    fn read_match(
        &mut self,
        query: &Query,
        cursor: &mut ScanCursor,
        stored: &Stored,
        mut known: bool,
        buf: &mut [u8],
        found: &mut Found,
    ) -> Result<Answer> {
        if !known && stored.head.large.is_none() {
            let record = record(self.body_in_place(stored)?, u32::from(stored.head.tag_count))?;
            known = !is_compressed(record.body, record.value_at);
            if known && matches(query, &record)? == Answer::No {
                return Ok(Answer::No);
            }
        }
        self.load(stored, Some(buf), found).inspect_err(|_| cursor.tree.step_back())?;
        if known {
            return Ok(Answer::Yes);
        }
        let body = buf.get(..found.body_len).ok_or(Error::Corrupt)?;
        matches(query, &record(body, found.tag_count)?)
    }
}

#[inline]
fn record(body: &[u8], tag_count: u32) -> Result<Record<'_>> {
    Ok(Record { tag_count, body, value_at: value_at(body, tag_count)? })
}
