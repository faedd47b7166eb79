//! Writing encoded values.

use super::{
    BIG_NEGATIVE, BIG_POSITIVE, BYTES, COUNT_MAX, DICT, FALSE, FLOAT32, FLOAT64, INT16, INT32, INT64, INT8, LIST,
    LONG_DICT, LONG_LIST, LONG_STR, MAX_NUMBERED_NAME, NONE, SMALL_INT_BIAS, SMALL_INT_MAX, STR, STR_MAX, TRUE,
};
use crate::bytes::{varint_len, write, write_varint, MAX_VARINT};
use crate::error::{Error, Result};

/// Writes values into a buffer of the caller's, one item a call. A call that returns
/// [`NoRoom`](crate::ErrorKind::NoRoom) has written nothing; it can be made again with the same bytes in a larger buffer.
pub struct Encoder<'a> {
    buf: &'a mut [u8],
    /// Bytes written.
    pub len: usize,
    /// The length of the same value as JSON text with `", "` and `": "`.
    pub json_len: usize,
    /// Names written out that the table of names could hold.
    pub literals: u32,
}

impl<'a> Encoder<'a> {
    /// An encoder that writes behind the first `len` bytes of `buf`.
    pub fn new(buf: &'a mut [u8], len: usize, json_len: usize, literals: u32) -> Self {
        Encoder { buf, len, json_len, literals }
    }

    fn append(&mut self, head: &[u8], body: &[u8]) -> Result<()> {
        let size = head.len().wrapping_add(body.len());
        let end = self.len.saturating_add(size);
        if end > self.buf.len() {
            return Err(Error::no_room(end));
        }
        write(self.buf, self.len, head);
        write(self.buf, self.len.wrapping_add(head.len()), body);
        self.len = end;
        Ok(())
    }

    fn counted(&mut self, short: u8, max: usize, long: u8, count: usize, body: &[u8]) -> Result<()> {
        if count <= max {
            return self.append(&[short.wrapping_add(count as u8)], body);
        }
        let count = u32::try_from(count).map_err(|_| Error::TooLong)?;
        let mut head = [long; 1 + MAX_VARINT];
        let end = write_varint(&mut head, 1, count);
        self.append(head.get(..end).unwrap_or(&[]), body)
    }

    fn json(&mut self, len: usize) -> Result<()> {
        self.json_len = self.json_len.saturating_add(len);
        Ok(())
    }

    /// None.
    pub fn none(&mut self) -> Result<()> {
        self.append(&[NONE], &[])?;
        self.json(4)
    }

    /// True or False.
    pub fn bool(&mut self, value: bool) -> Result<()> {
        self.append(&[if value { TRUE } else { FALSE }], &[])?;
        self.json(if value { 4 } else { 5 })
    }

    /// An int of 64 bits.
    pub fn int(&mut self, value: i64) -> Result<()> {
        if (-SMALL_INT_BIAS..=SMALL_INT_MAX).contains(&value) {
            self.append(&[value.wrapping_add(SMALL_INT_BIAS) as u8], &[])?;
        } else if let Ok(value) = i8::try_from(value) {
            self.append(&[INT8], &value.to_le_bytes())?;
        } else if let Ok(value) = i16::try_from(value) {
            self.append(&[INT16], &value.to_le_bytes())?;
        } else if let Ok(value) = i32::try_from(value) {
            self.append(&[INT32], &value.to_le_bytes())?;
        } else {
            self.append(&[INT64], &value.to_le_bytes())?;
        }
        let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0).wrapping_add(1);
        self.json((digits as usize).wrapping_add(usize::from(value < 0)))
    }

    /// An int of any size: its sign and its magnitude, high byte first. `json_len`: of its text.
    pub fn big_int(&mut self, negative: bool, magnitude: &[u8], json_len: usize) -> Result<()> {
        let mut head = [if negative { BIG_NEGATIVE } else { BIG_POSITIVE }; 1 + MAX_VARINT];
        let len = u32::try_from(magnitude.len()).map_err(|_| Error::TooLong)?;
        let end = write_varint(&mut head, 1, len);
        self.append(head.get(..end).unwrap_or(&[]), magnitude)?;
        self.json(json_len)
    }

    /// A finite float. `json_len`: of its text.
    pub fn float(&mut self, value: f64, json_len: usize) -> Result<()> {
        let short = value as f32;
        if f64::from(short).to_bits() == value.to_bits() {
            self.append(&[FLOAT32], &short.to_le_bytes())?;
        } else {
            self.append(&[FLOAT64], &value.to_le_bytes())?;
        }
        self.json(json_len)
    }

    /// A str in UTF-8.
    pub fn str(&mut self, text: &[u8]) -> Result<()> {
        self.counted(STR, STR_MAX, LONG_STR, text.len(), text)?;
        self.json(json_str_len(text))
    }

    /// Bytes, which JSON has no text for.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let mut head = [BYTES; 1 + MAX_VARINT];
        let len = u32::try_from(bytes.len()).map_err(|_| Error::TooLong)?;
        let end = write_varint(&mut head, 1, len);
        self.append(head.get(..end).unwrap_or(&[]), bytes)
    }

    /// A list of `items` values, which are to follow.
    pub fn list(&mut self, items: usize) -> Result<()> {
        self.counted(LIST, COUNT_MAX, LONG_LIST, items, &[])?;
        self.json(items.max(1).saturating_mul(2))
    }

    /// A dict of `pairs` names and values, which are to follow.
    pub fn dict(&mut self, pairs: usize) -> Result<()> {
        self.counted(DICT, COUNT_MAX, LONG_DICT, pairs, &[])?;
        self.json(pairs.max(1).saturating_mul(2).saturating_add(pairs.saturating_mul(2)))
    }

    /// The name of a field: its number, or where that is 0 its text.
    pub fn name(&mut self, number: u16, text: &[u8], could_have_number: bool) -> Result<()> {
        self.tag(number, text, could_have_number)?;
        self.json(json_str_len(text))
    }

    /// A tag of a record, which JSON does not see.
    pub fn tag(&mut self, number: u16, text: &[u8], could_have_number: bool) -> Result<()> {
        let mut head = [0; 1 + MAX_VARINT];
        let end = write_varint(&mut head, 0, u32::from(number));
        if number != 0 {
            return self.append(head.get(..end).unwrap_or(&[]), &[]);
        }
        let len = u32::try_from(text.len()).map_err(|_| Error::TooLong)?;
        write_varint(&mut head, 1, len);
        self.append(head.get(..varint_len(len).wrapping_add(1)).unwrap_or(&[]), text)?;
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
