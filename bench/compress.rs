//! What compression saves: `make bench-compress`. Sizes are bytes a value, means over all values, and the same in
//! each run; times are of this machine.
//!
//! Every value is encoded as the engine encodes it, and stored as it is where deflating does not make it
//! shorter; that takes 2 to 4 bytes more than the raw DEFLATE. FILE is a CSV file of readings, whose first line
//! names the fields.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::deflate::core::{create_comp_flags_from_zip_params, CompressionStrategy, CompressorOxide};
use miniz_oxide::deflate::stream;
use miniz_oxide::MZFlush;
use mtdb_engine::compress::deflate::Scratch;
use mtdb_engine::compress::inflate::SCRATCH_BYTES;
use mtdb_engine::compress::value::{compress, expand};
use mtdb_engine::document::Encoder;
use std::time::Instant;

type Bytes = Vec<u8>;

const TEXT: &str = concat!(
    include_str!("../README.md"),
    include_str!("../docs/ARCHITECTURE.md"),
    include_str!("../docs/FORMAT.md"),
    include_str!("../docs/DEPENDENCIES.md")
);

fn main() {
    println!("scratch: deflate {} bytes, inflate {SCRATCH_BYTES} bytes\n", size_of::<Scratch>());
    println!(
        "| values | number | JSON | encoded | stored | raw, by miniz_oxide, level 9 | µs to deflate | µs to inflate |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for len in [256, 1024, 8192] {
        let texts = pieces(TEXT.as_bytes(), len);
        row(&format!("text, {len} bytes"), texts.iter().map(|text| encoded(|to| to.str(text).unwrap())).collect());
    }
    for len in [256, 1024, 8192] {
        let log = log(20 * len);
        let logs = pieces(&log, len);
        row(
            &format!("lines of a log, {len} bytes"),
            logs.iter().map(|text| encoded(|to| to.str(text).unwrap())).collect(),
        );
    }
    let file = std::env::args().nth(1).unwrap_or_default();
    match std::fs::read_to_string(&file) {
        Ok(csv) => readings(&csv),
        Err(error) => println!("\nSKIPPED: the readings: {file:?} cannot be read ({error}); FILE is a CSV file"),
    }
}

fn readings(csv: &str) {
    let mut lines = csv.lines().map(|line| line.split(',').map(|field| field.trim_matches('"')).collect::<Vec<_>>());
    let names = lines.next().unwrap_or_default();
    let rows: Vec<Vec<&str>> = lines.filter(|row| row.len() == names.len()).collect();
    let named = |number: fn(usize) -> u16| {
        rows.iter().map(|row| encoded(|to| reading(to, &names, row, number))).collect::<Vec<_>>()
    };
    row("readings, names written out", named(|_| 0));
    let numbered = named(|n| n as u16 + 1);
    row("readings, names as numbers", numbered.clone());
    for count in [4, 16, 64] {
        let lists = rows.chunks_exact(count).map(|rows| {
            encoded(|to| {
                to.list(rows.len()).unwrap();
                rows.iter().for_each(|row| reading(to, &names, row, |n| n as u16 + 1));
            })
        });
        row(&format!("lists of {count} readings"), lists.collect());
    }

    let values: Vec<Bytes> = numbered.into_iter().map(|(_, value)| value).collect();
    println!("\nOther units than the value, for the readings with names as numbers:\n");
    println!("| unit | encoded | stored |");
    println!("|---|---|---|");
    for page in [512, 1024, 4096] {
        let pages = by_page(&values, page);
        println!(
            "| all values of a page of {page} bytes ({:.1} of them) | {:.1} | {:.1} |",
            values.len() as f64 / pages.len() as f64,
            total(&values) as f64 / values.len() as f64,
            pages.iter().map(|page| stored(page)).sum::<usize>() as f64 / values.len() as f64
        );
    }
    for count in [4, 8, 32] {
        let (first, others) = values.split_at(count.min(values.len()));
        let dictionary = first.concat();
        println!(
            "| the value, with a preset dictionary of the first {count} ({} bytes) | {:.1} | {:.1} |",
            dictionary.len(),
            total(others) as f64 / others.len() as f64,
            others.iter().map(|value| behind(&dictionary, value).min(value.len())).sum::<usize>() as f64
                / others.len() as f64
        );
    }
}

/// One kind of values, each with the length of its JSON.
fn row(what: &str, values: Vec<(usize, Bytes)>) {
    let count = values.len() as f64;
    let plain: Vec<Bytes> = values.iter().map(|(_, value)| value.clone()).collect();
    let theirs: usize = plain.iter().map(|value| compress_to_vec(value, 9).len().min(value.len())).sum();
    let mut scratch = Box::<Scratch>::default();
    let (small, deflating) = best_of(|| plain.iter().map(|value| deflated(value, &mut scratch)).collect::<Vec<_>>());
    let (_, inflating) = best_of(|| {
        for (small, plain) in small.iter().zip(&plain).filter(|(small, plain)| small.len() < plain.len()) {
            let mut buf = small.clone();
            buf.resize(plain.len() + small.len() + SCRATCH_BYTES, 0);
            let len = expand(&mut buf, small.len(), 0).expect("what we compressed");
            assert!(buf[..len] == *plain);
        }
    });
    println!(
        "| {what} | {count} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
        values.iter().map(|(json, _)| json).sum::<usize>() as f64 / count,
        total(&plain) as f64 / count,
        total(&small) as f64 / count,
        theirs as f64 / count,
        deflating * 1e6 / count,
        inflating * 1e6 / count,
    );
}

/// What it gives, and the seconds that the quickest of some runs took.
fn best_of<T>(mut run: impl FnMut() -> T) -> (T, f64) {
    let mut timed = || {
        let started = Instant::now();
        (run(), started.elapsed().as_secs_f64())
    };
    (0..5).fold(timed(), |(_, best), _| {
        let (result, seconds) = timed();
        (result, seconds.min(best))
    })
}

fn total(values: &[Bytes]) -> usize {
    values.iter().map(Vec::len).sum()
}

/// The value as it would be stored.
fn deflated(value: &[u8], scratch: &mut Scratch) -> Bytes {
    let mut buf = vec![0; value.len().saturating_sub(1)];
    match compress(value, &mut buf, scratch) {
        Some(len) => {
            buf.truncate(len);
            buf
        }
        None => value.to_vec(),
    }
}

fn stored(value: &[u8]) -> usize {
    deflated(value, &mut Box::default()).len()
}

/// Bytes that a value takes behind a dictionary that the reader knows: a stream that has just sent it, with fixed
/// codes or those that miniz_oxide chooses.
fn behind(dictionary: &[u8], value: &[u8]) -> usize {
    let with = |strategy: CompressionStrategy| {
        let mut state = CompressorOxide::new(create_comp_flags_from_zip_params(9, -15, strategy as i32));
        let mut buf = vec![0; 2 * (dictionary.len() + value.len()) + 64];
        stream::deflate(&mut state, dictionary, &mut buf, MZFlush::Sync).status.expect("there is room");
        stream::deflate(&mut state, value, &mut buf, MZFlush::Finish).bytes_written
    };
    with(CompressionStrategy::Fixed).min(with(CompressionStrategy::Default))
}

/// Successive values, as many together as fit a page.
fn by_page(values: &[Bytes], page: usize) -> Vec<Bytes> {
    let mut pages = vec![Bytes::new()];
    for value in values {
        if pages.last().is_some_and(|last| last.len() + value.len() > page) {
            pages.push(Bytes::new());
        }
        pages.last_mut().expect("there is one").extend(value);
    }
    pages
}

fn pieces(text: &[u8], len: usize) -> Vec<&[u8]> {
    text.chunks_exact(len).collect()
}

/// Lines that a device would log.
fn log(len: usize) -> Bytes {
    let mut text = String::new();
    let mut noise = 12345u32;
    for second in 0.. {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = noise >> 16;
        let (hour, minute) = (second / 360 % 24, second / 6 % 60);
        text +=
            &format!("2025-03-{:02} {hour:02}:{minute:02}:{:02} ", 1 + second / 8640, second % 6 * 10 + number % 10);
        text += &match number % 4 {
            0 => format!("INFO wifi: rssi {} dBm, channel {}\n", -40 - (number % 45) as i32, 1 + number % 11),
            1 => {
                format!("INFO sensor: temperature {}.{} humidity {}\n", 18 + number % 9, number % 10, 30 + number % 40)
            }
            2 => format!("DEBUG heap: {} bytes free, collection took {} ms\n", 90_000 + number, 3 + number % 9),
            _ => {
                format!("WARNING mqtt: publish to home/room{}/state timed out, retry {}\n", number % 6, 1 + number % 3)
            }
        };
        if text.len() >= len {
            break;
        }
    }
    text.into_bytes()
}

/// A value and the length of its JSON.
fn encoded(write: impl FnOnce(&mut Encoder)) -> (usize, Bytes) {
    let mut buf = vec![0; 1 << 16];
    let mut to = Encoder::new(&mut buf, 0, 0, 0);
    write(&mut to);
    let (len, json_len) = (to.len, to.json_len);
    buf.truncate(len);
    (json_len, buf)
}

fn reading(to: &mut Encoder, names: &[&str], fields: &[&str], number: impl Fn(usize) -> u16) {
    to.dict(names.len()).unwrap();
    for (n, (name, field)) in names.iter().zip(fields).enumerate() {
        to.name(number(n), name.as_bytes(), true).unwrap();
        match (field.parse(), field.parse()) {
            (Ok(int), _) => to.int(int),
            (_, Ok(float)) => to.float(float, field.len()),
            _ => to.str(field.as_bytes()),
        }
        .unwrap();
    }
}
