//! `mtdb query`.

use crate::desk::{Desk, Purpose};
use crate::failure::Failure;
use crate::lines::line;
use crate::values::{check, encode};
use mtdb_engine::database::ScanCursor;
use mtdb_engine::document::Encoder;
use mtdb_engine::query::{self, compile, Problem, Query, Term};
use serde_json::Value;
use std::io::{stdout, BufWriter, Write};
use std::path::Path;

/// Writes the records that match to stdout.
pub fn query(file: &Path, text: &str) -> Result<(), Failure> {
    let encoded = encoded(text)?;
    let terms = query::check(&encoded).map_err(|problem| Failure::usage(said(problem)))?;
    let mut terms = vec![Term::Empty; terms];
    let mut desk = Desk::open(file, Purpose::Reading)?;
    let mut looked_up = Ok(());
    let number_of = |name: &[u8]| match desk.run(|db| db.name_number(name)) {
        Ok(number) => number,
        Err(failure) => {
            looked_up = Err(failure);
            0
        }
    };
    let limit = compile(&encoded, &mut terms, number_of).map_err(|_| Failure::usage(said(Problem::NotADict)))?;
    looked_up?;
    let query = Query { encoded: &encoded, terms: &terms };
    let mut out = BufWriter::new(stdout().lock());
    let (mut cursor, mut body, mut count) = (ScanCursor::new(), Vec::new(), 0);
    while count < limit {
        let Some(found) = desk.next_match(&query, &mut cursor, &mut body)? else { break };
        out.write_all(line(&mut desk, cursor.key(), &found, &body)?.as_bytes())?;
        count += 1;
    }
    Ok(out.flush()?)
}

fn encoded(text: &str) -> Result<Vec<u8>, Failure> {
    let bad = |why: String| Failure::usage(format!("the query {why}; one is '{{\"age\": {{\"$gt\": 25}}}}'"));
    let value: Value = serde_json::from_str(text).map_err(|error| bad(format!("is not JSON ({error})")))?;
    check(&value).map_err(|why| bad(format!("cannot be taken: {why}")))?;
    let mut buf = vec![0; 4 * text.len() + 64];
    let mut encoder = Encoder::new(&mut buf, 0, 0, 0);
    encode(&mut encoder, &value, &mut |_| Ok((0, false))).map_err(|_| bad("is too long".into()))?;
    let len = encoder.len;
    buf.truncate(len);
    Ok(buf)
}

fn said(problem: Problem) -> String {
    let name = |name| String::from_utf8_lossy(name).into_owned();
    match problem {
        Problem::NotADict => "a query is an object: '{\"age\": {\"$gt\": 25}}', or '{}' for everything".into(),
        Problem::Operator(operator) => format!(
            "'{}' is not an operator here; there are $eq, $gt, $gte, $lt, $lte, $in, $ne, $exists, $contains and, for \
             the whole query, $limit",
            name(operator)
        ),
        Problem::Operand(operator) => format!("what stands behind '{}' has the wrong type", name(operator)),
        Problem::Mixed(field) => format!("the condition for '{}' mixes operators with other names", name(field)),
        Problem::Limit => "$limit is a whole number, 0 or more".into(),
    }
}
