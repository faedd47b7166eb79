//! Raw DEFLATE (RFC 1951), within slices and scratch memory that the caller gives.
//!
//! [`deflate()`] makes one block of a whole value, with fixed or dynamic codes, whichever is shorter. [`inflate()`]
//! reads any stream whose plain length is known: what it has written is its window. Both work in a
//! scratch of a few KB whose content before does not matter, and neither recurses. [`value`] is how a
//! compressed value stands in a record.

mod alphabet;
pub mod deflate;
mod huffman;
pub mod inflate;
mod matches;
pub mod value;

pub use deflate::deflate;
pub use inflate::inflate;
