//! Compressing and inflating values.

use crate::abi::{self, error_status};
use crate::pointers::{buffer, fits, slice};
use mtdb_engine::compress::deflate::Scratch;
use mtdb_engine::compress::value;
use mtdb_engine::document::Reader;
use mtdb_engine::{Error, Result};

const _: () = fits::<Scratch, abi::mtdb_compress_scratch_t>();

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_compress(
    plain: *const u8,
    len: usize,
    out: *mut u8,
    cap: usize,
    scratch: *mut abi::mtdb_compress_scratch_t,
) -> usize {
    let scratch = scratch.cast::<Scratch>();
    // SAFETY: the caller gives a scratch, which is numbers only, bytes and a buffer.
    unsafe {
        scratch.write_bytes(0, 1);
        value::compress(slice(plain, len), buffer(out, cap).unwrap_or(&mut []), &mut *scratch).unwrap_or(0)
    }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_inflate(buf: *mut u8, cap: usize, tag_count: u32, len: *mut usize) -> i32 {
    // SAFETY: the caller gives a buffer and a number.
    let (buf, len) = unsafe { (buffer(buf, cap).unwrap_or(&mut []), &mut *len) };
    match expand(buf, *len, tag_count) {
        Ok(plain) => {
            *len = plain;
            abi::MTDB_OK
        }
        Err(Error::NoRoom(room)) => {
            *len = room;
            abi::MTDB_NO_ROOM
        }
        Err(error) => error_status(error),
    }
}

fn expand(buf: &mut [u8], len: usize, tag_count: u32) -> Result<usize> {
    let mut tags = Reader::new(buf.get(..len).ok_or(Error::Corrupt)?, 0);
    for _ in 0..tag_count {
        tags.name()?;
    }
    let value_at = tags.at;
    value::expand(buf, len, value_at)
}
