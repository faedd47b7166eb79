//! Compressing values.

use crate::abi;
use crate::pointers::{buffer, fits, slice};
use mtdb_engine::compress::deflate::Scratch;
use mtdb_engine::compress::value;

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
