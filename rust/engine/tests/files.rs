//! A database in files: what was flushed is there again.

mod disk;
mod host;

use disk::Disk;
use host::{dict, int, str, Host, Value};
use mtdb_engine::database::{FlushRule, FOREVER};
use mtdb_engine::store::file::FileStore;
use mtdb_engine::Result;

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
