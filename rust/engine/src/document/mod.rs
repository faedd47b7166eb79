//! The encoding of values: compact, tagged, walked in place.
//!
//! | first byte | value | what follows |
//! |---|---|---|
//! | `00`–`7F` | int from -16 to 111: the byte less 16 | |
//! | `80`–`BF` | str of 0 to 63 bytes | the bytes |
//! | `C0`–`CF` | list of 0 to 15 items | the items |
//! | `D0`–`DF` | dict of 0 to 15 pairs | the pairs, each a name and a value |
//! | `E0`, `E1`, `E2` | None, False, True | |
//! | `E3`–`E6` | int | 1, 2, 4, 8 bytes, two's complement |
//! | `E7`, `E8` | float | IEEE 754, 4 or 8 bytes: 4 where nothing is lost |
//! | `E9`, `EA` | int beyond 64 bits, positive, negative | varint length, magnitude, high byte first |
//! | `EB` | str | varint length, bytes |
//! | `EC`, `ED` | list, dict | varint count, items or pairs |
//! | `EF` | bytes | varint length, bytes |
//!
//! A name is a varint: its number in the database's table of names, or 0 and then a varint length and
//! the bytes. All other numbers have their low byte first. A record's body is its tags (each a name) and
//! then one value.

mod encode;
mod equal;
mod names;
mod number;
mod read;

pub use encode::{json_str_len, Encoder};
pub use equal::{equal, NoNames, OperandNames};
pub use names::NameWalk;
pub use number::Number;
pub use read::{Item, Name, Reader};

/// How deep containers may be nested.
pub const MAX_DEPTH: usize = 32;

/// The longest name that can have a number, and the longest tag, in bytes.
pub const MAX_NUMBERED_NAME: usize = 64;

const SMALL_INT_BIAS: i64 = 16;
const SMALL_INT_MAX: i64 = 111;
const STR: u8 = 0x80;
const STR_MAX: u8 = 63;
const LIST: u8 = 0xc0;
const DICT: u8 = 0xd0;
const COUNT_MAX: u8 = 15;
const NONE: u8 = 0xe0;
const FALSE: u8 = 0xe1;
const TRUE: u8 = 0xe2;
const INT8: u8 = 0xe3;
const INT16: u8 = 0xe4;
const INT32: u8 = 0xe5;
const INT64: u8 = 0xe6;
const FLOAT32: u8 = 0xe7;
const FLOAT64: u8 = 0xe8;
const BIG_POSITIVE: u8 = 0xe9;
const BIG_NEGATIVE: u8 = 0xea;
const LONG_STR: u8 = 0xeb;
const LONG_LIST: u8 = 0xec;
const LONG_DICT: u8 = 0xed;
const BYTES: u8 = 0xef;

#[cfg(test)]
mod tests;
