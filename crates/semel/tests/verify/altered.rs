//! Rows altered by hand in the file: every table, every column; changed, removed, added.

use super::file::{File, codes, columns, full};
use rusqlite::Connection;
use semel::verify::Report;
use semel_core::problem::Code::{self, *};
use std::collections::BTreeSet;

/// What the auditor says of an alteration.
#[derive(Clone, Copy)]
enum Verdict {
    /// This is among what it says.
    Found(Code),
    /// Nothing, for this reason.
    Silent(&'static str),
}
use Verdict::{Found, Silent};

const OTHERS: &str = "it tells of a source, and the log does not know the source";
const RANDOM: &str = "a random name";
const LETTER: &str = "it changes with every try";
const LESS: &str = "the index may hold more than is said";

/// Each column and an alteration of it.
#[rustfmt::skip]
const COLUMNS: [(&str, &str, Verdict); 67] = [
    ("account.pos", "pos = pos + 5000 WHERE id = 'shop'", Found(AccountDiffers)),
    ("account.ledger", "ledger = 2 WHERE id = 'alice'", Found(RowUnreadable)),
    ("account.id", "id = 'mallory' WHERE id = 'alice'", Found(AccountDiffers)),
    ("account.currency", "currency = 'EUR' WHERE id = 'alice'", Found(AccountDiffers)),
    ("account.overdraft", "overdraft = -2 WHERE id = 'alice'", Found(AccountDiffers)),
    ("account.closed", "closed = 1 WHERE id = 'alice'", Found(AccountDiffers)),
    ("account.debits", "debits = debits + 1 WHERE id = 'alice'", Found(AccountDiffers)),
    ("account.credits", "credits = credits + 1 WHERE id = 'alice'", Found(Unbalanced)),
    ("account.pending_debits", "pending_debits = 1 WHERE id = 'alice'", Found(AccountDiffers)),
    ("account.pending_credits", "pending_credits = 1 WHERE id = 'alice'", Found(Unbalanced)),
    ("account.last_seq", "last_seq = last_seq - 1 WHERE id = 'alice'", Found(AccountDiffers)),
    ("anchor.pos", "pos = pos + 1", Found(AnchorDiffers)),
    ("anchor.hash", "hash = zeroblob(32)", Found(AnchorDiffers)),
    ("dead_letter.id", "id = id + 100", Silent("it says nothing but the order")),
    ("dead_letter.source", "source = 'file:other'", Found(RowUnreadable)),
    ("dead_letter.line", "line = line + 1", Found(RowUnreadable)),
    ("dead_letter.reason", "reason = 'conflict'", Found(CountsDiffer)),
    ("dead_letter.detail", "detail = 'other'", Silent(LETTER)),
    ("dead_letter.key", "key = x'00'", Found(RowUnreadable)),
    ("dead_letter.value", "value = x'00'", Found(RowUnreadable)),
    ("dead_letter.headers", "headers = '[[\"a\",\"b\"]]'", Found(RowUnreadable)),
    ("dead_letter.masked", "masked = 1 - masked", Found(RowUnreadable)),
    ("dead_letter.first_failed_at", "first_failed_at = 1", Found(RowUnreadable)),
    ("dead_letter.last_failed_at", "last_failed_at = 1", Silent(LETTER)),
    ("dead_letter.attempts", "attempts = 0", Found(RowUnreadable)),
    ("dead_letter.digest", "digest = zeroblob(32)", Found(RowUnreadable)),
    ("event.pos", "pos = pos + 5000 WHERE key = 'sour'", Found(LogGap)),
    ("event.at", "at = at + 1 WHERE key = 'key-7'", Found(ChainBroken)),
    ("event.kind", "kind = 77 WHERE key = 'key-7'", Found(RowUnreadable)),
    ("event.format", "format = 2 WHERE key = 'key-7'", Found(RowUnreadable)),
    ("event.namespace", "namespace = 'shop' WHERE key = 'key-7'", Found(CountsDiffer)),
    ("event.key", "key = 'key-8' WHERE key = 'key-7'", Found(KeyIndexDiffers)),
    ("event.debit", "debit = credit WHERE key = 'key-7'", Found(LinkBroken)),
    ("event.credit", "credit = 999999 WHERE key = 'key-7'", Found(LinkBroken)),
    ("event.amount", "amount = amount + 1 WHERE key = 'key-7'", Found(AccountDiffers)),
    ("event.currency", "currency = 'EUR' WHERE key = 'key-7'", Found(Unbalanced)),
    ("event.code", "code = 3 WHERE key = 'yacht'", Found(DeclineDiffers)),
    ("event.ref", "ref = ref - 1 WHERE key = 'stale'", Found(PaymentBroken)),
    ("event.debit_prev", "debit_prev = 1 WHERE key = 'key-7'", Found(LinkBroken)),
    ("event.credit_prev", "credit_prev = 1 WHERE key = 'key-7'", Found(LinkBroken)),
    ("event.extra", "extra = '{}' WHERE key = 'bread'", Found(RowUnreadable)),
    ("key_index.slot", "slot = slot - 1 WHERE seq = 20", Found(KeyIndexDiffers)),
    ("key_index.seq", "seq = 21 WHERE seq = 20", Found(KeyIndexDiffers)),
    ("ledger.no", "no = 3 WHERE id = 'other'", Found(RowUnreadable)),
    ("ledger.id", "id = 'another' WHERE id = 'other'", Found(ChainBroken)),
    ("ledger.next_seq", "next_seq = next_seq + 1", Found(LogGap)),
    ("ledger.tail", "tail = zeroblob(32)", Found(ChainBroken)),
    ("ledger.indexed_seq", "indexed_seq = 0", Silent(LESS)),
    ("leg.source", "source = 'file:other'", Found(RowUnreadable)),
    ("leg.ledger", "ledger = 2", Found(CountsDiffer)),
    ("leg.ingest", "ingest = 'other'", Found(CountsDiffer)),
    ("leg.file", "file = 'other'", Silent(OTHERS)),
    ("leg.mapping", "mapping = 'other'", Silent(OTHERS)),
    ("leg.next", "next = next + 1", Silent(OTHERS)),
    ("leg.tail", "tail = randomblob(32)", Silent(OTHERS)),
    ("leg.hint", "hint = hint + 1", Silent(OTHERS)),
    ("leg.claim", "claim = randomblob(16)", Silent(RANDOM)),
    ("leg.owner", "owner = randomblob(16)", Silent(RANDOM)),
    ("leg.until", "until = 1", Silent(RANDOM)),
    ("leg.read", "read = read + 1", Found(CountsDiffer)),
    ("leg.accepted", "accepted = accepted + 1, read = read + 1", Found(CountsDiffer)),
    ("leg.succeeded", "succeeded = 2, declined = 0", Found(CountsDiffer)),
    ("leg.declined", "declined = declined + 1", Found(CountsDiffer)),
    ("leg.duplicates", "duplicates = duplicates - 1", Found(CountsDiffer)),
    ("leg.conflicts", "conflicts = conflicts - 1", Found(CountsDiffer)),
    ("leg.dead_letters", "dead_letters = dead_letters - 1, read = read - 1", Found(CountsDiffer)),
    ("leg.discarded", "discarded = discarded + 1", Found(CountsDiffer)),
];

/// Rows removed and added.
#[rustfmt::skip]
const ROWS: [(&str, Verdict); 22] = [
    ("DELETE FROM account WHERE id = 'alice'", Found(AccountDiffers)),
    ("INSERT INTO account SELECT pos + 5000, ledger, 'new', currency, overdraft, closed, 0, 0, 0, 0,
        last_seq + 5000 FROM account WHERE id = 'brief'", Found(AccountDiffers)),
    ("INSERT INTO account SELECT 9 << 40 | 1, 9, id, currency, overdraft, closed, 0, 0, 0, 0, 1
        FROM account WHERE id = 'brief'", Found(RowUnreadable)),
    ("DELETE FROM anchor", Found(AnchorDiffers)),
    ("INSERT INTO anchor SELECT pos + 1024, hash FROM anchor", Found(AnchorDiffers)),
    ("INSERT INTO anchor SELECT 9 << 40 | 1024, hash FROM anchor", Found(RowUnreadable)),
    ("DELETE FROM dead_letter", Found(CountsDiffer)),
    ("INSERT INTO dead_letter SELECT id + 100, source, line, reason, detail, key, value, headers,
        masked, first_failed_at, last_failed_at, attempts, digest FROM dead_letter",
        Found(CountsDiffer)),
    ("DELETE FROM event WHERE pos = 1 << 40 | 1", Found(LogGap)),
    ("DELETE FROM event WHERE key = 'key-7'", Found(LogGap)),
    ("DELETE FROM event WHERE pos = (SELECT max(pos) FROM event)", Found(LogGap)),
    ("INSERT INTO event SELECT max(pos) + 1, at, kind, format, namespace, 'new', debit, credit,
        amount, currency, code, ref, debit_prev, credit_prev, extra FROM event", Found(LogGap)),
    ("INSERT INTO event SELECT 9 << 40 | 1, at, kind, format, namespace, key, debit, credit,
        amount, currency, code, ref, debit_prev, credit_prev, extra FROM event WHERE key = 'yacht'",
        Found(RowUnreadable)),
    ("INSERT INTO event SELECT 1 << 40, at, kind, format, namespace, 'new', debit, credit,
        amount, currency, code, ref, debit_prev, credit_prev, extra FROM event WHERE key = 'yacht'",
        Found(LogGap)),
    ("DELETE FROM key_index WHERE seq = 20", Found(KeyIndexDiffers)),
    ("INSERT INTO key_index SELECT slot + 1, seq FROM key_index WHERE seq = 20",
        Found(KeyIndexDiffers)),
    ("INSERT INTO key_index VALUES (9 << 41 | 20, 20)", Found(RowUnreadable)),
    ("DELETE FROM ledger WHERE id = 'other'", Found(RowUnreadable)),
    ("INSERT INTO ledger VALUES (3, 'new', 1, zeroblob(32), 0)", Found(ChainBroken)),
    ("INSERT INTO ledger VALUES (3, 'new', 2, zeroblob(32), 0)", Found(LogGap)),
    ("DELETE FROM leg", Found(CountsDiffer)),
    ("INSERT INTO leg SELECT 'file:new', 9, ingest, file, mapping, next, tail, hint, claim, owner,
        until, 0, 0, 0, 0, 0, 0, 0, 0 FROM leg", Found(RowUnreadable)),
];

#[tokio::test]
async fn a_store_that_nobody_touched_fits() {
    let file = full().await;
    let report = file.audit();
    assert!(report.ok(), "{:?}", report.findings);
    let Report { ledgers, events, payments, accounts, .. } = report;
    assert_eq!((ledgers, events, payments, accounts), (2, 1_119, 1_108, 6));
}

#[tokio::test]
async fn every_column_has_a_verdict_and_keeps_it() {
    let file = full().await;
    let judged: BTreeSet<String> = COLUMNS.iter().map(|(column, ..)| column.to_string()).collect();
    let all: BTreeSet<String> = columns(&file.path).into_iter().collect();
    assert_eq!(judged, all, "a column of the schema without a verdict, or a verdict without one");
    let wrong = COLUMNS.iter().filter_map(|(column, set, verdict)| {
        let (table, _) = column.split_once('.').unwrap();
        judge(&file, &format!("UPDATE {table} SET {set}"), *verdict)
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn rows_removed_and_added_are_found() {
    let file = full().await;
    let wrong = ROWS.iter().filter_map(|(sql, verdict)| judge(&file, sql, *verdict));
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

/// An index is no table, but whoever edits a file may take it off, edit and put it back.
#[tokio::test]
async fn an_index_that_does_not_fit_its_table_is_told() {
    let file = full().await;
    let cases = [
        ("event_ref", "UPDATE event SET ref = ref - 1 WHERE key = 'stale'", LinkBroken),
        ("event_ref", "UPDATE event SET ref = NULL WHERE key = 'stale'", LinkBroken),
        ("event_ref", "UPDATE event SET ref = 7 WHERE key = 'key-7'", LinkBroken),
        (
            "dead_letter_source",
            "UPDATE dead_letter SET source = 'file:a' WHERE line = 4",
            RowUnreadable,
        ),
        ("leg_ingest", "UPDATE leg SET ingest = 'other'", RowUnreadable),
    ];
    for (index, edit, expected) in cases {
        // Out of the schema for as long as the edit takes, the index is left as it was.
        let hidden = format!(
            "PRAGMA writable_schema = ON;
             CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE name = '{index}';
             DELETE FROM sqlite_schema WHERE name = '{index}';
             PRAGMA writable_schema = RESET;
             {edit};
             PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema SELECT * FROM temp.kept;
             PRAGMA writable_schema = RESET"
        );
        let report = file.altered(&hidden).audit();
        let told = report.findings.iter().any(|finding| {
            let index = finding.detail.contains("index");
            finding.code == expected && index
        });
        assert!(told, "{edit}: {:?}", report.findings);
    }
}

/// SQLite keeps types only as long as the schema says so; whoever edits a file may edit that too.
#[tokio::test]
async fn a_value_of_another_type_is_told_in_every_column() {
    let file = full().await;
    let conn = Connection::open(&file.path).unwrap();
    conn.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE type = 'table';
         PRAGMA writable_schema = RESET",
    )
    .unwrap();
    drop(conn);
    // The number of a row is a number in every SQLite file.
    let keys =
        ["account.pos", "anchor.pos", "dead_letter.id", "event.pos", "key_index.slot", "ledger.no"];
    let columns = columns(&file.path).into_iter().filter(|column| !keys.contains(&&**column));
    let wrong = columns.filter_map(|column| {
        let (table, name) = column.split_once('.').unwrap();
        // Bytes that are no text, and a number that is no whole one.
        let value = format!("CASE typeof({name}) WHEN 'text' THEN x'ff' ELSE 0.5 END");
        let sql = format!("UPDATE {table} SET {name} = {value}");
        let sql = match table {
            "leg" => sql,
            _ => format!("{sql} WHERE rowid = (SELECT max(rowid) FROM {table})"),
        };
        judge(&file, &sql, Found(RowUnreadable))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

/// What is wrong with what the auditor says of `file` altered by `sql`.
fn judge(file: &File, sql: &str, verdict: Verdict) -> Option<String> {
    let report = file.altered(sql).audit();
    let found = codes(&report);
    let told = |verdict: String| Some(format!("{sql}: {verdict}, but: {:?}", report.findings));
    match verdict {
        Found(code) if !found.contains(&code) => told(code.name().into()),
        Silent(why) if !found.is_empty() => told(format!("silence, because {why}")),
        _ => None,
    }
}
