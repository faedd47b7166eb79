//! Records whose value is stored compressed: they are what they would be plain.

mod disk;
mod host;

use disk::Disk;
use host::{dict, half_noise, int, literal, str, Fed, Host, Random, Value};
use mtdb_engine::bytes::hash64;
use mtdb_engine::compress::value::COMPRESSED;
use mtdb_engine::database::{FlushRule, NewRecord, Next, ScanCursor, FOREVER};
use mtdb_engine::query::{check, compile, Query, Term};
use mtdb_engine::store::file::FileStore;
use mtdb_engine::{Error, Result};

fn in_memory() -> Host {
    let mut host = Host::new(512, 1 << 20);
    host.compress_from = 50;
    host
}

fn in_files(disk: &Disk) -> Host<FileStore<Disk>> {
    let mut files = Host::open(disk.clone(), 512, 32, FlushRule::Adaptive).unwrap();
    files.compress_from = 50;
    files
}

fn value(n: u64, len: usize) -> Value {
    dict([("n", int(n as i64)), ("text", str(&half_noise(&mut Random(n + 1), len)))])
}

/// Some in a cell, some in a cell with a head, some in chains.
fn put_some<S: Fed>(host: &mut Host<S>) {
    for n in 0..60 {
        let tags = if n % 3 == 0 { &["red", "a longer tag"][..] } else { &[] };
        let expires = if n % 5 == 0 { 5000 } else { FOREVER };
        host.put(&format!("k{n:02}"), &value(n, n as usize * 40), tags, expires).unwrap();
    }
}

fn check_some<S: Fed>(host: &mut Host<S>) {
    for n in 0..60 {
        let (tags, found) = host.get(&format!("k{n:02}"), 1).unwrap().unwrap();
        assert_eq!((tags.len(), found), (if n % 3 == 0 { 2 } else { 0 }, value(n, n as usize * 40)));
    }
    let keys = |which: fn(&u64) -> bool| (0..60).filter(which).map(|n| format!("k{n:02}")).collect::<Vec<_>>();
    assert_eq!(host.query(&dict([("n", dict([("$gte", int(40))]))]), 1), keys(|n| *n >= 40));
    assert_eq!(host.query(&dict([("n", dict([("$gte", int(40))]))]), 5000), keys(|n| *n >= 40 && n % 5 != 0));
    assert_eq!(
        host.query(&dict([("tags", str("red")), ("n", dict([("$lt", int(40))]))]), 1),
        keys(|n| *n < 40 && n % 3 == 0)
    );
    assert_eq!(host.query(&dict([("nothing", dict([("$exists", Value::Bool(false))]))]), 1), keys(|_| true));
    let counted = host.db.statistics();
    assert_eq!((counted.compressed, counted.saved), host.recount(1));
    assert!(counted.compressed > 50 && counted.saved > 20_000, "{counted:?}");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn compressed_values_come_back_and_match_queries_in_memory() {
    let mut host = in_memory();
    put_some(&mut host);
    check_some(&mut host);
    for n in 0..60 {
        assert!(host.delete(&format!("k{n:02}"), 1).unwrap());
    }
    assert_eq!((host.db.statistics().compressed, host.db.statistics().saved), (0, 0));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn compressed_values_come_back_and_match_queries_after_opening_again() {
    let disk = Disk::new();
    let mut files = in_files(&disk);
    files
        .write(60, true, |files| {
            put_some(files);
            Ok(())
        })
        .unwrap();
    check_some(&mut files);
    drop(files);
    let mut files = in_files(&disk);
    check_some(&mut files);
    // What is done then is done again from deltas.
    let short = dict([("tags", str("red")), ("text", str(&"y".repeat(300)))]);
    files.write(1, true, |files| files.put("k00", &short, &["hot"], 9000)).unwrap();
    files.write(1, true, |files| files.delete("k59", 1)).unwrap();
    let counted = files.db.statistics();
    drop(files);
    let mut files = in_files(&disk);
    assert_eq!(files.get("k00", 1).unwrap(), Some((vec!["hot".into()], short)));
    assert_eq!(files.get("k00", 9000).unwrap(), None);
    assert!(files.query(&dict([("tags", str("red"))]), 1).contains(&"k00".to_string()), "a field named tags");
    assert_eq!(files.recount(1), (counted.compressed, counted.saved));
    assert_eq!((files.db.statistics().compressed, files.db.statistics().saved), files.recount(1));
}

#[test]
fn what_was_saved_is_counted_and_a_rollback_takes_it_back() {
    let disk = Disk::new();
    let mut files = in_files(&disk);
    files.write(1, false, |files| files.put_plain("a", &value(1, 900))).unwrap();
    let before = files.db.statistics();
    assert_eq!(before.compressed, 1);
    let undone: Result<()> = files.write(1, false, |files| {
        files.put_plain("a", &int(1))?;
        files.put_plain("b", &value(2, 2000))?;
        assert_eq!(files.db.statistics().compressed, 1);
        for depth in 0..10 {
            files.run(|db| db.begin())?;
            files.put_plain(&format!("deep{depth}"), &value(3, 500))?;
        }
        assert_eq!(files.db.statistics().compressed, 11);
        for _ in 0..10 {
            files.db.rollback();
        }
        assert_eq!((files.db.statistics().compressed, files.db.statistics().saved), files.recount(1));
        Err(Error::BadKey)
    });
    assert_eq!(undone, Err(Error::BadKey));
    assert_eq!((files.db.statistics().compressed, files.db.statistics().saved), (1, before.saved));
    files.write(1, false, |files| files.db.purge(1)).unwrap();
    assert_eq!((files.db.statistics().compressed, files.db.statistics().saved), (0, 0));
}

#[test]
fn an_update_takes_the_fingerprint_of_what_is_stored() {
    let mut host = in_memory();
    host.put("k", &value(1, 900), &["red"], 700).unwrap();
    let mut buf = vec![0; 4000];
    let found = host.db.get(b"k", 1, Some(&mut buf)).unwrap().unwrap();
    let plain = hash64(&buf[..found.body_len], None);
    assert!(found.fingerprint != 0 && found.fingerprint != plain);
    let body = host.body(&["red"], &value(2, 900)).unwrap();
    let stored = host.compressed(&body, 1).unwrap();
    let record = NewRecord { key: b"k", body: &body, tag_count: 1, expires: FOREVER, stored: Some(&stored) };
    assert_eq!(host.run(|db| db.update(record, plain, 1)), Ok(false));
    assert_eq!(host.run(|db| db.update(record, found.fingerprint, 1)), Ok(true));
    assert_eq!(host.run(|db| db.update(record, found.fingerprint, 1)), Ok(false), "it has another one now");
    let found = host.db.get(b"k", 1, Some(&mut buf)).unwrap().unwrap();
    assert_eq!((found.fingerprint, found.expires), (hash64(&stored, None), 700));
    // What is stored plain has its body's own.
    host.compress_from = usize::MAX;
    let plain = NewRecord { stored: None, ..record };
    assert_eq!(host.run(|db| db.update(plain, found.fingerprint, 1)), Ok(true));
    assert_eq!(host.db.get(b"k", 1, Some(&mut buf)).unwrap().unwrap().fingerprint, 0);
    assert_eq!(host.run(|db| db.update(record, hash64(&body, None), 1)), Ok(true));
}

#[test]
fn values_that_look_compressed_are_not() {
    let mut host = in_memory();
    let compressed = {
        let body = host.body(&[], &value(1, 300)).unwrap();
        host.compressed(&body, 0).unwrap()
    };
    assert_eq!(compressed[0], COMPRESSED);
    // As the whole content of a str, as every byte, and as an int.
    let text: String = compressed.iter().map(|byte| char::from(*byte)).collect();
    let values = [str(&text), str(&"\u{ee}".repeat(40)), int(0xeeee_eeee), Value::List(vec![int(-0x12); 80])];
    for compress_from in [0, usize::MAX] {
        host.compress_from = compress_from;
        for (n, value) in values.iter().enumerate() {
            host.put_plain(&format!("k{n}"), value).unwrap();
            assert_eq!(host.get(&format!("k{n}"), 1).unwrap(), Some((vec![], value.clone())));
        }
        assert_eq!((host.db.statistics().compressed, host.db.statistics().saved), host.recount(1));
    }
    assert_eq!(host.db.statistics().compressed, 0);
    let record = NewRecord { key: b"k", body: &compressed, tag_count: 0, expires: FOREVER, stored: None };
    assert_eq!(host.run(|db| db.put(&record)), Err(Error::Corrupt), "no value begins so");
}

#[test]
fn only_the_compressed_form_of_the_same_record_is_stored() {
    let mut host = in_memory();
    host.put("other", &int(1), &["red", "hot"], FOREVER).unwrap();
    let body = host.body(&["red"], &value(1, 300)).unwrap();
    let stored = host.compressed(&body, 1).unwrap();
    let other_tag = [&host.body(&["hot"], &int(1)).unwrap()[..1], &stored[1..]].concat();
    let longer = [&body[..], &body[1..]].concat();
    let other_length = host.compressed(&longer, 1).unwrap();
    let too_long = [&stored[..], &[0; 400]].concat();
    for wrong in [&other_tag, &other_length, &too_long, &body, &vec![], &stored[..2].to_vec()] {
        let record = NewRecord { key: b"k", body: &body, tag_count: 1, expires: FOREVER, stored: Some(wrong) };
        assert_eq!(host.run(|db| db.put(&record)), Err(Error::Corrupt));
    }
    assert_eq!(host.keys(1), ["other"]);
}

#[test]
fn a_compressed_value_cut_short_is_corrupt_wherever_it_is_read_and_can_be_deleted() {
    for len in [300, 3000] {
        let mut host = in_memory();
        host.put_plain("a", &value(1, 300)).unwrap();
        let body = host.body(&[], &value(2, len)).unwrap();
        let stored = host.compressed(&body, 0).unwrap();
        for cut in [stored.len() - 1, stored.len() / 2, 6] {
            let stored = Some(&stored[..cut]);
            let record = NewRecord { key: b"b", body: &body, tag_count: 0, expires: FOREVER, stored };
            host.run(|db| db.put(&record)).unwrap();
            let mut buf = vec![0; 10_000];
            assert_eq!(host.db.get(b"b", 1, Some(&mut buf)), Err(Error::Corrupt));
            let mut cursor = ScanCursor::new();
            assert!(host.db.next(&mut cursor, 1, Some(&mut buf)).unwrap().is_some());
            assert_eq!(host.db.next(&mut cursor, 1, Some(&mut buf)), Err(Error::Corrupt));
            assert_eq!(host.keys(1), ["a", "b"]);
            assert_eq!(host.delete("b", 1), Ok(true));
            assert_eq!(host.db.statistics().compressed, 1);
        }
        assert_eq!(host.query(&dict([("n", int(1))]), 1), ["a"]);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn what_has_no_room_is_there_when_it_is_asked_for_again() {
    let mut host = in_memory();
    for n in 0..3 {
        host.put(&format!("k{n}"), &value(n, 2000), &["red"], FOREVER).unwrap();
    }
    let mut buf = vec![0; 10];
    let mut cursor = ScanCursor::new();
    let mut steps = Vec::new();
    loop {
        match host.db.next(&mut cursor, 1, Some(&mut buf)) {
            Ok(Some(_)) => steps.push(String::from_utf8(cursor.key().to_vec()).unwrap()),
            Ok(None) => break,
            Err(error) if error.room().is_some() => {
                let len = error.room().unwrap();
                assert!(len > buf.len());
                steps.push("room".into());
                buf.resize(len, 0);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(steps[..3], ["room", "room", "k0"], "for what is stored, then for what it is");
    assert_eq!(steps.iter().filter(|step| *step != "room").count(), 3);
    for query in [dict([("n", int(2))]), dict([("tags", str("red")), ("n", int(2))])] {
        let encoded = literal(&query);
        let mut terms = vec![Term::Empty; check(&encoded).unwrap()];
        compile(&encoded, &mut terms, |name| host.db.name_number(name).unwrap_or(0)).unwrap();
        let query = Query { encoded: &encoded, terms: &terms };
        let (mut cursor, mut buf) = (ScanCursor::new(), vec![0; 10]);
        let found = loop {
            match host.db.next_match(&query, &mut cursor, 1, 7, &mut buf) {
                Err(error) if error.room().is_some_and(|len| len > buf.len()) => buf.resize(error.room().unwrap(), 0),
                Ok(Next::Found(found)) => break found,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(cursor.key(), b"k2");
        let body = host.body(&["red"], &value(2, 2000)).unwrap();
        assert_eq!(buf[..found.body_len], body);
    }
}
