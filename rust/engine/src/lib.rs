//! The engine of microtetherdb: a document database for memory and flash of microcontrollers.
//!
//! Layers, each knowing only the one below: [`database`] (records, TTL, tags, transactions) works on
//! a [`tree`] of pages, the tree on a [`store`] of them. [`document`] is the encoding of values,
//! [`query`] looks into them where they stand. The engine allocates nothing, knows no clock and calls
//! nobody: memory, time and buffers come with the calls.
#![no_std]
// Nothing may panic on any input.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(test)]
extern crate std;

pub mod bytes;
pub mod compress;
pub mod database;
pub mod document;
mod error;
pub mod query;
pub mod store;
pub mod tree;

pub use error::{Answer, Error, ErrorKind, Result, ENOSPC};
