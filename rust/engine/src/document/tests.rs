//! Encoding, reading, comparing.

use super::*;
use crate::error::{Answer, Error};
use std::cmp::Ordering;
use std::vec::Vec;

fn encoded(write: impl FnOnce(&mut Encoder)) -> Vec<u8> {
    let mut buf = std::vec![0; 1024];
    let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
    write(&mut encoder);
    let len = encoder.len;
    buf.truncate(len);
    buf
}

fn int(value: i64) -> Vec<u8> {
    encoded(|e| e.int(value).unwrap())
}

#[test]
fn ints_of_every_width_come_back() {
    for value in [
        0,
        -16,
        111,
        -17,
        112,
        127,
        128,
        -128,
        -129,
        32_767,
        32_768,
        -40_000,
        i64::from(i32::MAX) + 1,
        i64::MIN,
        i64::MAX,
    ] {
        assert_eq!(Reader::new(&int(value), 0).item(), Ok(Item::Int(value)));
    }
    assert_eq!(
        [int(111).len(), int(112).len(), int(300).len(), int(70_000).len(), int(1 << 40).len()],
        [1, 2, 3, 5, 9]
    );
}

#[test]
fn floats_are_short_only_where_nothing_is_lost() {
    for (value, len) in [(0.5, 5), (-0.0, 5), (23.7, 9), (1e300, 9), (f64::MIN_POSITIVE, 9)] {
        let bytes = encoded(|e| e.float(value, 3).unwrap());
        assert_eq!(bytes.len(), len, "{value}");
        let Ok(Item::Float(back)) = Reader::new(&bytes, 0).item() else { panic!("no float") };
        assert_eq!(back.to_bits(), value.to_bits());
    }
}

#[test]
fn the_json_length_is_that_of_the_text() {
    let json = |write: fn(&mut Encoder)| {
        let mut buf = [0; 256];
        let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
        write(&mut encoder);
        encoder.json_len
    };
    assert_eq!(json(|e| e.list(0).unwrap()), "[]".len());
    assert_eq!(json(|e| e.dict(0).unwrap()), "{}".len());
    let list = |e: &mut Encoder| {
        e.list(3).unwrap();
        [-10, 0, 1000].into_iter().for_each(|n| e.int(n).unwrap());
    };
    assert_eq!(json(list), "[-10, 0, 1000]".len());
    assert_eq!(json(|e| e.str("a\"b\n\u{1}é".as_bytes()).unwrap()), r#""a\"b\n\u0001é""#.len());
    let dict = |e: &mut Encoder| {
        e.dict(2).unwrap();
        e.name(0, b"a", false).unwrap();
        e.none().unwrap();
        e.name(7, b"bc", false).unwrap();
        e.bool(false).unwrap();
    };
    assert_eq!(json(dict), r#"{"a": null, "bc": false}"#.len());
}

#[test]
fn a_full_buffer_says_how_much_it_takes_and_holds_what_it_held() {
    let mut buf = [0; 4];
    let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
    encoder.int(1).unwrap();
    assert_eq!(encoder.str(b"hello"), Err(Error::no_room(7)));
    assert_eq!((encoder.len, encoder.json_len), (1, 1));
}

#[test]
fn bytes_come_back_and_are_equal_to_nothing_else() {
    let bytes = |bytes: &[u8]| encoded(|e| e.bytes(bytes).unwrap());
    for len in [0, 1, 63, 64, 127, 128, 200] {
        let value: Vec<u8> = (0..len).map(|n| (n * 7) as u8).collect();
        let encoded = bytes(&value);
        let mut reader = Reader::new(&encoded, 0);
        assert_eq!(reader.item(), Ok(Item::Bytes(&value)));
        assert_eq!(reader.at, reader.bytes().len());
        assert_eq!(Reader::new(&bytes(&value), 0).check(), Ok(()));
    }
    let same = |a: &[u8], b: &[u8]| equal(Reader::new(a, 0), Reader::new(b, 0), &NoNames) == Ok(Answer::Yes);
    assert!(same(&bytes(b"ab"), &bytes(b"ab")));
    assert!(!same(&bytes(b"ab"), &bytes(b"ac")));
    assert!(!same(&bytes(b"ab"), &encoded(|e| e.str(b"ab").unwrap())));
}

#[test]
fn cut_and_wrong_bytes_are_corrupt() {
    let whole = encoded(|e| {
        e.dict(2).unwrap();
        e.name(0, b"name", true).unwrap();
        e.list(2).unwrap();
        e.str(b"text").unwrap();
        e.float(0.1, 3).unwrap();
        e.name(300, b"", true).unwrap();
        e.big_int(true, &[1; 9], 22).unwrap();
    });
    let bytes = encoded(|e| e.bytes(&[7; 200]).unwrap());
    for len in 0..bytes.len() {
        assert_eq!(Reader::new(&bytes[..len], 0).check(), Err(Error::Corrupt), "cut at {len}");
    }
    assert_eq!(Reader::new(&whole, 0).check(), Ok(()));
    for len in 0..whole.len() {
        assert_eq!(Reader::new(&whole[..len], 0).check(), Err(Error::Corrupt), "cut at {len}");
    }
    assert_eq!(Reader::new(&[0xee], 0).check(), Err(Error::Corrupt));
    let nested = |depth: usize| [std::vec![0xc1; depth - 1], std::vec![0xc0]].concat();
    assert_eq!(Reader::new(&nested(MAX_DEPTH), 0).check(), Ok(()));
    assert_eq!(Reader::new(&nested(MAX_DEPTH + 1), 0).check(), Err(Error::TooDeep));
}

#[test]
fn numbers_compare_as_their_values() {
    use Number::{Big, Float, Int};
    let two_64: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 0];
    let two_64_and_1: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 1];
    let cases = [
        (Int(1), Float(1.0), Ordering::Equal),
        (Int(1), Float(1.5), Ordering::Less),
        (Int(-1), Float(-1.5), Ordering::Greater),
        (Int((1 << 53) + 1), Float(9_007_199_254_740_992.0), Ordering::Greater),
        (Int(i64::MAX), Float(9_223_372_036_854_775_808.0), Ordering::Less),
        (Int(i64::MIN), Float(-9_223_372_036_854_775_808.0), Ordering::Equal),
        (Big(false, two_64), Float(18_446_744_073_709_551_616.0), Ordering::Equal),
        (Big(false, two_64_and_1), Float(18_446_744_073_709_551_616.0), Ordering::Greater),
        (Big(true, two_64_and_1), Float(-18_446_744_073_709_551_616.0), Ordering::Less),
        (Big(false, two_64), Float(1e300), Ordering::Less),
        (Big(true, two_64), Float(f64::NEG_INFINITY), Ordering::Greater),
        (Big(false, two_64), Int(i64::MAX), Ordering::Greater),
        (Big(true, two_64), Int(i64::MIN), Ordering::Less),
        (Big(false, &[0, 0, 5]), Int(5), Ordering::Equal),
        (Big(false, two_64), Big(false, two_64_and_1), Ordering::Less),
        (Big(true, two_64), Big(false, two_64), Ordering::Less),
        (Big(true, &[]), Int(5), Ordering::Less),
        (Big(false, &[0]), Int(-5), Ordering::Greater),
        (Big(true, &[0]), Big(false, &[]), Ordering::Equal),
    ];
    for (a, b, order) in cases {
        assert_eq!(a.compare(b), Some(order), "{a:?} {b:?}");
        assert_eq!(b.compare(a), Some(order.reverse()), "{b:?} {a:?}");
    }
    assert_eq!(Int(1).compare(Float(f64::NAN)), None);
}

#[test]
fn ints_compare_with_floats_exactly() {
    use Number::{Big, Float, Int};
    // Under Miri, which takes a thousand times as long, some of them.
    let (step, int_step) = if cfg!(miri) { (97, 11) } else { (3, 1) };
    let powers =
        (-1074..100).step_by(step).chain([-1, 0, 1, 7, 8, 52, 53, 62, 63, 64, 99]).map(|power| 2f64.powi(power));
    let floats: Vec<f64> = powers.flat_map(|power| [power, power * 1.5, power.next_up(), -power.next_down()]).collect();
    let powers = (0..100).step_by(int_step).map(|power| 1i128 << power);
    let ints: Vec<i128> = powers.flat_map(|power| [power - 1, power, power + 1, -power]).collect();
    for float in floats.into_iter().chain([0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN]) {
        for int in &ints {
            let whole = float as i128;
            let order = int.cmp(&whole).then_with(|| 0.0f64.partial_cmp(&(float - whole as f64)).unwrap());
            let magnitude = int.unsigned_abs().to_be_bytes();
            assert_eq!(Big(*int < 0, &magnitude).compare(Float(float)), Some(order), "{int} {float:e}");
            if let Ok(int) = i64::try_from(*int) {
                assert_eq!(Float(float).compare(Int(int)), Some(order.reverse()), "{int} {float:e}");
                assert_eq!(Big(int < 0, &magnitude).compare(Int(int)), Some(Ordering::Equal));
            }
        }
    }
}

#[test]
fn values_are_equal_whatever_the_order_of_their_names() {
    let dict = |names: [&[u8]; 2], values: [i64; 2]| {
        encoded(|e| {
            e.list(2).unwrap();
            e.dict(2).unwrap();
            for (name, value) in names.into_iter().zip(values) {
                e.name(0, name, false).unwrap();
                e.list(1).unwrap();
                e.int(value).unwrap();
            }
            e.bool(true).unwrap();
        })
    };
    let same = |a: &[u8], b: &[u8]| equal(Reader::new(a, 0), Reader::new(b, 0), &NoNames) == Ok(Answer::Yes);
    assert!(same(&dict([b"a", b"b"], [1, 2]), &dict([b"b", b"a"], [2, 1])));
    assert!(!same(&dict([b"a", b"b"], [1, 2]), &dict([b"a", b"b"], [2, 1])));
    assert!(!same(&dict([b"a", b"b"], [1, 2]), &dict([b"a", b"c"], [1, 2])));
    assert!(same(&int(1), &encoded(|e| e.float(1.0, 3).unwrap())));
    assert!(same(&int(1), &encoded(|e| e.bool(true).unwrap())));
    assert!(!same(&int(0), &encoded(|e| e.none().unwrap())));
}
