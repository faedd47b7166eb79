//! All or nothing.

use super::Database;
use crate::error::Result;
use crate::store::PageStore;

impl<S: PageStore> Database<S> {
    /// Begins a transaction; inside another one, a savepoint.
    pub fn begin(&mut self) -> Result<()> {
        if self.store.depth() == 0 {
            self.grew = false;
        }
        self.store.begin(&self.meta)
    }

    /// Ends the innermost transaction and keeps what it has done.
    pub fn commit(&mut self) {
        self.store.commit();
    }

    /// Ends the innermost transaction and undoes what it has done.
    pub fn rollback(&mut self) {
        if self.store.depth() > 0 {
            self.store.rollback(&mut self.meta);
            self.restored();
        }
    }

    /// Open transactions.
    pub fn depth(&self) -> u32 {
        self.store.depth()
    }

    /// Runs what takes records away: it goes on when the memory limit is reached, as a transaction around it
    /// may need memory to bring them back.
    pub(super) fn removing<T>(&mut self, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.store.set_removing(true);
        let result = change(self);
        self.store.set_removing(before);
        result
    }

    /// Runs a change of several entries, as a whole where that is not certain without.
    #[inline(never)]
    pub(super) fn change(&mut self, atomic: bool, change: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if !atomic {
            return change(self);
        }
        self.begin()?;
        let result = change(self).and_then(|()| self.store.settle());
        match result {
            Ok(()) => self.store.commit(),
            Err(_) => self.rollback(),
        }
        result
    }

    /// After the whole state became another one.
    pub(super) fn restored(&mut self) {
        self.changed();
        self.forget_names();
    }
}
