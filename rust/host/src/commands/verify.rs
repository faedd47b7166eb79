//! `mtdb verify`.

use crate::desk::{Desk, Purpose};
use crate::failure::Failure;
use crate::lines::line;
use crate::progress::Progress;
use mtdb_engine::database::{Check, Checked, Flaw, ScanCursor, READ_BYTES};
use mtdb_engine::store::PageStore;
use mtdb_engine::Error;
use std::io::{stdout, Write};
use std::path::Path;

/// So many flaws are told one by one.
const TOLD: usize = 20;

/// What is wrong, as far as it was found.
#[derive(Default)]
struct Found {
    flaws: usize,
}

impl Found {
    fn add(&mut self, text: String) -> std::io::Result<()> {
        self.flaws += 1;
        match self.flaws {
            ..=TOLD => writeln!(stdout(), "{text}"),
            _ => Ok(()),
        }
    }
}

/// Reads every page and every record, and checks that they agree.
pub fn verify(file: &Path) -> Result<(), Failure> {
    let mut desk = Desk::open(file, Purpose::Reading)?;
    let mut found = Found::default();
    let pages = verify_pages(&mut desk, &mut found)?;
    verify_entries(&mut desk, &mut found)?;
    verify_values(&mut desk, &mut found)?;
    if desk.run(|db| db.store_mut().has_lost_commits())? {
        found.add("there are later commits, but what leads to them is damaged: they do not count".into())?;
    }
    let behind = desk.db.store_mut().bytes_behind_commit();
    if behind > 0 {
        writeln!(
            stdout(),
            "note: {behind} bytes behind the last whole commit do not count: they were cut off while they were written, \
             or are damaged"
        )?;
    }
    if found.flaws > 0 {
        let more = found.flaws.saturating_sub(TOLD);
        let more = if more > 0 { format!(" ({more} more than are told above)") } else { String::new() };
        return Err(Failure::new(format!(
            "{}: {} flaws{more}. `mtdb export` gives the records before the first damage; put them into a new database \
             with `mtdb import`, or take a backup",
            file.display(),
            found.flaws
        )));
    }
    writeln!(stdout(), "{}: {} records in {pages} pages, all sound", file.display(), desk.db.records())?;
    Ok(())
}

/// Every page, read where it stands.
fn verify_pages(desk: &mut Desk, found: &mut Found) -> Result<u64, Failure> {
    let ids = desk.db.store_mut().page_ids();
    let mut progress = Progress::new("pages", u64::from(ids));
    let (mut pages, mut damaged) = (0, 0);
    for id in 0..ids {
        // What is damaged is counted here, and is no reason to stop.
        let there = desk.run(|db| match db.store_mut().verify_page(id) {
            Err(error) if error == Error::Corrupt => Ok(None),
            there => there.map(Some),
        })?;
        match there {
            Some(there) => pages += u64::from(there),
            None => {
                damaged += 1;
                found.add(format!("page {id} is damaged"))?;
            }
        }
        progress.show(u64::from(id));
    }
    let expected = u64::from(desk.db.store_mut().usage().0);
    if damaged == 0 && pages != expected {
        found.add(format!("{pages} pages are there, {expected} should be"))?;
    }
    Ok(pages)
}

/// Every entry of the tree: records, indexes, names.
fn verify_entries(desk: &mut Desk, found: &mut Found) -> Result<(), Failure> {
    let mut progress = Progress::new("records", u64::from(desk.db.records()));
    let (mut check, mut buf) = (Check::new(), vec![0; READ_BYTES]);
    loop {
        let step = desk.run(|db| match db.check_next(&mut check, &mut buf) {
            Err(error) if error == Error::Corrupt => Ok(None),
            step => step.map(Some),
        })?;
        let Some(step) = step else {
            let records = check.records();
            found.add(format!("{records} records can be read; a damaged page is behind them"))?;
            return Ok(());
        };
        match step {
            Checked::Sound => {}
            Checked::Flawed(flaw) => found.add(said(flaw, check.key()))?,
            Checked::End => return Ok(()),
        }
        progress.show(u64::from(check.records()));
    }
}

/// Every value, as export writes it.
fn verify_values(desk: &mut Desk, found: &mut Found) -> Result<(), Failure> {
    if found.flaws > 0 {
        return Ok(());
    }
    let mut progress = Progress::new("values", u64::from(desk.db.records()));
    let (mut cursor, mut body, mut count) = (ScanCursor::new(), Vec::new(), 0);
    while let Some(record) = desk.next(&mut cursor, &mut body)? {
        if line(desk, cursor.key(), &record, &body).is_err() {
            found.add(format!("the value of the record {} is damaged", shown(cursor.key())))?;
        }
        count += 1;
        progress.show(count);
    }
    Ok(())
}

fn shown(key: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(key))
}

fn said(flaw: Flaw, key: &[u8]) -> String {
    let key = shown(key);
    match flaw {
        Flaw::Order => format!("the entry {key} stands where it cannot be found"),
        Flaw::Kind => format!("the entry {key} is of no kind that there is"),
        Flaw::Record => format!("the record {key} is damaged"),
        Flaw::TagEntry => format!("the record {key} is missing from the index of one of its tags"),
        Flaw::ExpiryEntry => format!("the record {key} is missing from the index of expiries"),
        Flaw::Stray => format!("the index entry {key} leads to no record that says the same"),
        Flaw::Name => format!("the name {key} and its number do not lead to each other"),
        Flaw::Counts => "there are not as many records, TTLs or names as were counted when they were put".into(),
    }
}
