//! The tool as it is called: what it prints, its exit codes, and what it leaves of the files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn mtdb(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mtdb"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where the tool ends before it reads, the pipe breaks.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a call prints that must succeed.
fn done(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = mtdb(folder, arguments, input);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// Every file of a folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn record(n: usize) -> String {
    let (age, tag) = (n % 90, if n % 2 == 0 { "even" } else { "odd" });
    let expires = if n % 3 == 0 { "100.5" } else { "null" };
    format!(
        "{{\"key\": \"k{n:04}\", \"value\": {{\"name\": \"a name {n}\", \"age\": {age}}}, \"tags\": [\"{tag}\"], \
         \"expires\": {expires}}}\n"
    )
}

fn records(count: usize) -> String {
    (0..count).map(record).collect()
}

#[test]
fn what_is_exported_can_be_imported_and_is_the_same() {
    let here = folder("round_trip");
    let long = "x".repeat(3000);
    let mut lines: Vec<String> = [
        r#"null"#,
        r#"true"#,
        r#"-17"#,
        r#"1.0"#,
        r#"-0.0"#,
        r#"0.1"#,
        r#"1e300"#,
        r#"9223372036854775807"#,
        r#"9223372036854775808"#,
        r#"-123456789012345678901234567890"#,
        r#""ü \"quoted\" \\ \n\u0001""#,
        r#"[]"#,
        r#"{"": [{}, [1, [2.5]]], "tags": "a field"}"#,
        &format!("\"{long}\""),
    ]
    .iter()
    .enumerate()
    .map(|(n, value)| format!("{{\"key\": \"a{n:02}\", \"value\": {value}, \"tags\": [], \"expires\": null}}\n"))
    .collect();
    for (n, digits) in ["", "00ff7f", &"ee".repeat(300)].iter().enumerate() {
        lines.push(format!("{{\"key\": \"b{n}\", \"bytes\": \"{digits}\", \"tags\": [], \"expires\": null}}\n"));
    }
    lines.extend((0..700).map(record));
    let text = lines.concat();
    assert_eq!(done(&here, &["import", "my.db"], &text), "717 records imported, 717 in my.db\n");
    assert_eq!(done(&here, &["export", "my.db"], ""), text);
    let before = files(&here);
    for command in ["info", "verify", "export"] {
        done(&here, &[command, "my.db"], "");
    }
    done(&here, &["query", "my.db", "{}"], "");
    assert!(files(&here) == before, "looking changes nothing");
    done(&here, &["compact", "my.db"], "");
    assert!(files(&here) != before);
    assert_eq!(done(&here, &["export", "my.db"], ""), text);
    done(&here, &["import", "other.db"], &text);
    assert_eq!(done(&here, &["export", "other.db"], ""), text);
}

#[test]
fn importing_replaces_records_and_adds_others() {
    let here = folder("replacing");
    done(&here, &["import", "my.db"], &records(10));
    let more = "{\"key\": \"k0003\", \"value\": 1}\n\n{\"key\": \"new\", \"value\": 2, \"expires\": -5}\n";
    assert_eq!(done(&here, &["import", "my.db"], more), "2 records imported, 11 in my.db\n");
    let text = done(&here, &["export", "my.db"], "");
    assert!(text.contains("{\"key\": \"k0003\", \"value\": 1, \"tags\": [], \"expires\": null}\n"));
    // Its time has passed: it is shown, as is everything.
    assert!(text.contains("{\"key\": \"new\", \"value\": 2, \"tags\": [], \"expires\": 0.001}\n"), "{text}");
    done(&here, &["verify", "my.db"], "");
}

#[test]
fn a_wrong_line_is_named_and_nothing_is_imported() {
    let here = folder("wrong_lines");
    for (line, why) in [
        ("{\"key\": \"a\"", "not JSON"),
        ("[1]", "a line is a JSON object"),
        ("{\"value\": 1}", "\"key\" must be there"),
        ("{\"key\": \"\", \"value\": 1}", "1 to 120 bytes"),
        ("{\"key\": \"a\"}", "\"value\" is missing"),
        ("{\"key\": \"a\", \"bytes\": \"abc\"}", "hexadecimal digits"),
        ("{\"key\": \"a\", \"bytes\": \"\", \"value\": 1}", "one of"),
        ("{\"key\": \"a\", \"value\": 1, \"tag\": []}", "there is no \"tag\""),
        ("{\"key\": \"a\", \"value\": 1, \"tags\": [\"\"]}", "a tag must be"),
        ("{\"key\": \"a\", \"value\": 1, \"tags\": \"x\"}", "must be a list"),
        ("{\"key\": \"a\", \"value\": 1, \"expires\": \"x\"}", "number of seconds"),
        ("{\"key\": \"a\", \"value\": 1, \"expires\": 1e11}", "seconds at most"),
        ("{\"key\": \"a\", \"value\": 1e999}", "larger than any float"),
    ] {
        let output = mtdb(&here, &["import", "my.db"], &format!("{}{line}\n", record(1)));
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(stderr(&output).contains("line 2: ") && stderr(&output).contains(why), "{}", stderr(&output));
        assert!(files(&here).is_empty(), "{line}");
    }
    let deep = format!("{{\"key\": \"a\", \"value\": {}{}}}", "[".repeat(33), "]".repeat(33));
    assert!(stderr(&mtdb(&here, &["import", "my.db"], &deep)).contains("nested deeper than 32"));
    let long = format!("{{\"key\": \"a\", \"value\": \"{}\"}}", "x".repeat(8191));
    assert!(stderr(&mtdb(&here, &["import", "my.db"], &long)).contains("longer than 8192"));
    let deep = format!("{{\"key\": \"a\", \"value\": {}{}}}", "[".repeat(32), "]".repeat(32));
    done(&here, &["import", "my.db"], &deep);
    assert!(stderr(&mtdb(&here, &["import", "my.db"], "x\n")).contains("nothing was imported"));
    assert_eq!(done(&here, &["export", "my.db"], "").lines().count(), 1);
}

#[test]
fn a_query_gives_the_records_that_match() {
    let here = folder("query");
    done(&here, &["import", "my.db"], &records(300));
    let found = |query: &str| done(&here, &["query", "my.db", query], "");
    let expected: String = (0..300).filter(|n| n % 90 > 85).map(record).collect();
    assert_eq!(found("{\"age\": {\"$gt\": 85}}"), expected);
    let expected: String = (0..300).filter(|n| n % 90 > 85 && n % 2 == 1).map(record).collect();
    assert_eq!(found("{\"age\": {\"$gt\": 85.5}, \"tags\": \"odd\"}"), expected);
    assert_eq!(found("{\"$limit\": 2}"), records(2));
    assert_eq!(found("{\"nothing\": 1}"), "");
    for (query, why) in [
        ("{", "not JSON"),
        ("[]", "a query is an object"),
        ("{\"a\": {\"$foo\": 1}}", "'$foo' is not an operator"),
        ("{\"a\": {\"$in\": 1}}", "wrong type"),
        ("{\"a\": {\"$gt\": 1, \"b\": 1}}", "mixes operators"),
        ("{\"$limit\": -1}", "0 or more"),
    ] {
        let output = mtdb(&here, &["query", "my.db", query], "");
        assert_eq!(output.status.code(), Some(2), "{query}");
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
fn a_flipped_bit_is_found_or_hits_nothing_that_counts() {
    let here = folder("flips");
    let text = records(350);
    done(&here, &["import", "my.db"], &text);
    done(&here, &["compact", "my.db"], "");
    let (mut found, mut flips, mut step) = (0, 0, 7usize);
    for (path, bytes) in files(&here).iter().filter(|(path, _)| !path.ends_with("my.db.spare")) {
        let mut at = 0;
        while at < bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(path, &flipped).unwrap();
            let output = mtdb(&here, &["verify", "my.db"], "");
            match output.status.code() {
                Some(1) => found += 1,
                // Nothing that lives was hit, or what cannot be told from a commit that was cut off.
                Some(0) if stdout(&output).contains("do not count") => {}
                Some(0) => assert_eq!(done(&here, &["export", "my.db"], ""), text, "{path:?} {at}"),
                code => panic!("{code:?} {}", stderr(&output)),
            }
            assert_eq!(fs::read(path).unwrap(), flipped, "verifying changes nothing");
            flips += 1;
            step = step * 31 % 97 + 1;
            at += if bytes.len() < 100 { 1 } else { step };
        }
        fs::write(path, bytes).unwrap();
    }
    assert!(flips > 300 && found * 2 > flips, "{found} of {flips}");
    done(&here, &["verify", "my.db"], "");
}

#[test]
fn a_missing_part_is_told() {
    let here = folder("missing");
    done(&here, &["import", "my.db"], &records(600));
    for (path, bytes) in files(&here) {
        if path.ends_with("my.db") || path.ends_with("my.db.spare") {
            continue;
        }
        fs::remove_file(&path).unwrap();
        let output = mtdb(&here, &["verify", "my.db"], "");
        let same = mtdb(&here, &["export", "my.db"], "").stdout == records(600).into_bytes();
        assert!(same || output.status.code() == Some(1) || stdout(&output).contains("do not count"), "{path:?}");
        fs::write(&path, bytes).unwrap();
    }
    fs::create_dir(here.join("alone")).unwrap();
    fs::copy(here.join("my.db"), here.join("alone/my.db")).unwrap();
    let output = mtdb(&here, &["info", "alone/my.db"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("copy the files alone/my.db.0000"), "{}", stderr(&output));
}

#[test]
fn a_foreign_file_is_refused_and_stays_as_it_is() {
    let here = folder("foreign");
    done(&here, &["import", "my.db"], &records(5));
    fs::write(here.join("text"), "a text that is no database, and long enough to be one").unwrap();
    fs::write(here.join("btree"), [&[0x62, 0x31, 5, 0][..], &[0; 60]].concat()).unwrap();
    fs::write(here.join("empty"), "").unwrap();
    let before = files(&here);
    for (file, why) in [
        ("text", "is not a microtetherdb database"),
        ("btree", "MicroPython's btree module"),
        ("my.db.0000", "give the file without the number"),
        ("my.db.spare", "give the file without the number"),
    ] {
        for command in [&["info", file][..], &["verify", file], &["export", file], &["query", file, "{}"]] {
            let output = mtdb(&here, command, "");
            assert_eq!(output.status.code(), Some(1), "{command:?}");
            assert!(stderr(&output).contains(why), "{command:?}: {}", stderr(&output));
        }
        for command in ["import", "compact"] {
            let output = mtdb(&here, &[command, file], &records(5));
            assert!(output.status.code() == Some(1) && stderr(&output).contains(why), "{command} {file}");
        }
    }
    for command in ["info", "verify", "export"] {
        let output = mtdb(&here, &[command, "empty"], "");
        assert!(output.status.code() == Some(1) && stderr(&output).contains("holds no database yet"), "{command}");
    }
    assert!(files(&here) == before);
}

#[test]
fn exit_codes_and_help() {
    let here = folder("exit_codes");
    let code = |arguments: &[&str]| mtdb(&here, arguments, "").status.code();
    let help = done(&here, &["--help"], "");
    for command in ["info", "verify", "export", "import", "query", "compact"] {
        assert!(help.contains(&format!("mtdb {command} FILE")));
        assert_eq!(code(&[command]), Some(2), "{command}");
        assert_eq!(code(&[command, "a", "b", "c"]), Some(2), "{command}");
        assert_eq!(done(&here, &[command, "--help"], ""), help);
    }
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["frobnicate", "my.db"]), Some(2));
    assert_eq!(code(&["info", "--all"]), Some(2));
    for command in [&["info", "none.db"][..], &["compact", "none.db"], &["query", "none.db", "{}"]] {
        let output = mtdb(&here, command, "");
        assert!(output.status.code() == Some(1) && stderr(&output).contains("there is no file none.db"));
    }
    assert_eq!(code(&["info", "."]), Some(1));
    assert!(files(&here).is_empty());
}

/// MicroPython's unix port writes a database and a backup; both are read here, and what is written here there.
#[test]
fn micropython_and_the_desk_read_each_others_files() {
    let micropython = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/unix/micropython");
    if !micropython.exists() {
        eprintln!("SKIPPED: there is no build/unix/micropython to write a database: `make unix` builds it");
        return;
    }
    let here = folder("micropython");
    let run = |script: &str| {
        let output = Command::new(&micropython).args(["-c", script]).current_dir(&here).output().unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    run("from microtetherdb import MicroTetherDB
db = MicroTetherDB('my.db', in_memory=False)
for n in range(300):
    db.put('k%04d' % n, {'n': n, 'half': n / 2}, tags=['t', 'u%d' % (n % 7)], ttl=3600 if n % 2 else 0)
db.put('big', -2 ** 100)
db.put('long', 'x' * 5000)
for n in range(0, 300, 3):
    db.delete('k%04d' % n)
db.backup('my.bak')
db.close()");
    let text = done(&here, &["export", "my.db"], "");
    assert_eq!(text.lines().count(), 202);
    assert!(text.contains("{\"key\": \"big\", \"value\": -1267650600228229401496703205376, "));
    assert!(text.contains("\"half\": 2.0") && text.contains("\"tags\": [\"t\", \"u4\"], \"expires\": null}"));
    assert_eq!(text.matches("\"expires\": 3").count(), 100);
    assert_eq!(done(&here, &["export", "my.bak"], ""), text);
    for file in ["my.db", "my.bak"] {
        assert!(done(&here, &["verify", file], "").contains("202 records"));
    }
    assert!(done(&here, &["compact", "my.bak"], "").contains("is a backup"));
    flip_every_byte(&here, "my.bak");
    done(&here, &["import", "desk.db"], &text);
    let read = run("from microtetherdb import MicroTetherDB
db = MicroTetherDB('desk.db', in_memory=False)
print(len(db), db['big'] == -2 ** 100, db['k0004']['n'], db['k0004']['half'], db.tags('k0004'), len(db.query({'tags': 'u4'})))
db['more'] = 1
db.close()");
    assert_eq!(read, format!("202 True 4 2.0 ['t', 'u4'] {}\n", text.matches("\"u4\"").count()));
    assert!(done(&here, &["verify", "desk.db"], "").contains("203 records"));
}

/// In a backup every byte counts.
fn flip_every_byte(here: &Path, file: &str) {
    let bytes = fs::read(here.join(file)).unwrap();
    for at in (0..96).chain((96..bytes.len()).step_by(61)).chain(bytes.len() - 130..bytes.len()) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(here.join(file), &flipped).unwrap();
        assert_eq!(mtdb(here, &["verify", file], "").status.code(), Some(1), "byte {at}");
    }
    fs::write(here.join(file), bytes).unwrap();
}
