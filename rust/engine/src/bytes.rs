//! Numbers in byte slices, read and written without a way to panic.
//!
//! Reading past the end gives zero (or `None` where a caller must tell): pages and documents may come
//! from a damaged medium, and what does not add up is found by the checks of their readers.
//!
//! What is read from everywhere is out of line where flash is short, on machines of 32 bits.

use crate::store::raw::copy;

/// The longest a varint of 32 bits gets.
pub const MAX_VARINT: usize = 5;

/// The little-endian `u16` at `at`.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub fn u16_at(buf: &[u8], at: usize) -> u16 {
    u16_here(buf, at)
}

/// The same, inlined where time counts for more than flash.
#[inline(always)]
pub fn u16_here(buf: &[u8], at: usize) -> u16 {
    match buf.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u16::from_le_bytes(*bytes),
        None => 0,
    }
}

/// The little-endian `u32` at `at`.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub fn u32_at(buf: &[u8], at: usize) -> u32 {
    match buf.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u32::from_le_bytes(*bytes),
        None => 0,
    }
}

/// Writes `bytes` at `at`; false, and nothing written, where they do not fit.
#[inline(always)]
pub fn write(buf: &mut [u8], at: usize, bytes: &[u8]) -> bool {
    match buf.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
        Some(room) => {
            copy(room, bytes);
            true
        }
        None => false,
    }
}

/// Writes a little-endian `u16` at `at`, where there is room.
#[inline]
pub fn write_u16(buf: &mut [u8], at: usize, value: u16) {
    write(buf, at, &value.to_le_bytes());
}

/// Writes a little-endian `u32` at `at`, where there is room.
#[inline]
pub fn write_u32(buf: &mut [u8], at: usize, value: u32) {
    write(buf, at, &value.to_le_bytes());
}

/// The varint (seven bits a byte, low ones first) at `at`, and where it ends.
#[inline(always)]
pub fn varint_at(buf: &[u8], at: usize) -> Option<(u32, usize)> {
    match buf.get(at) {
        Some(first @ 0..0x80) if cfg!(target_pointer_width = "64") => Some((u32::from(*first), at.wrapping_add(1))),
        _ => {
            let (value, end) = any_varint_at(buf, at);
            (end > 0).then_some((value, end))
        }
    }
}

/// The same with 0 as the end where there is none: so it comes back in registers.
#[inline(never)]
fn any_varint_at(buf: &[u8], at: usize) -> (u32, usize) {
    let mut value = 0;
    let (mut end, mut shift) = (at, 0u32);
    while let Some(byte) = buf.get(end).filter(|_| shift <= 28) {
        let bits = u32::from(byte & 0x7f);
        end = end.wrapping_add(1);
        if shift == 28 && bits > 0x0f {
            break;
        }
        value |= bits.wrapping_shl(shift);
        if *byte < 0x80 {
            return (value, end);
        }
        shift = shift.wrapping_add(7);
    }
    (0, 0)
}

/// How many bytes the varint of `value` takes.
#[inline(never)]
pub fn varint_len(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0xfff_ffff => 4,
        _ => 5,
    }
}

/// Writes the varint of `value` at `at`, where there is room, and gives where it ends.
#[inline]
pub fn write_varint(buf: &mut [u8], at: usize, value: u32) -> usize {
    let (mut value, mut at) = (value, at);
    loop {
        let more = value >= 0x80;
        let byte = (value & 0x7f) as u8 | if more { 0x80 } else { 0 };
        write(buf, at, &[byte]);
        at = at.wrapping_add(1);
        value >>= 7;
        if !more {
            return at;
        }
    }
}

/// `n` divided by `by`, rounded up; 0 where `by` is.
#[inline(never)]
pub fn div_ceil(n: usize, by: usize) -> usize {
    n.saturating_add(by.saturating_sub(1)).checked_div(by).unwrap_or(0)
}

/// How many of its lowest bits are 0; 32 of 0.
// A chip without an instruction for it needs a table, of which there is one so.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub fn trailing_zeros(n: u32) -> u32 {
    n.trailing_zeros()
}

/// 32-bit FNV-1a, for index keys of names that have no number.
pub fn hash32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// 64-bit FNV-1a, to tell whether a record has changed; `before` is the hash of what stands before.
pub fn hash64(bytes: &[u8], before: Option<u64>) -> u64 {
    bytes.iter().fold(before.unwrap_or(0xcbf2_9ce4_8422_2325), |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_have_the_length_said() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 0x1f_ffff, 0x20_0000, 0xfff_ffff, 0x1000_0000, u32::MAX] {
            let mut buf = [0xaa; 8];
            let end = write_varint(&mut buf, 1, value);
            assert_eq!(varint_at(&buf, 1), Some((value, end)));
            assert_eq!(end - 1, varint_len(value));
        }
    }

    #[test]
    fn varints_that_are_cut_or_too_large_are_none() {
        assert_eq!(varint_at(&[0x80], 0), None);
        assert_eq!(varint_at(&[], 0), None);
        assert_eq!(varint_at(&[0xff, 0xff, 0xff, 0xff, 0x1f], 0), None);
        assert_eq!(varint_at(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 0), None);
        assert_eq!(varint_at(&[1], usize::MAX), None);
    }
}
