//! Bytes as operations on a database in little memory, against a plain map of what it must hold.
#![no_main]

#[path = "../../engine/tests/host/mod.rs"]
mod host;

use host::{dict, int, literal, str, Host, Value};
use libfuzzer_sys::fuzz_target;
use mtdb_engine::database::{NewRecord, Next, ScanCursor, FOREVER};
use mtdb_engine::query::{check, compile, Query, Term};
use mtdb_engine::ErrorKind;
use std::collections::BTreeMap;

const TAGS: [&str; 4] = ["red", "green", "hot", "a tag of a few more bytes"];
const FIELDS: [&str; 4] = ["n", "temperature", "tags", "a field of a few more bytes"];

#[derive(Clone, PartialEq)]
struct Record {
    number: u8,
    value: Value,
    tags: Vec<&'static str>,
    expires: u64,
}

type Records = BTreeMap<String, Record>;

/// A walk through all records, or through those that match.
struct Walk {
    cursor: ScanCursor,
    last: Option<String>,
}

impl Walk {
    fn new() -> Self {
        Walk { cursor: ScanCursor::new(), last: None }
    }
}

struct Run<'a> {
    bytes: &'a [u8],
    host: Host,
    records: Records,
    around: Vec<Records>,
    now: u64,
    all: Walk,
    matching: Walk,
    wanted: (Option<&'static str>, u8),
}

fuzz_target!(|bytes: &[u8]| {
    let [limit, bytes @ ..] = bytes else { return };
    let mut run = Run {
        bytes,
        host: Host::new(512, 3000 + usize::from(*limit) * 200),
        records: Records::new(),
        around: Vec::new(),
        now: 1,
        all: Walk::new(),
        matching: Walk::new(),
        wanted: (None, 0),
    };
    while !run.bytes.is_empty() {
        run.step();
    }
    run.empty();
});

impl Run<'_> {
    fn byte(&mut self) -> u8 {
        match self.bytes {
            [byte, rest @ ..] => {
                self.bytes = rest;
                *byte
            }
            [] => 0,
        }
    }

    fn below(&mut self, n: u8) -> usize {
        usize::from(self.byte() % n)
    }

    fn key(&mut self) -> String {
        let n = self.byte();
        match n % 4 {
            0 => format!("{n}-with-a-much-longer-tail-so-that-pages-hold-few-of-them-and-prefixes-differ"),
            _ => format!("{n}"),
        }
    }

    fn record(&mut self) -> Record {
        let number = self.byte();
        let text = "x".repeat(match self.byte() {
            long @ 240.. => usize::from(long - 200) * 50,
            short => usize::from(short),
        });
        let field = FIELDS[self.below(4)];
        let mut fields = vec![("n".to_string(), int(number.into())), ("text".to_string(), str(&text))];
        if field != "n" {
            fields.push((field.to_string(), Value::List(vec![str("hot"), Value::Float(0.5)])));
        }
        let (which, expires) = (self.byte(), self.byte());
        let tags = (0..4).filter(|n| which & (1 << n) != 0).map(|n| TAGS[n]).collect();
        let expires = if expires < 128 { FOREVER } else { self.now + u64::from(expires - 127) };
        Record { number, value: Value::Dict(fields), tags, expires }
    }

    fn step(&mut self) {
        match self.byte() % 25 {
            0..7 => self.put(),
            7..10 => self.delete(),
            10 | 11 => {
                let key = self.key();
                self.check(&key);
            }
            12 => self.begin(),
            13 if !self.around.is_empty() => {
                self.host.db.commit();
                self.around.pop();
            }
            14 => self.roll_back(),
            15 => {
                let budget = self.below(8) as u32;
                self.host.db.expire(self.now, budget).expect("expiry needs no memory");
            }
            16 => self.compact(),
            17 => self.purge(),
            18 => self.next(),
            19 => self.next_match(),
            20 => self.host.trim(),
            21 => self.host.allowance = self.below(8) * 4,
            22 => self.now += 1 + self.below(40) as u64,
            23 => self.put_many(),
            _ => {
                self.wanted = (TAGS.get(self.below(6)).copied(), self.byte());
                (self.all, self.matching) = (Walk::new(), Walk::new());
            }
        }
        assert_eq!(self.host.db.depth() as usize, self.around.len());
    }

    fn alive(&self, record: &Record) -> bool {
        record.expires == FOREVER || record.expires > self.now
    }

    fn check(&mut self, key: &str) {
        let found = self.host.get(key, self.now).expect("a sound record");
        let expected = self.records.get(key).filter(|record| self.alive(record));
        let expected = expected
            .map(|record| (record.tags.iter().map(|tag| tag.to_string()).collect::<Vec<_>>(), record.value.clone()));
        assert!(found == expected, "{key} is not what it was");
    }

    /// Many records of different lengths, so that few bytes of input make a tree of many pages.
    fn put_many(&mut self) {
        let (first, step, count) = (u32::from(self.byte()), u32::from(self.byte()), u32::from(self.byte() % 64));
        let (record, directly) = (self.record(), self.below(2) == 0);
        for n in 0..count {
            let key = format!("{}{:04}", "a".repeat((n * step) as usize % 113), (n * step * 37 + first) % 9973);
            let text = "x".repeat((n * step * 71) as usize % 200 / (1 + n as usize % 3 * 10));
            let value = dict([("n", int(record.number.into())), ("text", str(&text))]);
            self.put_one(key, Record { value, ..record.clone() }, directly);
        }
    }

    fn put(&mut self) {
        let (key, record, directly) = (self.key(), self.record(), self.below(2) == 0);
        self.put_one(key, record, directly);
    }

    /// Puts in a transaction, as the glue does where there are new names, or without one.
    fn put_one(&mut self, key: String, record: Record, directly: bool) {
        let result = match directly {
            true => self.host.body(&record.tags, &record.value).and_then(|body| {
                let (tag_count, expires) = (record.tags.len() as u32, record.expires);
                let new = NewRecord { key: key.as_bytes(), body: &body, tag_count, expires, stored: None };
                self.host.run(|db| db.put(&new))
            }),
            false => self.host.put(&key, &record.value, &record.tags, record.expires),
        };
        match result {
            Ok(()) => drop(self.records.insert(key.clone(), record)),
            Err(error) if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) => {}
            Err(error) => panic!("{error:?}"),
        }
        self.check(&key);
    }

    fn delete(&mut self) {
        let key = self.key();
        let there = self.records.get(&key).is_some_and(|record| self.alive(record));
        match self.host.delete(&key, self.now) {
            Ok(found) => {
                assert_eq!(found, there);
                self.records.remove(&key);
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) && !self.around.is_empty() =>
            {
                self.check(&key)
            }
            Err(error) => panic!("a delete outside of transactions needs no memory: {error:?}"),
        }
    }

    fn begin(&mut self) {
        if self.around.len() >= 6 {
            return;
        }
        match self.host.run(|db| db.begin()) {
            Ok(()) => self.around.push(self.records.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    fn roll_back(&mut self) {
        let Some(records) = self.around.pop() else { return };
        self.host.db.rollback();
        self.records = records;
    }

    fn compact(&mut self) {
        let budget = self.below(8) as u32;
        match self.host.run(|db| db.compact(budget)) {
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) && !self.around.is_empty() => {}
            Err(error) => panic!("compaction outside of transactions needs no memory: {error:?}"),
        }
    }

    fn purge(&mut self) {
        let there = self.records.values().filter(|record| self.alive(record)).count();
        match self.host.run(|db| db.purge(self.now)) {
            Ok(removed) => {
                assert_eq!(removed as usize, there);
                self.records.clear();
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) && !self.around.is_empty() => {}
            Err(error) => panic!("a purge outside of transactions needs no memory: {error:?}"),
        }
    }

    /// The first record behind `last` that is alive and that `which` wants.
    fn behind(&self, last: &Option<String>, which: impl Fn(&Record) -> bool) -> Option<String> {
        let follows = |key: &String| last.as_ref().is_none_or(|last| key > last);
        let mut wanted = self.records.iter().filter(|(_, record)| self.alive(record) && which(record));
        wanted.find(|(key, _)| follows(key)).map(|(key, _)| key.clone())
    }

    fn next(&mut self) {
        let expected = self.behind(&self.all.last, |_| true);
        let found = self.host.db.next(&mut self.all.cursor, self.now, None).expect("a sound tree");
        assert_eq!(found.is_some(), expected.is_some());
        match expected {
            Some(key) => {
                assert_eq!(self.all.cursor.key(), key.as_bytes());
                self.all.last = Some(key);
            }
            None => self.all = Walk::new(),
        }
    }

    fn next_match(&mut self) {
        let (tag, least) = self.wanted;
        let number = ("n", dict([("$gte", int(least.into()))]));
        let encoded = literal(&match tag {
            Some(tag) => dict([("_tags", str(tag)), number]),
            None => dict([number]),
        });
        let expected = self.behind(&self.matching.last, |record| {
            record.number >= least && tag.is_none_or(|tag| record.tags.contains(&tag))
        });
        let mut terms = vec![Term::Empty; check(&encoded).expect("a query")];
        compile(&encoded, &mut terms, |name| self.host.db.name_number(name).expect("a sound tree")).expect("a query");
        let query = Query { encoded: &encoded, terms: &terms };
        let mut buf = vec![0; 16];
        let found = loop {
            match self.host.db.next_match(&query, &mut self.matching.cursor, self.now, 3, &mut buf) {
                Ok(Next::More) => {}
                Ok(found) => break found != Next::End,
                Err(error) if error.room().is_some() => buf.resize(error.room().unwrap(), 0),
                Err(error) => panic!("{error:?}"),
            }
        };
        assert_eq!(found, expected.is_some());
        match expected {
            Some(key) => {
                assert_eq!(self.matching.cursor.key(), key.as_bytes());
                self.matching.last = Some(key);
            }
            None => self.matching = Walk::new(),
        }
    }

    /// At the end everything is there, and everything can be taken out again without any memory.
    fn empty(&mut self) {
        while !self.around.is_empty() {
            self.roll_back();
        }
        self.host.allowance = 0;
        let keys: Vec<_> = self.records.keys().cloned().collect();
        let alive: Vec<_> = keys.iter().filter(|key| self.alive(&self.records[*key])).cloned().collect();
        assert_eq!(self.host.keys(self.now), alive);
        for key in keys {
            self.check(&key);
            let there = self.records.get(&key).is_some_and(|record| self.alive(record));
            assert_eq!(self.host.delete(&key, self.now), Ok(there));
        }
        self.host.db.expire(u64::MAX >> 16, u32::MAX).expect("expiry needs no memory");
        let statistics = self.host.db.statistics();
        assert_eq!((statistics.records, statistics.ttl_records), (0, 0));
        self.host.db.purge(self.now).expect("a purge needs no memory");
        assert!(self.host.db.statistics().bytes_used <= 512, "only the scratch page is left");
        self.host.trim();
        assert!(self.host.blocks() <= 3, "the table, the scratch page's chunk and a spare one are left");
    }
}
