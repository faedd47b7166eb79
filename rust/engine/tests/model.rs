//! Random operations against a plain model: what a BTreeMap of records would hold, with expiry, savepoints,
//! rollbacks, and memory running out.

mod disk;
mod host;

use disk::Disk;
use host::{dict, half_noise, int, str, Fed, Host, Random, Value};
use mtdb_engine::database::{FlushRule, FOREVER};
use mtdb_engine::store::file::FileStore;
use mtdb_engine::ErrorKind;
use std::collections::BTreeMap;

/// 100,000 operations in all; under Miri, which takes a thousand times as long, a few of each kind.
const ROUNDS: u64 = if cfg!(miri) { 60 } else { 25_000 };

#[derive(Clone, PartialEq, Debug)]
struct Record {
    number: i64,
    tags: Vec<&'static str>,
    value: Value,
    expires: u64,
}

type Records = BTreeMap<String, Record>;

const TAGS: [&str; 6] = ["red", "green", "blue", "hot", "cold", "a rather long tag of more than a few bytes"];

struct Run<S: Fed> {
    host: Host<S>,
    random: Random,
    model: Records,
    around: Vec<Records>,
    now: u64,
    full: u32,
}

impl<S: Fed> Run<S> {
    fn key(&mut self) -> String {
        let key = format!("key{:03}", self.random.below(300));
        match self.random.below(4) {
            0 => key + "-with-a-much-longer-tail-so-that-pages-hold-few-of-them-and-prefixes-differ",
            _ => key,
        }
    }

    fn record(&mut self) -> Record {
        let number = self.random.below(100) as i64;
        let len = match self.random.below(20) {
            0 => self.random.below(6000) as usize,
            1..5 => self.random.below(200) as usize,
            _ => self.random.below(20) as usize,
        };
        let text = half_noise(&mut self.random, len);
        let mut fields = vec![("n".to_string(), int(number)), ("s".to_string(), Value::Str(text))];
        if self.random.below(3) == 0 {
            fields.push((format!("field{}", self.random.below(40)), Value::List(vec![int(1), Value::None])));
        }
        if self.random.below(50) == 0 {
            fields.push(("tags".to_string(), Value::List(vec![str("hot")])));
        }
        let tags = TAGS.into_iter().filter(|_| self.random.below(5) == 0).collect();
        let expires = match self.random.below(3) {
            0 => self.now + 1 + self.random.below(2000),
            _ => FOREVER,
        };
        Record { number, tags, value: Value::Dict(fields), expires }
    }

    fn alive(&self, key: &str) -> Option<&Record> {
        self.model.get(key).filter(|record| record.expires == FOREVER || record.expires > self.now)
    }

    fn put(&mut self) {
        let (key, record) = (self.key(), self.record());
        match self.host.put(&key, &record.value, &record.tags, record.expires) {
            Ok(()) => {
                self.model.insert(key, record);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) => {
                self.full += 1;
                assert!(self.host.db.records() as usize >= self.model_count(), "nothing was lost");
                self.check_key(&key);
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn model_count(&self) -> usize {
        self.model.keys().filter(|key| self.alive(key).is_some()).count()
    }

    fn check_key(&mut self, key: &str) {
        let found = self.host.get(key, self.now).expect("a sound record");
        let expected = self
            .alive(key)
            .map(|record| (record.tags.iter().map(|tag| tag.to_string()).collect(), record.value.clone()));
        assert_eq!(found, expected);
    }

    fn delete(&mut self) {
        let key = self.key();
        match self.host.delete(&key, self.now) {
            Ok(found) => {
                assert_eq!(found, self.alive(&key).is_some());
                self.model.remove(&key);
            }
            Err(error) => panic!("a delete is never refused for want of memory: {error:?}"),
        }
    }

    fn expect_keys(&self, which: impl Fn(&Record) -> bool) -> Vec<String> {
        let alive = self.model.iter().filter(|(key, _)| self.alive(key).is_some());
        alive.filter(|(_, record)| which(record)).map(|(key, _)| key.clone()).collect()
    }

    fn query(&mut self) {
        let limit = self.random.below(100) as i64;
        let tag = TAGS[self.random.below(6) as usize];
        let found = self.host.query(&dict([("n", dict([("$gte", int(limit))]))]), self.now);
        assert_eq!(found, self.expect_keys(|record| record.number >= limit));
        let found = self.host.query(&dict([("_tags", str(tag)), ("n", dict([("$lt", int(limit))]))]), self.now);
        assert_eq!(found, self.expect_keys(|record| record.number < limit && record.tags.contains(&tag)));
        let found = self.host.query(&dict([("tags", str("hot"))]), self.now);
        let field = |record: &Record| matches!(&record.value, Value::Dict(fields) if fields.iter().any(|(name, _)| name == "tags"));
        assert_eq!(found, self.expect_keys(|record| record.tags.contains(&"hot") || field(record)));
    }

    fn step(&mut self) {
        self.now += self.random.below(3);
        match self.random.below(1000) {
            0..450 => self.put(),
            450..650 => self.delete(),
            650..900 => {
                let key = self.key();
                self.check_key(&key);
            }
            900..910 => self.query(),
            910..930 if self.around.len() < 4 => match self.host.run(|db| db.begin()) {
                Ok(()) => self.around.push(self.model.clone()),
                Err(error) if matches!(error.kind(), ErrorKind::Full | ErrorKind::NeedMemory) => self.full += 1,
                Err(error) => panic!("{error:?}"),
            },
            930..950 if !self.around.is_empty() => {
                self.host.db.commit();
                self.around.pop();
            }
            950..960 if !self.around.is_empty() => {
                self.host.db.rollback();
                self.model = self.around.pop().expect("it is not empty");
                let expected = self.expect_keys(|_| true);
                assert_eq!(self.host.keys(self.now), expected);
            }
            960..980 => {
                let (_, all) = self.host.run(|db| db.expire(self.now, 5)).expect("expiry needs no memory");
                if all && self.around.is_empty() {
                    assert_eq!(self.host.db.records() as usize, self.model_count());
                }
            }
            980..985 => {
                let _ = self.host.run(|db| db.compact(3));
            }
            985 if self.around.is_empty() => {
                let count = self.model_count();
                let removed = self.host.run(|db| db.purge(self.now)).expect("a purge needs no memory");
                assert_eq!(removed as usize, count);
                self.model.clear();
            }
            986..990 => self.host.trim(),
            990..995 if self.around.is_empty() => self.host.db.flush().expect("a medium that works"),
            _ => {}
        }
    }
}

fn run(seed: u64, page_size: usize, limit: usize) {
    let host = walk(seed, Host::new(page_size, limit), limit <= 1 << 20);
    assert!(host.blocks() <= 3, "the table, the scratch page's chunk and a spare one are left");
}

/// Operations on any store, and whether memory must have run out in them.
fn walk<S: Fed>(seed: u64, host: Host<S>, runs_out: bool) -> Host<S> {
    let mut run = Run { host, random: Random(seed), model: Records::new(), around: Vec::new(), now: 1, full: 0 };
    for round in 0..ROUNDS {
        // Some stretches compress, so that either kind replaces the other.
        run.host.compress_from = if round / 500 % 3 == 0 { usize::MAX } else { 100 };
        run.step();
        if round % 2500 == 0 {
            let expected = run.expect_keys(|_| true);
            assert_eq!(run.host.keys(run.now), expected);
            expected.iter().for_each(|key| run.check_key(key));
        }
    }
    assert!(!runs_out || cfg!(miri) || run.full > 100, "memory ran out {} times", run.full);
    while run.host.db.depth() > 0 {
        run.host.db.commit();
    }
    let expected = run.expect_keys(|_| true);
    assert_eq!(run.host.keys(run.now), expected);
    run.host.db.expire(run.now, u32::MAX).expect("expiry needs no memory");
    assert_eq!((run.host.db.statistics().compressed, run.host.db.statistics().saved), run.host.recount(run.now));
    for key in expected {
        assert_eq!(run.host.delete(&key, run.now), Ok(true));
    }
    run.host.db.expire(u64::MAX >> 16, u32::MAX).expect("expiry needs no memory");
    assert_eq!(run.host.db.records(), 0);
    run.host.db.purge(run.now).expect("a purge needs no memory");
    run.host.trim();
    run.host
}

fn run_in_files(seed: u64, page_size: usize, cache_pages: usize) {
    let disk = Disk::new();
    let open = || Host::open(disk.clone(), page_size, cache_pages, FlushRule::Adaptive).expect("it opens");
    let mut host = walk(seed, open(), false);
    host.db.flush().expect("a medium that works");
    drop(host);
    assert_eq!(open().db.records(), 0);
    walk_through_sessions(seed, open);
}

/// The same with what only files have: sessions, keys that outlive them, flushes inside of writes, compacting.
fn walk_through_sessions(seed: u64, open: impl Fn() -> Host<FileStore<Disk>>) {
    let mut run =
        Run { host: open(), random: Random(seed), model: Records::new(), around: Vec::new(), now: 1, full: 0 };
    let mut last_key = Vec::new();
    for round in 0..ROUNDS / 10 {
        run.host.compress_from = if round / 500 % 3 == 0 { usize::MAX } else { 100 };
        match run.random.below(60) {
            0 if run.around.is_empty() => {
                if run.random.below(2) == 0 {
                    run.host.db.close().expect("a medium that works");
                } else {
                    run.host.db.flush().expect("a medium that works");
                }
                let before = run.host.keys(run.now);
                run.host = open();
                assert_eq!(run.host.keys(run.now), before, "what was flushed is there again");
            }
            1..8 => {
                let key = run.host.run(|db| db.next_key()).expect("a medium that works").to_vec();
                assert!(key > last_key, "keys are given in order and never twice");
                last_key = key;
                let record = run.record();
                let key = String::from_utf8(last_key.clone()).expect("UTF-8");
                run.host.put(&key, &record.value, &record.tags, record.expires).expect("a medium that works");
                run.model.insert(key, record);
            }
            8 => while !run.host.run(|db| db.compact(8)).expect("a medium that works") {},
            9..12 => {
                let (key, record) = (run.key(), run.record());
                let flush = run.random.below(3) == 0;
                let written =
                    run.host.write(1, flush, |host| host.put(&key, &record.value, &record.tags, record.expires));
                written.expect("a medium that works");
                run.model.insert(key, record);
            }
            _ => run.step(),
        }
    }
    while run.host.db.depth() > 0 {
        run.host.db.commit();
    }
    let expected = run.expect_keys(|_| true);
    assert_eq!(run.host.keys(run.now), expected);
    expected.iter().for_each(|key| run.check_key(key));
}

#[test]
fn random_operations_in_files_leave_what_a_plain_map_holds_with_the_smallest_cache() {
    for seed in 1..if cfg!(miri) { 2 } else { 3 } {
        run_in_files(0x5eed_0010 + seed, 512, 8);
    }
}

#[test]
fn random_operations_in_files_leave_what_a_plain_map_holds_with_caches_and_pages_of_any_size() {
    run_in_files(0x5eed_0020, 512, 32);
    run_in_files(0x5eed_0021, 1024, 12);
    run_in_files(0x5eed_0022, 4096, 10);
    run_in_files(0x5eed_0023, 512, 256);
}

#[test]
fn random_operations_leave_what_a_plain_map_holds_with_memory_to_spare() {
    run(0x5eed_0001, 512, 64 << 20);
}

#[test]
fn random_operations_leave_what_a_plain_map_holds_in_little_memory() {
    run(0x5eed_0002, 512, 40_000);
}

#[test]
fn random_operations_leave_what_a_plain_map_holds_in_very_little_memory() {
    run(0x5eed_0003, 512, 12_500);
}

#[test]
fn random_operations_leave_what_a_plain_map_holds_in_large_pages() {
    run(0x5eed_0004, 4096, 80_000);
}
