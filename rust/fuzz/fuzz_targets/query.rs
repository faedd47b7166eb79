//! Any bytes as an encoded query against any bytes as a record's body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtdb_engine::bytes::hash32;
use mtdb_engine::document::Reader;
use mtdb_engine::query::{check, compile, matches, Problem, Query, Record, Term};
use mtdb_engine::Error;

fuzz_target!(|bytes: &[u8]| {
    let [tag_count, cut, bytes @ ..] = bytes else { return };
    let (encoded, body) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let count = match check(encoded) {
        Ok(count) => count,
        Err(problem) => return refused(encoded, problem),
    };
    assert!(count <= encoded.len() * 2, "a term stands for bytes of the query");
    let mut terms = vec![Term::Empty; count];
    compile(encoded, &mut terms, number_of).expect("what is checked can be compiled");
    assert!(!terms.contains(&Term::Empty));
    if count > 0 {
        let mut short = vec![Term::Empty; count - 1];
        assert_eq!(compile(encoded, &mut short, number_of), Err(Error::BadQuery));
    }
    let query = Query { encoded, terms: &terms };
    for field in [false, true] {
        let _ = query.required_tag(field);
    }
    let tag_count = u32::from(*tag_count % 4);
    match value_at(body, tag_count) {
        Some(value_at) => {
            let found = matches(&query, &Record { tag_count, body, value_at });
            let sound = Reader::new(body.get(value_at..).unwrap_or(&[]), 0).check().is_ok();
            assert!(!sound || !found.is_err_and(|error| error != Error::TooDeep), "{found:?}");
        }
        None => drop(matches(&query, &Record { tag_count, body, value_at: 0 })),
    }
});

/// Some names have a number, as in a table of names.
fn number_of(name: &[u8]) -> u16 {
    match hash32(name) % 8 {
        number @ 0..6 => number as u16,
        _ => 0,
    }
}

fn value_at(body: &[u8], tag_count: u32) -> Option<usize> {
    let mut tags = Reader::new(body, 0);
    (0..tag_count).try_for_each(|_| tags.name().map(drop)).ok()?;
    Some(tags.at)
}

/// What a problem names stands in the query, and a query with a problem is not compiled.
fn refused(encoded: &[u8], problem: Problem) {
    if let Problem::Operator(text) | Problem::Operand(text) | Problem::Mixed(text) = problem {
        assert!(text.is_empty() || encoded.windows(text.len()).any(|part| part == text) || text == b"$eq");
    }
    let mut terms = vec![Term::Empty; encoded.len() * 2];
    assert_eq!(compile(encoded, &mut terms, number_of), Err(Error::BadQuery));
}
