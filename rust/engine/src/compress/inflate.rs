//! Reading raw DEFLATE.

use super::alphabet::{
    fixed_bits, Slot, CODE_LENGTHS, DISTANCES, DISTANCE_SLOTS, END_OF_BLOCK, FIRST_LENGTH, FIXED_DISTANCE_BITS,
    LITERALS, MAX_BITS, ORDER,
};
use crate::bytes::{u16_at, write_u16};
use crate::error::{Error, Result};

/// Bytes that [`inflate()`] works in. What is in them before a call does not matter.
pub const SCRATCH_BYTES: usize = LENGTHS + 2 * LITERALS + 2 * DISTANCES;

const LENGTHS: usize = LITERALS + DISTANCES;

/// Fills `plain` with what `packed` stands for. [`Error::Corrupt`] where that is no raw DEFLATE stream, gives
/// fewer or more bytes, or ends before `packed` does; what is in `plain` is then of no use.
#[inline(always)]
pub fn inflate(packed: &[u8], plain: &mut [u8], scratch: &mut [u8; SCRATCH_BYTES]) -> Result<()> {
    let mut codes = Codes::new(scratch);
    let mut bits = Bits { packed, at: 0, held: 0, count: 0, ended: false };
    let mut out = Plain { bytes: plain, len: 0 };
    loop {
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => stored_block(&mut bits, &mut out)?,
            kind => {
                let (literals, distances) = match kind {
                    1 => codes.set_fixed(),
                    2 => codes.read_dynamic(&mut bits)?,
                    _ => return Err(Error::Corrupt),
                };
                codes.make(literals, distances)?;
                codes.block(&mut bits, &mut out)?;
            }
        }
        if bits.ended {
            return Err(Error::Corrupt);
        }
        if last {
            let whole = bits.at == packed.len() && out.len == out.bytes.len();
            return if whole { Ok(()) } else { Err(Error::Corrupt) };
        }
    }
}

/// A block that is sent as it is: its length, the complement of that, and the bytes.
fn stored_block(bits: &mut Bits, out: &mut Plain) -> Result<()> {
    bits.align();
    let len = bits.take(16);
    if bits.take(16) != len ^ 0xffff {
        return Err(Error::Corrupt);
    }
    for _ in 0..len {
        out.push(bits.take(8) as u8)?;
    }
    Ok(())
}

/// The codes of a block.
struct Codes<'a> {
    /// How long each symbol's code is, while the codes are made.
    lengths: &'a mut [u8],
    literals: Code<'a>,
    distances: Code<'a>,
}

impl<'a> Codes<'a> {
    fn new(scratch: &'a mut [u8; SCRATCH_BYTES]) -> Self {
        let (lengths, symbols) = scratch.split_at_mut_checked(LENGTHS).unwrap_or_default();
        let (literals, distances) = symbols.split_at_mut_checked(2 * LITERALS).unwrap_or_default();
        Codes { lengths, literals: Code::new(literals), distances: Code::new(distances) }
    }

    /// Makes the codes for so many literals and so many distances, whose lengths stand one behind the other.
    fn make(&mut self, literals: usize, distances: usize) -> Result<()> {
        let (literals, rest) = self.lengths.split_at_checked(literals).ok_or(Error::Corrupt)?;
        self.literals.make(literals)?;
        self.distances.make(rest.get(..distances).ok_or(Error::Corrupt)?)
    }

    /// Sets the lengths that every decoder knows, and gives how many literals and distances there are.
    fn set_fixed(&mut self) -> (usize, usize) {
        for (symbol, bits) in self.lengths.iter_mut().enumerate() {
            *bits = if symbol < LITERALS { fixed_bits(symbol) } else { FIXED_DISTANCE_BITS };
        }
        (LITERALS, DISTANCES)
    }

    /// Reads the lengths at the beginning of a block, and gives how many literals and distances there are. The code for
    /// lengths stands, for a while, in the place of the one for distances.
    fn read_dynamic(&mut self, bits: &mut Bits) -> Result<(usize, usize)> {
        let literals = (bits.take(5) as usize).wrapping_add(FIRST_LENGTH);
        let distances = (bits.take(5) as usize).wrapping_add(1);
        let sent = (bits.take(4) as usize).wrapping_add(4);
        if literals > LITERALS.wrapping_sub(2) || distances > DISTANCE_SLOTS {
            return Err(Error::Corrupt);
        }
        let lengths = self.lengths.get_mut(..CODE_LENGTHS).ok_or(Error::Corrupt)?;
        lengths.fill(0);
        for symbol in ORDER.iter().take(sent) {
            *lengths.get_mut(usize::from(*symbol)).ok_or(Error::Corrupt)? = bits.take(3) as u8;
        }
        self.distances.make(lengths)?;

        let lengths = self.lengths.get_mut(..literals.wrapping_add(distances)).ok_or(Error::Corrupt)?;
        let mut places = lengths.iter_mut();
        let mut left = places.len();
        let mut last = None;
        while left > 0 {
            let (length, times) = match self.distances.symbol(bits) {
                16 => (last.ok_or(Error::Corrupt)?, bits.take(2).wrapping_add(3)),
                17 => (0, bits.take(3).wrapping_add(3)),
                18 => (0, bits.take(7).wrapping_add(11)),
                length => (length as u8, 1),
            };
            for _ in 0..times {
                *places.next().ok_or(Error::Corrupt)? = length;
            }
            last = Some(length);
            left = places.len();
        }
        Ok((literals, distances))
    }

    /// Decodes literals and matches to the end of the block.
    fn block(&self, bits: &mut Bits, out: &mut Plain) -> Result<()> {
        loop {
            let symbol = self.literals.symbol(bits);
            if symbol < END_OF_BLOCK {
                out.push(symbol as u8)?;
                continue;
            }
            let Some(slot) = symbol.checked_sub(FIRST_LENGTH) else {
                return Ok(());
            };
            let length = bits.number(Slot::length(slot))?;
            let slot = self.distances.symbol(bits);
            let distance = bits.number(Slot::distance(slot))?;
            out.repeat(length, distance)?;
        }
    }
}

/// A Huffman code as it is read: how many codes there are of each length, and the symbols in the order of
/// their codes. Codes of one length are successive numbers.
struct Code<'a> {
    counts: [u16; MAX_BITS + 1],
    /// Two bytes each.
    symbols: &'a mut [u8],
}

impl<'a> Code<'a> {
    fn new(symbols: &'a mut [u8]) -> Self {
        Code { counts: [0; MAX_BITS + 1], symbols }
    }

    /// The next symbol; where no code is like that one of no alphabet, nor a length of a code.
    #[inline(never)]
    fn symbol(&self, bits: &mut Bits) -> usize {
        let (mut code, mut first, mut before) = (0u32, 0u32, 0u32);
        for count in self.counts.get(1..).unwrap_or(&[]) {
            code |= bits.take(1);
            let count = u32::from(*count);
            let nth = code.wrapping_sub(first);
            if nth < count {
                return usize::from(u16_at(self.symbols, 2 * before.wrapping_add(nth) as usize));
            }
            before = before.wrapping_add(count);
            first = first.wrapping_add(count).wrapping_shl(1);
            code = code.wrapping_shl(1);
        }
        usize::MAX
    }

    /// Makes the code from the length of each symbol's code, 0 where it has none. Refused are lengths that no code
    /// can have, and codes with gaps, but those of no symbol or of one, with one bit.
    #[inline(never)]
    fn make(&mut self, lengths: &[u8]) -> Result<()> {
        self.counts.fill(0);
        for length in lengths {
            let count = self.counts.get_mut(usize::from(*length)).ok_or(Error::Corrupt)?;
            *count = count.wrapping_add(1);
        }
        let mut places = [0u16; MAX_BITS + 1];
        let (mut used, mut free) = (0u16, 1u32);
        for (place, count) in places.iter_mut().zip(&self.counts).skip(1) {
            *place = used;
            used = used.wrapping_add(*count);
            free = free.wrapping_shl(1).checked_sub(u32::from(*count)).ok_or(Error::Corrupt)?;
        }
        if free != 0 && used > self.counts.get(1).copied().unwrap_or(0) {
            return Err(Error::Corrupt);
        }
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length != 0) {
            let place = places.get_mut(usize::from(*length)).ok_or(Error::Corrupt)?;
            write_u16(self.symbols, 2 * usize::from(*place), symbol as u16);
            *place = place.wrapping_add(1);
        }
        Ok(())
    }
}

/// The stream, bit by bit, the low bits of a byte first. A byte is taken when its first bit is needed.
/// Behind the end there are zeros, of which nothing endless can be made, and `ended` says that they were taken.
struct Bits<'a> {
    packed: &'a [u8],
    at: usize,
    held: u32,
    count: u32,
    ended: bool,
}

impl Bits<'_> {
    /// The next bits, 16 at most.
    #[inline(never)]
    fn take(&mut self, bits: u32) -> u32 {
        while self.count < bits {
            let byte = self.packed.get(self.at).copied();
            self.ended |= byte.is_none();
            self.held |= u32::from(byte.unwrap_or(0)).wrapping_shl(self.count);
            self.at = self.at.wrapping_add(1);
            self.count = self.count.wrapping_add(8);
        }
        let taken = self.held & !u32::MAX.wrapping_shl(bits);
        self.held = self.held.wrapping_shr(bits);
        self.count = self.count.wrapping_sub(bits);
        taken
    }

    /// Leaves the rest of a byte out.
    fn align(&mut self) {
        (self.held, self.count) = (0, 0);
    }

    /// A length or a distance, whose slot was read.
    #[inline(always)]
    fn number(&mut self, slot: Option<Slot>) -> Result<usize> {
        let slot = slot.ok_or(Error::Corrupt)?;
        Ok(slot.value.wrapping_add(self.take(slot.bits) as usize))
    }
}

/// What has been written so far, the window of matches.
struct Plain<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Plain<'_> {
    fn push(&mut self, byte: u8) -> Result<()> {
        *self.bytes.get_mut(self.len).ok_or(Error::Corrupt)? = byte;
        self.len = self.len.wrapping_add(1);
        Ok(())
    }

    /// Writes again what stands `distance` bytes back; a match may go on in what it has written.
    fn repeat(&mut self, length: usize, distance: usize) -> Result<()> {
        let mut from = self.len.checked_sub(distance).ok_or(Error::Corrupt)?;
        for _ in 0..length {
            let byte = *self.bytes.get(from).ok_or(Error::Corrupt)?;
            self.push(byte)?;
            from = from.wrapping_add(1);
        }
        Ok(())
    }
}
