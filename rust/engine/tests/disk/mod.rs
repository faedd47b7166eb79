//! A medium that loses power: what was not synced is lost, kept, torn, or kept out of order when it does; that
//! fails when told to; and that is full at some point.
#![allow(dead_code)]

use super::host::Random;
use mtdb_engine::store::file::medium::{File, Medium};
use mtdb_engine::{Error, Result, ENOSPC};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub const EIO: i32 = 5;

/// What a program sees in a file, and how much of it would survive.
#[derive(Clone, Default, Debug)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
    /// The file itself would survive.
    there: bool,
    /// It is being appended to.
    open: bool,
}

#[derive(Clone, Default)]
struct State {
    files: BTreeMap<u32, Content>,
    /// Files that were removed or overwritten: the names may come back.
    gone: Vec<(u32, Content)>,
    calls: u64,
    /// The power goes in this changing call, which is counted from 1.
    changes: u64,
    cut_at: u64,
    off: bool,
    /// This call fails, with that error number; and so many more behind it.
    fail_at: u64,
    fail_with: i32,
    fail_more: u64,
    capacity: usize,
    copied_block: u32,
    torn: u64,
    /// What was done, counted.
    appended: u64,
    syncs: u64,
}

/// Is given, for each change of a medium, what the medium is like when the power goes in the middle of it.
type Watcher = Rc<dyn Fn(Disk)>;

/// A handle on the medium; clones are handles on the same.
#[derive(Clone, Default)]
pub struct Disk(Rc<RefCell<State>>, Option<Watcher>);

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Lost,
    Kept,
    Torn,
    Reordered,
}

impl Disk {
    pub fn new() -> Self {
        let disk = Disk::default();
        disk.0.borrow_mut().capacity = usize::MAX;
        disk
    }

    /// A medium of its own with the same content and nothing armed.
    pub fn copy(&self) -> Disk {
        let State { files, gone, capacity, copied_block, .. } = self.0.borrow().clone();
        Disk(Rc::new(RefCell::new(State { files, gone, capacity, copied_block, ..State::default() })), None)
    }

    /// Has somebody see every cut.
    pub fn watch(&mut self, watcher: Watcher) {
        self.1 = Some(watcher);
    }

    fn show_cut(&self, change: impl FnOnce(&mut Disk) -> Result<()>) {
        if let Some(watcher) = &self.1 {
            let mut cut = self.copy();
            let changes = self.changes();
            cut.cut_at(1, changes.wrapping_mul(0x9e37_79b9) >> 7 & 0x1ff);
            let _ = change(&mut cut);
            watcher(cut);
        }
    }

    pub fn cut_at(&self, change: u64, torn: u64) {
        let mut state = self.0.borrow_mut();
        (state.cut_at, state.changes, state.torn) = (change, 0, torn);
    }

    /// Whether the power is gone.
    pub fn is_off(&self) -> bool {
        self.0.borrow().off
    }

    pub fn changes(&self) -> u64 {
        self.0.borrow().changes
    }

    pub fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    pub fn appended(&self) -> u64 {
        self.0.borrow().appended
    }

    pub fn syncs(&self) -> u64 {
        self.0.borrow().syncs
    }

    /// The `call`th call from now on fails, and `more` behind it.
    pub fn fail_at(&self, call: u64, with: i32, more: u64) {
        let mut state = self.0.borrow_mut();
        (state.calls, state.fail_at, state.fail_with, state.fail_more) = (0, call, with, more);
    }

    /// Has it be one that copies blocks of so many bytes.
    pub fn set_copied_block(&self, bytes: u32) {
        self.0.borrow_mut().copied_block = bytes;
    }

    pub fn set_capacity(&self, bytes: usize) {
        self.0.borrow_mut().capacity = bytes;
    }

    pub fn used(&self) -> usize {
        self.0.borrow().files.values().map(|content| content.bytes.len()).sum()
    }

    /// The power comes back: what is on the medium then.
    pub fn revive(&self, fate: Fate, random: &mut Random) {
        let mut state = self.0.borrow_mut();
        let State { files, gone, .. } = &mut *state;
        let mut after = BTreeMap::new();
        for (name, content) in core::mem::take(files) {
            let survives = content.there || fate == Fate::Kept || (fate != Fate::Lost && random.below(2) == 0);
            if survives {
                after.insert(name, survivor(content, fate, random));
            }
        }
        for (name, content) in core::mem::take(gone) {
            // What a removal took away comes back where the medium had not heard of it.
            if content.there && fate != Fate::Kept && random.below(2) == 0 {
                after.entry(name).or_insert(Content { bytes: content.bytes[..content.synced].to_vec(), ..content });
            }
        }
        *state = State { files: after, capacity: state.capacity, ..State::default() };
    }

    /// Changes a bit of a file.
    pub fn flip(&self, random: &mut Random) {
        let mut state = self.0.borrow_mut();
        let names: Vec<u32> =
            state.files.iter().filter(|(_, file)| !file.bytes.is_empty()).map(|(name, _)| *name).collect();
        let name = names[random.below(names.len() as u64) as usize];
        let file = state.files.get_mut(&name).expect("it is there");
        let at = random.below(file.bytes.len() as u64) as usize;
        file.bytes[at] ^= 1 << random.below(8);
    }

    pub fn bytes_of(&self, file: File) -> Option<Vec<u8>> {
        self.0.borrow().files.get(&file.0).map(|content| content.bytes.clone())
    }

    pub fn put_file(&self, file: File, bytes: &[u8]) {
        let content = Content { bytes: bytes.to_vec(), synced: bytes.len(), there: true, open: false };
        self.0.borrow_mut().files.insert(file.0, content);
    }

    pub fn remove_file(&self, file: File) {
        self.0.borrow_mut().files.remove(&file.0);
    }

    pub fn all(&self) -> Vec<(u32, Vec<u8>)> {
        self.0.borrow().files.iter().map(|(name, content)| (*name, content.bytes.clone())).collect()
    }

    /// Counts a call; fails if it is to fail.
    fn call(&self, changes: bool) -> Result<bool> {
        let mut state = self.0.borrow_mut();
        if state.off {
            return Err(Error::io(EIO));
        }
        state.calls += 1;
        if state.fail_at != 0 && state.calls >= state.fail_at && state.calls <= state.fail_at + state.fail_more {
            return Err(Error::io(state.fail_with));
        }
        if changes {
            state.changes += 1;
            state.off = state.cut_at == state.changes;
        }
        Ok(state.off)
    }
}

fn survivor(content: Content, fate: Fate, random: &mut Random) -> Content {
    let Content { mut bytes, synced, .. } = content;
    let tail = bytes.len() - synced;
    match fate {
        Fate::Lost => bytes.truncate(synced),
        Fate::Kept => {}
        Fate::Torn => bytes.truncate(synced + random.below(tail as u64 + 1) as usize),
        Fate::Reordered => {
            bytes.truncate(synced + random.below(tail as u64 + 1) as usize);
            let piece = 1 << (5 + random.below(6));
            for piece in bytes[synced..].chunks_mut(piece) {
                if random.below(2) == 0 {
                    let with = if random.below(2) == 0 { 0 } else { 0xff };
                    piece.fill(with);
                }
            }
        }
    }
    Content { synced: bytes.len(), bytes, there: true, open: false }
}

impl Medium for Disk {
    fn copied_block(&self) -> u32 {
        self.0.borrow().copied_block
    }

    fn list(&mut self) -> Result<u64> {
        self.call(false)?;
        Ok(self.0.borrow().files.keys().filter(|name| **name < 64).fold(0, |all, name| all | 1 << name))
    }

    fn size(&mut self, file: File) -> Result<Option<u32>> {
        self.call(false)?;
        Ok(self.0.borrow().files.get(&file.0).map(|content| content.bytes.len() as u32))
    }

    fn read(&mut self, file: File, at: u32, buf: &mut [u8]) -> Result<usize> {
        self.call(false)?;
        let state = self.0.borrow();
        let content = state.files.get(&file.0).ok_or(Error::io(2))?;
        let at = (at as usize).min(content.bytes.len());
        let len = buf.len().min(content.bytes.len() - at);
        assert!(len == 0 || at + len <= content.synced || !content.open, "what is not synced is never read");
        buf[..len].copy_from_slice(&content.bytes[at..at + len]);
        Ok(len)
    }

    fn create(&mut self, file: File) -> Result<()> {
        self.show_cut(|cut| cut.create(file));
        let off = self.call(true)?;
        let mut state = self.0.borrow_mut();
        if !off || state.torn % 2 == 0 {
            if let Some(old) = state.files.insert(file.0, Content { open: true, ..Content::default() }) {
                state.gone.push((file.0, old));
            }
        }
        if off {
            Err(Error::io(EIO))
        } else {
            Ok(())
        }
    }

    fn reopen(&mut self, file: File) -> Result<()> {
        self.call(false)?;
        self.0.borrow_mut().files.get_mut(&file.0).map(|content| content.open = true).ok_or(Error::io(2))
    }

    fn append(&mut self, file: File, bytes: &[u8]) -> Result<()> {
        self.show_cut(|cut| cut.append(file, bytes));
        let off = match self.call(true) {
            Err(error) => {
                // A part of it may have gone through.
                let mut state = self.0.borrow_mut();
                let len = (state.calls as usize * 7) % (bytes.len() + 1);
                if let Some(content) = state.files.get_mut(&file.0) {
                    content.bytes.extend_from_slice(&bytes[..len]);
                }
                return Err(error);
            }
            Ok(off) => off,
        };
        let (used, mut state) = (self.used(), self.0.borrow_mut());
        let room = state.capacity.saturating_sub(used);
        let torn = state.torn as usize;
        let content = state.files.get_mut(&file.0).ok_or(Error::io(2))?;
        let len = if off { torn.min(bytes.len()) } else { bytes.len().min(room) };
        content.bytes.extend_from_slice(&bytes[..len]);
        state.appended += len as u64;
        match (off, len < bytes.len()) {
            (true, _) => Err(Error::io(EIO)),
            (false, true) => Err(Error::io(ENOSPC)),
            (false, false) => Ok(()),
        }
    }

    fn sync(&mut self, file: File) -> Result<()> {
        self.show_cut(|cut| cut.sync(file));
        let off = self.call(true)?;
        let mut state = self.0.borrow_mut();
        let done = !off || state.torn % 2 == 0;
        state.syncs += 1;
        if done {
            let content = state.files.get_mut(&file.0).ok_or(Error::io(2))?;
            (content.synced, content.there) = (content.bytes.len(), true);
            // What of that name was there before is gone for good.
            state.gone.retain(|(name, _)| *name != file.0);
        }
        if off {
            Err(Error::io(EIO))
        } else {
            Ok(())
        }
    }

    fn close(&mut self, file: File) {
        if let Some(content) = self.0.borrow_mut().files.get_mut(&file.0) {
            content.open = false;
        }
    }

    fn remove(&mut self, file: File) -> Result<()> {
        self.show_cut(|cut| cut.remove(file));
        let off = self.call(true)?;
        let mut state = self.0.borrow_mut();
        if !off || state.torn % 2 == 0 {
            match state.files.remove(&file.0) {
                Some(old) => state.gone.push((file.0, old)),
                None if off => {}
                None => return Err(Error::io(2)),
            }
        }
        if off {
            Err(Error::io(EIO))
        } else {
            Ok(())
        }
    }

    fn space(&mut self) -> Result<u64> {
        self.call(false)?;
        let (used, capacity) = (self.used(), self.0.borrow().capacity);
        Ok(if capacity == usize::MAX { u64::MAX } else { capacity.saturating_sub(used) as u64 })
    }
}
