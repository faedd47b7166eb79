//! Memory that runs out: at each block in turn, whatever was begun leaves the database as it was, and the
//! same call succeeds when there is memory again. A full database can be read and emptied.

mod host;

use host::{dict, int, str, Host, Random, Value};
use mtdb_engine::bytes::hash64;
use mtdb_engine::database::{NewRecord, FOREVER};
use mtdb_engine::{Error, Result};

/// Everything that a failure must leave as it was.
#[derive(PartialEq, Debug)]
struct State {
    records: Vec<(String, Vec<String>, Value, u64)>,
    hot: Vec<String>,
    numbered: Vec<String>,
    counted: [u64; 4],
    depth: u32,
}

fn state(host: &mut Host) -> State {
    let all = host.keys(1);
    let records = all.into_iter().map(|key| {
        let (tags, value) = host.get(&key, 1).expect("a sound record").expect("a record that is there");
        let found = host.db.get(key.as_bytes(), 1, None).expect("a sound tree").expect("the same");
        (key, tags, value, found.expires)
    });
    let records = records.collect();
    let hot = host.query(&dict([("_tags", str("hot"))]), 1);
    let numbered = host.query(&dict([("n", dict([("$gte", int(3))]))]), 1);
    let statistics = host.db.statistics();
    let counted =
        [statistics.bytes_used, statistics.records.into(), statistics.ttl_records.into(), statistics.names.into()];
    State { records, hot, numbered, counted, depth: host.db.depth() }
}

fn document(n: i64) -> Value {
    dict([("n", int(n)), ("room", str("attic")), ("temperature", Value::Float(20.5))])
}

fn large(n: i64) -> Value {
    let len = if cfg!(miri) { 1000 } else { 6000 };
    dict([("n", int(n)), ("text", str(&"x".repeat(len)))])
}

/// Records of all kinds for the operations to change, and `more` small ones, so that the pages left free
/// differ from one start to the next.
fn start(more: usize) -> Host {
    let mut host = Host::new(512, 1 << 20);
    if more > 0 {
        host.put("linked", &document(4), &["hot", "cold"], 5000).expect("memory");
        host.put("plain", &document(5), &[], FOREVER).expect("memory");
        host.put("large", &large(6), &["hot"], 6000).expect("memory");
    }
    for n in 1..more {
        host.put_plain(&format!("more{n:03}"), &document(n as i64)).expect("memory");
    }
    host.trim();
    host
}

/// Runs a change in a transaction: all of it or nothing.
fn whole(host: &mut Host, change: impl FnOnce(&mut Host) -> Result<()>) -> Result<()> {
    host.run(|db| db.begin())?;
    let result = change(host);
    match result {
        Ok(()) => host.db.commit(),
        Err(_) => host.db.rollback(),
    }
    result
}

/// Under Miri, which takes a thousand times as long, the two smallest starts.
const STARTS: std::ops::Range<usize> = if cfg!(miri) { 0..2 } else { 0..60 };

/// Proves of one change that it fails whole at each block that it wants, whatever pages were free before.
fn fails_whole(change: impl Fn(&mut Host) -> Result<()>) {
    let mut failures = 0;
    for more in STARTS {
        failures += fails_whole_from(|| start(more), &change);
    }
    assert!(failures > 0, "the change never wanted memory");
}

fn fails_whole_from(start: impl Fn() -> Host, change: impl Fn(&mut Host) -> Result<()>) -> usize {
    let mut expected = start();
    change(&mut expected).expect("memory");
    let expected = state(&mut expected);
    for allowance in 0.. {
        let mut host = start();
        let before = state(&mut host);
        host.allowance = allowance;
        match change(&mut host) {
            Ok(()) => {
                assert_eq!(state(&mut host), expected);
                return allowance;
            }
            Err(error) => assert_eq!(error, Error::NeedMemory),
        }
        assert_eq!(state(&mut host), unchanged(before, &host), "after {allowance} blocks");
        host.allowance = usize::MAX;
        change(&mut host).expect("there is memory again");
        assert_eq!(state(&mut host), expected, "after {allowance} blocks and a second call");
    }
    unreachable!("it would take every block there is")
}

/// The state before; a database that had no page yet may have kept its scratch page.
fn unchanged(mut before: State, host: &Host) -> State {
    if before.counted[0] == 0 && host.blocks() > 1 {
        before.counted[0] = 512;
    }
    before
}

#[test]
fn a_plain_put_fails_whole() {
    fails_whole(|host| host.put_plain("new", &document(7)));
}

/// Puts outside of any transaction, which would undo what was half done; the names have their numbers.
fn put_directly(host: &mut Host, key: &str, value: &Value, tags: &[&str], expires: u64) -> Result<()> {
    let body = host.body(tags, value)?;
    let record = NewRecord { key: key.as_bytes(), body: &body, tag_count: tags.len() as u32, expires, stored: None };
    host.run(|db| db.put(&record))
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_put_outside_of_transactions_fails_whole() {
    for key in ["plain", "linked", "large", "new", "more007 behind"] {
        for value in [document(8), large(8), dict([("text", str(&"y".repeat(90)))])] {
            for (tags, expires) in [(&[][..], FOREVER), (&["hot"], FOREVER), (&["cold"], 8000)] {
                for more in STARTS.skip(1).step_by(3) {
                    fails_whole_from(|| start(more), |host| put_directly(host, key, &value, tags, expires));
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn puts_in_any_order_outside_of_transactions_lose_nothing_when_memory_runs_out() {
    for seed in 1..40 {
        let mut random = Random(seed * 0x1234_5677);
        let mut host = Host::new(1024, 1 << 22);
        let mut keys = std::collections::BTreeSet::new();
        for _ in 0..1500 {
            let stem = ["a", "b", "c"][random.below(3) as usize].repeat(random.below(240) as usize);
            let key = format!("{stem}{:x}", random.below(1 << 20));
            let len = if random.below(5) == 0 { random.below(240) } else { random.below(12) };
            let value = str(&"z".repeat(len as usize));
            host.allowance = random.below(2) as usize;
            match put_directly(&mut host, &key, &value, &[], FOREVER) {
                Ok(()) => drop(keys.insert(key)),
                Err(error) => {
                    assert_eq!(error, Error::NeedMemory);
                    let left = host.keys(1);
                    assert!(left.iter().eq(&keys), "seed {seed}: {} of {} records are left", left.len(), keys.len());
                }
            }
        }
    }
}

#[test]
fn a_put_with_a_ttl_and_tags_fails_whole() {
    fails_whole(|host| host.put("new", &document(7), &["hot", "cold", "a tag that nothing had"], 7000));
}

#[test]
fn a_put_of_a_large_value_fails_whole() {
    fails_whole(|host| host.put("new", &large(7), &[], FOREVER));
    fails_whole(|host| host.put("new", &large(7), &["hot", "new"], 7000));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn replacing_a_record_fails_whole() {
    for key in ["plain", "linked", "large"] {
        fails_whole(|host| host.put(key, &large(8), &["cold"], 8000));
        fails_whole(|host| host.put(key, &document(8), &["hot", "other"], FOREVER));
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_plain_put_that_makes_the_table_of_blocks_grow_fails_whole() {
    let start = || {
        let mut host = start(1);
        let mut n = 0;
        while host.blocks() < 17 {
            host.put_plain(&format!("more{n:04}"), &document(n)).expect("memory");
            n += 1;
        }
        host
    };
    let wanted = fails_whole_from(start, |host| host.put_plain("new", &large(9)));
    assert!(wanted >= 2, "a table and a chunk");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn an_update_fails_whole() {
    for key in ["plain", "linked", "large"] {
        let update = |host: &mut Host| {
            let mut body = vec![0; 7000];
            let Some(found) = host.db.get(key.as_bytes(), 1, Some(&mut body))? else {
                return host.put_plain(key, &document(1));
            };
            let fingerprint = hash64(&body[..found.body_len], None);
            let body = host.body(&["hot"], &dict([("n", int(9)), ("text", str(&"y".repeat(2000)))]))?;
            let record = NewRecord { key: key.as_bytes(), body: &body, tag_count: 1, expires: FOREVER, stored: None };
            host.run(|db| db.update(record, fingerprint, 1)).map(|found| assert!(found))
        };
        fails_whole(|host| whole(host, update));
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_batch_fails_whole() {
    fails_whole(|host| {
        whole(host, |host| {
            for n in 0..12 {
                let tags: &[&str] = if n % 3 == 0 { &["hot", "batch"] } else { &[] };
                host.put(&format!("batch{n}"), &document(n), tags, if n % 4 == 0 { 9000 } else { FOREVER })?;
                host.delete(&format!("more{n:03}"), 1)?;
            }
            host.delete("large", 1)?;
            host.delete("linked", 1)?;
            host.put("batch", &large(1), &["hot"], FOREVER)
        })
    });
}

#[test]
fn nested_transactions_fail_whole() {
    fails_whole(|host| {
        whole(host, |host| {
            host.put("outer", &document(1), &["hot"], FOREVER)?;
            whole(host, |host| {
                host.put("inner", &large(2), &[], 9000)?;
                host.delete("linked", 1)?;
                whole(host, |host| host.put("outer", &document(3), &[], FOREVER))
            })?;
            host.delete("large", 1)?;
            host.put("inner", &document(4), &["cold"], FOREVER)
        })
    });
}

#[test]
fn a_purge_in_a_transaction_fails_whole() {
    fails_whole(|host| {
        whole(host, |host| {
            host.run(|db| db.purge(1))?;
            host.put("new", &document(1), &["another name"], 9000)
        })
    });
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_savepoint_that_fails_leaves_the_transaction_around_it_as_it_was() {
    for more in STARTS {
        for allowance in 0..6 {
            let mut host = start(more);
            whole(&mut host, |host| {
                host.put("outer", &document(1), &["hot"], 7000)?;
                host.delete("plain", 1)?;
                let before = state(host);
                host.allowance = allowance;
                let result = whole(host, |host| {
                    host.put("outer", &large(2), &["cold"], FOREVER)?;
                    host.delete("linked", 1)?;
                    host.put("inner", &large(3), &["name of the inner one"], 8000)
                });
                host.allowance = usize::MAX;
                if result.is_err() {
                    assert_eq!(state(host), before);
                }
                host.put("behind", &document(3), &[], FOREVER)
            })
            .expect("memory");
            let value = host.get("behind", 1).expect("a sound record").expect("a record that is there").1;
            assert_eq!(value, document(3));
        }
    }
}

#[test]
fn queries_and_reads_want_no_memory() {
    for more in STARTS {
        let mut host = start(more);
        let before = state(&mut host);
        host.allowance = 0;
        let blocks = host.blocks();
        assert_eq!(state(&mut host), before);
        host.query(&dict([("room", str("attic")), ("n", dict([("$lt", int(5))]))]), 1);
        host.query(&dict([("tags", dict([("$contains", str("hot"))]))]), 1);
        assert_eq!((host.blocks(), host.allowance), (blocks, 0));
        assert_eq!(host.run(|db| db.expire(1, 100)), Ok((0, true)));
    }
}

/// Puts under the next generated key; where the limit is reached, packs the pages and tries once more.
fn put_generated(host: &mut Host, linked: bool, n: i64) -> Result<String> {
    let key = host.db.next_key()?;
    let key = std::str::from_utf8(&key).expect("UTF-8");
    let (tags, expires): (&[&str], u64) = if linked { (&["hot"], 1_000_000 + n as u64) } else { (&[], FOREVER) };
    match host.put(key, &document(n), tags, expires) {
        Err(error) if error == Error::Full => {
            while !host.run(|db| db.compact(8))? {}
            host.put(key, &document(n), tags, expires)?;
        }
        result => result?,
    }
    Ok(key.into())
}

fn fill(host: &mut Host, linked: bool) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        match put_generated(host, linked, keys.len() as i64) {
            Ok(key) => keys.push(key),
            Err(error) if error == Error::Full => return keys,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Nothing is held but the table of blocks, a spare chunk, and those of the scratch page and of the names;
/// after a purge not those of the names either.
fn only_names_are_left(host: &mut Host) {
    assert_eq!(host.keys(1), Vec::<String>::new());
    host.trim();
    assert!(host.blocks() <= 4, "{} blocks", host.blocks());
    let statistics = host.db.statistics();
    assert!(statistics.bytes_used <= 2 * u64::from(statistics.page_size), "{} bytes", statistics.bytes_used);
    host.run(|db| db.purge(1)).expect("a purge wants no memory");
    host.trim();
    assert!(host.blocks() <= 3, "{} blocks", host.blocks());
}

/// Gives how many records fitted, how many of these were deleted, and how many fitted then.
fn a_full_database_is_read_emptied_and_filled_again(page_size: usize, limit: usize, linked: bool) -> [usize; 3] {
    let mut host = Host::new(page_size, limit);
    let keys = fill(&mut host, linked);
    assert!(keys.len() > 20, "{} records in {limit} bytes", keys.len());
    host.allowance = 0;
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(host.get(key, 1).expect("a sound record").expect("a record that is there").1, document(n as i64));
    }
    assert_eq!(host.query(&dict([("n", dict([("$lt", int(5))]))]), 1), keys[..5]);

    let deleted: Vec<_> = keys.iter().step_by(2).cloned().collect();
    for key in &deleted {
        assert_eq!(host.delete(key, 1), Ok(true), "a delete wants no memory");
    }
    host.trim();
    host.allowance = usize::MAX;
    let more = fill(&mut host, linked);
    let mut expected: Vec<_> = keys.iter().skip(1).step_by(2).chain(&more).cloned().collect();
    expected.sort();
    assert_eq!(host.keys(1), expected);

    host.allowance = 0;
    let mut random = Random(limit as u64);
    while !expected.is_empty() {
        let key = expected.swap_remove(random.below(expected.len() as u64) as usize);
        assert_eq!(host.delete(&key, 1), Ok(true), "a delete wants no memory");
    }
    only_names_are_left(&mut host);
    [keys.len(), deleted.len(), more.len()]
}

/// Many limits, as a page more or less tells where there are few of them. `held` is how many records the filled databases
/// are to hold together, and how many those that were filled again.
fn full_databases_are_read_emptied_and_filled_again(page_size: usize, linked: bool, held: [usize; 2]) {
    let mut sums = [0; 3];
    for limit in (0..24).map(|n| 40_000 + n * 7_000) {
        let counts = a_full_database_is_read_emptied_and_filled_again(page_size, limit, linked);
        sums = std::array::from_fn(|n| sums[n] + counts[n]);
    }
    let [first, deleted, more] = sums;
    let again = first - deleted + more;
    println!("pages of {page_size}: {first} fitted, and {more} where {deleted} were deleted: {again}");
    assert!(first >= held[0] && again >= held[1], "pages of {page_size}: {first} fitted, and {again} then");
    // Measured: 94.1 to 99.8 of 100.
    assert!(more * 100 >= deleted * 94, "pages of {page_size}: {more} fitted where {deleted} were deleted");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_full_database_of_plain_records_is_read_emptied_and_filled_again() {
    for (page_size, held) in [(512, [103_900, 102_800]), (4096, [77_900, 77_800])] {
        full_databases_are_read_emptied_and_filled_again(page_size, false, held);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_full_database_of_records_with_ttl_and_tags_is_read_emptied_and_filled_again() {
    for (page_size, held) in [(512, [44_200, 43_500]), (1024, [43_500, 42_800]), (4096, [28_000, 27_200])] {
        full_databases_are_read_emptied_and_filled_again(page_size, true, held);
    }
}

#[test]
fn a_full_database_can_be_emptied_by_a_purge_and_by_expiry_without_memory() {
    let limits: &[usize] = if cfg!(miri) { &[5_000] } else { &[9_000, 40_000] };
    for limit in limits {
        let mut host = Host::new(512, *limit);
        for expiry in [false, true] {
            host.allowance = usize::MAX;
            let records = fill(&mut host, true).len() as u32;
            host.allowance = 0;
            if expiry {
                assert_eq!(host.run(|db| db.expire(2_000_000, records)), Ok((records, true)));
            } else {
                assert_eq!(host.run(|db| db.purge(1)), Ok(records));
            }
            assert_eq!(host.db.records(), 0);
            only_names_are_left(&mut host);
        }
    }
}
