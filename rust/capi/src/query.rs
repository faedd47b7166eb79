//! Queries.

use crate::abi::{self, error_status, status};
use crate::cursor::tell_with_key;
use crate::pointers::{buffer, cursor, database, slice, AnyDatabase};
use crate::record::found;
use core::ptr::null;
use mtdb_engine::database::Step;
use mtdb_engine::query::{check, compile, Problem, Query, Term};
use mtdb_engine::{Answer, Result};

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_query_check(
    encoded: *const u8,
    len: usize,
    term_count: *mut usize,
    problem: *mut abi::mtdb_query_problem_t,
) -> i32 {
    // SAFETY: the caller gives bytes.
    let (fault, text) = match check(unsafe { slice(encoded, len) }) {
        Ok(count) => {
            // SAFETY: the caller gives a number to set.
            unsafe { *term_count = count };
            return abi::MTDB_OK;
        }
        Err(Problem::NotADict) => (abi::MTDB_QUERY_NOT_A_DICT, &[][..]),
        Err(Problem::Operator(name)) => (abi::MTDB_QUERY_OPERATOR, name),
        Err(Problem::Operand(name)) => (abi::MTDB_QUERY_OPERAND, name),
        Err(Problem::Mixed(name)) => (abi::MTDB_QUERY_MIXED, name),
        Err(Problem::Limit) => (abi::MTDB_QUERY_LIMIT, &[][..]),
    };
    let text_at = if text.is_empty() { null() } else { text.as_ptr() };
    // SAFETY: the caller gives memory for the problem.
    unsafe { problem.write(abi::mtdb_query_problem_t { fault, text: text_at, len: text.len() }) };
    abi::MTDB_BAD_QUERY
}

/// The caller's memory for terms.
///
/// # Safety
/// `query` is the caller's, and its terms are as many as it says.
unsafe fn terms<'a>(query: &abi::mtdb_query_t) -> &'a mut [Term] {
    if query.terms.is_null() {
        return &mut [];
    }
    let terms = query.terms.cast::<Term>();
    for index in 0..query.term_count {
        // SAFETY: the caller's promise; pointers.rs has checked that a term fits.
        unsafe { terms.add(index).write(Term::Empty) };
    }
    // SAFETY: every term has just been written.
    unsafe { core::slice::from_raw_parts_mut(terms, query.term_count) }
}

/// Compiles the caller's query for the names that there are now.
///
/// # Safety
/// As mtdb_query_compile.
unsafe fn compile_for(database: &mut AnyDatabase, query: &mut abi::mtdb_query_t) -> Result<u64> {
    // SAFETY: the caller's promise.
    let (encoded, terms) = unsafe { (slice(query.encoded, query.encoded_len), terms(query)) };
    let mut looked_up = Ok(0);
    let limit = compile(encoded, terms, |name| {
        let number = database.find_name(name);
        looked_up = looked_up.and(number);
        number.unwrap_or(0) as u16
    })?;
    // A name that could not be looked up is none that has no number.
    looked_up?;
    (query.names, query.names_epoch) = (database.names(), database.names_epoch());
    Ok(limit)
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_query_compile(db: *mut abi::mtdb_database_t, query: *mut abi::mtdb_query_t) -> i32 {
    // SAFETY: the caller gives a query.
    let query = unsafe { &mut *query };
    // SAFETY: the caller gives an open database.
    status(unsafe { compile_for(database(db), query) }.map(|limit| query.remaining = limit))
}

/// See the header.
///
/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn mtdb_query_next(
    db: *mut abi::mtdb_database_t,
    query: *mut abi::mtdb_query_t,
    place: *mut abi::mtdb_cursor_t,
    now: u64,
    budget: u32,
    key: *mut u8,
    buf: *mut u8,
    cap: usize,
    found: *mut abi::mtdb_found_t,
) -> i32 {
    // SAFETY: the caller gives a compiled query, an open database and a started cursor.
    let (query, database, cursor) = unsafe { (&mut *query, database(db), cursor(place)) };
    if query.remaining == 0 {
        return abi::MTDB_ABSENT;
    }
    if (query.names, query.names_epoch) != (database.names(), database.names_epoch()) {
        // SAFETY: it was compiled before.
        if let Err(error) = unsafe { compile_for(database, query) } {
            return error_status(error);
        }
    }
    // SAFETY: the caller gives the query's bytes and terms, which compile has written, and a buffer.
    let (compiled, buf) = unsafe {
        let terms = core::slice::from_raw_parts(query.terms.cast::<Term>(), query.term_count);
        let terms = if query.terms.is_null() { &[] } else { terms };
        (Query { encoded: slice(query.encoded, query.encoded_len), terms }, buffer(buf, cap))
    };
    // SAFETY: the caller gives memory for what is found.
    let found = unsafe { self::found(found) };
    let result = match database.next_match_into(&compiled, cursor, now, budget, buf.unwrap_or(&mut []), found) {
        Ok(Step::More) => return abi::MTDB_MORE,
        Ok(Step::End) => Ok(Answer::No),
        Ok(Step::Found) => {
            query.remaining = query.remaining.wrapping_sub(1);
            Ok(Answer::Yes)
        }
        Err(error) => Err(error),
    };
    // SAFETY: the caller gives memory for a key.
    unsafe { tell_with_key(result, cursor, key, found) }
}
