//! The C ABI of the engine: `mpy_glue/mtdb.h`, function by function, and nothing else.
//!
//! Every function takes what C gives, makes slices and references of it, and calls the engine. The caller
//! answers for the pointers, as the header says: each points to what its type says, or is null where
//! that is allowed.
#![no_std]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(panic = "unwind")]
extern crate std;

mod abi;
mod compress;
mod cursor;
mod database;
mod document;
mod files;
mod medium;
mod pointers;
mod query;
mod record;

/// Never reached: the engine has no path to it on any input. A firmware that still comes here stops.
#[cfg(all(panic = "abort", not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
