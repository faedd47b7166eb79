//! Writing encoded values.

use super::{
    BIG_POSITIVE, BYTES, COUNT_MAX, DICT, FLOAT32, FLOAT64, INT16, INT32, INT64, INT8, LIST, LONG_DICT, LONG_LIST,
    LONG_STR, MAX_NUMBERED_NAME, NONE, SMALL_INT_BIAS, SMALL_INT_MAX, STR, STR_MAX, TRUE,
};
use crate::bytes::{write, write_varint, MAX_VARINT};
use crate::error::{Error, Result};
use crate::store::raw::Buffer;

/// Writes values into a buffer of the caller's, one item a call. A call that returns
/// [`NoRoom`](crate::ErrorKind::NoRoom) has written nothing; it can be made again with the same bytes in a larger buffer.
// Its layout is that of the ABI, where it is not made anew for each item.
#[repr(C)]
pub struct Encoder<'a> {
    buf: Buffer<'a>,
    /// Bytes written.
    pub len: usize,
    /// The length of the same value as JSON text with `", "` and `": "`.
    pub json_len: usize,
    /// Names written out that the table of names could hold.
    pub literals: u32,
}

/// How what has a length begins: the first byte of the shortest, the length from which on that does not say it, and the
/// byte that then stands before it.
type Form = [u8; 3];

const STR_FORM: Form = [STR, STR_MAX + 1, LONG_STR];
const LIST_FORM: Form = [LIST, COUNT_MAX + 1, LONG_LIST];
const DICT_FORM: Form = [DICT, COUNT_MAX + 1, LONG_DICT];

/// The form whose length never stands in its first byte.
const fn long(first: u8) -> Form {
    [0, 0, first]
}

impl<'a> Encoder<'a> {
    /// An encoder that writes behind the first `len` bytes of `buf`.
    pub fn new(buf: &'a mut [u8], len: usize, json_len: usize, literals: u32) -> Self {
        Encoder { buf: Buffer::from(buf), len, json_len, literals }
    }

    /// Writes both, which as JSON text take so much.
    #[inline(never)]
    fn append(&mut self, head: &[u8], body: &[u8], json_len: usize) -> Result<()> {
        let body_at = self.len.saturating_add(head.len());
        let end = body_at.saturating_add(body.len());
        let buf = self.buf.as_mut_slice();
        if end > buf.len() {
            return Err(Error::no_room(end));
        }
        write(buf, self.len, head);
        write(buf, body_at, body);
        self.len = end;
        self.json_len = self.json_len.saturating_add(json_len);
        Ok(())
    }

    #[inline(never)]
    fn first(&mut self, first: u8, body: &[u8], json_len: usize) -> Result<()> {
        self.append(&[first], body, json_len)
    }

    #[inline(never)]
    fn counted(&mut self, [short, end, long]: Form, count: usize, body: &[u8], json_len: usize) -> Result<()> {
        if count < usize::from(end) {
            return self.first(short.wrapping_add(count as u8), body, json_len);
        }
        let count = u32::try_from(count).map_err(|_| Error::TooLong)?;
        let mut head = [long; 1 + MAX_VARINT];
        let end = write_varint(&mut head, 1, count);
        self.append(head.get(..end).unwrap_or(&[]), body, json_len)
    }

    /// None.
    pub fn none(&mut self) -> Result<()> {
        self.first(NONE, &[], 4)
    }

    /// True or False.
    pub fn bool(&mut self, value: bool) -> Result<()> {
        let more = u8::from(!value);
        self.first(TRUE.wrapping_sub(more), &[], usize::from(more).wrapping_add(4))
    }

    /// An int of 64 bits.
    pub fn int(&mut self, value: i64) -> Result<()> {
        let mut json_len = usize::from(value < 0).wrapping_add(1);
        // The largest power of ten that can be reached, 10^19, is beyond every value.
        let mut power = 10u64;
        while value.unsigned_abs() >= power {
            power = power.wrapping_mul(10);
            json_len = json_len.wrapping_add(1);
        }
        let (first, len) = match value {
            _ if (-SMALL_INT_BIAS..=SMALL_INT_MAX).contains(&value) => (value.wrapping_add(SMALL_INT_BIAS) as u8, 0),
            _ if i64::from(value as i8) == value => (INT8, 1),
            _ if i64::from(value as i16) == value => (INT16, 2),
            _ if i64::from(value as i32) == value => (INT32, 4),
            _ => (INT64, 8),
        };
        self.first(first, value.to_le_bytes().get(..len).unwrap_or(&[]), json_len)
    }

    /// An int of any size: its sign and its magnitude, high byte first. `json_len`: of its text.
    pub fn big_int(&mut self, negative: bool, magnitude: &[u8], json_len: usize) -> Result<()> {
        let first = BIG_POSITIVE.wrapping_add(u8::from(negative));
        self.counted(long(first), magnitude.len(), magnitude, json_len)
    }

    /// A finite float. `json_len`: of its text.
    pub fn float(&mut self, value: f64, json_len: usize) -> Result<()> {
        let short = value as f32;
        if f64::from(short).to_bits() == value.to_bits() {
            self.first(FLOAT32, &short.to_le_bytes(), json_len)
        } else {
            self.first(FLOAT64, &value.to_le_bytes(), json_len)
        }
    }

    /// A str in UTF-8.
    pub fn str(&mut self, text: &[u8]) -> Result<()> {
        self.counted(STR_FORM, text.len(), text, json_str_len(text))
    }

    /// Bytes, which JSON has no text for.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.counted(long(BYTES), bytes.len(), bytes, 0)
    }

    /// A list of `items` values, which are to follow.
    pub fn list(&mut self, items: usize) -> Result<()> {
        self.counted(LIST_FORM, items, &[], items.max(1).saturating_mul(2))
    }

    /// A dict of `pairs` names and values, which are to follow.
    pub fn dict(&mut self, pairs: usize) -> Result<()> {
        self.counted(DICT_FORM, pairs, &[], pairs.saturating_mul(4).max(2))
    }

    /// The name of a field: its number, or where that is 0 its text.
    pub fn name(&mut self, number: u16, text: &[u8], could_have_number: bool) -> Result<()> {
        self.named(number, text, could_have_number, json_str_len(text))
    }

    /// A tag of a record, which JSON does not see.
    pub fn tag(&mut self, number: u16, text: &[u8], could_have_number: bool) -> Result<()> {
        self.named(number, text, could_have_number, 0)
    }

    #[inline(never)]
    fn named(&mut self, number: u16, text: &[u8], could_have_number: bool, json_len: usize) -> Result<()> {
        if number != 0 {
            let mut head = [0; MAX_VARINT];
            let end = write_varint(&mut head, 0, u32::from(number));
            return self.append(head.get(..end).unwrap_or(&[]), &[], json_len);
        }
        self.counted(long(0), text.len(), text, json_len)?;
        if could_have_number && text.len() <= MAX_NUMBERED_NAME {
            self.literals = self.literals.saturating_add(1);
        }
        Ok(())
    }
}

/// The length of a str as JSON text, quotes included, as MicroPython's json.dumps writes it.
pub fn json_str_len(text: &[u8]) -> usize {
    let of = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.iter().map(of).fold(2, usize::saturating_add)
}
