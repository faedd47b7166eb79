//! The alphabets of DEFLATE: what its symbols stand for.
//!
//! Lengths of matches and their distances are floats of a kind: a slot is an exponent and a mantissa of
//! 2 bits (lengths) or 1 (distances), and extra bits give the rest. So no table of them is needed.

/// Symbols for literals, the end of a block, and lengths; the last two are never used.
pub const LITERALS: usize = 288;
/// Symbols for distances; the last two are never used.
pub const DISTANCES: usize = 32;
/// Symbols for the lengths of codes.
pub const CODE_LENGTHS: usize = 19;

/// The symbol that ends a block.
pub const END_OF_BLOCK: usize = 256;
/// The symbol of the first slot of lengths.
pub const FIRST_LENGTH: usize = 257;
/// How many slots of lengths there are.
pub const LENGTH_SLOTS: usize = 29;
/// How many slots of distances there are.
pub const DISTANCE_SLOTS: usize = 30;

/// The shortest match.
pub const MIN_MATCH: usize = 3;
/// The longest match: it has a slot of its own, the last.
pub const MAX_MATCH: usize = 258;
/// The farthest that a match can reach back.
pub const MAX_DISTANCE: usize = 32_768;

/// The longest code for a literal, a length or a distance.
pub const MAX_BITS: usize = 15;

/// In which order the lengths of the codes for code lengths are sent.
pub const ORDER: [u8; CODE_LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const LENGTH_MANTISSA: usize = 2;
const DISTANCE_MANTISSA: usize = 1;

/// A length or a distance: its slot, and how many extra bits of which value follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Counted from 0.
    pub slot: usize,
    /// How many extra bits.
    pub bits: u32,
    /// The value of the extra bits when encoding; when decoding the value without them.
    pub value: usize,
}

impl Slot {
    /// The slot of a match's length, 3 to 258.
    pub fn of_length(length: usize) -> Slot {
        if length >= MAX_MATCH {
            return Slot { slot: LENGTH_SLOTS.wrapping_sub(1), bits: 0, value: 0 };
        }
        Slot::of(length.wrapping_sub(MIN_MATCH), LENGTH_MANTISSA)
    }

    /// The slot of a match's distance, from 1 on.
    pub fn of_distance(distance: usize) -> Slot {
        Slot::of(distance.wrapping_sub(1), DISTANCE_MANTISSA)
    }

    /// What a slot of lengths stands for; `None` where it is none.
    pub fn length(slot: usize) -> Option<Slot> {
        const LAST: usize = LENGTH_SLOTS - 1;
        match slot {
            0..LAST => Some(Slot::at(slot, LENGTH_MANTISSA, MIN_MATCH)),
            LAST => Some(Slot { slot, bits: 0, value: MAX_MATCH }),
            _ => None,
        }
    }

    /// What a slot of distances stands for; `None` where it is none.
    pub fn distance(slot: usize) -> Option<Slot> {
        (slot < DISTANCE_SLOTS).then(|| Slot::at(slot, DISTANCE_MANTISSA, 1))
    }

    #[inline(always)]
    fn of(value: usize, mantissa: usize) -> Slot {
        let mut bits = 0;
        while value >> bits >= 2 << mantissa {
            bits += 1;
        }
        let slot = ((bits as usize) << mantissa).wrapping_add(value >> bits);
        Slot { slot, bits, value: value & !(usize::MAX << bits) }
    }

    #[inline(always)]
    fn at(slot: usize, mantissa: usize, least: usize) -> Slot {
        let (exponent, low) = (slot >> mantissa, slot & !(usize::MAX << mantissa));
        let bits = exponent.saturating_sub(1) as u32;
        let high = if exponent == 0 { 0 } else { 1 << mantissa };
        Slot { slot, bits, value: ((high | low) << bits).wrapping_add(least) }
    }
}

/// How long a literal's or a length's code is in a block with fixed codes.
pub fn fixed_bits(symbol: usize) -> u8 {
    match symbol {
        0..=143 => 8,
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    }
}

/// How long a distance's code is in a block with fixed codes.
pub const FIXED_DISTANCE_BITS: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_lengths_are_those_of_the_standard() {
        let first = |slot| Slot::length(slot).map(|slot| (slot.value, slot.bits));
        let known =
            [(0, 3, 0), (7, 10, 0), (8, 11, 1), (11, 17, 1), (12, 19, 2), (20, 67, 4), (27, 227, 5), (28, 258, 0)];
        for (slot, length, bits) in known {
            assert_eq!(first(slot), Some((length, bits)));
        }
        assert_eq!([Slot::length(29), Slot::length(usize::MAX)], [None; 2]);
    }

    #[test]
    fn slots_of_distances_are_those_of_the_standard() {
        let first = |slot| Slot::distance(slot).map(|slot| (slot.value, slot.bits));
        for (slot, distance, bits) in [(0, 1, 0), (3, 4, 0), (4, 5, 1), (5, 7, 1), (9, 25, 3), (29, 24_577, 13)] {
            assert_eq!(first(slot), Some((distance, bits)));
        }
        assert_eq!(Slot::distance(30), None);
    }

    #[test]
    #[cfg_attr(miri, ignore)] // all distances
    fn a_slot_and_its_extra_bits_give_the_number_back() {
        for length in MIN_MATCH..=MAX_MATCH {
            let sent = Slot::of_length(length);
            let got = Slot::length(sent.slot).unwrap();
            assert_eq!((got.value + sent.value, got.bits), (length, sent.bits));
            assert!(sent.value < 1 << sent.bits);
        }
        for distance in 1..=MAX_DISTANCE {
            let sent = Slot::of_distance(distance);
            let got = Slot::distance(sent.slot).unwrap();
            assert_eq!((got.value + sent.value, got.bits), (distance, sent.bits));
        }
    }
}
