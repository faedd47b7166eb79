//! Records as lines of JSON. Bytes, which nadb keeps, stand as "bytes" and hexadecimal digits instead of a "value".

use crate::desk::Desk;
use crate::failure::{engine_error, Failure};
use crate::values::{self, check, encode};
use mtdb_engine::database::{Found, NewRecord, FOREVER, LAST_TIME, MAX_TAGS, MAX_TAG_BYTES, MAX_VALUE_BYTES};
use mtdb_engine::document::{Encoder, Item, Reader};
use mtdb_engine::{Error, Result};
use serde_json::{Map, Value};

/// The longest value of bytes that nadb stores in one record.
const MAX_BYTES: usize = 8192;
/// The longest TTL in seconds.
const MAX_TTL: f64 = 1e10;

/// The line of a record, with its end.
pub fn line(desk: &mut Desk, key: &[u8], found: &Found, body: &[u8]) -> std::result::Result<String, Failure> {
    write_line(desk, key, found, body).map_err(|error| match error {
        Error::Corrupt => Failure::new(format!(
            "{}: the record {:?} is damaged; `mtdb verify` says what else is",
            desk.path().display(),
            String::from_utf8_lossy(key)
        )),
        error => engine_error(error, desk.path()),
    })
}

fn write_line(desk: &mut Desk, key: &[u8], found: &Found, body: &[u8]) -> Result<String> {
    let clock = desk.db.clock();
    let mut text_of = |number: u16| {
        let mut text = [0; MAX_TAG_BYTES];
        let len = desk.db.name_text(number, &mut text)?;
        String::from_utf8(text[..len].to_vec()).map_err(|_| Error::Corrupt)
    };
    let mut reader = Reader::new(body, 0);
    let mut tags = String::new();
    for index in 0..found.tag_count {
        tags.push_str(if index > 0 { ", " } else { "" });
        values::write_str(&mut tags, &values::name(&mut reader, &mut text_of)?);
    }
    let mut line = String::from("{\"key\": ");
    values::write_str(&mut line, std::str::from_utf8(key).map_err(|_| Error::Corrupt)?);
    if let Item::Bytes(bytes) = { reader }.item()? {
        reader.skip()?;
        line.push_str(", \"bytes\": \"");
        line.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
        line.push('"');
    } else {
        line.push_str(", \"value\": ");
        values::write(&mut line, &mut reader, &mut text_of)?;
    }
    if reader.at != body.len() {
        return Err(Error::Corrupt);
    }
    let expires = match found.expires {
        FOREVER => "null".into(),
        expires => format!("{}", (expires as f64 - clock as f64) / 1000.0),
    };
    line.push_str(&format!(", \"tags\": [{tags}], \"expires\": {expires}}}\n"));
    Ok(line)
}

enum Content {
    Value(Value),
    Bytes(Vec<u8>),
}

/// A record that a line speaks of.
pub struct Record {
    key: String,
    content: Content,
    tags: Vec<String>,
    /// In seconds from the database's clock on.
    expires: Option<f64>,
}

impl Record {
    /// Reads a line, and says what is wrong with it.
    pub fn parse(line: &str, max_key: usize) -> std::result::Result<Self, String> {
        let parsed: Value = serde_json::from_str(line).map_err(|error| format!("this is not JSON: {error}"))?;
        let Value::Object(mut fields) = parsed else {
            return Err("a line is a JSON object with \"key\" and \"value\"".into());
        };
        let key = match fields.shift_remove("key") {
            Some(Value::String(key)) if (1..=max_key).contains(&key.len()) => key,
            Some(Value::String(_)) => return Err(format!("a key must have 1 to {max_key} bytes of UTF-8")),
            _ => return Err("\"key\" must be there, and a string".into()),
        };
        let content = parse_content(&mut fields)?;
        let (tags, expires) = (parse_tags(&mut fields)?, parse_expires(&mut fields)?);
        match fields.keys().next() {
            Some(name) => Err(format!("there is no \"{name}\"; there are key, value, bytes, tags and expires")),
            None => Ok(Record { key, content, tags, expires }),
        }
    }

    /// Puts it, in a transaction that is open.
    pub fn put(&self, desk: &mut Desk) -> std::result::Result<(), Failure> {
        let mut body = vec![0; MAX_VALUE_BYTES];
        let (len, literals) = desk.run(|db| {
            let mut encoder = Encoder::new(&mut body, 0, 0, 0);
            let room = db.has_room_for_names();
            for tag in &self.tags {
                encoder.tag(db.name_number(tag.as_bytes())?, tag.as_bytes(), room)?;
            }
            match &self.content {
                Content::Value(value) => encode(&mut encoder, value, &mut |name| Ok((db.name_number(name)?, room)))?,
                Content::Bytes(bytes) => encoder.bytes(bytes)?,
            }
            Ok((encoder.len, encoder.literals))
        })?;
        body.truncate(len);
        let tag_count = self.tags.len() as u32;
        if literals > 0 {
            // What has got a number is left alone when the call is made again.
            let len = desk.run(|db| db.intern_names(&mut body, tag_count))?;
            body.truncate(len);
        }
        let clock = desk.db.clock();
        let expires = match self.expires {
            None => FOREVER,
            Some(seconds) => (clock as f64 + seconds * 1000.0).round().clamp(1.0, LAST_TIME as f64) as u64,
        };
        desk.run(|db| db.put(&NewRecord { key: self.key.as_bytes(), body: &body, tag_count, expires, stored: None }))
    }
}

fn parse_content(fields: &mut Map<String, Value>) -> std::result::Result<Content, String> {
    match (fields.shift_remove("value"), fields.shift_remove("bytes")) {
        (Some(value), None) => check(&value).map(|_| Content::Value(value)),
        (None, Some(Value::String(digits))) => match parse_hex(&digits) {
            Some(bytes) if bytes.len() <= MAX_BYTES => Ok(Content::Bytes(bytes)),
            _ => Err(format!("\"bytes\" must be hexadecimal digits, two for each of at most {MAX_BYTES} bytes")),
        },
        (None, None) => Err("\"value\" is missing".into()),
        _ => Err("there is one of \"value\" and \"bytes\", which is a string".into()),
    }
}

fn parse_hex(digits: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((char::from(*high).to_digit(16)? << 4 | char::from(*low).to_digit(16)?) as u8),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

fn parse_tags(fields: &mut Map<String, Value>) -> std::result::Result<Vec<String>, String> {
    let items = match fields.shift_remove("tags") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= MAX_TAGS as usize => items,
        Some(_) => return Err(format!("\"tags\" must be a list of at most {MAX_TAGS} strings")),
    };
    let tag = |item| match item {
        Value::String(tag) if (1..=MAX_TAG_BYTES).contains(&tag.len()) => Ok(tag),
        _ => Err(format!("a tag must be a string of 1 to {MAX_TAG_BYTES} bytes of UTF-8")),
    };
    items.into_iter().map(tag).collect()
}

fn parse_expires(fields: &mut Map<String, Value>) -> std::result::Result<Option<f64>, String> {
    match fields.shift_remove("expires") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match number.as_f64() {
            Some(seconds) if seconds <= MAX_TTL => Ok(Some(seconds)),
            _ => Err(format!("\"expires\" can be {MAX_TTL} seconds at most")),
        },
        Some(_) => Err("\"expires\" must be a number of seconds, or null".into()),
    }
}
