//! From an encoded query to its terms.

use super::{NameAt, Operator, Term};
use crate::document::{Item, Name, NameWalk, Reader};
use crate::error::{Answer, Error, Result};

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
    let mut compiler = Compiler::new(encoded, &mut []);
    match compiler.query() {
        Ok(()) => Ok(compiler.count),
        Err(_) => Err(compiler.problem),
    }
}

/// Writes the terms of a query that [`check`] has passed, and gives its limit. All of `terms` are [`Term::Empty`].
/// `number_of` tells the number of a name.
pub fn compile(encoded: &[u8], terms: &mut [Term], mut number_of: impl FnMut(&[u8]) -> u16) -> Result<u64> {
    let mut compiler = Compiler::new(encoded, terms);
    if compiler.query().is_err() || compiler.count > compiler.terms.len() {
        return Err(Error::BadQuery);
    }
    let limit = compiler.limit;
    for term in terms {
        let (name, text) = match term {
            Term::Field(name) | Term::Into(name) | Term::TagsAndField(name) => {
                let text = name.text(encoded);
                (name, text)
            }
            Term::OperandName(name) => match Reader::new(encoded, name.at as usize).name() {
                Ok(Name::Text(text)) => (name, text),
                _ => continue,
            },
            Term::OperandTag(tag) => match Reader::new(encoded, tag.at as usize).item() {
                Ok(Item::Str(text)) => (tag, text),
                _ => continue,
            },
            _ => continue,
        };
        name.number = number_of(text);
    }
    Ok(limit)
}

/// A walk through an encoded query that writes its terms, as far as there is room for them.
struct Compiler<'a, 't> {
    reader: Reader<'a>,
    terms: &'t mut [Term],
    count: usize,
    limit: u64,
    /// What is wrong where a step is refused.
    problem: Problem<'a>,
}

impl<'a, 't> Compiler<'a, 't> {
    fn new(encoded: &'a [u8], terms: &'t mut [Term]) -> Self {
        Compiler { reader: Reader::new(encoded, 0), terms, count: 0, limit: u64::MAX, problem: Problem::NotADict }
    }

    #[inline(never)]
    fn push(&mut self, term: Term) {
        if let Some(place) = self.terms.get_mut(self.count) {
            *place = term;
        }
        self.count = self.count.saturating_add(1);
    }

    fn refuse(&mut self, problem: Problem<'a>) -> Result<()> {
        self.problem = problem;
        Err(Error::BadQuery)
    }

    /// The next name, which is written out.
    fn name(&mut self) -> Result<&'a [u8]> {
        match self.reader.name()? {
            Name::Text(name) => Ok(name),
            Name::Number(_) => Err(Error::BadQuery),
        }
    }

    #[inline(never)]
    fn query(&mut self) -> Result<()> {
        self.reader.check()?;
        let Item::Dict(fields) = self.reader.item()? else {
            return Err(Error::BadQuery);
        };
        for _ in 0..fields {
            let name = self.name()?;
            if is(name, b"$limit") {
                self.limit = match self.reader.item()? {
                    Item::Int(count) if count >= 0 => count as u64,
                    Item::BigInt(false, _) => u64::MAX,
                    _ => return self.refuse(Problem::Limit),
                };
            } else if is_operator(name) {
                return self.refuse(Problem::Operator(name));
            } else {
                let on_tags = self.path(name);
                self.tests(name, on_tags)?;
            }
        }
        Ok(())
    }

    /// The terms that lead to a field; whether that may be the tags.
    fn path(&mut self, name: &[u8]) -> bool {
        let mut at = self.reader.at.wrapping_sub(name.len());
        if is(name, b"_tags") {
            self.push(Term::Tags);
            return true;
        }
        if is(name, b"tags") {
            self.push(Term::TagsAndField(name_at(at, name.len())));
            return true;
        }
        for (n, part) in name.split(|byte| *byte == b'.').enumerate() {
            let name = name_at(at, part.len());
            self.push(if n == 0 { Term::Field(name) } else { Term::Into(name) });
            at = at.wrapping_add(part.len()).wrapping_add(1);
        }
        false
    }

    /// The tests of what stands for one field: operators, or a value to be equal to.
    fn tests(&mut self, field: &'a [u8], on_tags: bool) -> Result<()> {
        let mut ahead = self.reader;
        let (mut pairs, mut operators) = (0, 0u32);
        if let Item::Dict(count) = ahead.item()? {
            pairs = count;
            for _ in 0..pairs {
                let named = matches!(ahead.name()?, Name::Text(name) if is_operator(name));
                operators = operators.wrapping_add(u32::from(named));
                ahead.skip()?;
            }
        }
        if operators == 0 {
            return self.test(Operator::Eq, b"$eq", on_tags);
        }
        if operators < pairs {
            return self.refuse(Problem::Mixed(field));
        }
        self.reader.item()?;
        for _ in 0..pairs {
            let name = self.name()?;
            let Some((_, operator)) = OPERATORS.iter().find(|(known, _)| is(name, known)) else {
                return self.refuse(Problem::Operator(name));
            };
            self.test(*operator, name, on_tags)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn test(&mut self, operator: Operator, name: &'a [u8], on_tags: bool) -> Result<()> {
        let start = self.reader;
        let operand = self.reader.item()?;
        let fits = match operator {
            Operator::Eq | Operator::Ne | Operator::Contains => true,
            Operator::In => matches!(operand, Item::List(_)),
            Operator::Exists => matches!(operand, Item::Bool(_)),
            _ => operand.number().is_some() || matches!(operand, Item::Str(_)),
        };
        if !fits {
            return self.refuse(Problem::Operand(name));
        }
        self.push(Term::Test(operator, start.at as u32));
        self.reader = start;
        if on_tags {
            self.operand_tags()?;
        }
        self.operand_names()
    }

    /// Notes the strs that tags will be compared with: the operand, its members, and theirs.
    fn operand_tags(&mut self) -> Result<()> {
        let mut reader = self.reader;
        reader.skip()?;
        let end = reader.at;
        reader = self.reader;
        while reader.at < end {
            let start = reader;
            match reader.item()? {
                Item::Str(_) => self.push(Term::OperandTag(name_at(start.at, 0))),
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
    fn operand_names(&mut self) -> Result<()> {
        let mut walk = NameWalk::new(self.reader.at, 0);
        while walk.next(self.reader.bytes())? == Answer::Yes {
            self.push(Term::OperandName(name_at(walk.name_at, 0)));
        }
        self.reader.at = walk.at();
        Ok(())
    }
}

fn name_at(at: usize, len: usize) -> NameAt {
    // No name of a document is longer than what this can say.
    NameAt { at: at as u32, len: u16::try_from(len).unwrap_or(u16::MAX), number: 0 }
}

/// Compares names out of line: that with a name that is known takes more than the call.
#[inline(never)]
fn is(name: &[u8], known: &[u8]) -> bool {
    name == known
}

fn is_operator(name: &[u8]) -> bool {
    name.first() == Some(&b'$')
}
