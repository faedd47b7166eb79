//! mtdb: looks into databases in files at a desk, and moves records in and out of them.

mod commands;
mod desk;
mod failure;
mod lines;
mod medium;
mod progress;
mod values;

use failure::Failure;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = r#"mtdb: looks into a microtetherdb database, and moves records in and out of it.

    mtdb info FILE            what there is: counts, sizes, when it was last written
    mtdb verify FILE          reads every page and every record, and checks that the indexes agree
    mtdb export FILE          writes every record to stdout, one line of JSON each
    mtdb query FILE QUERY     the same for the records that match, '{"age": {"$gt": 25}}'
    mtdb import FILE          puts records from stdin, lines as export writes them; makes FILE if there is none
    mtdb compact FILE         gives back the space that nothing uses

FILE is the file with the database's name; its other files (FILE.0000 and so on, FILE.spare) have to stand beside it.
A backup is one file alone. Nothing else may have the database open meanwhile.

Only import and compact change anything. Records whose time has passed are shown too; nothing here removes them.

A line of export is {"key": "k1", "value": {"age": 30}, "tags": ["a"], "expires": 12.5}. "expires" is how many seconds
the record still had when the database was last written (negative: its time had passed), or null when it stays for good.
import takes that as seconds from now on; "tags" and "expires" can be left out. A record of the same key is replaced. When
one line is wrong, nothing of the input is put.

Exit codes: 0 all is well, 1 damaged or failed, 2 the command was not understood.
"#;

fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or("")).collect();
    if words.contains(&"--help") || words.contains(&"-h") || matches!(words[..], ["help", ..]) {
        std::io::stdout().write_all(HELP.as_bytes())?;
        return Ok(());
    }
    if matches!(words[..], ["--version"]) {
        writeln!(std::io::stdout(), "mtdb {}", env!("CARGO_PKG_VERSION"))?;
        return Ok(());
    }
    let Some((command, rest)) = words.split_first() else {
        return Err(Failure::usage("what is to be done? `mtdb --help` lists the commands"));
    };
    let wanted = match *command {
        "info" | "verify" | "export" | "import" | "compact" => 1,
        "query" => 2,
        command => {
            return Err(Failure::usage(format!("there is no command '{command}': `mtdb --help` lists those there are")))
        }
    };
    if rest.len() != wanted {
        let query = if wanted == 2 { " QUERY" } else { "" };
        return Err(Failure::usage(format!("the command is: mtdb {command} FILE{query}, with nothing else")));
    }
    if let Some(option) = rest.iter().find(|word| word.starts_with("--")) {
        return Err(Failure::usage(format!("there is no option '{option}'; a file of that name is ./{option}")));
    }
    let file = Path::new(&arguments[1]);
    match *command {
        "info" => commands::info(file),
        "verify" => commands::verify(file),
        "export" => commands::export(file),
        "import" => commands::import(file, std::io::stdin().lock()),
        "query" => commands::query(file, rest[1]),
        _ => commands::compact(file),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { text, code }) => {
            if let Some(text) = text {
                eprintln!("mtdb: {text}");
            }
            ExitCode::from(code)
        }
    }
}
