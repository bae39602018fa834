//! What a store tells besides the core's own types: ledgers, ingests, dead letters, entries.

use semel_core::Text;
use semel_core::dead_letter::Raw;
use semel_core::event::{Event, Kind};
use semel_core::exactly_once::Cursor;
use semel_core::ingest::Counts;
use semel_core::ledger::Position;
use semel_core::reason::Reason;
use semel_core::verify::Leg;
use std::collections::BTreeMap;

/// A store, for people who look after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The version of its schema.
    pub schema: i64,
    /// What it lies in.
    pub home: Home,
}

/// A version of a store's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: i64,
    /// What it brought.
    pub name: String,
    /// Whether the store has it.
    pub is_applied: bool,
}

/// What a store lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// A file of SQLite.
    File(StoreFile),
    /// A database of PostgreSQL.
    Database(Database),
}

/// A store's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFile {
    /// How it keeps commits: `wal` where durability is as promised.
    pub journal: String,
    /// How long the file is.
    pub file_bytes: u64,
    /// How much of it waits in the write-ahead log.
    pub log_bytes: u64,
    /// Whether a process holds the right to write it.
    pub is_written: bool,
}

/// A store's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The version of its server, as the server tells it.
    pub server: String,
    /// How large all of it is.
    pub bytes: u64,
    /// How many changes to the server's databases the oldest snapshot that is still open has not
    /// seen: what they left behind cannot be cleared away yet.
    pub oldest_snapshot: u64,
    /// The store's tables, by name.
    pub tables: Vec<Table>,
    /// Settings that make it slower than it could be.
    pub settings: Vec<Setting>,
    /// Statements that allow its user what a process needs and may not do.
    pub lacking: Vec<String>,
}

/// A table of a store's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// About how many rows it has; 0 until the server has looked.
    pub rows: u64,
    /// How large it is, without its indexes.
    pub bytes: u64,
    /// How large its indexes are together.
    pub index_bytes: u64,
    /// About how many versions of rows wait to be cleared away.
    pub dead_rows: u64,
}

/// A setting of a server that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: String,
    /// Why that hurts, and what would be better.
    pub why: &'static str,
}

/// A ledger of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Its number in the store.
    pub no: u32,
    /// The name that people gave it.
    pub id: Text,
    /// Where its log ends.
    pub position: Position,
}

/// What a row says, or why it says nothing: its place and what is wrong there.
pub type Read<T> = Result<T, String>;

/// A ledger's row, as the auditor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its number in the store.
    pub no: u32,
    /// The name that people gave it.
    pub id: Text,
    /// Where its log ends.
    pub position: Position,
    /// The seq up to which the index holds every key.
    pub indexed_seq: u64,
}

/// All sources of a store, as the auditor sees them.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Each with the number of its ledger.
    pub legs: Vec<(i64, Leg)>,
    /// What cannot be read of them or of their dead letters, in words.
    pub odd: Vec<String>,
}

/// How many rows of no ledger the auditor is told, of each table and place.
pub(crate) const STRAYS_MAX: i64 = 100;

/// A row of a log, as the auditor sees it.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// Its number in the log.
    pub seq: u64,
    /// The event; accounts have no ids and a reference no time, for those stand in other rows.
    pub event: Read<Event>,
    /// The row that the event refers to, if it is there.
    pub payment: Option<Box<Event>>,
}

/// What has been committed since the store was opened; changes after every commit.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    /// How many commits.
    pub count: u64,
    /// The last seq of every ledger that was opened or written.
    heads: BTreeMap<u32, u64>,
}

impl Commits {
    /// One more, which leaves the ledger numbered `ledger` at `last_seq`.
    pub(crate) fn add(&mut self, ledger: u32, last_seq: u64) {
        self.count += 1;
        self.reach(ledger, last_seq);
    }

    /// The ledger numbered `ledger` stands at `last_seq`, unless somebody has seen it further on.
    pub(crate) fn reach(&mut self, ledger: u32, last_seq: u64) {
        let head = self.heads.entry(ledger).or_default();
        *head = last_seq.max(*head);
    }

    /// The numbers of the ledgers that were opened or written.
    pub(crate) fn ledgers(&self) -> impl Iterator<Item = u32> {
        self.heads.keys().copied()
    }

    /// The last seq of a ledger that was opened by its name or written; else 0.
    pub fn last_seq(&self, ledger: u32) -> u64 {
        self.heads.get(&ledger).copied().unwrap_or(0)
    }
}

/// A source, as its leg's row binds it for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What names the source in the store: `file:` and a path or a given name, `topic:` and a
    /// partition, `publish:` and what is confirmed, `spread:` and what it is spread over.
    pub source: Text,
    /// The ingest: namespace of its keys.
    pub ingest: Text,
    /// The file, as people know it.
    pub file: Text,
    /// How the source's items are decoded, so that dead letters can be decoded again: TOML.
    pub mapping: Text,
    /// Where it begins; counts only the first time.
    pub start: Cursor,
}

/// An ingest: all its sources together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestRow {
    /// Its name.
    pub name: Text,
    /// What became of its items.
    pub counts: Counts,
}

/// A dead letter as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRow {
    /// Its number in the store.
    pub id: i64,
    /// The source it came from, as the store names it.
    pub source: Text,
    /// The ingest it came by.
    pub ingest: Text,
    /// The file it came from, or the topic, as people know it.
    pub file: Text,
    /// The line it began on, counted from 1, or the record's offset.
    pub line: u64,
    /// Why it failed last.
    pub reason: Reason,
    /// For people.
    pub detail: String,
    /// What it was made of, masked.
    pub raw: Raw,
    /// Whether something was masked; then it cannot be redriven.
    pub masked: bool,
    /// Microseconds since 1970, by the store's clock.
    pub first_failed_at: i64,
    /// Microseconds since 1970, by the store's clock.
    pub last_failed_at: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// How its source's items are decoded: TOML. Sources of one ingest may differ in it.
    pub mapping: Text,
}

/// Where a dead letter came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A file's line, counted from 1.
    Line(u64),
    /// A topic's record.
    Record {
        /// The topic's id, as the broker prints it.
        topic_id: &'a str,
        /// The partition's number.
        partition: u32,
        /// The record's offset.
        offset: u64,
    },
}

impl LetterRow {
    /// Where it came from, as its source says.
    pub fn origin(&self) -> Origin<'_> {
        let place = self.source.strip_prefix("topic:").and_then(|place| place.rsplit_once('/'));
        match place.and_then(|(topic_id, number)| Some((topic_id, number.parse().ok()?))) {
            Some((topic_id, partition)) => {
                Origin::Record { topic_id, partition, offset: self.line }
            }
            None => Origin::Line(self.line),
        }
    }
}

/// Some dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterPage {
    /// In the order in which they came.
    pub rows: Vec<LetterRow>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// A page of dead letters ends behind the one that makes it this long, in bytes of what came: each
/// may have a megabyte.
pub(crate) const PAGE_BYTES: u64 = 4 * 1024 * 1024;

impl LetterPage {
    /// The first of `found`: at most `limit`, and fewer where they are long.
    pub(crate) fn of<E>(
        mut found: impl Iterator<Item = Result<LetterRow, E>>,
        limit: usize,
    ) -> Result<LetterPage, E> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < limit && bytes < PAGE_BYTES {
            let Some(row) = found.next().transpose()? else { break };
            bytes += row.raw.length();
            rows.push(row);
        }
        Ok(LetterPage { more: found.next().transpose()?.is_some(), rows })
    }
}

/// Which dead letters are meant. All fields narrow; none means all of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Only these.
    pub ids: Option<Vec<i64>>,
    /// Only of this ingest.
    pub ingest: Option<String>,
    /// Only with this reason.
    pub reason: Option<Reason>,
}

/// One side of a movement, as an account's statement shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event that moved it.
    pub event: Event,
    /// What was posted to the account: positive for a credit, negative for a debit.
    pub posted: i64,
    /// The account's balance after it.
    pub balance: i128,
}

/// The numbers of the kinds that record a payment's request, as a list in SQL.
pub(crate) fn payment_kinds() -> String {
    let is_payment = |number: &u8| Kind::from_number(*number).is_some_and(Kind::is_payment);
    let numbers: Vec<String> =
        (0..=u8::MAX).filter(is_payment).map(|number| number.to_string()).collect();
    numbers.join(", ")
}
