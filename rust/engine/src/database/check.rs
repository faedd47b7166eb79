//! Looking at every entry of the tree, for tools: whether records and indexes agree. Nothing is written.

use super::get::{Found, Stored};
use super::{Database, Range, DOCUMENT, EXPIRY, FOREVER, NAME, NUMBER, TAG, UNNUMBERED_TAG};
use crate::bytes::hash32;
use crate::document::{Name, NameWalk, Reader};
use crate::error::{Answer, Error, ErrorKind, Result};
use crate::store::{Meta, PageStore};
use crate::tree::{Cursor, Key, KeyBuf};

/// A walk through all entries, and what it has counted.
pub struct Check {
    tree: Cursor,
    started: bool,
    records: u32,
    ttl_records: u32,
    field_tags: u32,
    names: u32,
    compressed: u32,
    saved: u32,
}

/// What one step of it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// An entry that is as it should be.
    Sound,
    /// An entry that is not, or after the last one counts that are not.
    Flawed(Flaw),
    /// That was all.
    End,
}

/// What can be wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It cannot be found by its key, or is out of order.
    Order,
    /// It is of no kind that there is.
    Kind,
    /// A record's bytes are not a record.
    Record,
    /// A record's tag has no entry in the index.
    TagEntry,
    /// A record's expiry has no entry in the index.
    ExpiryEntry,
    /// An entry in an index leads to no record that says the same.
    Stray,
    /// A name and its number do not lead to each other.
    Name,
    /// There are not as many records, records with a TTL, or names as was counted when they were put.
    Counts,
}

impl Check {
    /// Before the first entry.
    pub fn new() -> Self {
        Check {
            tree: Cursor::before(KeyBuf::new()),
            started: false,
            records: 0,
            ttl_records: 0,
            field_tags: 0,
            names: 0,
            compressed: 0,
            saved: 0,
        }
    }

    /// The key of the record, the index's entry or the name last looked at, behind its namespace.
    pub fn key(&self) -> &[u8] {
        self.tree.key().get(1..).unwrap_or(&[])
    }

    /// Records looked at so far.
    pub fn records(&self) -> u32 {
        self.records
    }
}

impl Default for Check {
    fn default() -> Self {
        Check::new()
    }
}

impl<S: PageStore> Database<S> {
    /// Looks at the next entry. `buf` has room for [`super::READ_BYTES`]. An error is a page that cannot be
    /// read: behind it the walk cannot go on.
    pub fn check_next(&mut self, check: &mut Check, buf: &mut [u8]) -> Result<Checked> {
        let before = KeyBuf::of(&[check.tree.key()]);
        let Some(at) = check.tree.next(&mut self.store, self.meta.root, self.change)? else {
            let Check { records, ttl_records, field_tags, names, compressed, saved, .. } = *check;
            let counted = Meta { root: self.meta.root, records, ttl_records, field_tags, names, compressed, saved };
            let wrong = counted != self.meta;
            // Said once.
            let Meta { records, ttl_records, field_tags, names, compressed, saved, .. } = self.meta;
            let tree = check.tree.clone();
            *check = Check { tree, started: true, records, ttl_records, field_tags, names, compressed, saved };
            return Ok(if wrong { Checked::Flawed(Flaw::Counts) } else { Checked::End });
        };
        let key = KeyBuf::of(&[check.tree.key()]);
        // All the way from the root.
        self.work.path.locate(&mut self.store, self.meta.root, &Key::whole(key.as_slice()))?;
        let in_order = !core::mem::replace(&mut check.started, true) || before.as_slice() < key.as_slice();
        if !in_order || !self.work.path.found() || self.work.path.leaf() != at {
            return Ok(Checked::Flawed(Flaw::Order));
        }
        let Some((kind, key)) = key.as_slice().split_first() else { return Ok(Checked::Flawed(Flaw::Kind)) };
        let (sound, flaw) = match *kind {
            DOCUMENT => return self.check_record(check, key, buf),
            EXPIRY => (self.has_record_of_expiry(key), Flaw::Stray),
            TAG => (self.has_record_of_tag(key, 2, buf), Flaw::Stray),
            UNNUMBERED_TAG => (self.has_record_of_tag(key, 4, buf), Flaw::Stray),
            NAME => (self.has_number(key), Flaw::Name),
            NUMBER => {
                check.names = check.names.wrapping_add(1);
                (self.has_name(key), Flaw::Name)
            }
            _ => (Ok(false), Flaw::Kind),
        };
        Ok(match sound {
            Ok(true) => Checked::Sound,
            Ok(false) => Checked::Flawed(flaw),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::BadKey | ErrorKind::TooDeep) => {
                Checked::Flawed(flaw)
            }
            Err(error) => return Err(error),
        })
    }

    fn check_record(&mut self, check: &mut Check, key: &[u8], buf: &mut [u8]) -> Result<Checked> {
        check.records = check.records.wrapping_add(1);
        match self.flaw_of_record(check, key, buf) {
            Ok(None) => Ok(Checked::Sound),
            Ok(Some(flaw)) => Ok(Checked::Flawed(flaw)),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Corrupt | ErrorKind::BadKey | ErrorKind::NoRoom(_) | ErrorKind::TooDeep
                ) =>
            {
                Ok(Checked::Flawed(Flaw::Record))
            }
            Err(error) => Err(error),
        }
    }

    fn flaw_of_record(&mut self, check: &mut Check, key: &[u8], buf: &mut [u8]) -> Result<Option<Flaw>> {
        self.check_key(key)?;
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == Answer::No {
            return Err(Error::Corrupt);
        }
        let saved = self.saved_by(&stored)?;
        check.saved = check.saved.wrapping_add(saved);
        check.compressed = check.compressed.wrapping_add(u32::from(saved > 0));
        let mut found = Found::default();
        self.load(&stored, Some(&mut *buf), &mut found)?;
        let body = buf.get(..found.body_len).ok_or(Error::Corrupt)?;
        check.ttl_records = check.ttl_records.wrapping_add(u32::from(stored.head.expires != FOREVER));
        check.field_tags = check.field_tags.wrapping_add(u32::from(stored.head.field_tags));
        let mut tags = Reader::new(body, 0);
        for _ in 0..stored.head.tag_count {
            let tag = tags.name()?;
            if self.locate(&Range::of_tag(tag).key(key))? == Answer::No {
                return Ok(Some(Flaw::TagEntry));
            }
        }
        if self.has_field_tags(tags)? != Answer::from(stored.head.field_tags) {
            return Err(Error::Corrupt);
        }
        let mut walk = NameWalk::new(tags.at, 0);
        while walk.next(body)? == Answer::Yes {
            match Reader::new(body, walk.name_at).name()? {
                Name::Number(number) if u32::from(number) > self.meta.names => return Err(Error::Corrupt),
                _ => {}
            }
        }
        let expires = stored.head.expires;
        let indexed = expires == FOREVER || self.locate(&Range::of_time(expires).key(key))? == Answer::Yes;
        Ok(if indexed { None } else { Some(Flaw::ExpiryEntry) })
    }

    fn has_record_of_expiry(&mut self, entry: &[u8]) -> Result<bool> {
        let (time, key) = entry.split_at_checked(6).ok_or(Error::Corrupt)?;
        let time = time.iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
        let mut stored = Stored::NONE;
        Ok(self.find(key, &mut stored)? == Answer::Yes && stored.head.expires == time)
    }

    fn has_record_of_tag(&mut self, entry: &[u8], len: usize, buf: &mut [u8]) -> Result<bool> {
        let (tag, key) = entry.split_at_checked(len).ok_or(Error::Corrupt)?;
        let mut stored = Stored::NONE;
        if self.find(key, &mut stored)? == Answer::No {
            return Ok(false);
        }
        self.copy_body(&stored, buf)?;
        let mut tags = Reader::new(buf.get(..stored.body_len).unwrap_or(&[]), 0);
        for _ in 0..stored.head.tag_count {
            let same = match tags.name()? {
                Name::Number(number) => number.to_be_bytes() == tag,
                Name::Text(text) => hash32(text).to_be_bytes() == tag,
            };
            if same {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_number(&mut self, name: &[u8]) -> Result<bool> {
        let number = self.name_number(name)?;
        let mut text = [0; super::MAX_TAG_BYTES];
        let len = self.name_text(number, &mut text)?;
        Ok(number != 0 && text.get(..len) == Some(name))
    }

    fn has_name(&mut self, entry: &[u8]) -> Result<bool> {
        let number = entry.first_chunk().map(|bytes| u16::from_be_bytes(*bytes)).ok_or(Error::Corrupt)?;
        let mut text = [0; super::MAX_TAG_BYTES];
        let len = self.name_text(number, &mut text)?;
        let name = text.get(..len).unwrap_or(&[]);
        Ok(entry.len() == 2 && u32::from(number) <= self.meta.names && self.name_number(name)? == number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{document_key, FlushRule, NewRecord};
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::tree::page::Entry;
    use crate::tree::tests::feed;
    use std::vec::Vec;

    type Memory = Database<MemoryStore>;

    /// Two records, each with a tag; one of them expires.
    fn database() -> Memory {
        let store = MemoryStore::new(512, 1 << 20).unwrap();
        let mut database = Database::new(store, FlushRule::Memory);
        for (key, tag, expires) in [(b"a", b't', 1000), (b"b", b'u', FOREVER)] {
            loop {
                // A tag of one byte, written out, and a None.
                let mut body = [0, 1, tag, 0xe0];
                let put = database.intern_names(&mut body, 1).and_then(|len| {
                    let body = body.get(..len).unwrap();
                    database.put(&NewRecord { key, body, tag_count: 1, expires, stored: None })
                });
                match put {
                    Err(error) if error == Error::NeedMemory => feed(database.store_mut()),
                    put => break put.unwrap(),
                }
            }
        }
        database
    }

    fn flaws(database: &mut Memory) -> Vec<Flaw> {
        let (mut check, mut buf, mut flaws) = (Check::new(), [0; 200], Vec::new());
        loop {
            match database.check_next(&mut check, &mut buf).unwrap() {
                Checked::Sound => {}
                Checked::Flawed(flaw) => flaws.push(flaw),
                Checked::End => return flaws,
            }
        }
    }

    fn flaws_after(change: impl FnOnce(&mut Memory)) -> Vec<Flaw> {
        let mut database = database();
        assert_eq!(flaws(&mut database), []);
        change(&mut database);
        flaws(&mut database)
    }

    #[test]
    fn each_flaw_is_found() {
        fn remove(range: Range, key: &[u8]) -> impl FnOnce(&mut Memory) + '_ {
            move |database| assert_eq!(database.remove(&range.key(key)), Ok(Answer::Yes))
        }
        fn insert<'a>(key: Key<'a>, value: &'a [u8]) -> impl FnOnce(&mut Memory) + 'a {
            move |database| database.insert(&Entry { key, value: [value, &[]] }).unwrap()
        }
        let (tag, time) = (Range::of_tag(Name::Number(1)), Range::of_time(1000));
        assert_eq!(flaws_after(remove(tag, b"a")), [Flaw::TagEntry]);
        assert_eq!(flaws_after(remove(time, b"a")), [Flaw::ExpiryEntry]);
        assert_eq!(flaws_after(insert(Range::of_time(1001).key(b"a"), b"")), [Flaw::Stray]);
        assert_eq!(flaws_after(insert(tag.key(b"b"), b"")), [Flaw::Stray]);
        assert_eq!(flaws_after(insert(Range::of_tag(Name::Text(b"t")).key(b"b"), b"")), [Flaw::Stray]);
        assert_eq!(
            flaws_after(insert(document_key(b"a"), b"\xf1\x01")),
            [Flaw::Record, Flaw::Stray, Flaw::Stray, Flaw::Counts]
        );
        assert_eq!(flaws_after(insert(document_key(b"c"), b"\xe0")), [Flaw::Counts]);
        assert_eq!(flaws_after(insert(Key::whole(b"?"), b"")), [Flaw::Kind]);
        assert_eq!(flaws_after(insert(Key { prefix: &[NAME], suffix: b"t" }, b"\x02\x00")), [Flaw::Name, Flaw::Name]);
        assert_eq!(flaws_after(|database| database.meta.records = 3), [Flaw::Counts]);
    }
}
