//! An open database: the engine, the memory it was given, and how its failures are told.

use crate::failure::{engine_error, Failure};
use crate::medium::StdMedium;
use mtdb_engine::database::{Database, FlushRule, Found, Next, ScanCursor, READ_BYTES};
use mtdb_engine::query::Query;
use mtdb_engine::store::file::{FileStore, Options};
use mtdb_engine::store::raw::Block;
use mtdb_engine::Error;
use std::alloc::{alloc, dealloc, handle_alloc_error, Layout};
use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// At most so many pages are held in memory.
const CACHE_PAGES: usize = 8192;
/// Bytes of a page of a database that is made here, as MicroPython's side makes them.
const PAGE_SIZE: usize = 512;
/// In this time nothing has expired: what is shown does not depend on when it is looked at.
pub const BEFORE_ALL: u64 = 0;
/// Records looked at in one step of a query.
const STEP: u32 = 1000;

/// What a database is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Looking; the files stay as they are.
    Reading,
    /// Changing what is there.
    Changing,
    /// Changing; where there is none it is made.
    Making,
}

/// An open database.
pub struct Desk {
    /// The engine's database.
    pub db: Database<FileStore<StdMedium>>,
    path: PathBuf,
    blocks: HashMap<usize, Layout>,
}

impl Desk {
    /// Opens the database at `path`.
    pub fn open(path: &Path, purpose: Purpose) -> Result<Desk, Failure> {
        if purpose != Purpose::Making && !path.exists() {
            return Err(Failure::new(format!("there is no file {}", path.display())));
        }
        if path.exists() && !fs::metadata(path).is_ok_and(|found| found.is_file()) {
            return Err(Failure::new(format!("{} is no file: give the file of the database", path.display())));
        }
        let medium = StdMedium::new(path, purpose != Purpose::Reading);
        let mut store = FileStore::new(medium);
        store.set_options(Options { page_size: PAGE_SIZE, cache_pages: CACHE_PAGES });
        let db = Database::new(store, FlushRule::Every(u32::MAX));
        let mut desk = Desk { db, path: path.into(), blocks: HashMap::new() };
        let seed = RandomState::new().hash_one(path);
        // Without the time of day the database's clock stands where it stood: nobody is told that time has passed.
        desk.run(|db| db.open(0, seed))?;
        Ok(desk)
    }

    /// The file that bears the database's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a call of the engine, and gives it memory as long as it asks for some.
    pub fn run<T>(
        &mut self,
        mut call: impl FnMut(&mut Database<FileStore<StdMedium>>) -> mtdb_engine::Result<T>,
    ) -> Result<T, Failure> {
        loop {
            self.feed();
            match call(&mut self.db) {
                Err(error) if error == Error::NeedMemory && self.db.store_mut().wanted() > 0 => {}
                result => return result.map_err(|error| engine_error(error, &self.path)),
            }
        }
    }

    /// The next record, expired or not, its body in `body`.
    pub fn next(&mut self, cursor: &mut ScanCursor, body: &mut Vec<u8>) -> Result<Option<Found>, Failure> {
        body.resize(READ_BYTES, 0);
        let found = self.run(|db| db.next(cursor, BEFORE_ALL, Some(body)))?;
        body.truncate(found.map_or(0, |found| found.body_len));
        Ok(found)
    }

    /// The next record that matches, expired or not, its body in `body`.
    pub fn next_match(
        &mut self,
        query: &Query,
        cursor: &mut ScanCursor,
        body: &mut Vec<u8>,
    ) -> Result<Option<Found>, Failure> {
        body.resize(READ_BYTES, 0);
        loop {
            match self.run(|db| db.next_match(query, cursor, BEFORE_ALL, STEP, body))? {
                Next::Found(found) => {
                    body.truncate(found.body_len);
                    return Ok(Some(found));
                }
                Next::End => return Ok(None),
                Next::More => {}
            }
        }
    }

    /// Gives the engine what it wants.
    #[allow(clippy::cast_ptr_alignment)]
    fn feed(&mut self) {
        loop {
            let wanted = self.db.store_mut().wanted();
            let Ok(layout) = Layout::from_size_align(wanted, 16) else { return };
            if wanted == 0 {
                return;
            }
            // SAFETY: the layout is not empty.
            let bytes = unsafe { alloc(layout) };
            // SAFETY: so many bytes, which nobody else has until the engine gives them back.
            let Some(block) = (unsafe { Block::new(bytes, wanted) }) else { handle_alloc_error(layout) };
            self.blocks.insert(bytes as usize, layout);
            if let Some(old) = self.db.store_mut().give(block) {
                self.take_back(old);
            }
        }
    }

    fn take_back(&mut self, block: Block) {
        let bytes = block.into_raw();
        if let Some(layout) = self.blocks.remove(&(bytes as usize)) {
            // SAFETY: it was allocated with this layout, and the engine no longer has it.
            unsafe { dealloc(bytes, layout) };
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        while let Some(block) = self.db.store_mut().reclaim() {
            self.take_back(block);
        }
    }
}
