//! Writing raw DEFLATE: one block.
//!
//! The value is cut into tokens twice. The first time only counts them, which says what codes to use and how long
//! the result will be; the second time writes. So tokens need no memory, and what does not get shorter is
//! found out before a byte is written.

use super::alphabet::{
    fixed_bits, Slot, CODE_LENGTHS, DISTANCES, END_OF_BLOCK, FIRST_LENGTH, FIXED_DISTANCE_BITS, LITERALS, MAX_BITS,
    ORDER,
};
use super::huffman::{places, set_bits, set_codes, total_bits, Symbol};
use super::matches::{Token, Tokens, HEADS, RING};

/// The longest value.
pub const MAX_PLAIN: usize = 65_535;

/// The longest code for the length of a code.
const MAX_LENGTH_BITS: u8 = 7;

/// Memory that [`deflate()`] works in.
pub struct Scratch {
    /// Chains of places while tokens are cut, trees while codes are made.
    table: [u16; HEADS + RING],
    codes: Codes,
}

const _: () = assert!(places(LITERALS) <= HEADS + RING);

/// The codes of a block.
struct Codes {
    literals: [Symbol; LITERALS],
    distances: [Symbol; DISTANCES],
    lengths: [Symbol; CODE_LENGTHS],
}

impl Scratch {
    /// One of zeros. What is in it before a call does not matter.
    pub const fn new() -> Self {
        Scratch { table: [0; HEADS + RING], codes: Codes::NONE }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}

/// Writes `plain` to `packed` as raw DEFLATE and gives the length of that; `None`, and nothing written, where it
/// does not fit or `plain` is longer than [`MAX_PLAIN`].
pub fn deflate(plain: &[u8], packed: &mut [u8], scratch: &mut Scratch) -> Option<usize> {
    if plain.len() > MAX_PLAIN {
        return None;
    }
    let Scratch { table, codes } = scratch;
    *codes = Codes::NONE;
    let mut out = Output { packed: None, len: 0, held: 0, count: 0, extra: 0 };
    codes.send_block(plain, table, &mut out);
    let sent = codes.choose(table);
    let bits = 3usize.wrapping_add(sent.bits).wrapping_add(codes.block_bits()).wrapping_add(out.extra);
    if bits.div_ceil(8) > packed.len() {
        return None;
    }
    out.packed = Some(packed);
    out.put(if sent.literals == 0 { 0b011 } else { 0b101 }, 3);
    codes.send_lengths(&sent, &mut out);
    codes.send_block(plain, table, &mut out);
    out.put(0, 7);
    Some(out.len)
}

/// What is sent of dynamic codes; nothing of fixed ones.
#[derive(Default)]
struct Sent {
    /// How many literals and lengths, and how many distances.
    literals: usize,
    distances: usize,
    /// How many lengths of codes for lengths.
    lengths: usize,
    /// Bits that all this takes.
    bits: usize,
}

impl Codes {
    const NONE: Codes = Codes {
        literals: [Symbol::NONE; LITERALS],
        distances: [Symbol::NONE; DISTANCES],
        lengths: [Symbol::NONE; CODE_LENGTHS],
    };

    /// Sets the codes that make the block shorter.
    fn choose(&mut self, table: &mut [u16]) -> Sent {
        self.set_fixed_bits();
        let fixed = self.block_bits();
        let mut sent = self.set_dynamic_bits(table);
        if sent.bits.wrapping_add(self.block_bits()) >= fixed {
            self.set_fixed_bits();
            sent = Sent::default();
        }
        set_codes(&mut self.literals);
        set_codes(&mut self.distances);
        sent
    }

    fn set_fixed_bits(&mut self) {
        for (n, symbol) in self.literals.iter_mut().enumerate() {
            symbol.bits = fixed_bits(n);
        }
        for symbol in &mut self.distances {
            symbol.bits = FIXED_DISTANCE_BITS;
        }
    }

    fn set_dynamic_bits(&mut self, table: &mut [u16]) -> Sent {
        set_bits(&mut self.literals, MAX_BITS as u8, table);
        set_bits(&mut self.distances, MAX_BITS as u8, table);
        let mut sent = Sent {
            literals: used(&self.literals),
            distances: used(&self.distances).max(1),
            lengths: CODE_LENGTHS,
            bits: 0,
        };
        let mut counted = Output { packed: None, len: 0, held: 0, count: 0, extra: 0 };
        self.send_runs(&sent, &mut counted);
        set_bits(&mut self.lengths, MAX_LENGTH_BITS, table);
        set_codes(&mut self.lengths);
        let unused = |symbol: &&u8| self.lengths.get(usize::from(**symbol)).is_none_or(|symbol| symbol.bits == 0);
        sent.lengths = sent.lengths.wrapping_sub(ORDER.iter().rev().take_while(unused).count());
        sent.bits = counted
            .extra
            .wrapping_add(14)
            .wrapping_add(sent.lengths.wrapping_mul(3))
            .wrapping_add(total_bits(&self.lengths));
        sent
    }

    /// Bits that the tokens take, but for their extra bits.
    fn block_bits(&self) -> usize {
        total_bits(&self.literals).wrapping_add(total_bits(&self.distances))
    }

    fn send_lengths(&mut self, sent: &Sent, out: &mut Output) {
        if sent.literals == 0 {
            return;
        }
        out.put(sent.literals.wrapping_sub(FIRST_LENGTH), 5);
        out.put(sent.distances.wrapping_sub(1), 5);
        out.put(sent.lengths.wrapping_sub(4), 4);
        for symbol in ORDER.iter().take(sent.lengths) {
            out.put(self.lengths.get(usize::from(*symbol)).map_or(0, |symbol| usize::from(symbol.bits)), 3);
        }
        self.send_runs(sent, out);
    }

    #[inline(never)]
    fn send_runs(&mut self, sent: &Sent, out: &mut Output) {
        for run in Runs::new(&self.literals, &self.distances, sent) {
            out.send(&mut self.lengths, usize::from(run.symbol), run.more, run.bits);
        }
    }

    #[inline(never)]
    fn send_block(&mut self, plain: &[u8], table: &mut [u16; HEADS + RING], out: &mut Output) {
        for token in Tokens::new(plain, table) {
            match token {
                Token::Literal(byte) => out.send(&mut self.literals, usize::from(byte), 0, 0),
                Token::Match(found) => {
                    let (length, distance) = (Slot::of_length(found.length), Slot::of_distance(found.distance));
                    let symbol = length.slot.wrapping_add(FIRST_LENGTH);
                    out.send(&mut self.literals, symbol, length.value, length.bits);
                    out.send(&mut self.distances, distance.slot, distance.value, distance.bits);
                }
            }
        }
        out.send(&mut self.literals, END_OF_BLOCK, 0, 0);
    }
}

/// One more than the last symbol that comes.
fn used(symbols: &[Symbol]) -> usize {
    symbols.iter().rposition(|symbol| symbol.count != 0).map_or(0, |last| last.wrapping_add(1))
}

/// The lengths of the codes for literals and distances as they are sent: in runs.
struct Runs<'a> {
    literals: &'a [Symbol],
    distances: &'a [Symbol],
    last: Option<u8>,
}

/// A length, or how often more one comes.
struct Run {
    symbol: u8,
    more: usize,
    bits: u32,
}

impl<'a> Runs<'a> {
    fn new(literals: &'a [Symbol], distances: &'a [Symbol], sent: &Sent) -> Self {
        let literals = literals.get(..sent.literals).unwrap_or(&[]);
        Runs { literals, distances: distances.get(..sent.distances).unwrap_or(&[]), last: None }
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    #[inline(always)]
    fn next(&mut self) -> Option<Run> {
        if self.literals.is_empty() {
            self.literals = core::mem::take(&mut self.distances);
        }
        let bits = self.literals.first()?.bits;
        let times = self.literals.iter().take_while(|symbol| symbol.bits == bits).count();
        let (run, times) = match times {
            11.. if bits == 0 => (Run { symbol: 18, more: times.min(138).wrapping_sub(11), bits: 7 }, times.min(138)),
            3.. if bits == 0 => (Run { symbol: 17, more: times.wrapping_sub(3), bits: 3 }, times),
            3.. if self.last == Some(bits) => {
                (Run { symbol: 16, more: times.min(6).wrapping_sub(3), bits: 2 }, times.min(6))
            }
            _ => (Run { symbol: bits, more: 0, bits: 0 }, 1),
        };
        self.last = Some(bits);
        self.literals = self.literals.get(times..).unwrap_or(&[]);
        Some(run)
    }
}

/// Where symbols are sent: first they are only counted, then written to the stream, the low bits of a byte first.
struct Output<'a> {
    /// `None` while symbols are counted.
    packed: Option<&'a mut [u8]>,
    len: usize,
    held: u32,
    count: u32,
    /// Bits beside those of codes, of what was counted.
    extra: usize,
}

impl Output<'_> {
    #[inline(never)]
    fn put(&mut self, value: usize, bits: u32) {
        self.held |= (value as u32).wrapping_shl(self.count);
        self.count = self.count.wrapping_add(bits);
        while self.count >= 8 {
            if let Some(byte) = self.packed.as_mut().and_then(|packed| packed.get_mut(self.len)) {
                *byte = self.held as u8;
            }
            self.len = self.len.wrapping_add(1);
            self.held >>= 8;
            self.count = self.count.wrapping_sub(8);
        }
    }

    /// Sends a symbol and the extra bits behind it.
    #[inline(never)]
    fn send(&mut self, symbols: &mut [Symbol], symbol: usize, value: usize, bits: u32) {
        let Some(symbol) = symbols.get_mut(symbol) else { return };
        if self.packed.is_none() {
            symbol.count = symbol.count.saturating_add(1);
            self.extra = self.extra.wrapping_add(bits as usize);
            return;
        }
        self.put(usize::from(symbol.code), u32::from(symbol.bits));
        self.put(value, bits);
    }
}
