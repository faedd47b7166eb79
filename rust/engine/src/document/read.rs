//! Reading encoded values, item by item, in place.
//!
//! What queries spend their time in is inlined where there is room for it: on machines of 64 bits.

use super::{
    NameWalk, Number, BIG_NEGATIVE, BIG_POSITIVE, BYTES, DICT, FALSE, FLOAT32, FLOAT64, INT16, INT32, INT64, INT8,
    LIST, LONG_DICT, LONG_LIST, LONG_STR, NONE, SMALL_INT_BIAS, STR, TRUE,
};
use crate::bytes::varint_at;
use crate::error::{Answer, Error, Result};

/// One item of an encoded value.
// A tag of one word is copied as one, where one byte would be copied with what fills it up.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u32)]
pub enum Item<'a> {
    /// None.
    None,
    /// True or False.
    Bool(bool),
    /// An int of 64 bits.
    Int(i64),
    /// An int of any size: its sign and its magnitude, high byte first.
    BigInt(bool, &'a [u8]),
    /// A float.
    Float(f64),
    /// A str in UTF-8.
    Str(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list; so many values follow.
    List(u32),
    /// A dict; so many names and values follow.
    Dict(u32),
}

impl<'a> Item<'a> {
    /// It as a number, if it is one; True and False are 1 and 0.
    pub fn number(&self) -> Option<Number<'a>> {
        match *self {
            Item::Bool(value) => Some(Number::Int(i64::from(value))),
            Item::Int(value) => Some(Number::Int(value)),
            Item::BigInt(negative, magnitude) => Some(Number::Big(negative, magnitude)),
            Item::Float(value) => Some(Number::Float(value)),
            _ => None,
        }
    }
}

/// The name of a field, or a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Name<'a> {
    /// By its number in the table of names.
    Number(u16),
    /// Written out.
    Text(&'a [u8]),
}

/// What is left of a container: twice how many, and one more in a dict.
#[derive(Clone, Copy)]
pub(super) struct Left(u32);

impl Left {
    /// Nothing.
    pub const NONE: Left = Left(0);
    /// One value.
    pub const ONE: Left = Left(2);

    /// Of a container that begins; `None` where that is none.
    #[inline]
    pub fn of(item: &Item) -> Result<Option<Left>> {
        let (count, dict) = match item {
            Item::List(count) => (*count, 0),
            Item::Dict(count) => (*count, 1),
            _ => return Ok(None),
        };
        // No bytes hold as many as do not fit.
        Ok(Some(Left(count.checked_mul(2).ok_or(Error::Corrupt)? | dict)))
    }

    pub fn is_none(self) -> bool {
        self.0 < 2
    }

    pub fn in_dict(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn less_one(self) -> Left {
        Left(self.0.wrapping_sub(2))
    }
}

/// A place in encoded bytes. Damaged bytes give [`Error::Corrupt`], never a panic or an endless loop.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    buf: &'a [u8],
    /// Where the next item begins.
    pub at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at `at` of `buf`.
    pub fn new(buf: &'a [u8], at: usize) -> Self {
        Reader { buf, at }
    }

    /// The bytes read from.
    pub fn bytes(&self) -> &'a [u8] {
        self.buf
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let bytes = self.buf.get(self.at..).and_then(|rest| rest.get(..len)).ok_or(Error::Corrupt)?;
        self.at = self.at.wrapping_add(len);
        Ok(bytes)
    }

    /// A number of so many bytes, the highest bit its sign.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn little_endian(&mut self, len: usize) -> Result<i64> {
        let bytes = self.take(len)?;
        let sign = bytes.last().map_or(0, |byte| i64::from(*byte as i8 >> 7));
        Ok(bytes.iter().rev().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u32> {
        let (value, next) = varint_at(self.buf, self.at).ok_or(Error::Corrupt)?;
        self.at = next;
        Ok(value)
    }

    /// The next item; of a container only its head.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn item(&mut self) -> Result<Item<'a>> {
        let first = *self.buf.get(self.at).ok_or(Error::Corrupt)?;
        self.at = self.at.wrapping_add(1);
        Ok(match first {
            0..STR => Item::Int(i64::from(first).wrapping_sub(SMALL_INT_BIAS)),
            STR..LIST => Item::Str(self.take(usize::from(first & 0x3f))?),
            LIST..DICT => Item::List(u32::from(first & 0x0f)),
            DICT..NONE => Item::Dict(u32::from(first & 0x0f)),
            NONE => Item::None,
            FALSE | TRUE => Item::Bool(first == TRUE),
            INT8..=FLOAT64 => {
                // 1, 2, 4 or 8 bytes for an int, 4 or 8 for a float.
                let float = first >= FLOAT32;
                let bits = self.little_endian(if float { 4 } else { 1 } << (first.wrapping_sub(INT8) & 3))?;
                match first {
                    FLOAT32 => Item::Float(f64::from(f32::from_bits(bits as u32))),
                    FLOAT64 => Item::Float(f64::from_bits(bits as u64)),
                    _ => Item::Int(bits),
                }
            }
            BIG_POSITIVE..=LONG_DICT | BYTES => {
                let len = self.varint()?;
                match first {
                    LONG_LIST => return Ok(Item::List(len)),
                    LONG_DICT => return Ok(Item::Dict(len)),
                    _ => {}
                }
                let bytes = self.take(len as usize)?;
                match first {
                    LONG_STR => Item::Str(bytes),
                    BYTES => Item::Bytes(bytes),
                    _ => Item::BigInt(first == BIG_NEGATIVE, bytes),
                }
            }
            _ => return Err(Error::Corrupt),
        })
    }

    /// The next name, if it is a number of one byte, as most are.
    #[inline(always)]
    pub fn short_name(&mut self) -> Option<u16> {
        let number @ 1..0x80 = self.buf.get(self.at).copied()? else { return None };
        self.at = self.at.wrapping_add(1);
        Some(u16::from(number))
    }

    /// The next name.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn name(&mut self) -> Result<Name<'a>> {
        if let Some(number) = self.short_name() {
            return Ok(Name::Number(number));
        }
        match self.varint()? {
            0 => {
                let len = self.varint()? as usize;
                self.take(len).map(Name::Text)
            }
            number => u16::try_from(number).map(Name::Number).map_err(|_| Error::Corrupt),
        }
    }

    /// Passes over one whole value.
    #[inline(always)]
    pub fn skip(&mut self) -> Result<()> {
        self.skip_inside(0)
    }

    /// The same where it stands in so many containers, which leaves as many levels less.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    pub fn skip_inside(&mut self, containers: u8) -> Result<()> {
        let first = *self.buf.get(self.at).ok_or(Error::Corrupt)?;
        let len = match first {
            0..STR | NONE | FALSE | TRUE => 0,
            STR..LIST => usize::from(first & 0x3f),
            INT8 => 1,
            INT16 => 2,
            INT32 | FLOAT32 => 4,
            INT64 | FLOAT64 => 8,
            _ => return self.skip_long(containers),
        };
        let end = self.at.wrapping_add(len).wrapping_add(1);
        if end > self.buf.len() {
            return Err(Error::Corrupt);
        }
        self.at = end;
        Ok(())
    }

    #[inline(never)]
    fn skip_long(&mut self, containers: u8) -> Result<()> {
        let mut walk = NameWalk::inside(self.at, containers);
        while walk.next(self.buf)? == Answer::Yes {}
        self.at = walk.at();
        Ok(())
    }

    /// Checks that one whole value stands here, and ends with the bytes.
    pub fn check(mut self) -> Result<()> {
        self.skip()?;
        if self.at == self.buf.len() {
            Ok(())
        } else {
            Err(Error::Corrupt)
        }
    }
}
