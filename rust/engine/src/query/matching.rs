//! Whether a record matches a query, told from its encoded body.

use super::{NameAt, Operator, Query, Term};
use crate::document::{equal, Item, Name, OperandNames, Reader};
use crate::error::Answer::{self, No, Yes};
use crate::error::Result;
use core::cmp::Ordering;

/// A record to look at: its tags, and then its value, as they stand in its body.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Tags, each a name, from the body's beginning on.
    pub tag_count: u32,
    /// The body.
    pub body: &'a [u8],
    /// Where the value begins.
    pub value_at: usize,
}

/// What a path has led to.
#[derive(Clone, Copy)]
enum Reached {
    Missing,
    Value(usize),
    Tags { field: Option<usize> },
}

/// Whether all conditions hold.
#[cfg_attr(target_pointer_width = "64", inline)]
pub fn matches(query: &Query, record: &Record) -> Result<Answer> {
    let mut reached = Reached::Missing;
    for term in query.terms {
        match term {
            Term::Field(name) => reached = field(query, record, record.value_at, name)?,
            Term::Into(name) => {
                reached = match reached {
                    Reached::Value(at) => field(query, record, at, name)?,
                    _ => Reached::Missing,
                }
            }
            Term::Tags => reached = tags(record, None),
            Term::TagsAndField(name) => {
                reached = match field(query, record, record.value_at, name)? {
                    Reached::Value(at) => tags(record, Some(at)),
                    _ => tags(record, None),
                }
            }
            Term::Test(operator, operand) => {
                let operand = Reader::new(query.encoded, *operand as usize);
                if test(query, record, reached, *operator, operand)? == No {
                    return Ok(No);
                }
            }
            Term::OperandName(_) | Term::OperandTag(_) | Term::Empty => {}
        }
    }
    Ok(Yes)
}

fn tags(record: &Record, field: Option<usize>) -> Reached {
    match (record.tag_count, field) {
        (0, None) => Reached::Missing,
        (0, Some(at)) => Reached::Value(at),
        _ => Reached::Tags { field },
    }
}

#[cfg_attr(target_pointer_width = "64", inline)]
fn field(query: &Query, record: &Record, at: usize, name: &NameAt) -> Result<Reached> {
    let mut reader = Reader::new(record.body, at);
    let Item::Dict(pairs) = reader.item()? else {
        return Ok(Reached::Missing);
    };
    for _ in 0..pairs {
        let found = match reader.short_name() {
            Some(number) => number == name.number,
            None => match reader.name()? {
                Name::Number(number) => number == name.number,
                Name::Text(text) => text == name.text(query.encoded),
            },
        };
        if found {
            return Ok(Reached::Value(reader.at));
        }
        reader.skip()?;
    }
    Ok(Reached::Missing)
}

#[cfg_attr(target_pointer_width = "64", inline)]
fn test(query: &Query, record: &Record, reached: Reached, operator: Operator, operand: Reader) -> Result<Answer> {
    match reached {
        Reached::Missing => missing(operator, operand),
        Reached::Value(at) => value(query, Reader::new(record.body, at), operator, operand),
        Reached::Tags { field } => {
            let positive = if operator == Operator::Ne { Operator::Eq } else { operator };
            let mut found = on_tags(query, record, positive, operand)? == Yes;
            if let Some(at) = field {
                let also = positive != Operator::Exists
                    && value(query, Reader::new(record.body, at), positive, operand)? == Yes;
                found = found || also;
            }
            Ok(Answer::from(found != (operator == Operator::Ne)))
        }
    }
}

/// A field that is not there does not exist, equals None, and is not equal to anything else.
fn missing(operator: Operator, mut operand: Reader) -> Result<Answer> {
    let operand = operand.item()?;
    Ok(Answer::from(match operator {
        Operator::Exists => operand == Item::Bool(false),
        Operator::Eq => operand == Item::None,
        Operator::Ne => operand != Item::None,
        _ => false,
    }))
}

#[cfg_attr(target_pointer_width = "64", inline)]
fn value(query: &Query, found: Reader, operator: Operator, operand: Reader) -> Result<Answer> {
    match operator {
        Operator::Exists => Ok(Answer::from({ operand }.item()? == Item::Bool(true))),
        Operator::Eq => equal_or_contains(query, found, operand),
        Operator::Ne => equal_or_contains(query, found, operand).map(|same| Answer::from(same == No)),
        Operator::In => {
            let mut members = operand;
            let Item::List(count) = members.item()? else {
                return Ok(No);
            };
            for _ in 0..count {
                if equal_or_contains(query, found, members)? == Yes {
                    return Ok(Yes);
                }
                members.skip()?;
            }
            Ok(No)
        }
        Operator::Contains => match ({ found }.item()?, { operand }.item()?) {
            (Item::Str(text), Item::Str(part)) => Ok(Answer::from(has_part(text, part))),
            (Item::List(_), _) => contains(query, found, operand),
            _ => Ok(No),
        },
        Operator::Gt => Ok(Answer::from(order(found, operand)? == Some(Ordering::Greater))),
        Operator::Lt => Ok(Answer::from(order(found, operand)? == Some(Ordering::Less))),
        Operator::Gte => Ok(Answer::from(order(found, operand)?.is_some_and(Ordering::is_ge))),
        Operator::Lte => Ok(Answer::from(order(found, operand)?.is_some_and(Ordering::is_le))),
    }
}

#[cfg_attr(target_pointer_width = "64", inline)]
fn order(mut found: Reader, mut operand: Reader) -> Result<Option<Ordering>> {
    // By reference: an item moved is an item copied.
    Ok(match (&found.item(), &operand.item()) {
        (Ok(Item::Int(a)), Ok(Item::Int(b))) => Some(a.cmp(b)),
        (Ok(Item::Str(a)), Ok(Item::Str(b))) => Some(a.cmp(b)),
        (Ok(found), Ok(operand)) => match (found.number(), operand.number()) {
            (Some(a), Some(b)) => a.compare(b),
            _ => None,
        },
        (Err(error), _) | (_, Err(error)) => return Err(*error),
    })
}

fn equal_or_contains(query: &Query, found: Reader, operand: Reader) -> Result<Answer> {
    match ({ found }.item()?, { operand }.item()?) {
        (Item::Str(a), Item::Str(b)) => Ok(Answer::from(a == b)),
        (Item::List(_), _) if equal(found, operand, query)? == No => contains(query, found, operand),
        (Item::List(_), _) => Ok(Yes),
        _ => equal(found, operand, query),
    }
}

fn contains(query: &Query, mut list: Reader, operand: Reader) -> Result<Answer> {
    let Item::List(count) = list.item()? else {
        return Ok(No);
    };
    for _ in 0..count {
        if equal(list, operand, query)? == Yes {
            return Ok(Yes);
        }
        list.skip()?;
    }
    Ok(No)
}

fn has_part(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// The tests of a list of tags, which is a list of strs.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn on_tags(query: &Query, record: &Record, operator: Operator, operand: Reader) -> Result<Answer> {
    let mut members = operand;
    match (operator, members.item()?) {
        (Operator::Exists, wanted) => Ok(Answer::from(wanted == Item::Bool(true))),
        (Operator::In, Item::List(count)) => {
            for _ in 0..count {
                if has_tag(query, record, members)? == Yes || is_tag_list(query, record, members)? == Yes {
                    return Ok(Yes);
                }
                members.skip()?;
            }
            Ok(No)
        }
        (Operator::Eq, Item::List(_)) => is_tag_list(query, record, operand),
        (Operator::Eq | Operator::Contains, _) => has_tag(query, record, operand),
        _ => Ok(No),
    }
}

fn has_tag(query: &Query, record: &Record, operand: Reader) -> Result<Answer> {
    let mut tags = Reader::new(record.body, 0);
    for _ in 0..record.tag_count {
        if same_tag(query, tags.name()?, operand)? == Yes {
            return Ok(Yes);
        }
    }
    Ok(No)
}

/// Whether the operand is a list of just the tags, in their order.
fn is_tag_list(query: &Query, record: &Record, mut operand: Reader) -> Result<Answer> {
    if operand.item()? != Item::List(record.tag_count) {
        return Ok(No);
    }
    let mut tags = Reader::new(record.body, 0);
    for _ in 0..record.tag_count {
        if same_tag(query, tags.name()?, operand)? == No {
            return Ok(No);
        }
        operand.skip()?;
    }
    Ok(Yes)
}

fn same_tag(query: &Query, tag: Name, operand: Reader) -> Result<Answer> {
    let at = operand.at;
    let Item::Str(wanted) = { operand }.item()? else {
        return Ok(No);
    };
    Ok(Answer::from(match tag {
        Name::Number(number) => number == query.number(at),
        Name::Text(text) => text == wanted,
    }))
}
