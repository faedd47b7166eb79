//! Any bytes deflated come back, wherever they fit; any bytes inflated give a value or an error, and nothing is
//! written outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtdb_engine::compress::deflate::Scratch;
use mtdb_engine::compress::inflate::SCRATCH_BYTES;
use mtdb_engine::compress::value::{compress, expand};
use mtdb_engine::compress::{deflate, inflate};
use mtdb_engine::Error;

fuzz_target!(|bytes: &[u8]| {
    let Some(([a, b], bytes)) = bytes.split_first_chunk() else { return };
    let len = usize::from(u16::from_le_bytes([*a, *b]));
    round_trip(bytes, len);
    hostile(bytes, len);
    hostile_body(bytes, len);
});

fn round_trip(plain: &[u8], room: usize) {
    let mut scratch = Box::<Scratch>::default();
    let mut whole = vec![0; plain.len() + plain.len() / 4 + 64];
    let len = deflate(plain, &mut whole, &mut scratch).expect("there is room enough");
    assert!(len <= plain.len() + plain.len() / 8 + 8, "9 bits a byte at most");
    let mut back = vec![0; plain.len()];
    inflate(&whole[..len], &mut back, &mut [0xff; SCRATCH_BYTES]).expect("what we deflated");
    assert_eq!(back, plain);
    assert_eq!(inflate(&whole[..len - 1], &mut back, &mut [0; SCRATCH_BYTES]), Err(Error::Corrupt));

    let mut small = vec![0; room];
    assert_eq!(deflate(plain, &mut small, &mut scratch), (len <= room).then_some(len), "the same each time");

    let mut body = vec![0; 2 * plain.len() + 2 * SCRATCH_BYTES];
    let len = compress(plain, &mut body, &mut scratch).expect("there is room enough");
    assert_eq!(expand(&mut body, len, 0), Ok(plain.len()));
    assert_eq!(&body[..plain.len()], plain);
}

fn hostile(packed: &[u8], len: usize) {
    let mut plain = vec![0x5a; len + 8];
    let result = inflate(packed, &mut plain[..len], &mut [0xff; SCRATCH_BYTES]);
    assert!(!result.is_err_and(|error| error != Error::Corrupt));
    assert_eq!(plain[len..], [0x5a; 8]);
    if result.is_ok() {
        // The same in what another scratch held.
        let mut again = vec![0; len];
        inflate(packed, &mut again, &mut [0; SCRATCH_BYTES]).expect("it was sound a moment ago");
        assert_eq!(again, plain[..len]);
    }
}

fn hostile_body(bytes: &[u8], value_at: usize) {
    let mut body = bytes.to_vec();
    let (len, value_at) = (body.len(), value_at % (body.len() + 2));
    match expand(&mut body, len, value_at) {
        Err(error) if error.room().is_some() => {
            let room = error.room().unwrap();
            assert_eq!(body, bytes, "as it was");
            assert!((len + 1..=2 * 65_536 + len + SCRATCH_BYTES).contains(&room));
            body.resize(room, 0);
            assert!(!expand(&mut body, len, value_at).is_err_and(|error| error.room().is_some()));
        }
        Ok(same) => assert_eq!((same, &body[..]), (len, bytes)),
        Err(error) => assert_eq!(error, Error::Corrupt),
    }
}
