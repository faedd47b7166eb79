//! A database in files works with a cache of any size, and with whatever of it there is memory for.

mod disk;
mod host;

use disk::Disk;
use host::{dict, str, Host, Random};
use mtdb_engine::database::FlushRule;
use mtdb_engine::store::file::FileStore;
use mtdb_engine::{Error, Result};

const TAGS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Puts or deletes one of 300 records, as the glue does it.
fn change(host: &mut Host<FileStore<Disk>>, n: u64, seed: u64) -> Result<()> {
    let mut random = Random(seed << 32 | n << 1 | 1);
    let key = format!("key{:03}", random.below(300));
    if random.below(3) == 0 {
        return host.write(1, false, |host| host.delete(&key, 1)).map(|_| ());
    }
    let value = dict([("text", str(&"x".repeat(random.below(300) as usize)))]);
    host.write(1, false, |host| host.put(&key, &value, &[TAGS[n as usize % 2], TAGS[n as usize % 5]], 1_000_000 + n))
}

#[test]
#[cfg_attr(miri, ignore = "it takes hours")]
fn no_cache_is_too_small_once_a_database_is_open() {
    for pages in 8..48 {
        for blocks in [usize::MAX, 0, 3, 5, 12] {
            let mut host = Host::open(Disk::new(), 512, pages, FlushRule::Adaptive).unwrap();
            host.allowance = blocks;
            for n in 0..700 {
                let mut done = change(&mut host, n, pages as u64);
                if done == Err(Error::NeedMemory) {
                    host.db.store_mut().refuse();
                    done = change(&mut host, n, pages as u64);
                }
                assert_eq!(done, Ok(()), "{pages} pages, {blocks} more blocks, change {n}");
            }
        }
    }
}
