//! Comparing ints of any size with floats, exactly, as Python does.

use core::cmp::Ordering;

/// A number as it stands in an encoded value.
#[derive(Clone, Copy, Debug)]
pub enum Number<'a> {
    /// An int of 64 bits.
    Int(i64),
    /// An int of any size: its sign and its magnitude, high byte first.
    Big(bool, &'a [u8]),
    /// A float.
    Float(f64),
}

/// Two to the 63rd, the first float beyond every `i64`.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Number<'_> {
    /// Zero in one form only.
    fn normal(self) -> Self {
        match self {
            Number::Big(_, magnitude) if trimmed(magnitude).is_empty() => Number::Int(0),
            number => number,
        }
    }

    /// How it compares with another; `None` only where a float is not a number.
    pub fn compare(self, other: Number) -> Option<Ordering> {
        match (self.normal(), other.normal()) {
            (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
            (Number::Int(a), Number::Float(b)) => int_with_float(a, b),
            (Number::Float(a), Number::Int(b)) => int_with_float(b, a).map(Ordering::reverse),
            (Number::Big(negative, a), Number::Float(b)) => big_with_float(negative, a, b),
            (Number::Float(a), Number::Big(negative, b)) => big_with_float(negative, b, a).map(Ordering::reverse),
            (Number::Big(negative, a), Number::Int(b)) => Some(big_with_int(negative, a, b)),
            (Number::Int(a), Number::Big(negative, b)) => Some(big_with_int(negative, b, a).reverse()),
            (Number::Big(a_negative, a), Number::Big(b_negative, b)) => Some(match (a_negative, b_negative) {
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (negative, _) => signed(negative, magnitudes(a, b)),
            }),
        }
    }
}

fn signed(negative: bool, order: Ordering) -> Ordering {
    if negative {
        order.reverse()
    } else {
        order
    }
}

fn trimmed(magnitude: &[u8]) -> &[u8] {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    magnitude.get(zeros..).unwrap_or(&[])
}

fn magnitudes(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (trimmed(a), trimmed(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn int_with_float(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= TWO_63 {
        return Some(Ordering::Less);
    }
    if float < -TWO_63 {
        return Some(Ordering::Greater);
    }
    let whole = float as i64;
    let rest = float - whole as f64;
    Some(int.cmp(&whole).then_with(|| 0.0f64.partial_cmp(&rest).unwrap_or(Ordering::Equal)))
}

fn big_with_int(negative: bool, big: &[u8], int: i64) -> Ordering {
    if negative != (int < 0) {
        return signed(negative, Ordering::Greater);
    }
    signed(negative, magnitudes(big, &int.unsigned_abs().to_be_bytes()))
}

fn big_with_float(negative: bool, big: &[u8], float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.abs() < TWO_63 {
        let whole = float as i64;
        let order = big_with_int(negative, big, whole);
        let rest = float - whole as f64;
        return Some(order.then_with(|| 0.0f64.partial_cmp(&rest).unwrap_or(Ordering::Equal)));
    }
    if negative != (float < 0.0) {
        return Some(signed(negative, Ordering::Greater));
    }
    if float.is_infinite() {
        return Some(signed(negative, Ordering::Less));
    }
    // Beyond 2^63 a float is mantissa · 2^shift, both whole.
    let bits = float.abs().to_bits();
    let shift = ((bits >> 52) as u32).wrapping_sub(1075);
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    Some(signed(negative, big_with_shifted(trimmed(big), mantissa, shift)))
}

/// Compares a magnitude with `mantissa · 2^shift`, byte by byte from the top.
fn big_with_shifted(big: &[u8], mantissa: u64, shift: u32) -> Ordering {
    let bits = shift.wrapping_add(53);
    let len = bits.div_ceil(8) as usize;
    let byte = |from_low: usize| {
        let low = (from_low as u32).wrapping_mul(8);
        match low.checked_sub(shift) {
            Some(down) => mantissa.checked_shr(down).unwrap_or(0) as u8,
            None => mantissa.checked_shl(shift.wrapping_sub(low)).unwrap_or(0) as u8,
        }
    };
    let order = big.len().cmp(&len);
    big.iter()
        .enumerate()
        .fold(order, |order, (n, digit)| order.then_with(|| digit.cmp(&byte(len.wrapping_sub(n).wrapping_sub(1)))))
}
