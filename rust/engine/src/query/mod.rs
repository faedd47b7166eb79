//! Queries: an encoded dict of conditions, compiled to terms, matched against encoded documents in place.
//!
//! `{"a.b": {"$gt": 1, "$lt": 5}, "_tags": "x"}` becomes the terms `Field a`, `Into b`, `Test > 1`,
//! `Test < 5`, `Tags`, `Test = x`. A term refers to the encoded query by offsets; it is the caller's
//! memory, so a query may have any number of them.

mod compile;
mod matching;

pub use compile::{check, compile, Problem};
pub use matching::{matches, Record};

use crate::document::{Item, OperandNames, Reader};

/// What a document's value is tested for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal, or a list that contains it.
    Eq,
    /// Not that.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Equal to a member of a list.
    In,
    /// Present.
    Exists,
    /// A str that has it in it, a list that contains it.
    Contains,
}

/// One step of a compiled query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Unused memory.
    Empty,
    /// Goes to a field of the document.
    Field(NameAt),
    /// Goes to a field of the dict reached.
    Into(NameAt),
    /// Goes to the record's tags.
    Tags,
    /// Goes to the record's tags and the document's field of the name.
    TagsAndField(NameAt),
    /// Tests what was reached against the operand that stands at an offset of the query.
    Test(Operator, u32),
    /// Says the number of a name inside an operand.
    OperandName(NameAt),
    /// Says the number of a str that tags are compared with.
    OperandTag(NameAt),
}

/// A name in the encoded query: where its text stands, and its number; 0 if it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAt {
    /// Offset of the text; in an operand, of the whole name or str.
    pub at: u32,
    /// Bytes of the text; in an operand 0.
    pub len: u16,
    /// The number in the table of names.
    pub number: u16,
}

impl NameAt {
    /// The text.
    pub fn text(self, encoded: &[u8]) -> &[u8] {
        encoded.get(self.at as usize..).and_then(|rest| rest.get(..usize::from(self.len))).unwrap_or(&[])
    }
}

/// A compiled query.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The encoded query.
    pub encoded: &'a [u8],
    /// Its terms.
    pub terms: &'a [Term],
}

impl Query<'_> {
    /// The tag that a matching record must have, if the query says so, and where it stands there; `field`:
    /// whether a field named `tags` may do as well.
    pub fn required_tag(&self, field: bool) -> Option<(usize, &[u8])> {
        let mut on_tags = false;
        for term in self.terms {
            match term {
                Term::Tags => on_tags = true,
                Term::TagsAndField(_) => on_tags = !field,
                Term::Field(_) | Term::Into(_) => on_tags = false,
                Term::Test(Operator::Eq | Operator::Contains, at) if on_tags => {
                    if let Ok(Item::Str(tag)) = Reader::new(self.encoded, *at as usize).item() {
                        return Some((*at as usize, tag));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

impl OperandNames for Query<'_> {
    fn number(&self, at: usize) -> u16 {
        let named = |term: &Term| match term {
            Term::OperandName(name) | Term::OperandTag(name) if name.at as usize == at => Some(name.number),
            _ => None,
        };
        self.terms.iter().find_map(named).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
