//! A full medium: writes are refused and undone, what is there can be read and deleted, and that makes room.

mod disk;
mod host;

use disk::Disk;
use host::{dict, int, str, Host, Random, Value};
use mtdb_engine::database::FlushRule;
use mtdb_engine::store::file::FileStore;
use mtdb_engine::{Error, Result, ENOSPC};
use std::collections::BTreeMap;

type Files = Host<FileStore<Disk>>;
type Model = BTreeMap<String, i64>;

fn open(disk: &Disk) -> Result<Files> {
    Host::open(disk.clone(), 512, 32, FlushRule::Adaptive)
}

fn value(n: i64) -> Value {
    dict([("n", int(n)), ("text", str(&"x".repeat(200)))])
}

fn put(files: &mut Files, key: &str, n: i64) -> Result<()> {
    files.write(1, false, |host| host.put_plain(key, &value(n)))
}

/// Puts until the medium is full, in the order of the keys or in any.
fn fill(files: &mut Files, model: &mut Model, random: &mut Random, ordered: bool) -> usize {
    let (mut count, from) = (0, random.below(1000) as i64 * 1000);
    loop {
        let n = if ordered { from + count as i64 } else { random.below(1_000_000) as i64 };
        let key = format!("k{n:07}");
        match put(files, &key, n) {
            Ok(()) => {
                model.insert(key, n);
                count += 1;
            }
            Err(error) if error == Error::io(ENOSPC) => return count,
            Err(error) => panic!("{error:?}"),
        }
        assert!(count < 1_000_000);
    }
}

fn check(files: &mut Files, model: &Model) {
    assert_eq!(files.keys(1), model.keys().cloned().collect::<Vec<_>>());
    for (key, n) in model {
        assert_eq!(files.get(key, 1).unwrap(), Some((vec![], value(*n))));
    }
}

fn fill_empty_and_fill_again(capacity: usize, ordered: bool) {
    let disk = Disk::new();
    disk.set_capacity(capacity);
    let mut random = Random(capacity as u64 | 1);
    let (mut files, mut model) = (open(&disk).unwrap(), Model::new());
    let first = fill(&mut files, &mut model, &mut random, ordered);
    check(&mut files, &model);
    println!("{first} records in {capacity} bytes");
    assert!(first * 230 > capacity / 6, "{first} records in {capacity} bytes");
    files.db.flush().expect("what was acknowledged is made durable on a full medium");
    drop(files);
    let mut files = open(&disk).unwrap();
    check(&mut files, &model);
    let mut again = Vec::new();
    for round in 0..4 {
        for key in model.keys().cloned().collect::<Vec<_>>() {
            if random.below(2) == 0 {
                assert_eq!(files.write(1, false, |host| host.delete(&key, 1)), Ok(true), "round {round}");
                model.remove(&key);
            }
        }
        files.db.flush().expect("deletes are made durable");
        check(&mut files, &model);
        while !files.db.compact(8).expect("compaction works on a full medium") {}
        check(&mut files, &model);
        again.push(fill(&mut files, &mut model, &mut random, ordered));
        check(&mut files, &model);
    }
    println!("{capacity} bytes: {first} records, then {again:?} more where half were deleted");
    for count in again {
        assert!(count * 4 > first, "{count} fit again of {first}");
    }
    for key in model.keys().cloned().collect::<Vec<_>>() {
        assert_eq!(files.write(1, false, |host| host.delete(&key, 1)), Ok(true));
    }
    files.db.flush().unwrap();
    while !files.db.compact(8).unwrap() {}
    assert_eq!(files.db.records(), 0);
    // The segment that is written to, of 64 KB at most, and a spare.
    assert!(disk.used() < 95_000, "{} bytes are left of an empty database", disk.used());
}

#[test]
#[cfg_attr(miri, ignore = "it takes hours")]
fn a_full_medium_can_be_emptied_and_filled_again() {
    for capacity in [131_072, 262_144, 524_288, 1_048_576] {
        for ordered in [true, false] {
            fill_empty_and_fill_again(capacity, ordered);
        }
    }
}

#[test]
fn a_medium_that_somebody_else_filled_can_be_emptied_too() {
    let disk = Disk::new();
    let (mut files, mut model) = (open(&disk).unwrap(), Model::new());
    for n in 0..if cfg!(miri) { 20 } else { 800 } {
        put(&mut files, &format!("k{n:04}"), n).unwrap();
        model.insert(format!("k{n:04}"), n);
    }
    files.db.flush().unwrap();
    disk.set_capacity(disk.used());
    for key in model.keys().cloned().collect::<Vec<_>>() {
        assert_eq!(files.write(1, false, |host| host.delete(&key, 1)), Ok(true), "{key}");
    }
    files.db.flush().unwrap();
    drop(files);
    assert_eq!(open(&disk).unwrap().db.records(), 0);
}

#[test]
fn compacting_where_somebody_else_filled_the_medium_gives_space_back() {
    let counts: &[i64] = if cfg!(miri) { &[] } else { &[300, 400, 600, 800] };
    for (count, part) in counts.iter().flat_map(|count| [(*count, 2), (*count, 3)]) {
        let disk = Disk::new();
        let mut files = open(&disk).unwrap();
        for n in 0..count {
            put(&mut files, &format!("k{n:04}"), n).unwrap();
        }
        for n in (0..count).filter(|n| n % part > 0) {
            assert_eq!(files.write(1, false, |host| host.delete(&format!("k{n:04}"), 1)), Ok(true));
        }
        files.db.flush().unwrap();
        let before = disk.used();
        disk.set_capacity(before);
        while !files.db.compact(8).expect("compaction works on a full medium") {}
        // Measured: 41 to 76 of 100.
        let after = disk.used();
        assert!(after * 100 < before * 80, "{after} of {before} bytes where one of {part} is left of {count} records");
    }
}
