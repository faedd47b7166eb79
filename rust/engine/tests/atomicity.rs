//! Changes that want memory, or are refused, have changed nothing; what fits is taken at the limit too.

mod host;

use host::{dict, int, literal, some_key, some_value, str, Host, Random, Value};
use mtdb_engine::database::{Database, NewRecord, ScanCursor, FOREVER};
use mtdb_engine::store::memory::MemoryStore;
use mtdb_engine::Error;
use std::collections::BTreeSet;

/// All keys of a database, as bytes.
fn keys_of(db: &mut Database<MemoryStore>) -> Vec<Vec<u8>> {
    let mut cursor = ScanCursor::new();
    let mut keys = Vec::new();
    while db.next(&mut cursor, 1, None).expect("a sound tree").is_some() {
        keys.push(cursor.key().to_vec());
    }
    keys
}

#[test]
fn a_plain_put_that_wants_memory_has_changed_nothing() {
    for seed in 1..if cfg!(miri) { 2 } else { 40 } {
        let mut random = Random(seed * 0x1234_5677);
        let mut host = Host::new(1024, 1 << 24);
        let mut model = BTreeSet::new();
        for round in 0..if cfg!(miri) { 50 } else { 3000 } {
            let key = some_key(&mut random, 1024, seed % 3)[1..].to_vec();
            let key = key[..key.len().clamp(1, 248)].to_vec();
            let value = some_value(&mut random, 1024, key.len() + 4);
            let body = literal(&Value::Str("x".repeat(value.len())));
            let record = NewRecord { key: &key, body: &body, tag_count: 0, expires: FOREVER, stored: None };
            while let Err(error) = host.db.put(&record) {
                assert_eq!(error, Error::NeedMemory);
                let left = keys_of(&mut host.db);
                let lost = model.iter().filter(|key| !left.contains(key)).count();
                assert_eq!(lost, 0, "seed {seed}, put {round}: of {} records {lost} are gone", model.len());
                assert!(host.feed());
            }
            model.insert(key);
        }
    }
}

#[test]
fn a_change_in_a_transaction_that_wants_memory_has_changed_nothing() {
    for seed in 1..if cfg!(miri) { 2 } else { 40 } {
        let size = [512, 1024, 4096][seed as usize % 3];
        let mut random = Random(seed * 0x0765_4321);
        let mut host = Host::new(size, 1 << 24);
        let mut model = BTreeSet::new();
        for round in 0..if cfg!(miri) { 60 } else { 1500 } {
            if round % 300 == 0 {
                // What stands under the savepoint must be copied before it is changed.
                host.db.commit();
                host.run(|db| db.begin()).unwrap();
                host.run(|db| db.begin()).unwrap();
                host.db.commit();
                host.trim();
            }
            let known = model.len() as u64;
            let remove = known > 0 && random.below(5) < 2;
            let key: Vec<u8> = match remove {
                true => model.iter().nth(random.below(known) as usize).cloned().unwrap(),
                false => {
                    let key = some_key(&mut random, size, seed % 3)[1..].to_vec();
                    key[..key.len().clamp(1, host.db.max_key())].to_vec()
                }
            };
            let value = some_value(&mut random, size, key.len() + 4);
            let body = literal(&Value::Str("x".repeat(value.len())));
            let record = NewRecord { key: &key, body: &body, tag_count: 0, expires: FOREVER, stored: None };
            loop {
                let result = match (remove, round % 50) {
                    (_, 0) => host.db.compact(1).map(|_| ()),
                    (true, _) => host.db.delete(&key, 1).map(|_| ()),
                    (false, _) => host.db.put(&record),
                };
                match result {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error, Error::NeedMemory),
                }
                assert!(keys_of(&mut host.db).iter().eq(&model), "seed {seed}, round {round}, {remove}");
                // As little as there can be.
                assert!(host.feed());
            }
            match (remove, round % 50) {
                (_, 0) => {}
                (true, _) => drop(model.remove(&key)),
                (false, _) => drop(model.insert(key)),
            }
        }
        assert!(keys_of(&mut host.db).iter().eq(&model));
    }
}

#[test]
fn a_put_that_wants_memory_leaves_an_empty_tree_empty() {
    let mut host = Host::new(1024, 1 << 20);
    host.run(|db| db.begin()).unwrap();
    let body = literal(&int(1));
    let record = NewRecord { key: b"k", body: &body, tag_count: 0, expires: FOREVER, stored: None };
    let before = host.db.statistics();
    if host.db.put(&record).is_err() {
        assert_eq!(host.db.statistics(), before);
    }
}

#[test]
#[cfg_attr(miri, ignore = "a full database takes long")]
fn a_value_of_the_same_length_is_replaced_in_a_full_database() {
    let mut host = Host::new(512, if cfg!(miri) { 10_000 } else { 40_000 });
    let document = |n: i64| dict([("n", int(n)), ("s", str("some text"))]);
    let (first, second) = (host.body(&[], &document(1000)).unwrap(), host.body(&[], &document(2000)).unwrap());
    let put = |host: &mut Host, n: usize, body: &[u8]| {
        let key = format!("key{:04}", n * 7919 % 10_000);
        host.run(|db| db.put(&NewRecord { key: key.as_bytes(), body, tag_count: 0, expires: FOREVER, stored: None }))
    };
    let count = (0..).take_while(|n| put(&mut host, *n, &first).is_ok()).count();
    let refused = (0..count).filter(|n| put(&mut host, *n, &second) == Err(Error::Full)).count();
    assert_eq!(refused, 0, "of {count} records");
}

#[test]
#[cfg_attr(miri, ignore = "a full database takes long")]
fn a_shorter_value_is_put_in_the_place_of_another_in_a_full_database() {
    let mut host = Host::new(512, 40_000);
    let document = |text: &str| dict([("n", int(1000)), ("s", str(text))]);
    let (first, second) = (host.body(&[], &document("some text")).unwrap(), host.body(&[], &document("less")).unwrap());
    let put = |host: &mut Host, n: usize, body: &[u8]| {
        let key = format!("key{:04}", n * 7919 % 10_000);
        host.run(|db| db.put(&NewRecord { key: key.as_bytes(), body, tag_count: 0, expires: FOREVER, stored: None }))
    };
    let count = (0..).take_while(|n| put(&mut host, *n, &first).is_ok()).count();
    let refused = (0..count).filter(|n| put(&mut host, *n, &second) == Err(Error::Full)).count();
    assert_eq!(refused, 0, "of {count} records");
}
