//! `mtdb export`.

use crate::desk::{Desk, Purpose};
use crate::failure::Failure;
use crate::lines::line;
use crate::progress::Progress;
use mtdb_engine::database::ScanCursor;
use std::io::{stdout, BufWriter, Write};
use std::path::Path;

/// Writes every record to stdout. At the first damage it ends; what stands before is written.
pub fn export(file: &Path) -> Result<(), Failure> {
    let mut desk = Desk::open(file, Purpose::Reading)?;
    let mut progress = Progress::new("records", u64::from(desk.db.records()));
    let mut out = BufWriter::new(stdout().lock());
    let (mut cursor, mut body, mut count) = (ScanCursor::new(), Vec::new(), 0);
    while let Some(found) = desk.next(&mut cursor, &mut body)? {
        out.write_all(line(&mut desk, cursor.key(), &found, &body)?.as_bytes())?;
        count += 1;
        progress.show(count);
    }
    Ok(out.flush()?)
}
