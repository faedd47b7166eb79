//! Any bytes as an encoded value: nothing that reads them panics or goes on for ever, and what
//! `Reader::check` accepts can be walked whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtdb_engine::document::{equal, Item, Name, NameWalk, NoNames, Number, Reader, MAX_DEPTH};
use mtdb_engine::{Answer, Error};

fuzz_target!(|bytes: &[u8]| {
    read_on(bytes, |reader| reader.item().is_ok());
    read_on(bytes, |reader| reader.name().is_ok());
    read_on(bytes, |reader| reader.skip().is_ok());
    walk_whole(bytes);
    compare_numbers(bytes);
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let (a, b) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    compare(a, b);
});

/// Each step that succeeds goes on, and never behind the end.
fn read_on(bytes: &[u8], mut step: impl FnMut(&mut Reader) -> bool) {
    let mut reader = Reader::new(bytes, 0);
    let mut before = 0;
    while step(&mut reader) {
        assert!(reader.at > before && reader.at <= bytes.len());
        before = reader.at;
    }
}

/// Reads a whole value item by item; how deep its containers are nested.
fn depth(bytes: &[u8]) -> usize {
    let mut reader = Reader::new(bytes, 0);
    let mut open = vec![(1, false)];
    let mut deepest = 0;
    while let Some((left, dict)) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        if *dict {
            reader.name().expect("a name of a checked value");
        }
        match reader.item().expect("an item of a checked value") {
            Item::List(count) => open.push((count, false)),
            Item::Dict(count) => open.push((count, true)),
            _ => {}
        }
        deepest = deepest.max(open.len() - 1);
    }
    assert_eq!(reader.at, bytes.len(), "a checked value ends with its bytes");
    deepest
}

fn walk_whole(bytes: &[u8]) {
    let mut walk = NameWalk::new(0, 0);
    let mut numbered = false;
    let walked = loop {
        match walk.next(bytes) {
            Ok(Answer::Yes) => {
                let mut name = Reader::new(bytes, walk.name_at);
                numbered |= matches!(name.name(), Ok(Name::Number(_)));
                assert_eq!(name.at, walk.at(), "the walk knows where a name ends");
            }
            Ok(Answer::No) => break Ok(walk.at()),
            Err(error) => break Err(error),
        }
    };
    if Reader::new(bytes, 0).check().is_err() {
        return;
    }
    let same = equal(Reader::new(bytes, 0), Reader::new(bytes, 0), &NoNames);
    if depth(bytes) > MAX_DEPTH {
        assert!(!walked.is_err_and(|error| error != Error::TooDeep));
        assert!(!same.is_err_and(|error| error != Error::TooDeep));
        return;
    }
    assert_eq!(walked, Ok(bytes.len()));
    // A float that is not a number, and the second of two equal names, make a value unequal to itself.
    same.expect("a checked value can be compared");
    if numbered {
        return;
    }
    let list = [&[0xc1], bytes].concat();
    assert_eq!(equal(Reader::new(&list, 1), Reader::new(bytes, 0), &NoNames), same, "wherever it stands");
}

fn compare(a: &[u8], b: &[u8]) {
    let there = equal(Reader::new(a, 0), Reader::new(b, 0), &NoNames);
    let back = equal(Reader::new(b, 0), Reader::new(a, 0), &NoNames);
    let scalar = |bytes| !matches!(Reader::new(bytes, 0).item(), Ok(Item::Dict(_) | Item::List(_)) | Err(_));
    if scalar(a) && scalar(b) {
        assert_eq!(there, back);
    }
}

/// All pairs of the first numbers that stand in the bytes.
fn compare_numbers(bytes: &[u8]) {
    let mut reader = Reader::new(bytes, 0);
    let mut numbers: Vec<Number> = Vec::new();
    while let (Ok(item), true) = (reader.item(), numbers.len() < 8) {
        numbers.extend(item.number());
    }
    for a in &numbers {
        for b in &numbers {
            assert_eq!(a.compare(*b), b.compare(*a).map(|order| order.reverse()));
        }
    }
}
