//! JSON text to encoded values and back. Ints stay ints of any size, floats stay floats.

use mtdb_engine::document::{Encoder, Item, Name, Reader, MAX_DEPTH};
use mtdb_engine::{Error, Result};
use serde_json::{Number, Value};

/// The longest value as JSON text, as MicroPython's side allows it.
const MAX_JSON: usize = 8192;

/// The number of a name in the database, 0 where it has none, and whether it could get one.
pub type NumberOf<'n> = &'n mut dyn FnMut(&[u8]) -> Result<(u16, bool)>;

/// Checks what is not for the engine to check, and says what is wrong.
pub fn check(value: &Value) -> std::result::Result<(), String> {
    check_nested(value, 0)?;
    let mut buf = vec![0; 4 * MAX_JSON];
    let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
    let encoded = encode(&mut encoder, value, &mut |_| Ok((0, false)));
    if encoded.is_err() || encoder.json_len > MAX_JSON {
        return Err(format!("the value is longer than {MAX_JSON} bytes as JSON"));
    }
    Ok(())
}

fn check_nested(value: &Value, depth: usize) -> std::result::Result<(), String> {
    match value {
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => {
            Err(format!("the value is nested deeper than {MAX_DEPTH}"))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_nested(item, depth + 1)),
        Value::Object(pairs) => pairs.values().try_for_each(|item| check_nested(item, depth + 1)),
        Value::Number(number) if is_float(number) && !float(number).is_finite() => {
            Err(format!("{number} is larger than any float"))
        }
        _ => Ok(()),
    }
}

fn is_float(number: &Number) -> bool {
    number.as_str().contains(['.', 'e', 'E'])
}

fn float(number: &Number) -> f64 {
    number.as_str().parse().unwrap_or(f64::INFINITY)
}

/// Encodes a value.
pub fn encode(encoder: &mut Encoder, value: &Value, number_of: NumberOf) -> Result<()> {
    match value {
        Value::Null => encoder.none(),
        Value::Bool(value) => encoder.bool(*value),
        Value::Number(number) => encode_number(encoder, number),
        Value::String(text) => encoder.str(text.as_bytes()),
        Value::Array(items) => {
            encoder.list(items.len())?;
            items.iter().try_for_each(|item| encode(encoder, item, number_of))
        }
        Value::Object(pairs) => {
            encoder.dict(pairs.len())?;
            pairs.iter().try_for_each(|(name, item)| {
                let (number, could_have_number) = number_of(name.as_bytes())?;
                encoder.name(number, name.as_bytes(), could_have_number)?;
                encode(encoder, item, number_of)
            })
        }
    }
}

fn encode_number(encoder: &mut Encoder, number: &Number) -> Result<()> {
    let text = number.as_str();
    if is_float(number) {
        let value = float(number);
        return encoder.float(value, float_text(value).len());
    }
    if let Ok(value) = text.parse() {
        return encoder.int(value);
    }
    let digits = text.trim_start_matches('-');
    encoder.big_int(text.starts_with('-'), &magnitude(digits), text.len())
}

/// The shortest text that is that float and no int.
fn float_text(value: f64) -> String {
    format!("{value:?}")
}

/// The bytes of a decimal number, high one first.
fn magnitude(digits: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new(); // low one first
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    bytes.reverse();
    bytes
}

/// The decimal digits of a number of these bytes, high one first.
fn decimal(magnitude: &[u8]) -> String {
    let mut digits = vec![0u8]; // low one first
    for byte in magnitude {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) * 256;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

/// The text of a number's name in the database.
pub type TextOf<'n> = &'n mut dyn FnMut(u16) -> Result<String>;

/// Writes the value that stands there as JSON text.
pub fn write(out: &mut String, reader: &mut Reader, text_of: TextOf) -> Result<()> {
    write_nested(out, reader, text_of, 0)
}

fn write_nested(out: &mut String, reader: &mut Reader, text_of: TextOf, depth: usize) -> Result<()> {
    let item = reader.item()?;
    if depth >= MAX_DEPTH && matches!(item, Item::List(_) | Item::Dict(_)) {
        return Err(Error::Corrupt);
    }
    match item {
        Item::None => out.push_str("null"),
        Item::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Item::Int(value) => out.push_str(&value.to_string()),
        Item::BigInt(negative, magnitude) => {
            out.push_str(if negative { "-" } else { "" });
            out.push_str(&decimal(magnitude));
        }
        Item::Float(value) if value.is_finite() => out.push_str(&float_text(value)),
        Item::Float(_) => return Err(Error::Corrupt),
        // Only a whole value can be bytes, and that is no JSON: lines.rs writes those.
        Item::Bytes(_) => return Err(Error::Corrupt),
        Item::Str(text) => write_str(out, std::str::from_utf8(text).map_err(|_| Error::Corrupt)?),
        Item::List(count) => {
            out.push('[');
            for index in 0..count {
                out.push_str(if index > 0 { ", " } else { "" });
                write_nested(out, reader, text_of, depth + 1)?;
            }
            out.push(']');
        }
        Item::Dict(count) => {
            out.push('{');
            for index in 0..count {
                out.push_str(if index > 0 { ", " } else { "" });
                write_str(out, &name(reader, text_of)?);
                out.push_str(": ");
                write_nested(out, reader, text_of, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// The name that stands there.
pub fn name(reader: &mut Reader, text_of: TextOf) -> Result<String> {
    match reader.name()? {
        Name::Number(number) => text_of(number),
        Name::Text(text) => String::from_utf8(text.to_vec()).map_err(|_| Error::Corrupt),
    }
}

/// Writes a str as JSON text.
pub fn write_str(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::{decimal, magnitude};

    #[test]
    fn large_numbers_are_the_same_in_both_ways_of_writing_them() {
        for digits in ["0", "9", "255", "256", "18446744073709551616", "123456789012345678901234567890"] {
            assert_eq!(decimal(&magnitude(digits)), digits);
        }
        assert_eq!(magnitude("65537"), [1, 0, 1]);
    }
}
