//! The power goes at any moment. Opening then gives exactly what was last flushed, or a later whole state, and
//! what is written after that survives the next opening.

mod disk;
mod host;

use disk::{Disk, Fate, EIO};
use host::{dict, half_noise, int, str, Host, Random, Value};
use mtdb_engine::database::{FlushRule, FOREVER};
use mtdb_engine::store::file::FileStore;
use mtdb_engine::{Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

type Files = Host<FileStore<Disk>>;
type Record = (Vec<&'static str>, Value);
type Records = BTreeMap<String, Record>;

const TAGS: [&str; 3] = ["red", "hot", "a longer tag"];

/// How a database is used.
#[derive(Clone, Copy)]
struct Plan {
    seed: u64,
    operations: u64,
    keys: u64,
    page_size: usize,
    cache_pages: usize,
    /// Errors of the medium that are over at once may happen on the way.
    failing: bool,
}

/// What a program has done, and what of it must survive.
struct Run {
    disk: Disk,
    files: Option<Files>,
    random: Random,
    plan: Plan,
    records: Records,
    /// States that opening may give: the last one that was flushed, and those that followed.
    states: Rc<RefCell<Vec<Records>>>,
}

fn open(disk: &Disk, plan: &Plan) -> Result<Files> {
    let mut files = Host::open(disk.clone(), plan.page_size, plan.cache_pages, FlushRule::Adaptive)?;
    if plan.seed % 3 != 0 {
        files.compress_from = 100;
    }
    Ok(files)
}

/// Everything that is there.
fn contents(files: &mut Files) -> Result<Records> {
    let mut records = Records::new();
    for key in files.keys(1) {
        let (tags, value) = files.get(&key, 1)?.expect("it was just seen");
        let tags = tags.iter().map(|tag| TAGS.into_iter().find(|known| known == tag).expect("a tag of ours")).collect();
        records.insert(key, (tags, value));
    }
    assert_eq!(files.db.records() as usize, records.len());
    assert_eq!((files.db.statistics().compressed, files.db.statistics().saved), files.recount(1));
    for tag in TAGS {
        let tagged: Vec<_> =
            records.iter().filter(|(_, (tags, _))| tags.contains(&tag)).map(|(key, _)| key.clone()).collect();
        assert_eq!(files.query(&dict([("_tags", str(tag))]), 1), tagged, "the index of tags");
    }
    Ok(records)
}

impl Run {
    fn new(disk: Disk, plan: Plan) -> Self {
        Run {
            disk,
            files: None,
            random: Random(plan.seed | 1),
            plan,
            records: Records::new(),
            states: Rc::new(RefCell::new(vec![Records::new()])),
        }
    }

    fn flushed(&mut self) {
        *self.states.borrow_mut() = vec![self.records.clone()];
    }

    fn some_record(&mut self) -> (String, Vec<&'static str>, Value) {
        let random = &mut self.random;
        let key = format!("key-{:04}", random.below(self.plan.keys));
        let tags = TAGS.into_iter().filter(|_| random.below(6) == 0).collect();
        let len = match random.below(30) {
            0 => random.below(3000),
            1..6 => random.below(200),
            _ => random.below(30),
        };
        let number = int(random.below(1000) as i64);
        let field = format!("field{}", random.below(20));
        (key, tags, dict([("n", number), ("text", str(&half_noise(random, len as usize))), (&field, Value::None)]))
    }

    /// One write of several changes. What it makes of the records may be found after a crash in the middle of it.
    fn write(&mut self, changes: Vec<(String, Option<Record>)>, keep: bool, flush: bool) -> Result<()> {
        let mut after = self.records.clone();
        for (key, change) in &changes {
            match change {
                Some(record) => after.insert(key.clone(), record.clone()),
                None => after.remove(key),
            };
        }
        if keep {
            self.states.borrow_mut().push(after.clone());
        }
        let files = self.files.as_mut().expect("it is open");
        let before = files.db.statistics().operations.flushes;
        let expires = FOREVER;
        let mut write = || {
            files.write(changes.len() as u32, flush, |host| {
                for (key, change) in &changes {
                    match change {
                        Some((tags, value)) => host.put(key, value, tags, expires)?,
                        None => host.delete(key, 1).map(|_| ())?,
                    }
                }
                if keep {
                    Ok(())
                } else {
                    Err(Error::BadQuery)
                }
            })
        };
        let mut result = write();
        // A retry, as the glue makes it for errors that pass.
        for _ in 0..3 {
            if result == Err(Error::io(EIO)) && !self.disk.is_off() {
                result = write();
            }
        }
        match result {
            Ok(()) => self.records = after,
            Err(error) if error == Error::BadQuery => return Ok(()),
            Err(error) => return Err(error),
        }
        if self.files.as_ref().expect("it is open").db.statistics().operations.flushes > before {
            self.flushed();
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        match self.random.below(100) {
            0..55 => {
                let (key, tags, value) = self.some_record();
                self.write(vec![(key, Some((tags, value)))], true, false)
            }
            55..75 => {
                let key = format!("key-{:04}", self.random.below(self.plan.keys));
                self.write(vec![(key, None)], true, false)
            }
            75..85 => {
                let count = 1 + self.random.below(25);
                let mut changes = Vec::new();
                for _ in 0..count {
                    let (key, tags, value) = self.some_record();
                    changes.push((key, if self.random.below(4) == 0 { None } else { Some((tags, value)) }));
                }
                let (keep, flush) = (self.random.below(4) > 0, self.random.below(2) == 0);
                self.write(changes, keep, flush)
            }
            85..92 => {
                let files = self.files.as_mut().expect("it is open");
                files.db.flush().or_else(|error| if self.disk.is_off() { Err(error) } else { files.db.flush() })?;
                self.flushed();
                Ok(())
            }
            92 if self.plan.keys > 20 && self.random.below(4) == 0 => {
                let keys: Vec<_> = self.records.keys().cloned().collect();
                let changes: Vec<_> =
                    keys.into_iter().filter(|_| self.random.below(3) > 0).map(|key| (key, None)).collect();
                self.write(changes, true, true)
            }
            92..95 => {
                let files = self.files.as_mut().expect("it is open");
                match files.run(|db| db.compact(8)) {
                    Err(error) if self.disk.is_off() => Err(error),
                    Ok(_) => Ok(()),
                    Err(error) if error == Error::io(EIO) => Ok(()),
                    Err(error) => panic!("{error:?}"),
                }
            }
            95..97 => {
                // Closed and opened again.
                let files = self.files.as_mut().expect("it is open");
                files.db.close().or_else(|error| if self.disk.is_off() { Err(error) } else { files.db.close() })?;
                self.flushed();
                self.files = None;
                self.open_again()
            }
            _ => {
                let key = format!("key-{:04}", self.random.below(self.plan.keys));
                let found = self.files.as_mut().expect("it is open").get(&key, 1);
                match found {
                    Err(error) if error == Error::io(EIO) && self.plan.failing || self.disk.is_off() => Ok(()),
                    found => {
                        let expected = self
                            .records
                            .get(&key)
                            .map(|(tags, value)| (tags.iter().map(|tag| tag.to_string()).collect(), value.clone()));
                        assert_eq!(found.expect("a sound record"), expected);
                        Ok(())
                    }
                }
            }
        }
    }

    fn open_again(&mut self) -> Result<()> {
        let opened = open(&self.disk, &self.plan);
        let opened = match opened {
            Err(error) if error == Error::io(EIO) && !self.disk.is_off() => open(&self.disk, &self.plan),
            opened => opened,
        };
        self.files = Some(opened?);
        Ok(())
    }

    /// Runs until the end or until the power goes.
    fn go(&mut self) {
        let result = self.open_again().and_then(|()| {
            for operation in 0..self.plan.operations {
                if self.plan.failing && self.random.below(12) == 0 {
                    let (call, more) = (1 + self.random.below(12), self.random.below(2));
                    self.disk.fail_at(call, EIO, more);
                }
                let result = self.step();
                match result {
                    Err(error) if error == Error::io(EIO) && self.plan.failing && !self.disk.is_off() => {
                        self.disk.fail_at(0, 0, 0);
                        if self.files.is_none() {
                            self.open_again()?;
                        }
                    }
                    Err(error) if self.disk.is_off() => return Err(error),
                    result => result.unwrap_or_else(|error| panic!("operation {operation}: {error:?}")),
                }
                if self.disk.is_off() {
                    return Err(Error::io(EIO));
                }
            }
            Ok(())
        });
        assert!(result.is_ok() || self.disk.is_off(), "{result:?}");
        self.files = None;
    }

    fn at(disk: Disk, plan: Plan, records: Records) -> Self {
        Run { states: Rc::new(RefCell::new(vec![records.clone()])), records, ..Run::new(disk, plan) }
    }
}

/// What is left after a crash, and the states it may be in.
struct Left<'a> {
    plan: Plan,
    states: &'a [Records],
}

impl Left<'_> {
    /// Opens what is left and checks that it is one of the states that may be; then writes, and opens once more.
    fn check(&self, disk: &Disk) {
        let mut files = open(disk, &self.plan).expect("it opens");
        let found = contents(&mut files).expect("it is sound");
        assert!(
            self.states.contains(&found),
            "{} records found; may be {:?}",
            found.len(),
            self.states.iter().map(|state| state.len()).collect::<Vec<_>>()
        );
        let mut later = Run::at(disk.clone(), self.plan, found);
        later.files = Some(files);
        for n in 0..3 {
            let record = (vec![TAGS[1]], dict([("after", int(n))]));
            later.write(vec![(format!("after-{n}"), Some(record))], true, n == 2).expect("it can be written to");
        }
        drop(later.files.take());
        let mut files = open(disk, &self.plan).expect("it opens");
        assert_eq!(contents(&mut files).expect("it is sound"), later.records, "what is written after a crash survives");
    }

    /// The same, but the power goes again while that is done, before it stays.
    fn check_with_another_cut(&self, disk: &Disk, random: &mut Random) {
        disk.cut_at(1 + random.below(30), random.below(500));
        let mut second = Run::new(disk.clone(), self.plan);
        *second.states.borrow_mut() = self.states.to_vec();
        if second.open_again().is_ok() {
            let found = contents(second.files.as_mut().expect("it is open")).expect("it is sound");
            assert!(self.states.contains(&found));
            second.records = found;
            second.flushed();
            for _ in 0..10 {
                if second.step().is_err() || disk.is_off() {
                    break;
                }
            }
        }
        second.files = None;
        disk.revive(some_fate(random), random);
        let states = second.states.borrow();
        Left { plan: self.plan, states: &states }.check(disk);
    }
}

fn some_fate(random: &mut Random) -> Fate {
    [Fate::Lost, Fate::Kept, Fate::Torn, Fate::Reordered][random.below(4) as usize]
}

/// A run in which at each change of the medium what is left is looked at if the power goes in the middle of it.
fn cut_everywhere(plan: Plan, every: u64) {
    let disk = Disk::new();
    disk.set_copied_block(1024);
    let mut run = Run::new(disk, plan);
    let (states, seen) = (run.states.clone(), Rc::new(Cell::new(0)));
    let count = seen.clone();
    run.disk.watch(Rc::new(move |disk: Disk| {
        count.set(count.get() + 1);
        if count.get() % every != 0 {
            return;
        }
        let mut random = Random(plan.seed ^ count.get() << 20 | 1);
        let left = Left { plan, states: &states.borrow() };
        for fate in [Fate::Lost, Fate::Kept, Fate::Torn, Fate::Reordered] {
            let disk = disk.copy();
            disk.revive(fate, &mut random);
            left.check(&disk);
        }
        disk.revive(some_fate(&mut random), &mut random);
        left.check_with_another_cut(&disk, &mut random);
    }));
    run.go();
    assert!(seen.get() > plan.operations, "{} cuts were seen", seen.get());
}

fn random_runs(count: u64, first_seed: u64, failing: bool) {
    for n in 0..count {
        let mut random = Random((first_seed + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let plan = Plan {
            seed: random.below(u64::MAX),
            operations: 50 + random.below(350),
            keys: [10, 60, 400][random.below(3) as usize],
            page_size: [512, 512, 512, 1024, 4096][random.below(5) as usize],
            cache_pages: [8, 12, 32, 64][random.below(4) as usize],
            failing,
        };
        let disk = Disk::new();
        disk.set_copied_block([0, 1024][random.below(2) as usize]);
        disk.cut_at(1 + random.below(plan.operations * 6), random.below(600));
        let mut run = Run::new(disk.clone(), plan);
        run.go();
        disk.revive(some_fate(&mut random), &mut random);
        let left = Left { plan, states: &run.states.borrow() };
        if random.below(2) == 0 {
            left.check(&disk);
        } else {
            left.check_with_another_cut(&disk, &mut random);
        }
    }
}

const fn plan(seed: u64, operations: u64, keys: u64, cache_pages: usize) -> Plan {
    Plan { seed, operations, keys, page_size: 512, cache_pages, failing: false }
}

#[test]
#[cfg_attr(miri, ignore = "it takes hours")]
fn every_cut_of_300_mixed_operations_leaves_what_was_flushed() {
    cut_everywhere(plan(0x5eed_0001, 300, 60, 12), 1);
}

#[test]
fn some_cuts_of_a_short_run_leave_what_was_flushed() {
    cut_everywhere(plan(0x5eed_0002, if cfg!(miri) { 8 } else { 60 }, 20, 8), if cfg!(miri) { 40 } else { 1 });
}

#[test]
#[cfg_attr(miri, ignore = "it takes hours")]
fn random_runs_cut_at_random_leave_what_was_flushed() {
    random_runs(6_000, 1, false);
}

#[test]
#[cfg_attr(miri, ignore = "it takes hours")]
fn random_runs_on_a_medium_that_fails_at_times_leave_what_was_flushed() {
    random_runs(4_000, 100_000, true);
}
