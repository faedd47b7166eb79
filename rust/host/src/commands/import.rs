//! `mtdb import`.

use crate::desk::{Desk, Purpose};
use crate::failure::Failure;
use crate::lines::Record;
use crate::progress::Progress;
use std::io::{stdout, BufRead, Write};
use std::path::Path;

/// Records that are made durable together.
const BATCH: usize = 100;

/// Puts records from lines of JSON: all of them, or none where one is wrong.
pub fn import(file: &Path, input: impl BufRead) -> Result<(), Failure> {
    // A database of someone else's is refused before anything is read.
    let exists = file.exists();
    let mut desk = if exists { Some(Desk::open(file, Purpose::Changing)?) } else { None };
    let max_key = desk.as_ref().map_or(DEFAULT_MAX_KEY, |desk| desk.db.max_key());
    let mut records = Vec::new();
    for (index, line) in input.lines().enumerate() {
        let wrong = |why: String| Failure::new(format!("line {}: {why}; nothing was imported", index + 1));
        let line = line.map_err(|error| wrong(error.to_string()))?;
        if !line.trim().is_empty() {
            records.push(Record::parse(&line, max_key).map_err(wrong)?);
        }
    }
    let mut desk = match desk.take() {
        Some(desk) => desk,
        None => Desk::open(file, Purpose::Making)?,
    };
    let mut progress = Progress::new("records", records.len() as u64);
    for (index, batch) in records.chunks(BATCH).enumerate() {
        let done = index * BATCH;
        put_batch(&mut desk, batch).map_err(|failure| Failure {
            text: failure.text.map(|text| format!("{text}; the first {done} records of the input were imported")),
            ..failure
        })?;
        progress.show(done as u64);
    }
    desk.run(|db| db.close())?;
    drop(progress);
    writeln!(stdout(), "{} records imported, {} in {}", records.len(), desk.db.records(), file.display())?;
    Ok(())
}

/// The longest key in a database that is made here.
const DEFAULT_MAX_KEY: usize = 120;

fn put_batch(desk: &mut Desk, batch: &[Record]) -> Result<(), Failure> {
    desk.run(|db| db.begin())?;
    let put = batch.iter().try_for_each(|record| record.put(desk));
    let put = put.and_then(|()| desk.run(|db| db.commit_writes(batch.len() as u32, true)));
    if put.is_err() {
        desk.db.rollback();
    }
    put
}
