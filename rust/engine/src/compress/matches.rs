//! Cutting a value into literals and matches: what stands further back is found by the hash of three bytes.

use super::alphabet::{MAX_DISTANCE, MAX_MATCH, MIN_MATCH};

const HASH_BITS: u32 = 9;
/// Places where a chain begins.
pub const HEADS: usize = 1 << HASH_BITS;
/// How many places back a chain can be followed beyond its head; a power of two.
pub const RING: usize = 1024;
/// How many places of a chain are tried.
const TRIES: usize = 16;
/// A match as long as this is taken without a look at the next place.
const GOOD: usize = 32;
/// The shortest match costs more than its literals when it reaches further back.
const FAR: usize = 4096;

/// A piece of the value.
#[repr(u32)]
pub enum Token {
    /// A byte as it is.
    Literal(u8),
    /// What stands further back.
    Match(Match),
}

/// So many bytes that stand so far back.
#[derive(Clone, Copy)]
pub struct Match {
    pub length: usize,
    pub distance: usize,
}

/// The tokens of a value, one by one; the same ones in each run.
pub struct Tokens<'a> {
    plain: &'a [u8],
    at: usize,
    /// One more than the last place where the hash stood, 0 for none.
    heads: &'a mut [u16],
    /// The same for the place before, of the last [`RING`] places.
    ring: &'a mut [u16],
    /// Places up to here have been entered.
    entered: usize,
    /// The match here, when the last place has looked for it.
    looked: Option<Match>,
}

impl<'a> Tokens<'a> {
    /// Those of at most 65,535 bytes. `table` has `HEADS + RING` places.
    pub fn new(plain: &'a [u8], table: &'a mut [u16]) -> Self {
        let (heads, ring) = table.split_at_mut_checked(HEADS).unwrap_or_default();
        heads.fill(0);
        Tokens { plain, at: 0, heads, ring, entered: 0, looked: None }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    /// The next token. A match waits where the next place has a longer one.
    #[inline(always)]
    fn next(&mut self) -> Option<Token> {
        let literal = Token::Literal(*self.plain.get(self.at)?);
        let found = match self.looked.take() {
            Some(found) => found,
            None => self.find(self.at),
        };
        let mut token = literal;
        let mut length = 1;
        if found.length >= MIN_MATCH {
            let ahead = if found.length < GOOD { self.find(self.at.wrapping_add(1)) } else { found };
            if ahead.length > found.length {
                self.looked = Some(ahead);
            } else {
                token = Token::Match(found);
                length = found.length;
            }
        }
        self.at = self.at.wrapping_add(length);
        Some(token)
    }
}

impl Tokens<'_> {
    /// The longest match at a place, the nearest of those.
    #[inline(never)]
    fn find(&mut self, at: usize) -> Match {
        let mut best = Match { length: MIN_MATCH - 1, distance: 0 };
        while self.entered < at {
            self.enter();
        }
        let mut place = match self.hash(at) {
            Some(hash) => self.heads.get(hash).copied().unwrap_or(0),
            None => 0,
        };
        for _ in 0..TRIES {
            let Some(back) = usize::from(place).checked_sub(1) else { break };
            let distance = at.wrapping_sub(back);
            if distance > MAX_DISTANCE {
                break;
            }
            let length = self.common(at, back);
            if length > best.length && (length > MIN_MATCH || distance <= FAR) {
                best = Match { length, distance };
            }
            if distance > RING {
                break;
            }
            place = self.ring.get(back % RING).copied().unwrap_or(0);
        }
        best
    }

    /// Enters the next place in its chain.
    fn enter(&mut self) {
        let at = self.entered;
        self.entered = at.wrapping_add(1);
        let Some(head) = self.hash(at).and_then(|hash| self.heads.get_mut(hash)) else { return };
        if let Some(before) = self.ring.get_mut(at % RING) {
            *before = *head;
            *head = self.entered as u16;
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let [a, b, c] = *self.plain.get(at..)?.first_chunk()?;
        let hash = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1);
        Some((hash >> (32 - HASH_BITS)) as usize)
    }

    #[inline(never)]
    fn common(&self, at: usize, back: usize) -> usize {
        let (here, there) = (self.plain.get(at..).unwrap_or(&[]), self.plain.get(back..).unwrap_or(&[]));
        here.iter().zip(there).take(MAX_MATCH).take_while(|(a, b)| a == b).count()
    }
}
