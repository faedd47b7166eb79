//! Deflate and inflate against miniz_oxide: each reads what the other writes.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use mtdb_engine::compress::inflate::SCRATCH_BYTES;
use mtdb_engine::compress::{deflate, inflate};
use mtdb_engine::Error;

/// A small generator of numbers (xorshift): the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    fn bytes(&mut self, len: usize, kinds: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(kinds) as u8).collect()
    }
}

/// How long values are; Miri is a thousand times slower, and some tests are not for it.
const LONG: usize = if cfg!(miri) { 300 } else { 3000 };

fn rounds(count: usize) -> usize {
    if cfg!(miri) {
        count.div_ceil(200)
    } else {
        count
    }
}

fn packed(plain: &[u8]) -> Option<Vec<u8>> {
    packed_within(plain, 2 * plain.len() + 64)
}

fn packed_within(plain: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut buf = vec![0xa5; room];
    let len = deflate(plain, &mut buf, &mut Box::default())?;
    assert!(len <= room);
    assert!(buf[len..].iter().all(|byte| *byte == 0xa5), "nothing is written behind the result");
    buf.truncate(len);
    Some(buf)
}

fn plain_of(packed: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    let mut plain = vec![0x5a; len];
    inflate(packed, &mut plain, &mut [0x77; SCRATCH_BYTES]).map(|()| plain)
}

fn comes_back(plain: &[u8]) {
    let small = packed(plain).expect("there is room enough");
    let theirs = decompress_to_vec_with_limit(&small, plain.len());
    assert!(theirs.is_ok_and(|theirs| theirs == plain), "miniz_oxide reads it");
    assert!(plain_of(&small, plain.len()).as_deref() == Ok(plain), "and so do we");
}

/// Text of words that come again, as values are.
fn text(random: &mut Random, len: usize) -> Vec<u8> {
    let words: Vec<Vec<u8>> = (0..200)
        .map(|_| {
            (0..2 + random.below(8)).map(|_| b"etaoinshrdlucmfw"[random.below(16).min(random.below(16))]).collect()
        })
        .collect();
    let mut text = Vec::new();
    while text.len() < len {
        text.extend(&words[random.below(200).min(random.below(200))]);
        text.push(b' ');
    }
    text.truncate(len);
    text
}

#[test]
#[cfg_attr(miri, ignore)]
fn what_is_deflated_comes_back() {
    for plain in [&b""[..], b"a", b"ab", b"aaa", b"aaaa", b"abcabcabcabc", &[0; 300], &[255; 258], &[7; 259]] {
        comes_back(plain);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds(400) {
        let (len, kinds) = (random.below(LONG), 1 + random.below(256));
        comes_back(&random.bytes(len, kinds));
        comes_back(&text(&mut random, len));
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn the_longest_values_come_back() {
    let mut random = Random(42);
    let len = 65_535;
    comes_back(&vec![b'x'; len]);
    comes_back(&random.bytes(len, 2));
    comes_back(&random.bytes(len, 256));
    comes_back(&text(&mut random, len));
    // Matches from as far back as they can reach, and from just beyond that.
    for apart in [32_766, 32_767, 32_768, 32_769, 32_770] {
        let rare: Vec<u8> = (1..=60).collect();
        let mut plain = rare.clone();
        plain.resize(apart, 0);
        plain.extend(&rare);
        comes_back(&plain);
    }
    assert_eq!(packed_within(&vec![0; 65_536], 10), None, "65,535 bytes is the longest");
}

#[test]
#[cfg_attr(miri, ignore)]
fn codes_deeper_than_the_limit_come_back() {
    // Counts like Fibonacci's numbers make the deepest trees.
    let mut plain = Vec::new();
    let (mut a, mut b) = (1usize, 1usize);
    for byte in 0..21u8 {
        plain.extend(std::iter::repeat_n(byte, a));
        (a, b) = (b, a + b);
    }
    // Mixed, lest they become matches.
    let mut random = Random(7);
    for at in (1..plain.len()).rev() {
        plain.swap(at, random.below(at + 1));
    }
    comes_back(&plain);
}

#[test]
#[cfg_attr(miri, ignore)]
fn what_another_compressor_wrote_is_read() {
    let mut random = Random(0xfeed);
    for round in 0..rounds(300) {
        let (len, kinds) = (random.below(LONG), 1 + random.below(256));
        for plain in [random.bytes(len, kinds), text(&mut random, len)] {
            let small = compress_to_vec(&plain, (round % 11) as u8);
            assert!(plain_of(&small, plain.len()).as_deref() == Ok(&plain[..]));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn text_is_deflated_nearly_as_well_as_by_another_compressor() {
    let mut random = Random(99);
    for (len, percent) in [(256, 101), (1024, 101), (8192, 105)] {
        let plain = text(&mut random, len);
        let (ours, theirs) = (packed(&plain).unwrap().len(), compress_to_vec(&plain, 9).len());
        assert!(ours * 100 <= theirs * percent, "{len} bytes: {ours} against {theirs}");
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn a_result_that_does_not_fit_is_none_and_nothing_is_written() {
    let mut random = Random(5);
    for plain in [text(&mut random, 600), random.bytes(600, 16), random.bytes(40, 256)] {
        let len = packed(&plain).unwrap().len();
        assert_eq!(packed_within(&plain, len).unwrap().len(), len);
        let mut room = vec![0xa5; len - 1];
        assert_eq!(deflate(&plain, &mut room, &mut Box::default()), None);
        assert!(room.iter().all(|byte| *byte == 0xa5));
    }
    let noise = random.bytes(1000, 256);
    assert_eq!(packed_within(&noise, noise.len()), None, "noise does not get shorter");
}

#[test]
fn what_was_in_the_scratch_before_does_not_matter() {
    let mut random = Random(11);
    let (mut packing, mut unpacking) = (Box::default(), [0; SCRATCH_BYTES]);
    for _ in 0..rounds(100) {
        let (len, kinds) = (random.below(LONG), 1 + random.below(256));
        let plain = if kinds < 128 { text(&mut random, len) } else { random.bytes(len, kinds) };
        let mut small = vec![0; 2 * len + 64];
        let written = deflate(&plain, &mut small, &mut packing).unwrap();
        assert!(packed(&plain).as_deref() == Some(&small[..written]));
        // A stream that breaks off leaves the codes half made.
        let _ = inflate(&small[..random.below(written)], &mut vec![0; len], &mut unpacking);
        let mut back = vec![0; len];
        inflate(&small[..written], &mut back, &mut unpacking).unwrap();
        assert!(back == plain);
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn a_stream_cut_short_anywhere_is_an_error() {
    let mut random = Random(3);
    let plain = text(&mut random, 2000);
    for small in [packed(&plain).unwrap(), compress_to_vec(&plain, 9), compress_to_vec(&plain, 0)] {
        for len in 0..small.len() {
            assert_eq!(plain_of(&small[..len], plain.len()), Err(Error::Corrupt), "{len} of {}", small.len());
        }
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn another_length_and_bytes_behind_the_end_are_errors() {
    let plain = text(&mut Random(8), 500);
    let small = packed(&plain).unwrap();
    for len in [0, 1, 499, 501, 1000] {
        assert_eq!(plain_of(&small, len), Err(Error::Corrupt), "{len} bytes");
    }
    for behind in [0, 1, 0xff] {
        assert_eq!(plain_of(&[&small[..], &[behind]].concat(), 500), Err(Error::Corrupt));
    }
}

/// Bits, the low ones of a byte first.
fn stream(pieces: &[(u32, u32)]) -> Vec<u8> {
    let bits: Vec<u8> =
        pieces.iter().flat_map(|(value, count)| (0..*count).map(move |n| (value >> n & 1) as u8)).collect();
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, bit| all << 1 | bit)).collect()
}

/// The code for lengths of the dynamic blocks here: two bits each for 0, 1, the repeat 16 and the run 18.
const ZERO: (u32, u32) = (0b00, 2);
const ONE: (u32, u32) = (0b10, 2);
const REPEAT: (u32, u32) = (0b01, 2);
const ZEROS: (u32, u32) = (0b11, 2);
const CODE: [u32; 18] = [2, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// The last block, with dynamic codes: how many literals and distances, the bits of the codes for lengths in their
/// order, and what follows.
fn dynamic(literals: u32, distances: u32, code: &[u32], rest: &[(u32, u32)]) -> Vec<u8> {
    let mut pieces = vec![(0b101, 3), (literals - 257, 5), (distances - 1, 5), (code.len() as u32 - 4, 4)];
    pieces.extend(code.iter().map(|bits| (*bits, 3)));
    pieces.extend(rest);
    stream(&pieces)
}

/// The lengths of 257 literals, of which 'a' and the end have one bit each, beginning with `first` of two zeros.
fn a_and_end(first: &[(u32, u32)]) -> Vec<(u32, u32)> {
    [first, &[ZEROS, (95 - 11, 7), ONE, ZEROS, (138 - 11, 7), ZEROS, (20 - 11, 7), ONE]].concat()
}

/// 'a' and the end of the block.
const A: [(u32, u32); 2] = [(0, 1), (1, 1)];

#[test]
fn streams_that_break_a_rule_are_errors() {
    let two = [ZERO, ZERO];
    let broken = [
        ("nothing at all", vec![]),
        ("a kind of block that there is not", stream(&[(0b111, 3)])),
        ("a stored block whose length is not confirmed", stream(&[(0b001, 3), (0, 5), (0, 16), (0xfffe, 16)])),
        ("a stored block longer than the stream", stream(&[(0b001, 3), (0, 5), (9, 16), (!9 & 0xffff, 16), (1, 8)])),
        ("a match that reaches before the beginning", stream(&[(0b011, 3), (0b1000000, 7), (0, 5), (0, 7)])),
        ("the length symbol 286", stream(&[(0b011, 3), (0b0110_0011, 8), (0, 5), (0, 8), (0, 8)])),
        ("the distance symbol 30", stream(&[(0b011, 3), (0b0000_1100, 8), (0b1000000, 7), (0b01111, 5), (0, 7)])),
        ("287 literals", dynamic(287, 1, &CODE, &[&a_and_end(&two)[..], &[ZEROS, (19, 7), ONE], &A].concat())),
        ("31 distances", dynamic(257, 31, &CODE, &[&a_and_end(&two)[..], &[ZEROS, (19, 7), ONE], &A].concat())),
        ("no code for lengths", dynamic(257, 1, &[0; 19], &[(0, 32)])),
        ("a repeat of a length with none before", {
            let first = [REPEAT, (0, 2), ZEROS, (94 - 11, 7)];
            dynamic(257, 1, &CODE, &[&first, &a_and_end(&two)[4..], &[ONE], &A].concat())
        }),
        ("a run beyond the last length", {
            dynamic(257, 1, &CODE, &[&a_and_end(&two)[..], &[ZEROS, (0, 7)], &A].concat())
        }),
        ("codes with a gap", dynamic(257, 3, &GAP, &[&a_and_end(&two)[..], &[TWO, ZERO, TWO], &A].concat())),
        ("one code of two bits", dynamic(257, 1, &GAP, &[&a_and_end(&two)[..], &[TWO], &A].concat())),
        ("more codes than there can be", {
            dynamic(257, 3, &CODE, &[&a_and_end(&two)[..], &[ONE, ONE, ONE], &A].concat())
        }),
        ("a block without codes", dynamic(257, 1, &CODE, &[ZEROS, (127, 7), ZEROS, (109, 7), (0, 32)])),
    ];
    for (what, packed) in broken {
        for len in [0, 1, 3, 4, 64] {
            assert_eq!(plain_of(&packed, len), Err(Error::Corrupt), "{what}");
        }
    }
}

/// The same with a code for the length 2 in the place of the repeat.
const GAP: [u32; 18] = [0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2];
const TWO: (u32, u32) = (0b01, 2);

#[test]
fn rare_streams_are_read() {
    let two = [ZERO, ZERO];
    let stored = |last: u32, byte: u32| [(last, 3), (0, 5), (1, 16), (!1 & 0xffff, 16), (byte, 8)];
    let sound = [
        ("an empty block", stream(&[(0b011, 3), (0, 7)]), &b""[..]),
        ("blocks one after another", stream(&[stored(0, 65), stored(1, 66)].concat()), b"AB"),
        ("one distance", dynamic(257, 1, &CODE, &[&a_and_end(&two)[..], &[ONE], &A].concat()), b"a"),
        ("no distance", dynamic(257, 1, &CODE, &[&a_and_end(&two)[..], &[ZERO], &A].concat()), b"a"),
        (
            "a repeat of zeros",
            {
                let first = [ZERO, REPEAT, (0, 2), ZEROS, (93 - 11, 7)];
                dynamic(257, 1, &CODE, &[&first, &a_and_end(&two)[4..], &[ONE], &A].concat())
            },
            b"a",
        ),
        (
            "286 literals and 30 distances",
            {
                let distances = [ZEROS, (28 - 11, 7), ONE, ONE];
                dynamic(286, 30, &CODE, &[&a_and_end(&two)[..], &[ZEROS, (29 - 11, 7)], &distances, &A].concat())
            },
            b"a",
        ),
        (
            "two distances of two bits, and one of one",
            { dynamic(257, 4, &GAP, &[&a_and_end(&two)[..], &[TWO, ONE, TWO, ZERO], &A].concat()) },
            b"a",
        ),
    ];
    for (what, packed, plain) in sound {
        assert_eq!(plain_of(&packed, plain.len()).as_deref(), Ok(plain), "{what}");
        assert_eq!(decompress_to_vec_with_limit(&packed, 100).unwrap(), plain, "{what}, to miniz_oxide");
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn a_block_has_the_codes_that_make_it_shorter() {
    let kind = |plain: &[u8]| packed(plain).unwrap()[0] & 7;
    assert_eq!(kind(b"a short value"), 0b011, "fixed");
    assert_eq!(kind(&text(&mut Random(4), 1000)), 0b101, "dynamic");
    assert!(packed(b"a short value").unwrap().len() <= 15);
}

/// Both say the same of any bytes: what the one takes for a stream, the other does, with the same content. Ours
/// may refuse what miniz_oxide lets pass, but does not take what that refuses.
fn same_verdict(packed: &[u8], len: usize) -> bool {
    let theirs = decompress_to_vec_with_limit(packed, 1 << 16);
    match plain_of(packed, len) {
        Ok(ours) => {
            assert!(theirs.is_ok_and(|theirs| theirs == ours));
            true
        }
        Err(_) => false,
    }
}

#[test]
#[cfg_attr(miri, ignore)]
fn hostile_bytes_are_read_as_another_inflate_reads_them() {
    let mut random = Random(0xbad);
    let mut sound = 0;
    for _ in 0..rounds(3000) {
        let len = 1 + random.below(400);
        let plain = text(&mut random, len);
        let mut small = if random.below(2) == 0 { packed(&plain).unwrap() } else { compress_to_vec(&plain, 6) };
        for _ in 0..1 + random.below(3) {
            let at = random.below(small.len());
            small[at] ^= 1 << random.below(8);
        }
        sound += usize::from(same_verdict(&small, len));
        let len = random.below(60);
        let noise = random.bytes(len, 256);
        let len = random.below(100);
        same_verdict(&noise, len);
    }
    assert!(sound > 100, "changed bits often give another value of the same length: {sound}");
}

#[test]
#[cfg_attr(miri, ignore)]
fn values_that_look_like_streams_come_back() {
    let plain = text(&mut Random(21), 900);
    let once = packed(&plain).unwrap();
    comes_back(&once);
    let twice = packed(&once).unwrap();
    comes_back(&twice);
    comes_back(&[&once[..], &once[..], &plain[..]].concat());
}
