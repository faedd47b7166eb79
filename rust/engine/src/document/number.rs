//! Comparing ints of any size with floats, exactly, as Python does.

use core::cmp::Ordering;

/// A number as it stands in an encoded value.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Number<'a> {
    /// An int of 64 bits.
    Int(i64),
    /// An int of any size: its sign and its magnitude, high byte first.
    Big(bool, &'a [u8]),
    /// A float.
    Float(f64),
}

/// What a number is without its sign.
#[derive(Clone, Copy)]
enum Magnitude<'a> {
    /// `mantissa · 2^shift`.
    Scaled(u64, i32),
    /// Bytes, high one first.
    Bytes(&'a [u8]),
}

impl<'a> Number<'a> {
    /// How it compares with another; `None` only where a float is not a number.
    pub fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
            _ => {
                let ((a_sign, a), (b_sign, b)) = (self.parts()?, other.parts()?);
                Some(a_sign.cmp(&b_sign).then_with(|| match a_sign {
                    0 => Ordering::Equal,
                    1 => a.compare(b),
                    _ => b.compare(a),
                }))
            }
        }
    }

    /// Its sign, -1, 0 or 1, and the rest; `None` where it is not a number.
    #[inline(never)]
    fn parts(self) -> Option<(i32, Magnitude<'a>)> {
        let (negative, magnitude) = match self {
            Number::Int(int) => (int < 0, Magnitude::Scaled(int.unsigned_abs(), 0)),
            Number::Big(negative, bytes) => {
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                (negative, Magnitude::Bytes(bytes.get(zeros..).unwrap_or(&[])))
            }
            Number::Float(float) => {
                let bits = float.to_bits();
                let (mantissa, exponent) = (bits & (HIDDEN_BIT - 1), (bits >> 52) as i32 & INFINITE);
                let magnitude = match exponent {
                    INFINITE if mantissa != 0 => return None,
                    INFINITE => Magnitude::Scaled(HIDDEN_BIT, i32::MAX / 2),
                    0 => Magnitude::Scaled(mantissa, 1 - EXPONENT_BIAS),
                    _ => Magnitude::Scaled(mantissa | HIDDEN_BIT, exponent.wrapping_sub(EXPONENT_BIAS)),
                };
                (bits >> 63 != 0, magnitude)
            }
        };
        let sign = match magnitude {
            Magnitude::Scaled(0, _) | Magnitude::Bytes([]) => 0,
            _ if negative => -1,
            _ => 1,
        };
        Some((sign, magnitude))
    }
}

/// What a float's mantissa has above the 52 bits that are written.
const HIDDEN_BIT: u64 = 1 << 52;
/// The exponent of a float whose mantissa counts wholes.
const EXPONENT_BIAS: i32 = 1075;
/// The exponent of what is infinite, or not a number.
const INFINITE: i32 = 0x7ff;

impl Magnitude<'_> {
    /// Byte by byte from the top, those of a float behind the point too.
    fn compare(self, other: Magnitude) -> Ordering {
        let ((low, end), (other_low, other_end)) = (self.extent(), other.extent());
        let mut order = end.cmp(&other_end);
        let mut at = end;
        while order.is_eq() && at > low.min(other_low) {
            at = at.wrapping_sub(1);
            order = self.byte(at).cmp(&other.byte(at));
        }
        order
    }

    /// Where its lowest byte stands, counted from the point, and where its highest one ends.
    fn extent(self) -> (i32, i32) {
        match self {
            Magnitude::Scaled(mantissa, shift) => {
                let bits = 64i32.wrapping_sub(mantissa.leading_zeros() as i32);
                (shift >> 3, shift.wrapping_add(bits).wrapping_add(7) >> 3)
            }
            Magnitude::Bytes(bytes) => (0, bytes.len() as i32),
        }
    }

    /// The byte there, 0 outside.
    fn byte(self, at: i32) -> u8 {
        match self {
            Magnitude::Scaled(mantissa, shift) => {
                let down = at.wrapping_mul(8).wrapping_sub(shift);
                let shifted = if down < 0 {
                    mantissa.checked_shl(down.unsigned_abs())
                } else {
                    mantissa.checked_shr(down as u32)
                };
                shifted.unwrap_or(0) as u8
            }
            Magnitude::Bytes(bytes) => {
                bytes.get(bytes.len().wrapping_sub(1).wrapping_sub(at as usize)).copied().unwrap_or(0)
            }
        }
    }
}
