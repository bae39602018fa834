//! Whoever writes the store can make every hash in it again. What was published before tells.

use super::file::{File, full};
use indicatif::ProgressBar;
use rusqlite::Connection;
use semel::verify::{Head, audit};
use semel::wiring::Reader;
use semel_core::chain::ANCHOR_EVERY;
use semel_core::failure::Failure;
use semel_core::ledger::Position;
use semel_core::problem::Code;

/// Ledger `main`.
const MAIN: u32 = 1;

/// Make the chain, the anchors and the end of the log again, as the rows are now.
fn seal(file: &File) {
    let events = Reader::embedded(&file.path).unwrap().events(MAIN, 0, 10_000).unwrap();
    let conn = Connection::open(&file.path).unwrap();
    let mut tail = Position::start("main").tail;
    for event in &events {
        let mut encoding = Vec::new();
        event.encode(MAIN, &mut encoding);
        tail = tail.link(&encoding);
        if event.seq.is_multiple_of(ANCHOR_EVERY) {
            let pos = i64::from(MAIN) << 40 | event.seq as i64;
            let sealed = conn.execute("UPDATE anchor SET hash = ?1 WHERE pos = ?2", (tail.0, pos));
            assert_eq!(sealed, Ok(1));
        }
    }
    let next = events.last().unwrap().seq as i64 + 1;
    let end = conn
        .execute("UPDATE ledger SET tail = ?1, next_seq = ?2 WHERE no = ?3", (tail.0, next, MAIN));
    assert_eq!(end, Ok(1));
}

/// What is found in `file` by whoever holds `published`.
fn found(file: &File, published: &[Head]) -> Vec<(Code, String)> {
    let findings = file.held_to(published).findings.into_iter();
    findings.map(|finding| (finding.code, finding.detail)).collect()
}

#[tokio::test]
async fn a_row_altered_with_every_hash_is_found_by_the_published_one() {
    let file = full().await;
    let heads = file.audit().heads;
    assert_eq!(found(&file, &heads), []);
    let forged = file.altered("UPDATE event SET at = at + 1 WHERE key = 'key-7'");
    assert!(!found(&forged, &[]).is_empty(), "the chain is not made again yet");
    seal(&forged);
    assert_eq!(found(&forged, &[]), [], "nothing in the store tells");
    let [main, other] = &heads[..] else { panic!("two ledgers") };
    let seq = main.seq;
    let differs =
        format!("ledger main: the hash published for event {seq} differs from the chain's there");
    assert_eq!(found(&forged, &heads), [(Code::ChainBroken, differs)]);
    assert_eq!(found(&forged, std::slice::from_ref(other)), []);
    let report = forged.held_to(&heads);
    assert!(report.heads.is_empty(), "a log that does not fit gives nothing to keep");
}

#[tokio::test]
async fn events_and_ledgers_that_are_gone_are_found_by_what_was_published() {
    let file = full().await;
    let mut heads = file.audit().heads;
    let later = file.altered("UPDATE ledger SET id = 'renamed' WHERE id = 'other'");
    heads[0].seq += 1;
    let events = heads[0].seq - 1;
    let renamed =
        "ledger renamed: the ledger's hash does not follow from the events behind event 0";
    let gone = "a hash was published for event 3 of ledger other, which is not there";
    let lost = format!(
        "ledger main: a hash was published for event {}, but the log ends at {events}",
        events + 1
    );
    let expected = [
        (Code::ChainBroken, renamed.to_owned()),
        (Code::LogGap, gone.to_owned()),
        (Code::LogGap, lost),
    ];
    assert_eq!(found(&later, &heads), expected);
}

#[tokio::test]
async fn a_hash_of_a_ledger_that_is_left_out_is_refused() {
    let file = full().await;
    let heads = file.audit().heads;
    let reader = Reader::embedded(&file.path).unwrap();
    let only = |ledger, heads: &[Head]| audit(&reader, Some(ledger), heads, &ProgressBar::hidden());
    assert_eq!(only("main", &heads[..1]).unwrap().heads, heads[..1]);
    let Err(Failure::Permanent(stop)) = only("main", &heads) else { panic!("it is refused") };
    assert_eq!(stop.code, Code::Configuration);
    assert!(stop.detail.contains("other:3:"), "{}", stop.detail);
}
