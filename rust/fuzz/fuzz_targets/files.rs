//! Opening and reading a database whose files were changed at will never panics, loops or writes.
//!
//! The input is a list of changes to a sound database: file, offset (2 bytes), what to do there, a byte.
#![no_main]

#[path = "../../engine/tests/disk/mod.rs"]
mod disk;
#[path = "../../engine/tests/host/mod.rs"]
mod host;

use disk::Disk;
use host::{dict, int, str, Host};
use libfuzzer_sys::fuzz_target;
use mtdb_engine::database::{FlushRule, ScanCursor};
use mtdb_engine::store::file::medium::File;
use std::sync::OnceLock;

/// The files of a sound database.
fn sound() -> &'static Vec<(u32, Vec<u8>)> {
    static FILES: OnceLock<Vec<(u32, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let disk = Disk::new();
        let mut host = Host::open(disk.clone(), 512, 32, FlushRule::Adaptive).expect("it opens");
        for n in 0..200 {
            let value = dict([("n", int(n)), ("text", str(&"x".repeat(n as usize % 90)))]);
            let key = format!("k{}", n * 37 % 150);
            host.write(1, false, |host| host.put(&key, &value, &["tag"], 1_000_000)).expect("it can be written to");
        }
        host.db.flush().expect("a medium that works");
        drop(host);
        disk.all().into_iter().filter(|(name, _)| *name != File::SPARE.0).collect()
    })
}

fuzz_target!(|input: &[u8]| {
    let mut files = sound().clone();
    for change in input.chunks_exact(5) {
        let count = files.len();
        let bytes = &mut files[usize::from(change[0]) % count].1;
        if bytes.is_empty() {
            continue;
        }
        let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % bytes.len();
        match change[3] % 4 {
            0 => bytes[at] = change[4],
            1 => bytes[at] ^= 1 << (change[4] % 8),
            2 => bytes.truncate(at),
            _ => bytes.insert(at, change[4]),
        }
    }
    let disk = Disk::new();
    for (name, bytes) in &files {
        disk.put_file(File(*name), bytes);
    }
    let before = disk.all();
    if let Ok(mut host) = Host::open(disk.clone(), 512, 32, FlushRule::Adaptive) {
        let mut cursor = ScanCursor::new();
        let mut buf = vec![0; 9000];
        for _ in 0..10_000 {
            match host.db.next(&mut cursor, 1, Some(&mut buf)) {
                Ok(Some(_)) => {}
                _ => break,
            }
        }
        let _ = host.get("k1", 1);
    }
    // A root file that was cut off is that of a database still to be made; any other is only read.
    let made_anew = files.iter().any(|(name, bytes)| *name == File::ROOT.0 && bytes.len() < 32);
    assert!(made_anew || disk.all() == before, "opening and reading write nothing");
});
