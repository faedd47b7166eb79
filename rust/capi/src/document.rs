//! Writing and reading encoded documents, and the table of names.

use crate::abi::{self, error_status, status};
use crate::pointers::{buffer, database, same_layout, slice};
use core::ptr::null;
use mtdb_engine::bytes::write;
use mtdb_engine::document::{Encoder, Item, Name, Reader};
use mtdb_engine::{Answer, Error, Result};

same_layout!(Encoder, abi::mtdb_encoder_t, len, json_len, literals);

/// The caller's encoder.
///
/// # Safety
/// `encoder` was started by `mtdb_encoder_start`, its buffer is as long as it says, and nobody else uses both during
/// `'a`.
unsafe fn encoder<'a>(encoder: *mut abi::mtdb_encoder_t) -> &'a mut Encoder<'a> {
    // SAFETY: the caller's promise; the layout is checked above, and what stands before `len` are buf and cap.
    unsafe { &mut *encoder.cast() }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_encoder_start(encoder: *mut abi::mtdb_encoder_t, buf: *mut u8, cap: usize) {
    // SAFETY: the caller gives memory for an encoder.
    unsafe { encoder.write(abi::mtdb_encoder_t { buf, cap, len: 0, json_len: 0, literals: 0 }) };
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_none(encoder: *mut abi::mtdb_encoder_t) -> i32 {
    // SAFETY: the caller gives an encoder.
    status(unsafe { self::encoder(encoder).none() })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_bool(encoder: *mut abi::mtdb_encoder_t, value: bool) -> i32 {
    // SAFETY: the caller gives an encoder.
    status(unsafe { self::encoder(encoder).bool(value) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_int(encoder: *mut abi::mtdb_encoder_t, value: i64) -> i32 {
    // SAFETY: the caller gives an encoder.
    status(unsafe { self::encoder(encoder).int(value) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_bigint(
    encoder: *mut abi::mtdb_encoder_t,
    negative: bool,
    magnitude: *const u8,
    len: usize,
    json_len: usize,
) -> i32 {
    // SAFETY: the caller gives an encoder and bytes.
    status(unsafe { self::encoder(encoder).big_int(negative, slice(magnitude, len), json_len) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_float(encoder: *mut abi::mtdb_encoder_t, value: f64, json_len: usize) -> i32 {
    // SAFETY: the caller gives an encoder.
    status(unsafe { self::encoder(encoder).float(value, json_len) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_str(encoder: *mut abi::mtdb_encoder_t, text: *const u8, len: usize) -> i32 {
    // SAFETY: the caller gives an encoder and bytes.
    status(unsafe { self::encoder(encoder).str(slice(text, len)) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_bytes(encoder: *mut abi::mtdb_encoder_t, bytes: *const u8, len: usize) -> i32 {
    // SAFETY: the caller gives an encoder and bytes.
    status(unsafe { self::encoder(encoder).bytes(slice(bytes, len)) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_list(encoder: *mut abi::mtdb_encoder_t, items: usize) -> i32 {
    // SAFETY: the caller gives an encoder.
    status(unsafe { self::encoder(encoder).list(items) })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_dict(encoder: *mut abi::mtdb_encoder_t, items: usize) -> i32 {
    // SAFETY: the caller gives an encoder.
    status(unsafe { self::encoder(encoder).dict(items) })
}

/// Asks the table of names, if there is a database, and says whether the name could get a number.
///
/// # Safety
/// `db` is null or an open database, `name` the caller's.
unsafe fn look_up(db: *mut abi::mtdb_database_t, name: &mut abi::mtdb_name_t) -> Result<Answer> {
    if db.is_null() || name.number != 0 {
        return Ok(Answer::No);
    }
    // SAFETY: the caller's promise.
    let database = unsafe { database(db) };
    // SAFETY: the caller gives bytes.
    name.number = database.find_name(unsafe { slice(name.text, name.len) })?;
    Ok(database.has_room_for_names().into())
}

/// Pushes a name or a tag.
///
/// # Safety
/// As the header says.
unsafe fn push_named(
    encoder: *mut abi::mtdb_encoder_t,
    db: *mut abi::mtdb_database_t,
    name: *mut abi::mtdb_name_t,
    tag: bool,
) -> i32 {
    // SAFETY: the caller gives a name.
    let name = unsafe { &mut *name };
    // SAFETY: the caller gives a database or null.
    let room = match unsafe { look_up(db, name) } {
        Ok(room) => room == Answer::Yes,
        Err(error) => return error_status(error),
    };
    // SAFETY: the caller gives an encoder and bytes.
    let (encoder, text) = unsafe { (self::encoder(encoder), slice(name.text, name.len)) };
    status(match tag {
        true => encoder.tag(name.number as u16, text, room),
        false => encoder.name(name.number as u16, text, room),
    })
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_name(
    encoder: *mut abi::mtdb_encoder_t,
    db: *mut abi::mtdb_database_t,
    name: *mut abi::mtdb_name_t,
) -> i32 {
    // SAFETY: the caller gives what push_named asks for.
    unsafe { push_named(encoder, db, name, false) }
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_push_tag(
    encoder: *mut abi::mtdb_encoder_t,
    db: *mut abi::mtdb_database_t,
    tag: *mut abi::mtdb_name_t,
) -> i32 {
    // SAFETY: the caller gives what push_named asks for.
    unsafe { push_named(encoder, db, tag, true) }
}

/// Runs one read on the caller's reader.
///
/// # Safety
/// `reader` is the caller's, and its buffer is as long as it says.
unsafe fn read<'a, T>(reader: *mut abi::mtdb_reader_t, read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
    // SAFETY: the caller's promise.
    let place = unsafe { &mut *reader };
    // SAFETY: the caller's promise.
    let mut reader = Reader::new(unsafe { slice(place.buf, place.len) }, place.at);
    let result = read(&mut reader)?;
    place.at = reader.at;
    Ok(result)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_read(reader: *mut abi::mtdb_reader_t, item: *mut abi::mtdb_item_t) -> i32 {
    // SAFETY: the caller gives a reader.
    let found = match unsafe { read(reader, |reader| reader.item()) } {
        Ok(found) => found,
        Err(error) => return error_status(error),
    };
    // SAFETY: the caller gives memory for an item.
    let out = unsafe {
        item.write(abi::mtdb_item_t { kind: abi::MTDB_NONE, len: 0, bytes: null(), integer: 0, real: 0.0 });
        &mut *item
    };
    match found {
        Item::None => {}
        Item::Bool(value) => (out.kind, out.integer) = (abi::MTDB_BOOL, i64::from(value)),
        Item::Int(value) => (out.kind, out.integer) = (abi::MTDB_INT, value),
        Item::BigInt(negative, magnitude) => {
            (out.kind, out.integer) = (abi::MTDB_BIGINT, i64::from(negative));
            (out.bytes, out.len) = (magnitude.as_ptr(), magnitude.len());
        }
        Item::Float(value) => (out.kind, out.real) = (abi::MTDB_FLOAT, value),
        Item::Str(text) => (out.kind, out.bytes, out.len) = (abi::MTDB_STR, text.as_ptr(), text.len()),
        Item::Bytes(bytes) => (out.kind, out.bytes, out.len) = (abi::MTDB_BYTES, bytes.as_ptr(), bytes.len()),
        Item::List(count) => (out.kind, out.len) = (abi::MTDB_LIST, count as usize),
        Item::Dict(count) => (out.kind, out.len) = (abi::MTDB_DICT, count as usize),
    }
    abi::MTDB_OK
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_read_name(reader: *mut abi::mtdb_reader_t, name: *mut abi::mtdb_name_t) -> i32 {
    // SAFETY: the caller gives a reader.
    let out = match unsafe { read(reader, |reader| reader.name()) } {
        Ok(Name::Number(number)) => abi::mtdb_name_t { text: null(), len: 0, number: u32::from(number) },
        Ok(Name::Text(text)) => abi::mtdb_name_t { text: text.as_ptr(), len: text.len(), number: 0 },
        Err(error) => return error_status(error),
    };
    // SAFETY: the caller gives memory for a name.
    unsafe { name.write(out) };
    abi::MTDB_OK
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_names_epoch(db: *const abi::mtdb_database_t) -> u32 {
    // SAFETY: the caller gives an open database.
    unsafe { database(db.cast_mut()) }.names_epoch()
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_name_number(db: *mut abi::mtdb_database_t, text: *const u8, len: usize) -> u32 {
    // SAFETY: the caller gives an open database and bytes.
    unsafe { database(db).find_name(slice(text, len)) }.unwrap_or(0)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_name_text(
    db: *mut abi::mtdb_database_t,
    number: u32,
    buf: *mut u8,
    len: *mut usize,
) -> i32 {
    let Ok(number) = u16::try_from(number) else {
        return abi::MTDB_CORRUPT;
    };
    let mut text = [0; abi::MTDB_MAX_TAG_BYTES as usize];
    // SAFETY: the caller gives an open database.
    let result = unsafe { database(db) }.name_text(number, &mut text).map(|text_len| {
        let text = text.get(..text_len).unwrap_or(&[]);
        // SAFETY: the caller gives a buffer of MTDB_MAX_TAG_BYTES and a length to set.
        unsafe {
            write(buffer(buf, text.len()).unwrap_or(&mut []), 0, text);
            *len = text.len();
        }
    });
    status(result)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_intern_names(
    db: *mut abi::mtdb_database_t,
    body: *mut u8,
    len: *mut usize,
    tag_count: u32,
) -> i32 {
    // SAFETY: the caller gives a body of that length.
    let Some(body) = (unsafe { buffer(body, *len) }) else {
        return error_status(Error::Corrupt);
    };
    // SAFETY: the caller gives an open database and a length to set.
    status(unsafe { database(db) }.intern_names(body, tag_count).map(|new_len| unsafe { *len = new_len }))
}
