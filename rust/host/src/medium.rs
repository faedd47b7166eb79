//! A folder of a desk's filesystem as the engine's medium, with the names that MicroPython's side gives its files.

use mtdb_engine::store::file::medium::{File, Medium};
use mtdb_engine::{Error, Result};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Segments that a database can have.
pub const SEGMENTS: u32 = 48;
/// There is no database, and none may be made.
pub const EROFS: i32 = 30;
const EIO: i32 = 5;
const EFBIG: i32 = 27;

/// The files of one database.
pub struct StdMedium {
    path: PathBuf,
    /// Where nothing may be written: what was, in memory, and `None` for files that were removed. Opening writes where
    /// what it has to do again takes more pages than it has.
    aside: Option<HashMap<u32, Option<Vec<u8>>>>,
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
    Error::io(error.raw_os_error().unwrap_or(EIO))
}

impl StdMedium {
    /// The files of the database at `path`. Where they are not `writable` they stay as they are.
    pub fn new(path: &Path, writable: bool) -> Self {
        let aside = if writable { None } else { Some(HashMap::new()) };
        StdMedium { path: path.into(), aside, segment: None, other: None, reader: None }
    }

    /// What of a file is in memory only.
    fn aside(&mut self, file: File) -> Option<&mut Option<Vec<u8>>> {
        self.aside.as_mut().and_then(|aside| aside.get_mut(&file.0))
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
            _ => Err(Error::io(EIO)),
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
        let there = |number: &u32| match self.aside.as_ref().and_then(|aside| aside.get(number)) {
            Some(content) => content.is_some(),
            None => path_of(&self.path, File(*number)).exists(),
        };
        Ok((0..SEGMENTS).filter(there).fold(0, |all, number| all | 1 << number))
    }

    fn size(&mut self, file: File) -> Result<Option<u32>> {
        if let Some(content) = self.aside(file) {
            return Ok(content.as_ref().map(|bytes| bytes.len() as u32));
        }
        match fs::metadata(path_of(&self.path, file)) {
            Ok(found) => u32::try_from(found.len()).map(Some).map_err(|_| Error::io(EFBIG)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn read(&mut self, file: File, at: u32, buf: &mut [u8]) -> Result<usize> {
        if let Some(content) = self.aside(file) {
            let bytes = content.as_ref().and_then(|bytes| bytes.get(at as usize..)).unwrap_or(&[]);
            let got = bytes.len().min(buf.len());
            buf[..got].copy_from_slice(&bytes[..got]);
            return Ok(got);
        }
        if self.reader.as_ref().is_none_or(|(open, _)| *open != file) {
            self.reader = Some((file, fs::File::open(path_of(&self.path, file)).map_err(failed)?));
        }
        let (_, handle) = self.reader.as_mut().ok_or(Error::io(EIO))?;
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
        if let Some(aside) = self.aside.as_mut() {
            // Without a root file there is no database to look into.
            return match file {
                File::ROOT => Err(Error::io(EROFS)),
                _ => {
                    aside.insert(file.0, Some(Vec::new()));
                    Ok(())
                }
            };
        }
        let handle = fs::File::create(path_of(&self.path, file)).map_err(failed)?;
        self.forget_reader(file);
        *self.slot(file) = Some((file, handle));
        Ok(())
    }

    fn reopen(&mut self, file: File) -> Result<()> {
        if let Some(aside) = self.aside.as_mut() {
            let bytes = fs::read(path_of(&self.path, file)).map_err(failed)?;
            aside.entry(file.0).or_insert(Some(bytes));
            return Ok(());
        }
        let handle = OpenOptions::new().append(true).open(path_of(&self.path, file)).map_err(failed)?;
        *self.slot(file) = Some((file, handle));
        Ok(())
    }

    fn append(&mut self, file: File, bytes: &[u8]) -> Result<()> {
        if let Some(Some(content)) = self.aside(file) {
            content.extend_from_slice(bytes);
            return Ok(());
        }
        self.appending(file)?.write_all(bytes).map_err(failed)
    }

    fn sync(&mut self, file: File) -> Result<()> {
        if self.aside(file).is_some() {
            return Ok(());
        }
        self.appending(file)?.sync_all().map_err(failed)?;
        self.sync_folder().map_err(failed)
    }

    fn close(&mut self, file: File) {
        self.slot(file).take_if(|(open, _)| *open == file);
    }

    fn remove(&mut self, file: File) -> Result<()> {
        self.forget_reader(file);
        if let Some(aside) = self.aside.as_mut() {
            aside.insert(file.0, None);
            return Ok(());
        }
        fs::remove_file(path_of(&self.path, file)).map_err(failed)
    }

    fn space(&mut self) -> Result<u64> {
        Ok(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_while_looking_stays_in_memory() {
        let folder = std::env::temp_dir().join(format!("mtdb-medium-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("my.db");
        for (file, bytes) in [(File(0), "zero"), (File(1), "one"), (File::SPARE, "spare")] {
            fs::write(path_of(&path, file), bytes).unwrap();
        }
        let mut medium = StdMedium::new(&path, false);
        let mut buf = [0; 16];
        medium.reopen(File(1)).unwrap();
        medium.append(File(1), b" more").unwrap();
        medium.create(File(2)).unwrap();
        medium.append(File(2), b"two").unwrap();
        medium.sync(File(2)).unwrap();
        medium.remove(File(0)).unwrap();
        medium.remove(File::SPARE).unwrap();
        assert_eq!(medium.list(), Ok(0b110));
        assert_eq!(
            (medium.size(File(1)), medium.size(File(0)), medium.size(File::SPARE)),
            (Ok(Some(8)), Ok(None), Ok(None))
        );
        assert_eq!(medium.read(File(1), 2, &mut buf), Ok(6));
        assert_eq!(&buf[..6], b"e more");
        assert_eq!(medium.create(File::ROOT), Err(Error::io(EROFS)));
        for (file, bytes) in [(File(0), "zero"), (File(1), "one"), (File::SPARE, "spare")] {
            assert_eq!(fs::read(path_of(&path, file)).unwrap(), bytes.as_bytes());
        }
        assert!(!path_of(&path, File(2)).exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
