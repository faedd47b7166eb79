//! Whether two encoded values are equal, at any depth, as Python means it.

use super::{Item, Name, Reader, MAX_DEPTH};
use crate::error::Answer::{self, No, Yes};
use crate::error::{Error, Result};

/// What tells the number of a name that stands written out in the second value.
pub trait OperandNames {
    /// The number of the name at that place of the second value; 0 if it has none.
    fn number(&self, at: usize) -> u16;
}

/// Nothing has a number.
pub struct NoNames;

impl OperandNames for NoNames {
    fn number(&self, _: usize) -> u16 {
        0
    }
}

#[derive(Clone, Copy)]
struct Frame {
    left: u32,
    /// In a dict: where the other one begins; else [`LIST`].
    other_at: u32,
}

const LIST: u32 = u32::MAX;

/// Whether the value at `a` equals the one at `b`: numbers by value, dicts in any order. The names of
/// the first may be numbers, those of the second are written out.
pub fn equal(a: Reader, b: Reader, names: &impl OperandNames) -> Result<Answer> {
    let (mut a, mut b) = (a, b);
    let mut frames = [Frame { left: 0, other_at: LIST }; MAX_DEPTH];
    let mut depth = 0usize;
    loop {
        let begins = b.at as u32;
        let (x, y) = (a.item()?, b.item()?);
        if !same(&x, &y) {
            return Ok(No);
        }
        let frame = match y {
            Item::List(left) => Frame { left, other_at: LIST },
            Item::Dict(left) => Frame { left, other_at: begins },
            _ => Frame { left: 0, other_at: LIST },
        };
        if frame.left > 0 {
            *frames.get_mut(depth).ok_or(Error::TooDeep)? = frame;
            depth = depth.wrapping_add(1);
        }
        loop {
            let Some(frame) = depth.checked_sub(1).and_then(|top| frames.get_mut(top)) else {
                return Ok(Yes);
            };
            if frame.left > 0 {
                frame.left = frame.left.wrapping_sub(1);
                if frame.other_at != LIST {
                    let name = a.name()?;
                    match find(Reader::new(b.bytes(), frame.other_at as usize), name, names)? {
                        Some(at) => b.at = at,
                        None => return Ok(No),
                    }
                }
                break;
            }
            if frame.other_at != LIST {
                b.at = frame.other_at as usize;
                b.skip()?;
            }
            depth = depth.wrapping_sub(1);
        }
    }
}

/// Where the value of that name stands in a dict of the second value.
fn find(mut pairs: Reader, name: Name, names: &impl OperandNames) -> Result<Option<usize>> {
    let Item::Dict(count) = pairs.item()? else { return Err(Error::Corrupt) };
    for _ in 0..count {
        let at = pairs.at;
        let same = match (name, pairs.name()?) {
            (Name::Number(number), Name::Text(_)) => number == names.number(at),
            (x, y) => x == y,
        };
        if same {
            return Ok(Some(pairs.at));
        }
        pairs.skip()?;
    }
    Ok(None)
}

/// Whether they are the same scalar, or containers of as many.
fn same(a: &Item, b: &Item) -> bool {
    match (a, b) {
        (Item::None, Item::None) => true,
        (Item::List(n), Item::List(m)) | (Item::Dict(n), Item::Dict(m)) => n == m,
        (Item::Str(x), Item::Str(y)) | (Item::Bytes(x), Item::Bytes(y)) => x == y,
        _ => match (a.number(), b.number()) {
            (Some(x), Some(y)) => x.compare(y) == Some(core::cmp::Ordering::Equal),
            _ => false,
        },
    }
}
