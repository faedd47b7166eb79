//! Finding the names in an encoded value, at any depth.

use super::read::Left;
use super::{Reader, MAX_DEPTH};
use crate::error::{Answer, Error, Result};

/// A walk through an encoded value that stops at each name. It holds no bytes, so that those behind it
/// may be changed on the way.
pub struct NameWalk {
    /// Where the name begins at which it stopped.
    pub name_at: usize,
    at: usize,
    /// Names to come before the value: tags.
    tags: u32,
    named: bool,
    inner: Left,
    around: [Left; MAX_DEPTH],
    depth: u8,
}

impl NameWalk {
    /// Walks the value at `at`, before which stand so many tags.
    pub fn new(at: usize, tags: u32) -> Self {
        NameWalk { tags, ..NameWalk::inside(at, 0) }
    }

    /// Walks a value that stands in so many containers.
    pub(super) fn inside(at: usize, depth: u8) -> Self {
        NameWalk { name_at: at, at, tags: 0, named: false, inner: Left::ONE, around: [Left::NONE; MAX_DEPTH], depth }
    }

    /// Where the name ends at which it stopped; when it is done, where the value does.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes to the next name; no when the value has been walked.
    pub fn next(&mut self, buf: &[u8]) -> Result<Answer> {
        let mut reader = Reader::new(buf, self.at);
        loop {
            self.at = reader.at;
            if self.inner.is_none() {
                let Some(above) = self.depth.checked_sub(1) else {
                    return Ok(Answer::No);
                };
                self.inner = self.around.get(usize::from(above)).copied().unwrap_or(Left::NONE);
                self.depth = above;
                continue;
            }
            let tag = self.tags > 0;
            if tag || self.inner.in_dict() && !self.named {
                self.named = !tag;
                self.tags = self.tags.saturating_sub(1);
                reader.name()?;
                (self.name_at, self.at) = (self.at, reader.at);
                return Ok(Answer::Yes);
            }
            self.named = false;
            self.inner = self.inner.less_one();
            let Some(inner) = Left::of(&reader.item()?)? else { continue };
            *self.around.get_mut(usize::from(self.depth)).ok_or(Error::TooDeep)? = self.inner;
            self.depth = self.depth.wrapping_add(1);
            self.inner = inner;
        }
    }
}
