//! What went wrong, in words that say what to do.

use crate::medium::{path_of, EROFS, SEGMENTS};
use mtdb_engine::store::file::medium::File;
use mtdb_engine::{Error, ErrorKind, ENOSPC};
use std::io;
use std::path::Path;

/// Why a command ended, and its exit code.
#[derive(Debug)]
pub struct Failure {
    /// What is said of it; nothing when whoever reads our output has had enough.
    pub text: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// Something failed or is damaged.
    pub fn new(text: impl Into<String>) -> Self {
        Failure { text: Some(text.into()), code: 1 }
    }

    /// The command cannot be understood.
    pub fn usage(text: impl Into<String>) -> Self {
        Failure { text: Some(text.into()), code: 2 }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure { text: None, code: 0 },
            _ => Failure::new(error.to_string()),
        }
    }
}

/// A failure of the engine's.
pub fn engine_error(error: Error, path: &Path) -> Failure {
    let file = path.display();
    Failure::new(match error.kind() {
        ErrorKind::Foreign if is_segment(path) => {
            format!("{file} is a part of a database: give the file without the number at its end")
        }
        ErrorKind::Foreign => format!("{file} is not a microtetherdb database; it was left as it is"),
        ErrorKind::Btree => format!(
            "{file} is a database of MicroPython's btree module, which mtdb does not read; it was left as it is"
        ),
        ErrorKind::Newer(version) => {
            format!("{file} has format version {version}, which is newer than this mtdb: take a newer mtdb")
        }
        ErrorKind::Corrupt if !(0..SEGMENTS).any(|number| path_of(path, File(number)).exists()) => format!(
            "{file} is damaged, or parts of it are missing: copy the files {file}.0000 and so on, too, if there are any"
        ),
        ErrorKind::Corrupt => format!(
            "{file} is damaged, or parts of it ({file}.0000 and so on) are missing: `mtdb verify` says how much can be \
             read, `mtdb export` saves what stands before the damage"
        ),
        ErrorKind::Io(EROFS) => format!("{file} holds no database yet: it was cut off while it was made"),
        ErrorKind::Io(ENOSPC) => {
            format!("no space left for {file}, or for another part of it: make room and try again")
        }
        ErrorKind::Io(number) => format!("{file}: {}", io::Error::from_raw_os_error(number)),
        ErrorKind::Full => format!("{file} has as many pages as a database can have"),
        error => format!("{file}: the engine refused that ({error:?})"),
    })
}

/// Whether the name ends with the number of a segment.
fn is_segment(path: &Path) -> bool {
    let number = path.extension().and_then(|end| end.to_str()).unwrap_or("");
    number.len() == 4 && number.parse::<u32>().is_ok_and(|number| number < SEGMENTS) || number == "spare"
}
