//! Whether two encoded values are equal, at any depth, as Python means it.

use super::{Item, Name, Reader, MAX_DEPTH};
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

#[derive(Clone, Copy, Default)]
struct Frame {
    left: u32,
    /// In a dict: where the other one's pairs begin, and how many they are.
    pairs_at: usize,
    pairs: u32,
}

/// Whether the value at `a` equals the one at `b`: numbers by value, dicts in any order. The names of
/// the first may be numbers, those of the second are written out.
pub fn equal(a: Reader, b: Reader, names: &impl OperandNames) -> Result<bool> {
    let (mut a, mut b) = (a, b);
    let mut frames = [Frame::default(); MAX_DEPTH];
    let mut depth = 0usize;
    loop {
        let frame = match (a.item()?, b.item()?) {
            (Item::List(n), Item::List(m)) if n == m => Frame { left: n, ..Frame::default() },
            (Item::Dict(n), Item::Dict(m)) if n == m => Frame { left: n, pairs_at: b.at, pairs: n },
            (x, y) if scalars_equal(x, y) => Frame::default(),
            _ => return Ok(false),
        };
        if frame.left > 0 {
            *frames.get_mut(depth).ok_or(Error::TooDeep)? = frame;
            depth = depth.wrapping_add(1);
        }
        loop {
            let Some(frame) = depth.checked_sub(1).and_then(|top| frames.get_mut(top)) else {
                return Ok(true);
            };
            if frame.left > 0 {
                frame.left = frame.left.wrapping_sub(1);
                if frame.pairs > 0 {
                    let name = a.name()?;
                    match find(Reader::new(b.bytes(), frame.pairs_at), frame.pairs, name, names)? {
                        Some(at) => b.at = at,
                        None => return Ok(false),
                    }
                }
                break;
            }
            if frame.pairs > 0 {
                b.at = frame.pairs_at;
                for _ in 0..frame.pairs {
                    b.name()?;
                    b.skip()?;
                }
            }
            depth = depth.wrapping_sub(1);
        }
    }
}

fn find(mut pairs: Reader, count: u32, name: Name, names: &impl OperandNames) -> Result<Option<usize>> {
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

fn scalars_equal(a: Item, b: Item) -> bool {
    match (a, b) {
        (Item::None, Item::None) => true,
        (Item::Str(x), Item::Str(y)) | (Item::Bytes(x), Item::Bytes(y)) => x == y,
        _ => match (a.number(), b.number()) {
            (Some(x), Some(y)) => x.compare(y) == Some(core::cmp::Ordering::Equal),
            _ => false,
        },
    }
}
