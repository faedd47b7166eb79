//! What a database in files asks of its medium: a handful of files that are only ever appended to.

use crate::error::Result;

/// A file of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File(pub u32);

impl File {
    /// The one that bears the user's name.
    pub const ROOT: File = File(64);
    /// What is given up when the medium is full.
    pub const SPARE: File = File(65);
    /// Where a backup goes.
    pub const BACKUP: File = File(66);
}

/// The medium. A failure is [`Io`](crate::ErrorKind::Io) with the medium's error number; the call has then
/// done nothing that the engine relies on. At most two files are open for appending at a time, a segment and
/// one of the others.
pub trait Medium {
    /// Which segments there are: bit `n` for segment `n`.
    fn list(&mut self) -> Result<u64>;

    /// Bytes of a file, `None` where there is none. What was appended and not synced may be missing.
    fn size(&mut self, file: File) -> Result<Option<u32>>;

    /// Reads as much of `buf` as there is, and gives how much that was. What was appended and not synced is
    /// never asked for.
    fn read(&mut self, file: File, at: u32, buf: &mut [u8]) -> Result<usize>;

    /// Makes a file anew, empty, for appending.
    fn create(&mut self, file: File) -> Result<()>;

    /// Opens a file that is there for appending at its end.
    fn reopen(&mut self, file: File) -> Result<()>;

    /// Appends.
    fn append(&mut self, file: File, bytes: &[u8]) -> Result<()>;

    /// Makes everything appended durable, the file's existence too. Never repeated after a failure.
    fn sync(&mut self, file: File) -> Result<()>;

    /// Ends the appending; what was not synced does not count.
    fn close(&mut self, file: File);

    /// Removes a file.
    fn remove(&mut self, file: File) -> Result<()>;

    /// Free bytes, `u64::MAX` where nobody knows.
    fn space(&mut self) -> Result<u64>;

    /// Bytes of the blocks that files consist of, where a sync ends one: what is appended later goes to another block,
    /// with a copy of what that one held. 0 where it is not so. As littlefs does it, block `n` of a file begins with
    /// as many pointers of 4 bytes as twice divides `n`, and one more; block 0 has none.
    fn copied_block(&self) -> u32 {
        0
    }
}
