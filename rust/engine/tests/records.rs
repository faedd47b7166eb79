//! What the database promises of records, each promise a test.

mod host;

use host::{dict, int, str, Host, Value};
use mtdb_engine::bytes::hash64;
use mtdb_engine::database::{NewRecord, ScanCursor, FOREVER, MAX_NAME_NUMBER, MAX_VALUE_BYTES};
use mtdb_engine::{Error, Result};

fn host() -> Host {
    Host::new(512, 1 << 22)
}

fn tagged(tag: &str) -> Value {
    dict([("_tags", str(tag))])
}

/// A record of the body that stands for a None.
fn bare(key: &[u8]) -> NewRecord<'_> {
    NewRecord { key, body: &[0xe0], tag_count: 0, expires: FOREVER, stored: None }
}

fn next(host: &mut Host, cursor: &mut ScanCursor, now: u64) -> Option<String> {
    let found = host.db.next(cursor, now, None).expect("a sound tree");
    found.map(|_| String::from_utf8(cursor.key().to_vec()).expect("UTF-8"))
}

fn generated(host: &mut Host) -> String {
    String::from_utf8(host.db.next_key().expect("a sound tree").to_vec()).expect("UTF-8")
}

#[test]
fn replacing_a_record_replaces_its_value_its_ttl_and_its_tags() {
    let mut host = host();
    host.put("a", &int(1), &["red", "blue"], 100).unwrap();
    host.put("a", &str("two"), &["green"], 900).unwrap();
    assert_eq!(host.get("a", 99), Ok(Some((vec!["green".into()], str("two")))));
    assert!(host.query(&tagged("red"), 99).is_empty());
    assert_eq!(host.query(&tagged("green"), 99), ["a"]);
    assert_eq!(host.db.expire(100, 10), Ok((0, true)), "the first TTL is forgotten");
    host.put_plain("a", &int(3)).unwrap();
    assert_eq!(host.get("a", 5000), Ok(Some((vec![], int(3)))));
    let statistics = host.db.statistics();
    assert_eq!((statistics.records, statistics.ttl_records), (1, 0));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn removals_in_order_take_the_right_records_whatever_comes_between_them() {
    let name = |n: i64| format!("key{:03}", n % 300);
    for between in ["nothing", "a look", "it comes back", "undone", "a new neighbour"] {
        let mut host = host();
        // Not in order, so that pages have room for what is left of their neighbours.
        for n in 0..300 {
            host.put_plain(&name(n * 7), &int(n)).unwrap();
        }
        let mut expected: Vec<_> = (0..300).map(name).collect();
        for n in 100..400 {
            assert_eq!(host.delete(&name(n), 1), Ok(true), "{between}");
            expected.retain(|key| *key != name(n));
            match between {
                "a look" => assert_eq!(host.get(&name(n), 1), Ok(None)),
                "it comes back" => {
                    host.put_plain(&name(n), &int(n)).unwrap();
                    assert_eq!(host.delete(&name(n), 1), Ok(true));
                }
                "undone" if n < 399 => {
                    host.run(|db| db.begin()).unwrap();
                    assert_eq!(host.delete(&name(n + 1), 1), Ok(true));
                    host.db.rollback();
                }
                "a new neighbour" => {
                    host.put_plain(&format!("z{n:03}"), &str(&"x".repeat(50))).unwrap();
                    expected.push(format!("z{n:03}"));
                }
                _ => {}
            }
            if n % 10 == 0 {
                assert_eq!(host.keys(1), expected, "{between}");
            }
        }
    }
}

#[test]
fn an_update_replaces_the_body_and_leaves_the_ttl() {
    let mut host = host();
    host.put("a", &int(1), &["red"], 100).unwrap();
    let mut old = [0; 64];
    let len = host.db.get(b"a", 1, Some(&mut old)).unwrap().unwrap().body_len;
    let body = host.body(&["red"], &int(2)).unwrap();
    let record = NewRecord { key: b"a", body: &body, tag_count: 1, expires: 7777, stored: None };
    let fingerprint = hash64(&old[..len], None);
    assert_eq!(host.run(|db| db.update(record, fingerprint, 1)), Ok(true));
    assert_eq!(host.db.get(b"a", 1, None).unwrap().unwrap().expires, 100);
    assert_eq!(host.get("a", 1), Ok(Some((vec!["red".into()], int(2)))));
    assert_eq!(host.run(|db| db.update(record, fingerprint, 1)), Ok(false), "it has changed meanwhile");
    assert_eq!(host.run(|db| db.update(record, hash64(&body, None), 100)), Ok(false), "its time has come");
    assert_eq!(host.run(|db| db.update(NewRecord { key: b"b", ..record }, fingerprint, 1)), Ok(false));
}

#[test]
fn a_large_body_has_the_fingerprint_of_its_bytes() {
    let mut host = host();
    let value = str(&"x".repeat(3000));
    host.put_plain("a", &value).unwrap();
    let body = host.body(&[], &value).unwrap();
    let record = NewRecord { key: b"a", body: &body, tag_count: 0, expires: FOREVER, stored: None };
    assert_eq!(host.run(|db| db.update(record, hash64(&body, None), 1)), Ok(true));
    assert_eq!(host.run(|db| db.update(record, hash64(&body[1..], None), 1)), Ok(false));
}

#[test]
fn a_record_expires_at_its_millisecond() {
    let mut host = host();
    host.put("a", &int(1), &["red"], 1000).unwrap();
    assert!(host.get("a", 999).unwrap().is_some());
    assert!(host.get("a", 1000).unwrap().is_none());
    assert_eq!(host.db.expire(999, 10), Ok((0, true)));
    assert!(!host.db.has_expired(999));
    assert!(host.db.has_expired(1000));
    assert_eq!(host.db.expire(1000, 10), Ok((1, true)));
    assert!(!host.db.has_expired(u64::MAX - 1));
}

#[test]
fn an_expired_record_is_not_there() {
    let mut host = host();
    host.put("a", &int(1), &["red"], 50).unwrap();
    host.put("b", &int(2), &["red"], FOREVER).unwrap();
    assert_eq!(host.get("a", 60), Ok(None));
    assert_eq!(host.keys(60), ["b"]);
    assert_eq!(host.query(&tagged("red"), 60), ["b"]);
    assert_eq!(host.query(&dict([]), 60), ["b"]);
    assert_eq!(host.db.records(), 2, "it is not collected yet");
    assert_eq!(host.delete("a", 60), Ok(false));
    assert_eq!(host.db.records(), 1, "deleting it has collected it");
    assert_eq!(host.db.statistics().operations.deletes, 0);
    host.put("c", &int(3), &[], 70).unwrap();
    assert_eq!(host.run(|db| db.purge(70)), Ok(1), "a purge counts what was there");
}

#[test]
fn expiry_removes_in_steps_in_the_order_of_time() {
    let mut host = host();
    for n in 0..10u64 {
        host.put(&format!("{n}"), &int(1), &["red"], 100 - n).unwrap();
    }
    host.put("later", &int(1), &["red"], 200).unwrap();
    assert_eq!(host.db.expire(100, 4), Ok((4, false)));
    assert_eq!(host.keys(0), ["0", "1", "2", "3", "4", "5", "later"]);
    assert_eq!(host.db.expire(100, 6), Ok((6, true)));
    assert_eq!(host.query(&tagged("red"), 0), ["later"]);
    assert!(!host.db.has_expired(199));
    assert!(host.db.has_expired(200));
}

#[test]
fn nothing_is_collected_inside_a_transaction() {
    let mut host = host();
    host.put("a", &int(1), &[], 50).unwrap();
    host.run(|db| db.begin()).unwrap();
    assert_eq!(host.db.expire(60, 10), Ok((0, true)));
    assert_eq!(host.db.records(), 1);
    host.db.commit();
    assert_eq!(host.db.expire(60, 10), Ok((1, true)));
}

#[test]
fn generated_keys_sort_as_they_were_given_and_leave_out_keys_in_use() {
    let mut host = host();
    host.put_plain("0000000001", &int(0)).unwrap();
    let keys: Vec<_> = (0..40).map(|_| generated(&mut host)).collect();
    assert!(keys.is_sorted());
    assert!(!keys.contains(&"0000000001".into()));
    assert_eq!(keys[0], "0000000000");
    assert_eq!(keys[1], "0000000002");
}

#[test]
fn a_generated_key_is_not_given_twice() {
    let mut host = host();
    let mut given = Vec::new();
    let mut key = |host: &mut Host| {
        let key = generated(host);
        assert!(!given.contains(&key), "{key} was given before");
        given.push(key.clone());
        key
    };
    let first = key(&mut host);
    host.put_plain(&first, &int(1)).unwrap();
    host.delete(&first, 1).unwrap();
    let second = key(&mut host);
    host.put_plain(&second, &int(1)).unwrap();
    host.run(|db| db.purge(1)).unwrap();
    host.run(|db| db.begin()).unwrap();
    let third = key(&mut host);
    host.put_plain(&third, &int(1)).unwrap();
    host.db.rollback();
    key(&mut host);
}

/// Puts records until the table of names is full; the field of the last one has no number.
fn fill_names(host: &mut Host) {
    for n in 0..=i64::from(MAX_NAME_NUMBER) {
        host.put_plain(&format!("{n:03}"), &dict([(format!("field{n}").as_str(), int(n))])).unwrap();
    }
    assert!(!host.db.has_room_for_names());
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn names_beyond_the_table_are_written_out_and_found_all_the_same() {
    let mut host = host();
    fill_names(&mut host);
    assert_eq!(host.db.name_number(b"field510"), Ok(511));
    assert_eq!(host.db.name_number(b"field511"), Ok(0));
    assert_eq!(host.query(&dict([("field510", int(510))]), 1), ["510"]);
    assert_eq!(host.query(&dict([("field511", dict([("$gt", int(5))]))]), 1), ["511"]);
    let nested = dict([("field0", dict([("beyond", int(1)), ("field1", int(2))]))]);
    host.put_plain("nested", &nested).unwrap();
    assert_eq!(host.query(&nested, 1), ["nested"]);
    assert_eq!(host.query(&dict([("field0.beyond", int(1))]), 1), ["nested"]);
    assert_eq!(host.get("nested", 1), Ok(Some((vec![], nested))));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn tags_beyond_the_table_are_found_replaced_and_removed_all_the_same() {
    let mut host = host();
    fill_names(&mut host);
    host.put("a", &int(1), &["field3", "beyond"], 100).unwrap();
    host.put("b", &int(1), &["beyond", "further"], FOREVER).unwrap();
    assert_eq!(host.query(&tagged("beyond"), 1), ["a", "b"]);
    assert_eq!(host.query(&dict([("tags", dict([("$contains", str("further"))]))]), 1), ["b"]);
    assert_eq!(host.query(&tagged("nowhere"), 1), [""; 0]);
    host.put("b", &int(1), &["further"], FOREVER).unwrap();
    assert_eq!(host.query(&tagged("beyond"), 1), ["a"]);
    assert_eq!(host.db.expire(100, 9), Ok((1, true)));
    assert_eq!(host.query(&tagged("beyond"), 1), [""; 0]);
    assert_eq!(host.query(&tagged("further"), 1), ["b"]);
}

#[test]
fn a_tag_written_out_is_refused_while_it_could_have_a_number() {
    let mut host = host();
    let body = [0x00, 0x03, b'r', b'e', b'd', 0xe0];
    let record = NewRecord { key: b"a", body: &body, tag_count: 1, expires: FOREVER, stored: None };
    assert_eq!(host.run(|db| db.put(&record)), Err(Error::BadTag));
    let long = [&[0x00, 65][..], &[b'x'; 65], &[0xe0]].concat();
    assert_eq!(host.run(|db| db.put(&NewRecord { body: &long, ..record })), Err(Error::BadTag));
    let many = [&[0x01; 33][..], &[0xe0]].concat();
    assert_eq!(host.run(|db| db.put(&NewRecord { body: &many, tag_count: 33, ..record })), Err(Error::BadTag));
    assert_eq!(host.db.records(), 0);
}

#[test]
fn a_purge_removes_every_record_and_every_name() {
    let mut host = host();
    let count = if cfg!(miri) { 10 } else { 50 };
    for n in 0..count {
        let text = "x".repeat(n * 40);
        let expires = if n % 2 == 0 { FOREVER } else { 100 };
        host.put(&format!("{n:02}"), &dict([("text", str(&text))]), &["red"], expires).unwrap();
    }
    let epoch = host.db.names_epoch();
    assert_eq!(host.run(|db| db.purge(100)), Ok(count as u32 / 2));
    assert!(host.db.names_epoch() > epoch);
    assert_eq!(host.db.name_number(b"red"), Ok(0));
    let statistics = host.db.statistics();
    assert_eq!((statistics.records, statistics.ttl_records, statistics.names), (0, 0, 0));
    assert_eq!(statistics.bytes_used, 512, "the scratch page");
    host.put("a", &int(1), &["red"], FOREVER).unwrap();
    assert_eq!(host.query(&tagged("red"), 1), ["a"]);
}

#[test]
fn a_purge_that_is_rolled_back_has_not_been() {
    let mut host = host();
    let value = dict([("text", str(&"x".repeat(2000))), ("tags", Value::List(vec![str("field")]))]);
    host.put("a", &value, &["red"], 100).unwrap();
    host.run(|db| db.begin()).unwrap();
    assert_eq!(host.run(|db| db.purge(1)), Ok(1));
    host.put("b", &dict([("another", int(1))]), &["green"], 50).unwrap();
    host.db.rollback();
    assert_eq!(host.get("a", 1), Ok(Some((vec!["red".into()], value))));
    assert_eq!(host.keys(1), ["a"]);
    assert_eq!(host.query(&tagged("red"), 1), ["a"]);
    assert_eq!(host.query(&tagged("green"), 1), [""; 0]);
    host.put_plain("c", &dict([("tags", str("field"))])).unwrap();
    assert_eq!(host.query(&dict([("tags", str("field"))]), 1), ["a", "c"]);
    assert_eq!(host.db.expire(100, 10), Ok((1, true)));
}

#[test]
fn a_rollback_takes_new_names_back_and_the_epoch_says_so() {
    let mut host = host();
    host.put_plain("a", &dict([("kept", int(1))])).unwrap();
    let epoch = host.db.names_epoch();
    host.run(|db| db.begin()).unwrap();
    host.put("b", &dict([("lost", int(1))]), &["lost too"], FOREVER).unwrap();
    assert_eq!(host.db.name_number(b"lost too").map(|number| number > 0), Ok(true));
    host.db.rollback();
    assert!(host.db.names_epoch() > epoch);
    assert_eq!(host.db.name_number(b"lost"), Ok(0));
    assert_eq!(host.db.name_number(b"kept"), Ok(1));
    host.put_plain("c", &dict([("other", int(2))])).unwrap();
    assert_eq!(host.query(&dict([("other", int(2))]), 1), ["c"]);
    assert_eq!(host.query(&dict([("lost", int(2))]), 1), [""; 0]);
}

#[test]
fn the_epoch_grows_when_a_number_has_another_name_after_a_rollback() {
    let mut host = host();
    host.put_plain("a", &dict([("before", int(1))])).unwrap();
    host.run(|db| db.begin()).unwrap();
    host.run(|db| db.purge(1)).unwrap();
    host.put_plain("b", &dict([("inside", int(1))])).unwrap();
    let (epoch, number) = (host.db.names_epoch(), host.db.name_number(b"inside"));
    host.db.rollback();
    assert_eq!(host.db.name_number(b"before"), number);
    assert!(host.db.names_epoch() > epoch);
}

#[test]
fn savepoints_are_undone_one_by_one() {
    let mut host = host();
    host.put_plain("a", &int(0)).unwrap();
    for n in 1..5 {
        host.run(|db| db.begin()).unwrap();
        host.put("a", &int(n), &["red"], 100 + n as u64).unwrap();
        host.put_plain(&format!("b{n}"), &str(&"x".repeat(n as usize * 300))).unwrap();
    }
    host.db.commit();
    assert_eq!(host.get("a", 1).unwrap().unwrap().1, int(4));
    for left in [2, 1, 0] {
        host.db.rollback();
        assert_eq!(host.get("a", 1).unwrap().unwrap().1, int(left));
        assert_eq!(host.keys(1).len() as i64, 1 + left);
    }
    assert_eq!(host.db.depth(), 0);
    assert_eq!(host.query(&tagged("red"), 1), [""; 0]);
    host.db.rollback();
    assert_eq!(host.keys(1), ["a"], "with no transaction there is nothing to undo");
}

#[test]
fn a_cursor_shows_no_record_twice_and_misses_none_that_stayed() {
    let mut host = host();
    let count = if cfg!(miri) { 40 } else { 200 };
    for n in 0..count {
        host.put_plain(&format!("{n:03}"), &int(n)).unwrap();
    }
    let mut cursor = ScanCursor::new();
    let mut seen = Vec::new();
    while let Some(key) = next(&mut host, &mut cursor, 1) {
        let n: i64 = key[..3].parse().unwrap();
        host.delete(&key, 1).unwrap();
        host.delete(&format!("{:03}", n + 1), 1).unwrap();
        host.put_plain(&format!("{:03}", n / 2), &int(n)).unwrap();
        if !key.ends_with("behind") && n % 10 == 0 {
            host.put(&format!("{n:03} behind"), &int(n), &["red"], FOREVER).unwrap();
        }
        host.run(|db| db.compact(3)).unwrap();
        seen.push(key);
    }
    let keys = (0..count).step_by(2).map(|n| format!("{n:03}"));
    let mut expected: Vec<_> = keys.chain((0..count).step_by(10).map(|n| format!("{n:03} behind"))).collect();
    expected.sort();
    assert_eq!(seen, expected);
}

#[test]
fn a_cursor_that_is_behind_the_last_record_stays_there() {
    let mut host = host();
    for key in ["a", "b"] {
        host.put(key, &int(1), &["red"], 1000).unwrap();
    }
    let mut cursor = ScanCursor::new();
    while next(&mut host, &mut cursor, 1).is_some() {}
    assert_eq!(next(&mut host, &mut cursor, 1), None);
    host.put_plain("0", &int(1)).unwrap();
    assert_eq!(next(&mut host, &mut cursor, 1), None);
}

#[test]
fn a_body_that_has_no_room_comes_when_there_is_some() {
    let mut host = host();
    host.put_plain("a", &str("some text")).unwrap();
    host.put_plain("b", &str(&"x".repeat(2000))).unwrap();
    let mut cursor = ScanCursor::new();
    let mut buf = [0; 2048];
    for (key, len) in [("a", 10), ("b", 2003)] {
        assert_eq!(host.db.get(key.as_bytes(), 1, Some(&mut buf[..9])), Err(Error::no_room(len)));
        assert_eq!(host.db.next(&mut cursor, 1, Some(&mut buf[..9])), Err(Error::no_room(len)));
        let found = host.db.next(&mut cursor, 1, Some(&mut buf)).unwrap().unwrap();
        assert_eq!((cursor.key(), found.body_len), (key.as_bytes(), len));
    }
    assert_eq!(host.db.next(&mut cursor, 1, None), Ok(None));
}

#[test]
fn a_limit_ends_a_query_early() {
    let mut host = host();
    for n in 0..30 {
        host.put(&format!("{n:02}"), &dict([("n", int(n))]), &["red"], FOREVER).unwrap();
    }
    let limited = |limit| dict([("n", dict([("$gte", int(10))])), ("$limit", int(limit))]);
    assert_eq!(host.query(&limited(3), 1), ["10", "11", "12"]);
    assert_eq!(host.query(&limited(0), 1), [""; 0]);
    assert_eq!(host.query(&limited(100), 1).len(), 20);
    assert_eq!(host.query(&dict([("_tags", str("red")), ("$limit", int(2))]), 1), ["00", "01"]);
}

#[test]
fn a_field_named_tags_is_found_as_long_as_a_record_has_it() {
    let mut host = host();
    host.put("a", &int(1), &["red"], FOREVER).unwrap();
    host.put_plain("b", &dict([("tags", str("red"))])).unwrap();
    assert_eq!(host.query(&dict([("tags", str("red"))]), 1), ["a", "b"]);
    assert_eq!(host.query(&tagged("red"), 1), ["a"]);
    host.put_plain("b", &dict([("n", int(1))])).unwrap();
    assert_eq!(host.query(&dict([("tags", str("red"))]), 1), ["a"]);
}

#[test]
fn keys_have_one_byte_to_a_quarter_of_the_page_and_255() {
    for (page_size, longest) in [(512, 120), (1024, 248), (2048, 255), (4096, 255)] {
        let mut host = Host::new(page_size, 1 << 20);
        assert_eq!(host.db.max_key(), longest);
        let key = vec![b'k'; longest + 1];
        for len in [1, longest] {
            assert_eq!(host.run(|db| db.put(&bare(&key[..len]))), Ok(()));
            assert!(host.db.get(&key[..len], 1, None).unwrap().is_some());
        }
        for refused in [&key[..0], &key] {
            assert_eq!(host.run(|db| db.put(&bare(refused))), Err(Error::BadKey));
            assert_eq!(host.db.get(refused, 1, None), Err(Error::BadKey));
            assert_eq!(host.run(|db| db.delete(refused, 1)), Err(Error::BadKey));
            assert_eq!(host.run(|db| db.update(bare(refused), 0, 1)), Err(Error::BadKey));
        }
        assert_eq!(host.db.records(), 2);
    }
}

#[test]
fn many_of_the_longest_keys_with_ttl_and_tags_are_held() {
    let rounds = if cfg!(miri) { 2 } else { 60 };
    for page_size in [512, 1024, 4096] {
        let mut host = Host::new(page_size, 1 << 22);
        let longest = host.db.max_key();
        let key = |n: i64| format!("{n:0longest$}");
        for n in 0..rounds {
            let tags = ["red", &"a long tag ".repeat(5)];
            host.put(&key(n), &dict([("n", int(n))]), &tags, 1000 + n as u64).unwrap();
        }
        assert_eq!(host.query(&tagged("red"), 1).len() as i64, rounds);
        assert_eq!(host.db.expire(2000, u32::MAX), Ok((rounds as u32, true)));
        assert_eq!(host.db.records(), 0);
    }
}

#[test]
fn a_body_is_one_whole_value_of_65535_bytes_at_most() {
    let mut host = host();
    let put = |host: &mut Host, body: &[u8]| -> Result<()> {
        host.run(|db| db.put(&NewRecord { key: b"a", body, tag_count: 0, expires: FOREVER, stored: None }))
    };
    let mut body = vec![b'x'; MAX_VALUE_BYTES];
    body[..4].copy_from_slice(&[0xeb, 0xfb, 0xff, 0x03]);
    assert_eq!(put(&mut host, &body), Ok(()));
    let mut back = vec![0; MAX_VALUE_BYTES];
    assert_eq!(host.db.get(b"a", 1, Some(&mut back)).unwrap().unwrap().body_len, MAX_VALUE_BYTES);
    assert!(back == body);
    let long = vec![0xe0; MAX_VALUE_BYTES + 1];
    assert_eq!(put(&mut host, &long), Err(Error::TooLong));
    for damaged in [&[][..], &[0xe0, 0xe0], &[0xc2, 0xe0], &[0xff], &[0xd1, 0x00]] {
        assert_eq!(put(&mut host, damaged), Err(Error::Corrupt));
    }
    assert!(host.db.get(b"a", 1, Some(&mut back)).unwrap().is_some());
    assert!(back == body, "what was refused has changed nothing");
}

#[test]
fn bodies_around_what_a_page_holds_come_back() {
    let mut host = host();
    let lengths = if cfg!(miri) { 100..200 } else { 0..1100 };
    for len in lengths.step_by(if cfg!(miri) { 20 } else { 1 }) {
        let value = str(&"x".repeat(len));
        for key in ["a", "b"] {
            host.put(key, &value, &["red"][..len % 2], if len % 3 == 0 { 9000 } else { FOREVER }).unwrap();
        }
        assert_eq!(host.get("a", 1).unwrap().unwrap().1, value);
        assert_eq!(host.get("b", 1).unwrap().unwrap().1, value);
    }
    host.run(|db| db.purge(1)).unwrap();
    assert_eq!(host.db.statistics().bytes_used, 512);
}

#[test]
fn a_time_of_expiry_beyond_what_a_record_can_hold_does_no_harm() {
    let mut host = Host::new(512, 1 << 20);
    host.put("late", &int(1), &[], 1 << 48).unwrap();
    host.put("soon", &int(2), &[], 10).unwrap();
    assert_eq!(host.run(|db| db.expire(20, 100)), Ok((1, true)));
    assert_eq!(host.keys(20), ["late"]);
}
