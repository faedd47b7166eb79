//! A database in files: what was flushed is there again.

mod disk;
mod host;

use disk::Disk;
use host::{dict, int, str, Host, Random, Value};
use mtdb_engine::database::{FlushRule, FOREVER};
use mtdb_engine::store::file::medium::File;
use mtdb_engine::store::file::FileStore;
use mtdb_engine::{Error, ErrorKind, Result};

type Files = Host<FileStore<Disk>>;

fn open(disk: &Disk) -> Result<Files> {
    Host::open(disk.clone(), 512, 32, FlushRule::Adaptive)
}

fn value(n: i64) -> Value {
    dict([("n", int(n)), ("name", str("a name")), ("city", str("a city of some length"))])
}

fn put(files: &mut Files, n: i64) {
    files.write(1, false, |host| host.put_plain(&format!("k{n:06}"), &value(n))).unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn what_was_put_and_flushed_is_there_after_opening_again() {
    for count in [0, 1, 9, 10, 100, 5000] {
        let disk = Disk::new();
        let mut files = open(&disk).unwrap();
        for n in 0..count {
            put(&mut files, n);
        }
        files.db.flush().unwrap();
        drop(files);
        let mut files = open(&disk).unwrap();
        assert_eq!(i64::from(files.db.records()), count);
        for n in 0..count {
            assert_eq!(files.get(&format!("k{n:06}"), 1).unwrap(), Some((vec![], value(n))), "{n} of {count}");
        }
        assert_eq!(files.get("nobody", 1).unwrap(), None);
    }
}

#[test]
fn ttls_tags_and_deletes_are_there_again() {
    let disk = Disk::new();
    let mut files = open(&disk).unwrap();
    files.write(1, false, |host| host.put("a", &value(1), &["red", "hot"], 5000)).unwrap();
    files.write(1, false, |host| host.put("b", &value(2), &["red"], FOREVER)).unwrap();
    files.write(1, false, |host| host.delete("b", 1)).unwrap();
    files.db.flush().unwrap();
    drop(files);
    let mut files = open(&disk).unwrap();
    assert_eq!(files.keys(1), ["a"]);
    assert_eq!(files.query(&dict([("tags", str("hot"))]), 1), ["a"]);
    assert!(files.keys(5000).is_empty());
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_large_database_does_with_a_small_cache() {
    let disk = Disk::new();
    let mut files = Host::open(disk.clone(), 512, 8, FlushRule::Adaptive).unwrap();
    for n in 0..3000 {
        put(&mut files, n * 7919 % 3000);
    }
    files.db.flush().unwrap();
    drop(files);
    let mut files = Host::open(disk.clone(), 512, 8, FlushRule::Adaptive).unwrap();
    assert_eq!(files.db.records(), 3000);
    for n in 0..3000 {
        assert_eq!(files.get(&format!("k{n:06}"), 1).unwrap(), Some((vec![], value(n))));
    }
}

/// A database with several flushes, and what each of them made durable.
fn flushed_states(disk: &Disk) -> Vec<Vec<(String, i64)>> {
    let mut files = open(disk).unwrap();
    let mut records = std::collections::BTreeMap::new();
    let mut states = vec![vec![]];
    for n in 0..if cfg!(miri) { 12 } else { 240 } {
        let key = n * 31 % 60;
        if n % 5 == 4 {
            let _ = files.write(1, false, |host| host.delete(&format!("k{key:06}"), 1)).unwrap();
            records.remove(&format!("k{key:06}"));
        } else {
            files.write(1, false, |host| host.put_plain(&format!("k{key:06}"), &value(n))).unwrap();
            records.insert(format!("k{key:06}"), n);
        }
        if n % 8 == 7 {
            files.db.flush().unwrap();
        }
        states.push(records.clone().into_iter().collect());
    }
    files.db.flush().unwrap();
    states
}

/// What is there, or why it cannot be had.
fn read_all(disk: &Disk) -> Result<Vec<(String, i64)>> {
    let mut files = open(disk)?;
    let mut cursor = mtdb_engine::database::ScanCursor::new();
    let mut records = Vec::new();
    while files.run(|db| db.next(&mut cursor, 1, None))?.is_some() {
        let key = String::from_utf8(cursor.key().to_vec()).unwrap();
        let (_, found) = files.get(&key, 1)?.expect("it was just seen");
        let Value::Dict(fields) = &found else { panic!("{found:?}") };
        let Value::Int(n) = fields[0].1 else { panic!("{found:?}") };
        assert_eq!(found, value(n), "no value is ever a wrong one");
        records.push((key, n));
    }
    Ok(records)
}

#[test]
fn a_database_with_flipped_bits_opens_at_a_good_commit_or_says_that_it_is_damaged() {
    let disk = Disk::new();
    let states = flushed_states(&disk);
    let (mut random, mut opened, mut damaged) = (Random(77), 0, 0);
    for round in 0..if cfg!(miri) { 4 } else { 3000 } {
        let flipped = disk.copy();
        for _ in 0..1 + round % 3 {
            flipped.flip(&mut random);
        }
        let before = flipped.all();
        match read_all(&flipped) {
            Ok(records) => {
                assert!(states.contains(&records), "{} records", records.len());
                opened += 1;
            }
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Foreign | ErrorKind::Newer(_)) => {
                damaged += 1
            }
            Err(error) => panic!("{error:?}"),
        }
        assert!(flipped.all() == before, "opening and reading write nothing");
    }
    assert!(cfg!(miri) || (opened > 100 && damaged > 100), "{opened} opened, {damaged} damaged");
}

#[test]
fn foreign_and_newer_files_are_told_apart_and_left_alone() {
    let mut newer = [0; 32];
    newer[..8].copy_from_slice(b"MTDB\r\n\x1a\xd3");
    newer[8] = 200;
    let cases: [(&[u8], Error); 5] = [
        (b"a text that somebody needs", Error::Foreign),
        (b"\x89PNG\r\n\x1a\n and more of it, some pixels perhaps", Error::Foreign),
        (&[0; 64], Error::Foreign),
        (b"\x00\x05\x31\x62 and the rest of a page of Berkeley DB", Error::Btree),
        (&newer, Error::newer(200)),
    ];
    for (bytes, expected) in cases {
        let disk = Disk::new();
        disk.put_file(File::ROOT, bytes);
        assert_eq!(open(&disk).err(), Some(expected));
        assert_eq!(disk.all(), [(64, bytes.to_vec())]);
    }
}

#[test]
fn a_backup_is_the_state_at_its_beginning_whatever_is_written_meanwhile() {
    let disk = Disk::new();
    let mut files = open(&disk).unwrap();
    let count = if cfg!(miri) { 20 } else { 1500 };
    for n in 0..count {
        put(&mut files, n);
    }
    files.db.begin_backup().unwrap();
    let mut n = count;
    while !files.db.backup(5).unwrap() {
        put(&mut files, n);
        let gone = format!("k{:06}", n - count);
        files.write(1, n % 7 == 0, |host| host.delete(&gone, 1)).unwrap();
        n += 1;
    }
    let copy = Disk::new();
    copy.put_file(File::ROOT, &disk.bytes_of(File::BACKUP).unwrap());
    let mut restored = open(&copy).unwrap();
    assert_eq!(i64::from(restored.db.records()), count);
    for n in 0..count {
        assert_eq!(restored.get(&format!("k{n:06}"), 1).unwrap(), Some((vec![], value(n))));
    }
    put(&mut restored, count);
    restored.db.flush().unwrap();
    drop(restored);
    assert_eq!(i64::from(open(&copy).unwrap().db.records()), count + 1, "it can be written to as any other");
}
