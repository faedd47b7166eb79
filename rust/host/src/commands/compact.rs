//! `mtdb compact`.

use crate::desk::{Desk, Purpose};
use crate::failure::Failure;
use crate::medium::{path_of, SEGMENTS};
use crate::progress::Progress;
use mtdb_engine::store::file::medium::File;
use std::io::{stdout, Write};
use std::path::Path;

/// Pages in one step.
const STEP: u32 = 64;

/// Gives back the space that nothing uses.
pub fn compact(file: &Path) -> Result<(), Failure> {
    let mut desk = Desk::open(file, Purpose::Changing)?;
    if !(0..SEGMENTS).any(|number| path_of(file, File(number)).exists()) {
        writeln!(stdout(), "{} is a backup, which holds nothing that could be given back", file.display())?;
        return Ok(());
    }
    let before = desk.db.file_counts().bytes;
    let (mut progress, mut steps) = (Progress::new("steps", 0), 0);
    while !desk.run(|db| db.compact(STEP))? {
        steps += 1;
        progress.show(steps);
    }
    desk.run(|db| db.close())?;
    drop(progress);
    writeln!(stdout(), "{}: {} bytes, before {before}", file.display(), desk.db.file_counts().bytes)?;
    Ok(())
}
