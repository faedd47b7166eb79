//! Values as they are stored when deflating makes them shorter.
//!
//! ```text
//! +----+-------------------+------------------------------------+
//! | EE | length: a varint  | raw DEFLATE of the encoded value   |
//! +----+-------------------+------------------------------------+
//! ```
//!
//! No encoded value begins with `EE`, so what stands behind a record's tags says itself what it is. The length is
//! that of the encoded value.

use super::deflate::{deflate, Scratch, MAX_PLAIN};
use super::inflate::{inflate, SCRATCH_BYTES};
use crate::bytes::{varint_at, write, write_varint};
use crate::error::{Error, Result};
use crate::store::raw::shift;

/// What a compressed value begins with.
pub const COMPRESSED: u8 = 0xee;

/// Bytes of the head at most.
const MAX_HEAD: usize = 4;

/// Writes how `value` is stored compressed, and gives the length of that; `None` where it does not fit. With
/// room for one byte less than the value has, the result is shorter.
pub fn compress(value: &[u8], compressed: &mut [u8], scratch: &mut Scratch) -> Option<usize> {
    let mut head = [COMPRESSED; MAX_HEAD];
    let len = write_varint(&mut head, 1, u32::try_from(value.len()).ok()?);
    let (start, rest) = compressed.split_at_mut_checked(len)?;
    let written = deflate(value, rest, scratch)?;
    write(start, 0, head.get(..len)?);
    Some(len.wrapping_add(written))
}

/// The length of the value that is stored compressed at `at`, and where its DEFLATE begins; `None` where a
/// value stands there as it is.
#[inline(always)]
pub fn compressed_at(body: &[u8], at: usize) -> Result<Option<(usize, usize)>> {
    if body.get(at) != Some(&COMPRESSED) {
        return Ok(None);
    }
    match varint_at(body, at.wrapping_add(1)) {
        Some((len, start)) if len as usize <= MAX_PLAIN => Ok(Some((len as usize, start))),
        _ => Err(Error::Corrupt),
    }
}

/// Expands the value that ends a body, where it is compressed: `buf` holds a body of `len` bytes, its value from
/// `value_at` on, and afterwards the body with the value as it is, whose length is given. [`NoRoom`](crate::ErrorKind::NoRoom)
/// says how long `buf` must be for that, with the body in it unchanged.
#[inline(never)]
pub fn expand(buf: &mut [u8], len: usize, value_at: usize) -> Result<usize> {
    let Some((plain_len, start)) = compressed_at(buf.get(..len).ok_or(Error::Corrupt)?, value_at)? else {
        return Ok(len);
    };
    let deflated_len = len.checked_sub(start).ok_or(Error::Corrupt)?;
    let end = value_at.wrapping_add(plain_len);
    let room = end.wrapping_add(SCRATCH_BYTES).wrapping_add(deflated_len);
    if room > buf.len() {
        return Err(Error::no_room(room));
    }
    shift(buf, start, room.wrapping_sub(deflated_len), deflated_len);
    let (body, rest) = buf.split_at_mut_checked(end).ok_or(Error::Corrupt)?;
    let (scratch, rest) = rest.split_first_chunk_mut().ok_or(Error::Corrupt)?;
    let (compressed, value) = (rest.get(..deflated_len), body.get_mut(value_at..));
    inflate(compressed.ok_or(Error::Corrupt)?, value.ok_or(Error::Corrupt)?, scratch)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::hash32;
    use std::boxed::Box;
    use std::vec;
    use std::vec::Vec;

    /// A value that gets shorter.
    const VALUE: [u8; 300] = [0xc7; 300];

    /// A body with a tag, whose value is compressed, at the beginning of a buffer; the length of the body.
    fn compressed_body(room: usize) -> (Vec<u8>, usize) {
        let mut compressed = [0; 299];
        let len = compress(&VALUE, &mut compressed, &mut Box::default()).unwrap();
        let mut buf = vec![0x11; room];
        buf[0] = 5;
        buf[1..][..len].copy_from_slice(&compressed[..len]);
        (buf, 1 + len)
    }

    #[test]
    fn a_compressed_value_is_expanded_where_its_body_stands() {
        let (mut buf, len) = compressed_body(2000);
        assert!(len < 30);
        assert_eq!(compressed_at(&buf[..len], 1), Ok(Some((300, 4))));
        assert_eq!(expand(&mut buf, len, 1), Ok(301));
        assert_eq!(buf[..301], [&[5][..], &VALUE].concat());
    }

    #[test]
    fn a_buffer_too_short_says_how_long_and_keeps_the_body() {
        let (buf, len) = compressed_body(2000);
        let mut short = buf[..len].to_vec();
        let needed = 301 + SCRATCH_BYTES + len - 4;
        assert_eq!(expand(&mut short, len, 1), Err(Error::no_room(needed)));
        assert_eq!(short, buf[..len]);
        short.resize(needed - 1, 0);
        assert_eq!(expand(&mut short, len, 1), Err(Error::no_room(needed)));
        short.push(0);
        assert_eq!(expand(&mut short, len, 1), Ok(301));
        assert_eq!(short[1..301], VALUE);
    }

    #[test]
    fn a_value_that_is_not_compressed_stays_as_it_is() {
        for first in (0..=255).filter(|first| *first != COMPRESSED) {
            let mut buf = vec![COMPRESSED, first, COMPRESSED, 0];
            assert_eq!(compressed_at(&buf, 1), Ok(None));
            assert_eq!(expand(&mut buf, 4, 1), Ok(4));
            assert_eq!(buf, [COMPRESSED, first, COMPRESSED, 0]);
        }
        assert_eq!(expand(&mut [], 0, 0), Ok(0));
    }

    #[test]
    fn a_compressed_value_that_is_damaged_is_corrupt() {
        let (buf, len) = compressed_body(2000);
        for cut in 2..len {
            assert_eq!(expand(&mut buf.clone(), cut, 1), Err(Error::Corrupt), "cut short at {cut}");
        }
        for (at, byte) in [(2, 0x2b), (2, 0x2d), (3, 0x03), (len - 1, 0xff)] {
            let mut buf = buf.clone();
            assert_ne!(buf[at], byte);
            buf[at] = byte;
            assert_eq!(expand(&mut buf, len, 1), Err(Error::Corrupt), "{byte:x} at {at}");
        }
        let mut longest = [COMPRESSED, 0x80, 0x80, 0x04, 0x03, 0x00];
        assert_eq!(expand(&mut longest, 6, 0), Err(Error::Corrupt), "a value longer than there are");
        assert_eq!(expand(&mut longest, 7, 0), Err(Error::Corrupt), "a body longer than its buffer");
    }

    #[test]
    #[cfg_attr(miri, ignore)] // 65,535 bytes
    fn a_value_that_gets_no_shorter_is_not_compressed() {
        let noise: Vec<u8> = (0..300u32).map(|n| hash32(&n.to_le_bytes()) as u8).collect();
        assert_eq!(compress(&noise, &mut [0; 299], &mut Box::default()), None);
        assert_eq!(compress(&VALUE, &mut [0; 2], &mut Box::default()), None);
        assert_eq!(compress(&[0; MAX_PLAIN + 1], &mut [0; 1000], &mut Box::default()), None);
        let mut compressed = [0; 1000];
        let len = compress(&[0; MAX_PLAIN], &mut compressed, &mut Box::default()).unwrap();
        assert_eq!(compressed_at(&compressed[..len], 0), Ok(Some((MAX_PLAIN, 4))));
    }
}
