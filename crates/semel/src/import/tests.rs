//! A file as a source keeps law 5: from whatever cursor it is read on, what comes is the same.

use super::csv::{Csv, HEADER_MAX, Header};
use super::decoder::Decoder;
use super::input::Input;
use super::lines::Lines;
use super::record::{KEPT, RECORD_MAX, Records};
use super::source::{FileSource, Origin};
use crate::cli::Format;
use indicatif::ProgressBar;
use proptest::prelude::*;
use semel_core::exactly_once::{Cursor, Failure, Source};
use semel_core::problem::Code;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

const MAPPING: &str = r#"
    idempotency_key = { at = "/k" }
    amount = { at = "/a", unit = "minor" }
    currency = { value = "USD" }
    debit_account = { value = "c:1" }
    credit_account = { value = "m:1" }
"#;

/// A record as it was read: its line, its bytes, whether it is a payment, and the cursor behind
/// its batch.
type Read = (u64, Vec<u8>, bool, Cursor);

fn file(bytes: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn decoder() -> Decoder {
    Decoder { namespace: "shop".into(), mapping: toml::from_str(MAPPING).unwrap() }
}

fn origin(path: &Path, format: Format) -> Origin {
    Origin { path: path.to_owned(), format, decoder: decoder() }
}

fn source(path: &Path, format: Format) -> FileSource {
    FileSource::new(origin(path, format), ProgressBar::hidden())
}

fn append(file: &NamedTempFile, bytes: &[u8]) {
    std::fs::File::options().append(true).open(file.path()).unwrap().write_all(bytes).unwrap();
}

async fn read(source: &mut FileSource, from: Cursor, limit: usize) -> Result<Vec<Read>, Failure> {
    let (mut at, mut all) = (from, Vec::new());
    while let Some(batch) = source.read(&at, limit).await? {
        assert!(!batch.items.is_empty() && batch.items.len() <= limit);
        at = batch.to;
        let items = batch.items.into_iter();
        all.extend(
            items.map(|item| {
                (item.line, item.raw.value.unwrap_or_default(), item.content.is_ok(), at)
            }),
        );
    }
    Ok(all)
}

/// Read `bytes` one by one and in one go, and again from every cursor on the way.
fn assert_stable(bytes: &[u8], format: Format) -> Vec<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let file = file(bytes);
        let mut source = source(file.path(), format);
        let all = read(&mut source, Cursor::START, 1).await.unwrap();
        let plain = |read: &[Read]| -> Vec<_> {
            read.iter()
                .map(|(line, value, is_payment, _)| (*line, value.clone(), *is_payment))
                .collect()
        };
        let at_once = read(&mut source, Cursor::START, 1_000).await.unwrap();
        assert_eq!(plain(&at_once), plain(&all));
        for (index, (_, _, _, cursor)) in all.iter().enumerate() {
            let rest = read(&mut source, *cursor, 2).await.unwrap();
            assert_eq!(plain(&rest), plain(&all[index + 1..]), "from {cursor:?}");
        }
        all
    })
}

fn lines_of(read: &[Read]) -> Vec<(u64, bool)> {
    read.iter().map(|(line, _, is_payment, _)| (*line, *is_payment)).collect()
}

#[test]
fn what_follows_a_cursor_is_always_the_same() {
    const PAID: &str = r#"{"k":"1","a":1}"#;
    let long = "7".repeat(RECORD_MAX + 1);
    let lines = format!("\u{feff}\n{PAID}\r\n\n{long}\n{PAID}\n \n{{\"k\n{PAID}");
    let read = assert_stable(lines.as_bytes(), Format::Jsonl);
    assert_eq!(lines_of(&read), [(2, true), (4, false), (5, true), (7, false), (8, true)]);

    let records =
        format!("\u{feff}k,a,n\n\n1,1,\"x\n\ny\"\r\n2,1,{long}\n3,1\n4,1,\"{long}\n\"\n5,1,\n");
    let read = assert_stable(records.as_bytes(), Format::Csv);
    assert_eq!(lines_of(&read), [(3, true), (6, false), (7, false), (8, false), (10, true)]);
}

#[test]
fn a_record_may_be_as_long_as_the_limit_and_no_longer() {
    let padded = |length: usize| {
        let (head, tail) = (r#"{"k":"1","a":1,"n":""#, r#""}"#);
        format!("{head}{}{tail}", "x".repeat(length - head.len() - tail.len()))
    };
    for end in ["", "\n"] {
        for (length, is_payment) in [(RECORD_MAX, true), (RECORD_MAX + 1, false)] {
            let read = assert_stable((padded(length) + end).as_bytes(), Format::Jsonl);
            assert_eq!(lines_of(&read), [(1, is_payment)], "{length} and {end:?}");
            let kept = if is_payment { length } else { KEPT };
            assert_eq!(read[0].1.len(), kept);
        }
    }
}

#[test]
fn what_is_kept_of_a_long_record_ends_before_a_card_number_that_is_cut() {
    let card = format!("{}4111 1111 1111 1111{}", "x".repeat(KEPT - 9), "y".repeat(RECORD_MAX));
    let read = assert_stable(card.as_bytes(), Format::Jsonl);
    assert_eq!(read[0].1.len(), KEPT - 9);
}

#[test]
fn a_step_that_was_not_committed_is_read_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let lines: String = (1..=9).map(|key| format!("{{\"k\":\"{key}\",\"a\":1}}\n")).collect();
    let file = file(lines.as_bytes());
    let mut source = source(file.path(), Format::Jsonl);
    let mut at = Cursor::START;
    let mut committed = Vec::new();
    for step in 0.. {
        let batch = runtime.block_on(source.read(&at, 2)).unwrap();
        let Some(batch) = batch else { break };
        // Every second step fails once it has been read.
        if step % 2 == 1 {
            at = batch.to;
            committed.extend(batch.items.into_iter().map(|item| item.line));
        }
    }
    assert_eq!(committed, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_cursor_of_another_file_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let file = file(b"{}\n{}\n");
    let mut source = source(file.path(), Format::Jsonl);
    let first = runtime.block_on(read(&mut source, Cursor::START, 1)).unwrap()[0].3;
    let end = Cursor { next: 99, ..first };
    for wrong in [Cursor { next: 4, ..first }, Cursor { tail: Cursor::START.tail, ..first }, end] {
        match runtime.block_on(read(&mut source, wrong, 1)) {
            Err(Failure::Permanent(stop)) => assert_eq!(stop.code, Code::SourceChanged),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_appended_behind_the_end_that_was_seen_is_left_to_the_next_run() {
    const PAID: &[u8] = br#"{"k":"1","a":1}"#;
    let long = "7".repeat(RECORD_MAX + 1);
    // The end, and whether what was taken as the last record goes on behind it.
    for (format, head, last, goes_on) in [
        (Format::Jsonl, "", PAID, true),
        (Format::Jsonl, "", long.as_bytes(), true),
        (Format::Jsonl, "", b"{}\n", false),
        (Format::Csv, "k,a,n\n", b"1,1,", true),
        (Format::Csv, "k,a,n\n", long.as_bytes(), true),
        (Format::Csv, "k,a,n\n", b"1,1,\n", false),
    ] {
        let file = file(head.as_bytes());
        let mut input = Input::open(file.path(), &Cursor::START).unwrap();
        append(&file, last);
        let mut records: Box<dyn Records> = match format {
            Format::Jsonl => Box::new(Lines::new(decoder())),
            Format::Csv => {
                let header = Header::read(&mut input).unwrap().unwrap().unwrap();
                Box::new(Csv::new(decoder(), header))
            }
        };
        assert!(records.next(&mut input).unwrap().is_some());
        if !goes_on {
            assert!(records.next(&mut input).unwrap().is_none());
        }
        let end = input.cursor();
        append(&file, b"1\n1,1,\n");
        assert!(records.next(&mut input).unwrap().is_none(), "{last:?}");
        assert_eq!(input.cursor(), end);
        match Input::open(file.path(), &end) {
            Err(stop) => assert!(goes_on && stop.code == Code::SourceChanged, "{stop:?}"),
            Ok(_) => assert!(!goes_on),
        }
    }
}

#[test]
fn a_run_that_begins_behind_an_open_last_line_never_reads_on_in_it() {
    let file = file(b"{}");
    let mut input = Input::open(file.path(), &Cursor::START).unwrap();
    Lines::new(decoder()).next(&mut input).unwrap().unwrap();
    let mut later = Input::open(file.path(), &input.cursor()).unwrap();
    append(&file, b"{}\n");
    assert!(Lines::new(decoder()).next(&mut later).unwrap().is_none());
}

#[test]
fn a_long_header_row_makes_batches_of_fewer_records() {
    const RECORDS: usize = 2_000;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let header = format!("k,a,{}", "n".repeat(HEADER_MAX - 4));
    let records: String = (0..RECORDS).map(|key| format!("{key},1,\n")).collect();
    let long = file(format!("{header}\n{records}").as_bytes());
    let mut source = source(long.path(), Format::Csv);
    let (mut at, mut read) = (Cursor::START, 0);
    while let Some(batch) = runtime.block_on(source.read(&at, RECORDS)).unwrap() {
        let held: u64 = batch.items.iter().map(|item| item.raw.length()).sum();
        assert!(held < 5 * 1024 * 1024, "{held}");
        (at, read) = (batch.to, read + batch.items.len());
    }
    assert_eq!(read, RECORDS);

    for too_long in [header.clone() + "n", header + &"n".repeat(RECORD_MAX)] {
        let file = file((too_long + "\n1,1,\n").as_bytes());
        let stop = origin(file.path(), Format::Csv).header().unwrap_err();
        assert!(stop.detail.contains("longer than 16384 bytes"), "{stop:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_read_alike_from_every_cursor(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "\n", "\r\n", "\r", "\"", ",", " ", "é", "\u{feff}", "1,1,", r#"{"k":"1","a":1}"#,
            ]),
            0..24,
        ),
        broken in any::<bool>(),
    ) {
        let mut bytes = parts.concat().into_bytes();
        if broken {
            bytes.push(0xff);
        }
        assert_stable(&bytes, Format::Jsonl);
        assert_stable(&[b"k,a,n\n", bytes.as_slice()].concat(), Format::Csv);
    }
}
