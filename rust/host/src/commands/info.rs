//! `mtdb info`.

use crate::desk::{Desk, Purpose};
use crate::failure::Failure;
use crate::medium::{path_of, SEGMENTS};
use mtdb_engine::store::file::medium::File;
use mtdb_engine::store::file::VERSION;
use mtdb_engine::store::DurableStore;
use std::io::{stdout, Write};
use std::path::Path;

/// Says what there is.
pub fn info(file: &Path) -> Result<(), Failure> {
    let mut desk = Desk::open(file, Purpose::Reading)?;
    let (statistics, files) = (desk.db.statistics(), desk.db.file_counts());
    let status = desk.db.store_mut().status();
    let behind = desk.db.store_mut().bytes_behind_commit();
    let segments = (0..SEGMENTS).filter(|number| path_of(file, File(*number)).exists()).count();
    let seconds = |milliseconds: u64| milliseconds as f64 / 1000.0;
    let mut out = stdout().lock();
    writeln!(out, "format version  {VERSION}")?;
    writeln!(out, "records         {}, {} of them with a TTL", statistics.records, statistics.ttl_records)?;
    writeln!(out, "names           {} of fields and tags have a number", statistics.names)?;
    writeln!(out, "pages           {} of {} bytes", statistics.bytes_used / page(&statistics), page(&statistics))?;
    writeln!(out, "files           {} bytes, in {} files", files.bytes, segments + 1 + spare(file))?;
    writeln!(out, "database clock  {} s", seconds(status.now))?;
    match status.wall {
        0 => writeln!(out, "last written    nobody knew what time it was")?,
        wall => writeln!(out, "last written    {} UTC, as its machine knew it", date(wall))?,
    }
    if behind > 0 {
        writeln!(out, "not in use      {behind} bytes behind the last commit: see `mtdb verify`")?;
    }
    Ok(())
}

fn page(statistics: &mtdb_engine::database::Statistics) -> u64 {
    u64::from(statistics.page_size.max(1))
}

fn spare(file: &Path) -> usize {
    usize::from(path_of(file, File::SPARE).exists())
}

/// A date and time of day from seconds since 1970.
fn date(wall: u64) -> String {
    let (mut days, second) = (wall / 86_400, wall % 86_400);
    let leap = |year: u64| year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) && year < 10_000 {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for len in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00:00");
        assert_eq!(date(951_782_400 + 3661), "2000-02-29 01:01:01");
        assert_eq!(date(1_735_689_599), "2024-12-31 23:59:59");
    }
}
