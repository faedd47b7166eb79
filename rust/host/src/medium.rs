//! A folder of a desk's filesystem as the engine's medium, with the names that MicroPython's side gives its files.

use mtdb_engine::store::file::medium::{File, Medium};
use mtdb_engine::{Error, Result};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Segments that a database can have.
pub const SEGMENTS: u32 = 48;
/// The medium may not be written to.
pub const EROFS: i32 = 30;
const EIO: i32 = 5;
const EFBIG: i32 = 27;

/// The files of one database.
pub struct StdMedium {
    path: PathBuf,
    writable: bool,
    /// Open for appending: a segment, and another file.
    segment: Option<(File, fs::File)>,
    other: Option<(File, fs::File)>,
    /// The file last read.
    reader: Option<(File, fs::File)>,
}

/// The file of the database at `path`.
pub fn path_of(path: &Path, file: File) -> PathBuf {
    let mut name = OsString::from(path);
    match file {
        File::ROOT => {}
        File::SPARE => name.push(".spare"),
        File(number) => name.push(format!(".{number:04}")),
    }
    PathBuf::from(name)
}

fn failed(error: io::Error) -> Error {
    Error::Io(error.raw_os_error().unwrap_or(EIO))
}

impl StdMedium {
    /// The files of the database at `path`. Where they are not `writable` every change is refused.
    pub fn new(path: &Path, writable: bool) -> Self {
        StdMedium { path: path.into(), writable, segment: None, other: None, reader: None }
    }

    fn change(&self, file: File) -> Result<PathBuf> {
        if self.writable {
            Ok(path_of(&self.path, file))
        } else {
            Err(Error::Io(EROFS))
        }
    }

    fn slot(&mut self, file: File) -> &mut Option<(File, fs::File)> {
        if file.0 < SEGMENTS {
            &mut self.segment
        } else {
            &mut self.other
        }
    }

    fn appending(&mut self, file: File) -> Result<&mut fs::File> {
        match self.slot(file) {
            Some((open, handle)) if *open == file => Ok(handle),
            _ => Err(Error::Io(EIO)),
        }
    }

    fn forget_reader(&mut self, file: File) {
        self.reader.take_if(|(open, _)| *open == file);
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Medium for StdMedium {
    fn list(&mut self) -> Result<u64> {
        let there = |number: &u32| path_of(&self.path, File(*number)).exists();
        Ok((0..SEGMENTS).filter(there).fold(0, |all, number| all | 1 << number))
    }

    fn size(&mut self, file: File) -> Result<Option<u32>> {
        match fs::metadata(path_of(&self.path, file)) {
            Ok(found) => u32::try_from(found.len()).map(Some).map_err(|_| Error::Io(EFBIG)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn read(&mut self, file: File, at: u32, buf: &mut [u8]) -> Result<usize> {
        if self.reader.as_ref().is_none_or(|(open, _)| *open != file) {
            self.reader = Some((file, fs::File::open(path_of(&self.path, file)).map_err(failed)?));
        }
        let (_, handle) = self.reader.as_mut().ok_or(Error::Io(EIO))?;
        handle.seek(SeekFrom::Start(u64::from(at))).map_err(failed)?;
        let mut got = 0;
        while got < buf.len() {
            match handle.read(&mut buf[got..]).map_err(failed)? {
                0 => break,
                more => got += more,
            }
        }
        Ok(got)
    }

    fn create(&mut self, file: File) -> Result<()> {
        let handle = fs::File::create(self.change(file)?).map_err(failed)?;
        self.forget_reader(file);
        *self.slot(file) = Some((file, handle));
        Ok(())
    }

    fn reopen(&mut self, file: File) -> Result<()> {
        let handle = OpenOptions::new().append(true).open(self.change(file)?).map_err(failed)?;
        *self.slot(file) = Some((file, handle));
        Ok(())
    }

    fn append(&mut self, file: File, bytes: &[u8]) -> Result<()> {
        self.appending(file)?.write_all(bytes).map_err(failed)
    }

    fn sync(&mut self, file: File) -> Result<()> {
        self.appending(file)?.sync_all().map_err(failed)?;
        self.sync_folder().map_err(failed)
    }

    fn close(&mut self, file: File) {
        self.slot(file).take_if(|(open, _)| *open == file);
    }

    fn remove(&mut self, file: File) -> Result<()> {
        self.forget_reader(file);
        fs::remove_file(self.change(file)?).map_err(failed)
    }

    fn space(&mut self) -> Result<u64> {
        Ok(u64::MAX)
    }
}
