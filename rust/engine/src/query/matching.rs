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

/// What the tests of a query look at: what its path has led to.
struct Reached<'a> {
    query: &'a Query<'a>,
    record: &'a Record<'a>,
    /// The record's tags, of which there are some.
    tags: bool,
    /// Where the value begins that was reached, or [`NOWHERE`].
    at: usize,
}

const NOWHERE: usize = usize::MAX;

/// Whether all conditions hold.
#[cfg_attr(target_pointer_width = "64", inline)]
pub fn matches(query: &Query, record: &Record) -> Result<Answer> {
    let mut reached = Reached { query, record, tags: false, at: NOWHERE };
    for term in query.terms {
        match term {
            Term::Field(name) | Term::TagsAndField(name) => {
                reached.tags = record.tag_count > 0 && matches!(term, Term::TagsAndField(_));
                reached.at = record.value_at;
                reached.go_into(name)?;
            }
            Term::Into(name) => reached.go_into(name)?,
            Term::Tags => (reached.tags, reached.at) = (record.tag_count > 0, NOWHERE),
            Term::Test(operator, operand) => {
                if reached.test(*operator, *operand as usize)? == No {
                    return Ok(No);
                }
            }
            Term::OperandName(_) | Term::OperandTag(_) | Term::Empty => {}
        }
    }
    Ok(Yes)
}

impl<'a> Reached<'a> {
    fn value(&self) -> Reader<'a> {
        Reader::new(self.record.body, self.at)
    }

    fn operand(&self, at: usize) -> Reader<'a> {
        Reader::new(self.query.encoded, at)
    }

    /// Goes to a field of the dict reached.
    #[cfg_attr(target_pointer_width = "64", inline)]
    fn go_into(&mut self, name: &NameAt) -> Result<()> {
        if self.at == NOWHERE {
            return Ok(());
        }
        let mut reader = self.value();
        self.at = NOWHERE;
        let Item::Dict(pairs) = reader.item()? else {
            return Ok(());
        };
        for _ in 0..pairs {
            let found = match reader.short_name() {
                Some(number) => number == name.number,
                None => match reader.name()? {
                    Name::Number(number) => number == name.number,
                    Name::Text(text) => text == name.text(self.query.encoded),
                },
            };
            if found {
                self.at = reader.at;
                break;
            }
            reader.skip()?;
        }
        Ok(())
    }

    /// A field that is not there does not exist, equals None, and is not equal to anything else.
    #[cfg_attr(target_pointer_width = "64", inline)]
    fn test(&self, operator: Operator, operand: usize) -> Result<Answer> {
        let missing = !self.tags && self.at == NOWHERE;
        let (positive, negated) = match operator {
            Operator::Exists => {
                let wanted = self.operand(operand).item()?;
                return Ok((matches!(wanted, Item::Bool(true)) != missing).into());
            }
            Operator::Ne => (Operator::Eq, true),
            operator => (operator, false),
        };
        let found = if missing {
            positive == Operator::Eq && matches!(self.operand(operand).item()?, Item::None)
        } else {
            (self.tags && self.holds(true, positive, operand)? == Yes)
                || (self.at != NOWHERE && self.holds(false, positive, operand)? == Yes)
        };
        Ok((found != negated).into())
    }

    /// Whether the tags, or else the value, are what an operator asks for that is neither `$exists` nor `$ne`.
    #[cfg_attr(target_pointer_width = "64", inline)]
    fn holds(&self, tags: bool, operator: Operator, operand: usize) -> Result<Answer> {
        match operator {
            Operator::Eq => self.is_or_has(tags, operand),
            Operator::In => {
                let mut members = self.operand(operand);
                let Item::List(count) = members.item()? else {
                    return Ok(No);
                };
                for _ in 0..count {
                    if self.is_or_has(tags, members.at)? == Yes {
                        return Ok(Yes);
                    }
                    members.skip()?;
                }
                Ok(No)
            }
            Operator::Contains if tags => self.has_tag(operand),
            Operator::Contains => match (&self.value().item(), &self.operand(operand).item()) {
                (Ok(Item::Str(text)), Ok(Item::Str(part))) => Ok(has_part(text, part).into()),
                _ => self.has(operand),
            },
            _ if tags => Ok(No),
            _ => self.is_in_order(operator, operand),
        }
    }

    /// Whether the tags, or else the value, equal the operand or are a list that has it.
    fn is_or_has(&self, tags: bool, operand: usize) -> Result<Answer> {
        if tags {
            return match self.has_tag(operand)? {
                No => self.is_tag_list(operand),
                yes => Ok(yes),
            };
        }
        if let (Ok(Item::Str(a)), Ok(Item::Str(b))) = (&self.value().item(), &self.operand(operand).item()) {
            return Ok((a == b).into());
        }
        match equal(self.value(), self.operand(operand), self.query)? {
            No => self.has(operand),
            yes => Ok(yes),
        }
    }

    /// Whether the value is a list that has the operand.
    fn has(&self, operand: usize) -> Result<Answer> {
        let mut list = self.value();
        let Item::List(count) = list.item()? else {
            return Ok(No);
        };
        for _ in 0..count {
            if equal(list, self.operand(operand), self.query)? == Yes {
                return Ok(Yes);
            }
            list.skip()?;
        }
        Ok(No)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    fn is_in_order(&self, operator: Operator, operand: usize) -> Result<Answer> {
        // By reference: an item moved is an item copied.
        let order = match (&self.value().item(), &self.operand(operand).item()) {
            (Ok(Item::Int(a)), Ok(Item::Int(b))) => Some(a.cmp(b)),
            (Ok(Item::Str(a)), Ok(Item::Str(b))) => Some(a.cmp(b)),
            (Ok(value), Ok(operand)) => match (value.number(), operand.number()) {
                (Some(a), Some(b)) => a.compare(b),
                _ => None,
            },
            (Err(error), _) | (_, Err(error)) => return Err(*error),
        };
        Ok(Answer::from(match order {
            Some(Ordering::Greater) => matches!(operator, Operator::Gt | Operator::Gte),
            Some(Ordering::Less) => matches!(operator, Operator::Lt | Operator::Lte),
            Some(Ordering::Equal) => matches!(operator, Operator::Gte | Operator::Lte),
            None => false,
        }))
    }

    fn has_tag(&self, operand: usize) -> Result<Answer> {
        let mut tags = Reader::new(self.record.body, 0);
        for _ in 0..self.record.tag_count {
            if self.same_tag(tags.name()?, operand)? == Yes {
                return Ok(Yes);
            }
        }
        Ok(No)
    }

    /// Whether the operand is a list of just the tags, in their order.
    fn is_tag_list(&self, operand: usize) -> Result<Answer> {
        let mut members = self.operand(operand);
        if !matches!(members.item()?, Item::List(count) if count == self.record.tag_count) {
            return Ok(No);
        }
        let mut tags = Reader::new(self.record.body, 0);
        for _ in 0..self.record.tag_count {
            if self.same_tag(tags.name()?, members.at)? == No {
                return Ok(No);
            }
            members.skip()?;
        }
        Ok(Yes)
    }

    fn same_tag(&self, tag: Name, operand: usize) -> Result<Answer> {
        let Item::Str(wanted) = self.operand(operand).item()? else {
            return Ok(No);
        };
        Ok(Answer::from(match tag {
            Name::Number(number) => number == self.query.number(operand),
            Name::Text(text) => text == wanted,
        }))
    }
}

fn has_part(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
