//! Queries, as Python would answer them.

mod host;

use host::{dict, int, literal, str, Host, Random, Value};
use mtdb_engine::database::{Next, ScanCursor, FOREVER};
use mtdb_engine::query::{check, compile, Query, Term};
use std::collections::BTreeMap;

#[test]
fn a_tag_is_found_behind_a_dict_in_the_list_of_in() {
    let mut host = Host::new(512, 1 << 20);
    host.put("one", &dict([("n", int(1))]), &["hot"], FOREVER).unwrap();
    let wanted = |members: Vec<Value>| dict([("_tags", dict([("$in", Value::List(members))]))]);
    assert_eq!(host.query(&wanted(vec![str("hot"), dict([("a", int(1))])]), 1), ["one"]);
    assert_eq!(host.query(&wanted(vec![dict([("a", int(1))]), str("hot")]), 1), ["one"]);
}

#[test]
fn a_body_that_had_no_room_comes_again_when_the_query_takes_another_way() {
    let mut host = Host::new(512, 1 << 20);
    host.put("a", &dict([("text", str(&"x".repeat(100)))]), &["hot"], FOREVER).unwrap();
    host.put("b", &dict([("text", str("short"))]), &["hot"], FOREVER).unwrap();
    let encoded = literal(&dict([("tags", str("hot"))]));
    let mut terms = vec![Term::Empty; check(&encoded).unwrap()];
    compile(&encoded, &mut terms, |name| host.db.name_number(name).unwrap()).unwrap();
    let query = Query { encoded: &encoded, terms: &terms };
    let mut cursor = ScanCursor::new();
    let next = host.db.next_match(&query, &mut cursor, 1, 100, &mut [0; 16]);
    assert!(next.is_err_and(|error| error.room().is_some()));
    // From now on a field named tags could match as well: all records are looked at, not those of the tag.
    host.put("c", &dict([("tags", str("cold"))]), &[], FOREVER).unwrap();
    let next = host.db.next_match(&query, &mut cursor, 1, 100, &mut [0; 300]);
    assert!(matches!(next, Ok(Next::Found(_))));
    assert_eq!(cursor.key(), b"a", "NoRoom does not move the cursor");
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::None, Value::None) => true,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Dict(a), Value::Dict(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.iter().any(|(other, b)| name == other && same(a, b)))
        }
        _ => number(a).is_some() && number(a) == number(b),
    }
}

fn same_or_in(a: &Value, b: &Value) -> bool {
    same(a, b) || matches!(a, Value::List(items) if items.iter().any(|item| same(item, b)))
}

fn holds(found: Option<&Value>, operator: &str, operand: &Value) -> bool {
    let Some(found) = found else {
        return match operator {
            "$exists" => *operand == Value::Bool(false),
            "$eq" => *operand == Value::None,
            "$ne" => *operand != Value::None,
            _ => false,
        };
    };
    let order = match (found, operand) {
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        _ => number(found).zip(number(operand)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    match operator {
        "$eq" => same_or_in(found, operand),
        "$ne" => !same_or_in(found, operand),
        "$gt" => order.is_some_and(|order| order.is_gt()),
        "$gte" => order.is_some_and(|order| order.is_ge()),
        "$lt" => order.is_some_and(|order| order.is_lt()),
        "$lte" => order.is_some_and(|order| order.is_le()),
        "$in" => matches!(operand, Value::List(members) if members.iter().any(|member| same_or_in(found, member))),
        "$exists" => *operand == Value::Bool(true),
        _ => match (found, operand) {
            (Value::Str(text), Value::Str(part)) => text.contains(part.as_str()),
            (Value::List(items), _) => items.iter().any(|item| same(item, operand)),
            _ => false,
        },
    }
}

const NAMES: [&str; 5] = ["a", "b", "tags", "long name", ""];
const WORDS: [&str; 5] = ["hot", "cold", "", "a", "ho"];

fn some_document(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::None,
        1 => Value::Bool(random.below(2) == 0),
        2 => int(random.below(3) as i64),
        3 => Value::Float(random.below(4) as f64 / 2.0),
        4 | 5 => str(WORDS[random.below(5) as usize]),
        6 => Value::List((0..random.below(3)).map(|_| some_document(random, depth - 1)).collect()),
        _ => some_dict(random, depth),
    }
}

fn some_dict(random: &mut Random, depth: u64) -> Value {
    let names = NAMES.into_iter().filter(|_| random.below(2) == 0).collect::<Vec<_>>();
    Value::Dict(names.into_iter().map(|name| (name.into(), some_document(random, depth - 1))).collect())
}

fn reach<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, part| match value {
        Value::Dict(pairs) => pairs.iter().find(|(name, _)| name == part).map(|(_, value)| value),
        _ => None,
    })
}

fn queries_agree(full: bool) {
    let operators = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$exists", "$contains"];
    let mut random = Random(if full { 77 } else { 78 });
    let mut host = Host::new(512, 1 << 22);
    if full {
        for n in 0..520 {
            host.put("names", &Value::Dict(vec![(format!("name{n}"), int(1))]), &[], FOREVER).unwrap();
        }
        host.delete("names", 1).unwrap();
        assert!(!host.db.has_room_for_names());
    }
    let mut records = BTreeMap::new();
    for n in 0..if cfg!(miri) { 10 } else { 150 } {
        let key = format!("{n:03}");
        let document = if random.below(8) == 0 { some_document(&mut random, 3) } else { some_dict(&mut random, 3) };
        let tags: Vec<_> = WORDS.into_iter().filter(|_| random.below(4) == 0).collect();
        host.put(&key, &document, &tags, FOREVER).unwrap();
        records.insert(key, (document, tags));
    }
    for _ in 0..if cfg!(miri) { 20 } else { 4000 } {
        let path = match random.below(6) {
            0 => "_tags".into(),
            1 => "tags".into(),
            2 => format!("{}.{}", NAMES[random.below(5) as usize], NAMES[random.below(5) as usize]),
            _ => NAMES[random.below(5) as usize].to_string(),
        };
        let operator = operators[random.below(9) as usize];
        let operand = match operator {
            "$exists" => Value::Bool(random.below(2) == 0),
            "$in" => Value::List((0..random.below(4)).map(|_| some_document(&mut random, 2)).collect()),
            "$eq" | "$ne" | "$contains" => some_document(&mut random, 3),
            _ if random.below(2) == 0 => int(random.below(3) as i64),
            _ => str(WORDS[random.below(5) as usize]),
        };
        let matches = |(document, tags): &(Value, Vec<&str>)| {
            let list = (!tags.is_empty()).then(|| Value::List(tags.iter().map(|tag| str(tag)).collect()));
            let field = reach(document, &path);
            match (path.as_str(), list) {
                ("_tags", list) => holds(list.as_ref(), operator, &operand),
                ("tags", Some(list)) => match (field, operator) {
                    (Some(field), "$ne") => holds(Some(&list), "$ne", &operand) && holds(Some(field), "$ne", &operand),
                    (Some(field), _) => {
                        holds(Some(&list), operator, &operand)
                            || (operator != "$exists" && holds(Some(field), operator, &operand))
                    }
                    (None, _) => holds(Some(&list), operator, &operand),
                },
                _ => holds(field, operator, &operand),
            }
        };
        let expected: Vec<_> =
            records.iter().filter(|(_, record)| matches(record)).map(|(key, _)| key.clone()).collect();
        let query = dict([(path.as_str(), dict([(operator, operand.clone())]))]);
        assert_eq!(host.query(&query, 1), expected, "{query:?}");
    }
}

#[test]
fn queries_answer_as_python_would_with_numbered_names() {
    queries_agree(false);
}

#[test]
#[cfg_attr(miri, ignore = "a table of 511 names takes minutes")]
fn queries_answer_as_python_would_with_names_written_out() {
    queries_agree(true);
}
