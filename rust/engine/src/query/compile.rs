//! From an encoded query to its terms.

use super::{NameAt, Operator, Term};
use crate::document::{Item, Name, NameWalk, Reader};
use crate::error::{Error, Result};

const OPERATORS: [(&[u8], Operator); 9] = [
    (b"$eq", Operator::Eq),
    (b"$ne", Operator::Ne),
    (b"$gt", Operator::Gt),
    (b"$gte", Operator::Gte),
    (b"$lt", Operator::Lt),
    (b"$lte", Operator::Lte),
    (b"$in", Operator::In),
    (b"$exists", Operator::Exists),
    (b"$contains", Operator::Contains),
];

/// Why a query means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<'a> {
    /// It is not a dict, or damaged.
    NotADict,
    /// No operator has this name.
    Operator(&'a [u8]),
    /// The operand of this operator has the wrong type.
    Operand(&'a [u8]),
    /// The dict for this field mixes operators with other names.
    Mixed(&'a [u8]),
    /// `$limit` is not an int of 0 or more.
    Limit,
}

/// Counts the terms of an encoded query.
pub fn check(encoded: &[u8]) -> core::result::Result<usize, Problem<'_>> {
    let mut count = 0usize;
    walk(encoded, &mut |_| {
        count = count.saturating_add(1);
        Ok(())
    })?;
    Ok(count)
}

/// Writes the terms of a query that [`check`] has passed, and gives its limit. `number_of` tells the
/// number of a name.
pub fn compile(encoded: &[u8], terms: &mut [Term], mut number_of: impl FnMut(&[u8]) -> u16) -> Result<u64> {
    let mut free = terms.iter_mut();
    let limit = walk(encoded, &mut |term| {
        *free.next().ok_or(Error::no_room(0))? = term;
        Ok(())
    });
    free.for_each(|term| *term = Term::Empty);
    resolve(encoded, terms, &mut number_of);
    limit.map_err(|_| Error::BadQuery)
}

fn resolve(encoded: &[u8], terms: &mut [Term], number_of: &mut impl FnMut(&[u8]) -> u16) {
    for term in terms {
        match term {
            Term::Field(name) | Term::Into(name) | Term::TagsAndField(name) => {
                name.number = number_of(name.text(encoded))
            }
            Term::OperandName(name) => {
                if let Ok(Name::Text(text)) = Reader::new(encoded, name.at as usize).name() {
                    name.number = number_of(text);
                }
            }
            Term::OperandTag(tag) => {
                if let Ok(Item::Str(text)) = Reader::new(encoded, tag.at as usize).item() {
                    tag.number = number_of(text);
                }
            }
            _ => {}
        }
    }
}

/// No name of a document is longer than what this can say.
fn length(name: &[u8]) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

type Sink<'s> = &'s mut dyn FnMut(Term) -> Result<()>;

fn walk<'a>(encoded: &'a [u8], sink: Sink) -> core::result::Result<u64, Problem<'a>> {
    let damaged = |_| Problem::NotADict;
    Reader::new(encoded, 0).check().map_err(damaged)?;
    let mut reader = Reader::new(encoded, 0);
    let Ok(Item::Dict(fields)) = reader.item() else {
        return Err(Problem::NotADict);
    };
    let mut limit = u64::MAX;
    for _ in 0..fields {
        let Ok(Name::Text(name)) = reader.name() else {
            return Err(Problem::NotADict);
        };
        let name_at = reader.at.wrapping_sub(name.len());
        if name == b"$limit" {
            limit = match reader.item() {
                Ok(Item::Int(count)) => u64::try_from(count).map_err(|_| Problem::Limit)?,
                Ok(Item::BigInt(false, _)) => u64::MAX,
                _ => return Err(Problem::Limit),
            };
            continue;
        }
        if name.first() == Some(&b'$') {
            return Err(Problem::Operator(name));
        }
        path(name, name_at, sink).map_err(damaged)?;
        tests(&mut reader, name, sink)?;
    }
    Ok(limit)
}

/// The terms that lead to a field.
fn path(name: &[u8], name_at: usize, sink: Sink) -> Result<()> {
    let whole = NameAt { at: name_at as u32, len: length(name), number: 0 };
    match name {
        b"_tags" => return sink(Term::Tags),
        b"tags" => return sink(Term::TagsAndField(whole)),
        _ => {}
    }
    let mut at = name_at;
    for (n, part) in name.split(|byte| *byte == b'.').enumerate() {
        let name = NameAt { at: at as u32, len: length(part), number: 0 };
        sink(if n == 0 { Term::Field(name) } else { Term::Into(name) })?;
        at = at.wrapping_add(part.len()).wrapping_add(1);
    }
    Ok(())
}

/// The tests of what stands for one field: operators, or a value to be equal to.
fn tests<'a>(reader: &mut Reader<'a>, field: &'a [u8], sink: Sink) -> core::result::Result<(), Problem<'a>> {
    let damaged = |_| Problem::NotADict;
    let start = reader.at;
    let Ok(Item::Dict(pairs)) = reader.item() else {
        reader.at = start;
        return test(reader, field, Operator::Eq, b"$eq", sink);
    };
    let operators = count_operators(*reader, pairs).map_err(damaged)?;
    if operators == 0 {
        reader.at = start;
        return test(reader, field, Operator::Eq, b"$eq", sink);
    }
    if operators < pairs {
        return Err(Problem::Mixed(field));
    }
    for _ in 0..pairs {
        let Ok(Name::Text(name)) = reader.name() else {
            return Err(Problem::NotADict);
        };
        let known = OPERATORS.iter().find(|(known, _)| *known == name);
        let (_, operator) = known.ok_or(Problem::Operator(name))?;
        test(reader, field, *operator, name, sink)?;
    }
    Ok(())
}

fn count_operators(mut reader: Reader, pairs: u32) -> Result<u32> {
    let mut operators = 0u32;
    for _ in 0..pairs {
        let named = matches!(reader.name()?, Name::Text(name) if name.first() == Some(&b'$'));
        operators = operators.wrapping_add(u32::from(named));
        reader.skip()?;
    }
    Ok(operators)
}

fn test<'a>(
    reader: &mut Reader<'a>,
    field: &[u8],
    operator: Operator,
    name: &'a [u8],
    sink: Sink,
) -> core::result::Result<(), Problem<'a>> {
    let damaged = |_| Problem::NotADict;
    let at = reader.at;
    let operand = reader.item().map_err(damaged)?;
    let fits = match operator {
        Operator::Eq | Operator::Ne | Operator::Contains => true,
        Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => {
            operand.number().is_some() || matches!(operand, Item::Str(_))
        }
        Operator::In => matches!(operand, Item::List(_)),
        Operator::Exists => matches!(operand, Item::Bool(_)),
    };
    if !fits {
        return Err(Problem::Operand(name));
    }
    sink(Term::Test(operator, at as u32)).map_err(damaged)?;
    reader.at = at;
    if matches!(field, b"_tags" | b"tags") {
        operand_tags(*reader, sink).map_err(damaged)?;
    }
    operand_names(reader, sink).map_err(damaged)
}

/// Notes the strs that tags will be compared with: the operand, its members, and theirs.
fn operand_tags(reader: Reader, sink: Sink) -> Result<()> {
    let end = {
        let mut end = reader;
        end.skip()?;
        end.at
    };
    let mut reader = reader;
    while reader.at < end {
        let start = reader;
        match reader.item()? {
            Item::Str(_) => sink(Term::OperandTag(NameAt { at: start.at as u32, len: 0, number: 0 }))?,
            Item::Dict(_) => {
                reader = start;
                reader.skip()?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Passes over an operand and notes the names in it.
fn operand_names(reader: &mut Reader, sink: Sink) -> Result<()> {
    let mut walk = NameWalk::new(reader.at);
    while let Some((at, _)) = walk.next(reader.bytes())? {
        sink(Term::OperandName(NameAt { at: at as u32, len: 0, number: 0 }))?;
    }
    reader.at = walk.at();
    Ok(())
}
