//! Writing records.

use super::compressed::check_stored;
use super::get::{chain_page, Stored};
use super::record::{Head, MAX_HEAD};
use super::{document_key, Database, Range, FOREVER, LAST_TIME, MAX_TAGS, MAX_TAG_BYTES, MAX_VALUE_BYTES};
use crate::bytes::{div_ceil, hash64, write};
use crate::document::{Item, Name, Reader};
use crate::error::{Answer, Error, Result};
use crate::store::{PageId, PageStore};
use crate::tree::page::{fits_a_cell, Entry};

/// A record to put.
#[derive(Clone, Copy)]
pub struct NewRecord<'a> {
    /// Its key in UTF-8.
    pub key: &'a [u8],
    /// Its tags, each a name, and one value, encoded.
    pub body: &'a [u8],
    /// How many tags.
    pub tag_count: u32,
    /// When it expires, in milliseconds, or [`FOREVER`].
    pub expires: u64,
    /// The body with its value compressed ([`crate::compress::value`]), where that is to be stored.
    pub stored: Option<&'a [u8]>,
}

impl<'a> NewRecord<'a> {
    /// The body as it is stored.
    pub(super) fn stored_body(&self) -> &'a [u8] {
        self.stored.unwrap_or(self.body)
    }
}

impl<S: PageStore> Database<S> {
    /// Stores a record; one of the same key is replaced whole.
    pub fn put(&mut self, record: &NewRecord) -> Result<()> {
        self.check_key(record.key)?;
        let mut head = Head::default();
        self.fill_head(record, &mut head)?;
        let saved = record.stored.map_or(Ok(0), |stored| check_stored(record, stored))?;
        self.put_as(record, &head, saved)
    }

    /// Stores a record that was checked, whose stored body is so many bytes shorter than it could be.
    #[inline(never)]
    pub(super) fn put_as(&mut self, record: &NewRecord, head: &Head, saved: u32) -> Result<()> {
        self.grew = true;
        let mut old = Stored::NONE;
        let replaces = self.find(record.key, &mut old)? == Answer::Yes;
        let was_saved = if replaces { self.saved_by(&old)? } else { 0 };
        let plain =
            head.is_plain() && fits_a_cell(self.store.page_size(), 1 + record.key.len(), record.stored_body().len());
        let one_entry = plain && old.head.is_plain();
        let can_fail = self.store.changes_can_fail();
        self.change(!one_entry || can_fail, &mut |database| {
            match one_entry {
                true => database.put_plain(record, replaces)?,
                false => database.put_linked(record, head, replaces.then_some(&old))?,
            }
            database.count_saved(was_saved, saved);
            // Where nothing can fail, nothing is to be done again.
            if can_fail {
                database.log_put(record, head, saved)?;
            }
            Ok(())
        })?;
        self.counts.operations.puts = self.counts.operations.puts.wrapping_add(1);
        Ok(())
    }

    /// Replaces the body of a record and leaves its TTL; false when it is gone or its body no longer has
    /// that fingerprint.
    pub fn update(&mut self, mut record: NewRecord, fingerprint: u64, now: u64) -> Result<bool> {
        self.check_key(record.key)?;
        let Some(expires) = self.expiry_of(record.key, fingerprint, now)? else {
            return Ok(false);
        };
        record.expires = expires;
        self.put(&record)?;
        Ok(true)
    }

    /// When a record expires; `None` when it is gone or its body no longer has that fingerprint.
    #[inline(never)]
    fn expiry_of(&mut self, key: &[u8], fingerprint: u64, now: u64) -> Result<Option<u64>> {
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == Answer::No {
            return Ok(None);
        }
        let same = !stored.head.has_expired(now) && self.fingerprint_of(&stored)? == fingerprint;
        Ok(same.then_some(stored.head.expires))
    }

    fn fingerprint_of(&mut self, stored: &Stored) -> Result<u64> {
        let mut hash = None;
        self.each_part(stored, &mut |bytes| {
            hash = Some(hash64(bytes, hash));
            true
        })?;
        Ok(hash.unwrap_or(0))
    }

    /// Checks a new record and says what its head will be, but for where a large body goes.
    #[inline(never)]
    fn fill_head(&mut self, record: &NewRecord, head: &mut Head) -> Result<()> {
        if record.body.len() > MAX_VALUE_BYTES {
            return Err(Error::TooLong);
        }
        let value_at = self.check_tags(record)?;
        head.field_tags = self.has_field_tags(Reader::new(record.body, value_at))? == Answer::Yes;
        head.expires = record.expires.min(LAST_TIME);
        head.tag_count = record.tag_count as u8;
        Ok(())
    }

    /// Checks a new record's tags, and gives where they end.
    pub(super) fn check_tags(&mut self, record: &NewRecord) -> Result<usize> {
        if record.tag_count > MAX_TAGS {
            return Err(Error::BadTag);
        }
        let mut reader = Reader::new(record.body, 0);
        for _ in 0..record.tag_count {
            if let Name::Text(tag) = reader.name()? {
                if tag.len() > MAX_TAG_BYTES || self.could_have_number(tag)? == Answer::Yes {
                    return Err(Error::BadTag);
                }
            }
        }
        Ok(reader.at)
    }

    /// Whether the value is a dict with a field named `tags`; checks that it is one whole value, too.
    pub(super) fn has_field_tags(&mut self, mut reader: Reader) -> Result<Answer> {
        let whole = reader;
        let tags_name = self.tags_name()?;
        let mut found = false;
        match reader.item()? {
            Item::Dict(pairs) => {
                for _ in 0..pairs {
                    found |= match reader.name()? {
                        Name::Number(number) => u32::from(number) == tags_name,
                        Name::Text(text) => text == b"tags",
                    };
                    reader.skip_inside(1)?;
                }
            }
            _ => {
                reader = whole;
                reader.skip()?;
            }
        }
        if reader.at == reader.bytes().len() {
            Ok(found.into())
        } else {
            Err(Error::Corrupt)
        }
    }

    /// One entry of the tree, just located, changed at once or not at all.
    fn put_plain(&mut self, record: &NewRecord, old: bool) -> Result<()> {
        self.insert_at(&Entry { key: document_key(record.key), value: [record.stored_body(), &[]] })?;
        self.meta.records = self.meta.records.wrapping_add(u32::from(!old));
        Ok(())
    }

    /// A record with entries beside its own, inside a savepoint.
    #[inline(never)]
    fn put_linked(&mut self, record: &NewRecord, head: &Head, old: Option<&Stored>) -> Result<()> {
        if let Some(old) = old {
            self.unlink(record.key, old)?;
        }
        self.put_entry(record, head)?;
        if head.expires != FOREVER {
            self.insert_index(&Range::of_time(head.expires), record.key)?;
            self.meta.ttl_records = self.meta.ttl_records.wrapping_add(1);
            self.next_expiry = self.next_expiry.min(head.expires);
        }
        let mut tags = Reader::new(record.body, 0);
        for _ in 0..head.tag_count {
            let tag = Range::of_tag(tags.name()?);
            self.insert_index(&tag, record.key)?;
        }
        self.meta.field_tags = self.meta.field_tags.wrapping_add(u32::from(head.field_tags));
        self.meta.records = self.meta.records.wrapping_add(u32::from(old.is_none()));
        Ok(())
    }

    #[inline(never)]
    fn insert_index(&mut self, range: &Range, key: &[u8]) -> Result<()> {
        self.insert(&Entry { key: range.key(key), value: [&[]; 2] })
    }

    /// The entry of a record itself, and where its body is large, the chain.
    #[inline(never)]
    fn put_entry(&mut self, record: &NewRecord, head: &Head) -> Result<()> {
        let mut bytes = [0; MAX_HEAD];
        let mut len = head.write(None, &mut bytes);
        let mut body = record.stored_body();
        let key = document_key(record.key);
        if !fits_a_cell(self.store.page_size(), key.len(), len.wrapping_add(body.len())) {
            let (in_chain, end) = self.split_large(key.len(), body);
            let large = (in_chain.len() as u32, self.write_chain(in_chain)?);
            len = head.write(Some(large), &mut bytes);
            body = end;
        }
        self.insert(&Entry { key, value: [bytes.get(..len).unwrap_or(&[]), body] })
    }

    /// Takes out everything that belongs to a record, which was just found, but its own entry.
    #[inline(never)]
    pub(super) fn unlink(&mut self, key: &[u8], stored: &Stored) -> Result<()> {
        let head = &stored.head;
        let mut at = 0usize;
        for _ in 0..head.tag_count {
            // The tags stand in the record, and each removal may move that: it is looked up again.
            let mut tag = Range::ALL;
            at = self.tag_of(key, at, &mut tag)?;
            self.remove(&tag.key(key))?;
        }
        if head.expires != FOREVER {
            self.remove(&Range::of_time(head.expires).key(key))?;
            self.meta.ttl_records = self.meta.ttl_records.wrapping_sub(1);
        }
        if let Some((len, page)) = head.large {
            free_chain(&mut self.store, len, page)?;
        }
        self.meta.field_tags = self.meta.field_tags.wrapping_sub(u32::from(head.field_tags));
        Ok(())
    }

    /// Sets the range of the tag that begins at `at` of a record's body, and gives where it ends there.
    #[inline(never)]
    fn tag_of(&mut self, key: &[u8], at: usize, tag: &mut Range) -> Result<usize> {
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == Answer::No {
            return Err(Error::Corrupt);
        }
        let mut name = [0; MAX_TAG_BYTES + 8];
        let len = self.read_body(&stored, at, &mut name)?;
        let mut reader = Reader::new(name.get(..len).unwrap_or(&[]), 0);
        *tag = Range::of_tag(reader.name()?);
        Ok(at.wrapping_add(reader.at))
    }

    /// What of a large body goes to a chain, and what would fill a last page there too little and fits the cell.
    #[inline(never)]
    fn split_large<'a>(&self, key: usize, body: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let page_size = self.store.page_size();
        let end = body.len().checked_rem(page_size.saturating_sub(4)).unwrap_or(0);
        let end = if fits_a_cell(page_size, key, MAX_HEAD.wrapping_add(end)) { end } else { 0 };
        body.split_at_checked(body.len().wrapping_sub(end)).unwrap_or((body, &[]))
    }

    /// Writes bytes to a chain of new pages and gives the first one.
    #[inline(never)]
    fn write_chain(&mut self, body: &[u8]) -> Result<PageId> {
        let room = self.store.page_size().saturating_sub(4).max(1);
        self.store.reserve(div_ceil(body.len(), room), 0)?;
        let mut next = PageId::NONE;
        for bytes in body.chunks(room).rev() {
            let id = self.store.allocate()?;
            let page = self.store.page_mut(id)?;
            write(page, 0, &next.to_bytes());
            write(page, 4, bytes);
            page.get_mut(bytes.len().wrapping_add(4)..).unwrap_or(&mut []).fill(0);
            next = id;
        }
        Ok(next)
    }
}

/// Gives back the pages of a large body.
pub(super) fn free_chain<S: PageStore>(store: &mut S, len: u32, first: PageId) -> Result<()> {
    let (mut left, mut id) = (len as usize, first);
    while left > 0 {
        let (next, bytes) = chain_page(store.page(id)?, left)?;
        left = left.wrapping_sub(bytes.len());
        store.free(id)?;
        id = next;
    }
    Ok(())
}
