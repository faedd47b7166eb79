//! Queries against documents, both written in a little JSON.

use super::*;
use crate::document::Encoder;
use std::string::String;
use std::vec::Vec;

/// Encodes JSON text; `names` numbers the names it lists, from 1 on.
pub fn json(text: &str, names: &[&str]) -> Vec<u8> {
    let mut buf = std::vec![0; text.len() * 2 + 16];
    let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
    let rest = value(text.trim(), names, &mut encoder);
    assert!(rest.trim().is_empty(), "rest {rest:?}");
    let len = encoder.len;
    buf.truncate(len);
    buf
}

fn string(text: &str) -> (String, &str) {
    let inner = text.strip_prefix('"').expect("a string");
    let end = inner.find('"').expect("an end of the string");
    (inner[..end].into(), inner[end + 1..].trim_start())
}

fn value<'t>(text: &'t str, names: &[&str], encoder: &mut Encoder) -> &'t str {
    let pieces = |open: char| {
        let (mut depth, mut quoted, mut count, mut any) = (0, false, 1, false);
        for c in text.chars() {
            match c {
                '"' => quoted = !quoted,
                '{' | '[' if !quoted => depth += 1,
                '}' | ']' if !quoted => depth -= 1,
                ',' if !quoted && depth == 1 => count += 1,
                _ => {}
            }
            any |= depth == 1 && !c.is_whitespace() && c != open && c != '}' && c != ']' || depth > 1;
            if depth == 0 {
                break;
            }
        }
        count * usize::from(any)
    };
    match text.chars().next().expect("a value") {
        '{' => {
            let count = pieces('{');
            encoder.dict(count).unwrap();
            let mut rest = text[1..].trim_start();
            for _ in 0..count {
                let (name, after) = string(rest);
                let number = names.iter().position(|known| *known == name).map_or(0, |n| n as u16 + 1);
                encoder.name(number, name.as_bytes(), true).unwrap();
                rest = value(after.strip_prefix(':').expect("a colon").trim_start(), names, encoder);
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest[1..].trim_start()
        }
        '[' => {
            let count = pieces('[');
            encoder.list(count).unwrap();
            let mut rest = text[1..].trim_start();
            for _ in 0..count {
                rest = value(rest, names, encoder);
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest[1..].trim_start()
        }
        '"' => {
            let (text, rest) = string(text);
            encoder.str(text.as_bytes()).unwrap();
            rest
        }
        _ => {
            let end = text.find([',', ']', '}']).unwrap_or(text.len());
            match text[..end].trim() {
                "null" => encoder.none().unwrap(),
                "true" => encoder.bool(true).unwrap(),
                "false" => encoder.bool(false).unwrap(),
                number => match number.parse::<i64>() {
                    Ok(int) => encoder.int(int).unwrap(),
                    Err(_) => encoder.float(number.parse().expect("a number"), 3).unwrap(),
                },
            }
            &text[end..]
        }
    }
}

const NAMES: [&str; 5] = ["age", "a", "b", "red", "tags"];

fn found(query: &str, document: &str) -> bool {
    found_tagged(query, document, &[])
}

fn found_tagged(query: &str, document: &str, tags: &[&str]) -> bool {
    let number_of = |name: &[u8]| NAMES.iter().position(|known| known.as_bytes() == name).map_or(0, |n| n as u16 + 1);
    let encoded = json(query, &[]);
    let mut terms = std::vec![Term::Empty; check(&encoded).expect("a query")];
    compile(&encoded, &mut terms, number_of).expect("a query");
    let mut body = std::vec![0; 1024];
    let mut encoder = Encoder::new(&mut body, 0, 0, 0);
    for tag in tags {
        encoder.tag(number_of(tag.as_bytes()), tag.as_bytes(), true).unwrap();
    }
    let value_at = encoder.len;
    body.truncate(value_at);
    body.extend(json(document, &NAMES));
    let record = Record { tag_count: tags.len() as u32, body: &body, value_at };
    matches(&Query { encoded: &encoded, terms: &terms }, &record).expect("a sound document") == crate::Answer::Yes
}

fn refused(query: &str) -> String {
    match check(&json(query, &[])) {
        Err(Problem::Operator(name)) => std::format!("operator {}", String::from_utf8_lossy(name)),
        Err(Problem::Operand(name)) => std::format!("operand {}", String::from_utf8_lossy(name)),
        Err(Problem::Mixed(name)) => std::format!("mixed {}", String::from_utf8_lossy(name)),
        problem => std::format!("{problem:?}"),
    }
}

#[test]
fn plain_values_are_equal_by_value() {
    assert!(found(r#"{}"#, r#"{"age": 1}"#));
    assert!(found(r#"{}"#, r#"[1]"#));
    assert!(found(r#"{"age": 30}"#, r#"{"name": "x", "age": 30.0}"#));
    assert!(found(r#"{"age": 1}"#, r#"{"age": true}"#));
    assert!(!found(r#"{"age": "30"}"#, r#"{"age": 30}"#));
    assert!(found(r#"{"name": "x"}"#, r#"{"name": "x", "age": 3}"#));
    assert!(found(r#"{"a": {"b": [1, {"red": 2, "z": 3}]}}"#, r#"{"a": {"b": [1, {"z": 3, "red": 2}]}}"#));
    assert!(!found(r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 1, "c": 2}}"#));
    assert!(found(r#"{"a": {}}"#, r#"{"a": {}}"#));
}

#[test]
fn order_compares_numbers_with_numbers_and_strs_with_strs_only() {
    assert!(found(r#"{"age": {"$gt": 25, "$lt": 50}}"#, r#"{"age": 26}"#));
    assert!(!found(r#"{"age": {"$gt": 25, "$lt": 50}}"#, r#"{"age": 50}"#));
    assert!(found(r#"{"age": {"$gte": 26, "$lte": 26}}"#, r#"{"age": 26}"#));
    assert!(found(r#"{"a": {"$lt": "b"}}"#, r#"{"a": "abc"}"#));
    for other in [r#""26""#, "null", "[26]", "{}"] {
        assert!(!found(r#"{"age": {"$gt": 25}}"#, &std::format!(r#"{{"age": {other}}}"#)));
        assert!(!found(r#"{"age": {"$lte": 25}}"#, &std::format!(r#"{{"age": {other}}}"#)));
    }
}

#[test]
fn a_missing_field_equals_none_only() {
    assert!(found(r#"{"x": null}"#, r#"{"age": 1}"#));
    assert!(found(r#"{"x": {"$ne": 1}}"#, r#"{"age": 1}"#));
    assert!(!found(r#"{"x": {"$ne": null}}"#, r#"{"age": 1}"#));
    assert!(found(r#"{"x": {"$exists": false}}"#, r#""a str""#));
    assert!(!found(r#"{"age": {"$exists": false}}"#, r#"{"age": null}"#));
    assert!(!found(r#"{"x": {"$in": [null]}}"#, r#"{"age": 1}"#));
    assert!(!found(r#"{"x": {"$lt": 5}}"#, r#"{"age": 1}"#));
    assert!(!found(r#"{"x": {"$contains": ""}}"#, r#"{"age": 1}"#));
}

#[test]
fn lists_match_by_their_members_too() {
    assert!(found(r#"{"a": 2}"#, r#"{"a": [1, 2]}"#));
    assert!(found(r#"{"a": [1, 2]}"#, r#"{"a": [1, 2]}"#));
    assert!(!found(r#"{"a": {"$ne": 2}}"#, r#"{"a": [1, 2]}"#));
    assert!(found(r#"{"a": {"$ne": 3}}"#, r#"{"a": [1, 2]}"#));
    assert!(found(r#"{"a": {"$in": [7, 2]}}"#, r#"{"a": [1, 2]}"#));
    assert!(found(r#"{"a": {"$in": [7, 2]}}"#, r#"{"a": 7}"#));
    assert!(!found(r#"{"a": {"$in": []}}"#, r#"{"a": 7}"#));
    assert!(found(r#"{"a": {"$contains": "x"}}"#, r#"{"a": ["x"]}"#));
    assert!(found(r#"{"a": {"$contains": "x"}}"#, r#"{"a": "axb"}"#));
    assert!(!found(r#"{"a": {"$contains": "xx"}}"#, r#"{"a": ["xxx"]}"#));
    assert!(!found(r#"{"a": {"$contains": 1}}"#, r#"{"a": "1"}"#));
}

#[test]
fn dots_reach_into_dicts() {
    assert!(found(r#"{"a.b": 5}"#, r#"{"a": {"b": 5}}"#));
    assert!(found(r#"{"a.b.zz": {"$gt": 4}}"#, r#"{"a": {"b": {"zz": 5}}}"#));
    assert!(!found(r#"{"a.b": 5}"#, r#"{"b": 5, "a": 5}"#));
    assert!(found(r#"{"a.b": null}"#, r#"{"a": [1]}"#));
}

#[test]
fn tags_are_a_list_beside_the_document() {
    let tags = ["red", "unnumbered"];
    for query in [
        r#"{"_tags": "red"}"#,
        r#"{"tags": "unnumbered"}"#,
        r#"{"_tags": ["red", "unnumbered"]}"#,
        r#"{"_tags": {"$in": ["blue", "red"]}}"#,
        r#"{"_tags": {"$contains": "red"}}"#,
        r#"{"_tags": {"$ne": "blue"}}"#,
        r#"{"_tags": {"$exists": true}}"#,
    ] {
        assert!(found_tagged(query, r#"{"age": 1}"#, &tags), "{query}");
        assert!(found_tagged(query, "5", &tags), "{query}");
        assert_eq!(found_tagged(query, r#"{"age": 1}"#, &[]), query.contains("$ne"), "{query}");
    }
    assert!(!found_tagged(r#"{"_tags": {"$ne": "red"}}"#, "{}", &tags));
    assert!(!found_tagged(r#"{"_tags": {"$contains": "re"}}"#, "{}", &tags));
    assert!(!found_tagged(r#"{"_tags": ["unnumbered", "red"]}"#, "{}", &tags));
    assert!(!found_tagged(r#"{"_tags": {"$gt": "a"}}"#, "{}", &tags));
}

#[test]
fn tags_without_underscore_are_the_field_of_that_name_as_well() {
    let document = r#"{"tags": ["admin"]}"#;
    assert!(found(r#"{"tags": "admin"}"#, document));
    assert!(found(r#"{"tags": {"$contains": "admin"}}"#, document));
    assert!(!found(r#"{"_tags": "admin"}"#, document));
    assert!(found_tagged(r#"{"tags": "admin"}"#, document, &["red"]));
    assert!(found_tagged(r#"{"tags": "red"}"#, document, &["red"]));
    assert!(!found_tagged(r#"{"tags": {"$ne": "admin"}}"#, document, &["red"]));
    assert!(found_tagged(r#"{"tags": {"$ne": "blue"}}"#, document, &["red"]));
    assert!(!found(r#"{"tags": {"$exists": true}}"#, "{}"));
    assert!(!found_tagged(r#"{"tags": {"$exists": false}}"#, document, &["red"]));
}

#[test]
fn queries_that_mean_nothing_are_refused() {
    assert_eq!(refused(r#"{"a": {"$foo": 1}}"#), "operator $foo");
    assert_eq!(refused(r#"{"$or": []}"#), "operator $or");
    assert_eq!(refused(r#"{"a": {"$gt": null}}"#), "operand $gt");
    assert_eq!(refused(r#"{"a": {"$lt": []}}"#), "operand $lt");
    assert_eq!(refused(r#"{"a": {"$in": "abc"}}"#), "operand $in");
    assert_eq!(refused(r#"{"a": {"$exists": 1}}"#), "operand $exists");
    assert_eq!(refused(r#"{"a": {"$gt": 1, "b": 2}}"#), "mixed a");
    assert_eq!(refused(r#"{"$limit": -1}"#), "Err(Limit)");
    assert_eq!(refused(r#"{"$limit": true}"#), "Err(Limit)");
    assert_eq!(refused(r#"[1]"#), "Err(NotADict)");
    assert_eq!(check(&[0xd1, 0x00]), Err(Problem::NotADict));
}
