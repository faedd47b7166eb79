//! Finding the names in an encoded value, at any depth.

use super::{Item, Reader, MAX_DEPTH};
use crate::error::{Error, Result};

#[derive(Clone, Copy, Default)]
struct Frame {
    left: u32,
    dict: bool,
}

/// A walk through an encoded value that stops at each name. It holds no bytes, so that those behind it
/// may be changed on the way.
pub struct NameWalk {
    at: usize,
    named: bool,
    inner: Frame,
    around: [Frame; MAX_DEPTH],
    depth: usize,
}

impl NameWalk {
    /// Walks the value at `at`.
    pub fn new(at: usize) -> Self {
        let value = Frame { left: 1, dict: false };
        NameWalk { at, named: false, inner: value, around: [Frame::default(); MAX_DEPTH], depth: 0 }
    }

    /// Where the walk is; when it is done, behind the value.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Where the next name begins and ends; `None` when the value has been walked.
    pub fn next(&mut self, buf: &[u8]) -> Result<Option<(usize, usize)>> {
        let mut reader = Reader::new(buf, self.at);
        loop {
            self.at = reader.at;
            if self.inner.left == 0 {
                let Some(above) = self.depth.checked_sub(1) else {
                    return Ok(None);
                };
                self.inner = self.around.get(above).copied().unwrap_or_default();
                self.depth = above;
                continue;
            }
            if self.inner.dict && !self.named {
                self.named = true;
                reader.name()?;
                let start = self.at;
                self.at = reader.at;
                return Ok(Some((start, reader.at)));
            }
            self.named = false;
            self.inner.left = self.inner.left.wrapping_sub(1);
            let inner = match reader.item()? {
                Item::List(left) => Frame { left, dict: false },
                Item::Dict(left) => Frame { left, dict: true },
                _ => continue,
            };
            *self.around.get_mut(self.depth).ok_or(Error::TooDeep)? = self.inner;
            self.depth = self.depth.wrapping_add(1);
            self.inner = inner;
        }
    }
}
