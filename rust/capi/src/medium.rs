//! The caller's medium: the functions that a database in files is called back with.

use crate::abi;
use core::ptr::null_mut;
use cty::c_void;
use mtdb_engine::store::file::medium::{File, Medium};
use mtdb_engine::{Error, Result};

/// The caller's functions. The caller answers for them: they are there as long as the database is open, do
/// not raise, and do not call the engine.
pub struct CMedium(pub abi::mtdb_medium_t);

impl CMedium {
    /// One that can do nothing.
    pub const NONE: CMedium = CMedium(abi::mtdb_medium_t {
        context: null_mut(),
        list: None,
        size: None,
        read: None,
        create: None,
        reopen: None,
        append: None,
        sync: None,
        close: None,
        remove: None,
        space: None,
        copied_block: None,
    });
}

fn check(number: i32) -> Result<()> {
    match number {
        0 => Ok(()),
        number => Err(Error::io(number)),
    }
}

/// Calls one of the functions; a database without it is one on a medium that cannot do that.
macro_rules! call {
    ($medium:expr, $function:ident $(, $argument:expr)*) => {
        match $medium.0.$function {
            // SAFETY: the caller's promise about its functions; the pointers are to what is ours during the call.
            Some(function) => check(unsafe { function($medium.0.context $(, $argument)*) }),
            None => Err(Error::io(NOT_SUPPORTED)),
        }
    };
}

/// EINVAL.
const NOT_SUPPORTED: i32 = 22;
/// ENOENT.
const ABSENT: i32 = 2;

impl Medium for CMedium {
    #[inline(always)]
    fn list(&mut self) -> Result<u64> {
        let mut segments = 0u64;
        call!(self, list, &mut segments)?;
        Ok(segments)
    }

    #[inline(always)]
    fn size(&mut self, file: File) -> Result<Option<u32>> {
        let mut bytes = 0u32;
        match call!(self, size, file.0, &mut bytes) {
            Err(error) if error == Error::io(ABSENT) => Ok(None),
            result => result.map(|()| Some(bytes)),
        }
    }

    fn read(&mut self, file: File, at: u32, buf: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        call!(self, read, file.0, at, buf.as_mut_ptr(), buf.len(), &mut got)?;
        Ok(got.min(buf.len()))
    }

    fn create(&mut self, file: File) -> Result<()> {
        call!(self, create, file.0)
    }

    fn reopen(&mut self, file: File) -> Result<()> {
        call!(self, reopen, file.0)
    }

    fn append(&mut self, file: File, bytes: &[u8]) -> Result<()> {
        call!(self, append, file.0, bytes.as_ptr(), bytes.len())
    }

    fn sync(&mut self, file: File) -> Result<()> {
        call!(self, sync, file.0)
    }

    fn close(&mut self, file: File) {
        let close = self.0.close;
        if let Some(close) = close {
            // SAFETY: as in `call`.
            unsafe { close(self.0.context.cast::<c_void>(), file.0) };
        }
    }

    fn remove(&mut self, file: File) -> Result<()> {
        call!(self, remove, file.0)
    }

    #[inline(always)]
    fn space(&mut self) -> Result<u64> {
        let mut bytes = u64::MAX;
        call!(self, space, &mut bytes)?;
        Ok(bytes)
    }

    fn copied_block(&self) -> u32 {
        // SAFETY: as in `call`.
        self.0.copied_block.map_or(0, |function| unsafe { function(self.0.context) })
    }
}
