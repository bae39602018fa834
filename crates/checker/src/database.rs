//! What the database holds, by queries of our own: from SQLite or PostgreSQL, the same rows.
//!
//! The schema is a document like the contract: names of tables and columns, `pos` as ledger << 40
//! | seq, accounts named by the seq of their opening. All rows are read in one SQL transaction, so
//! that they are of one moment, and held in memory.
//! Deliberately absent: writing, the product's own views, and TLS; the database is a test's own.

mod postgres;
mod sqlite;

use crate::follow::Away;
use crate::record::Hash;
use std::collections::BTreeMap;
use std::fmt;

/// A ledger as the database holds it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Its number.
    pub no: u64,
    /// Its id.
    pub id: String,
    /// The number that its next event will have.
    pub next_seq: u64,
    /// The chain's hash behind its last event.
    pub tail: Hash,
    /// Up to which event all rows of accounts are written; `None` where they never lag.
    pub accounts_seq: Option<u64>,
    /// Its log.
    pub events: Vec<Event>,
    /// Its accounts, by the seq of their opening.
    pub accounts: BTreeMap<u64, Account>,
    /// The chain's hashes that are kept, by seq.
    pub anchors: Vec<(u64, Hash)>,
}

/// A row of the log. Accounts are named by the seq of their opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its number in the ledger.
    pub seq: u64,
    /// Microseconds since 1970.
    pub at: i64,
    /// The number of its type.
    pub kind: i64,
    /// The namespace of its key: empty for HTTP.
    pub namespace: String,
    /// The idempotency key of its request.
    pub key: Option<String>,
    /// Where money left, or the account that it is about.
    pub debit: Option<u64>,
    /// Where money went.
    pub credit: Option<u64>,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Why it was declined; 0: it was not.
    pub code: i64,
    /// The seq of the payment that it refers to.
    pub reference: Option<u64>,
    /// What only people and answers need, as JSON.
    pub extra: Option<String>,
}

/// A row of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// Its currency.
    pub currency: String,
    /// Whether it was closed.
    pub closed: bool,
    /// Debits, credits, pending debits, pending credits.
    pub totals: [i64; 4],
    /// Its last event that the row has taken in.
    pub last_seq: u64,
}

/// How far each ledger is written: its id and the seq of its last event.
///
/// # Errors
/// The database is away.
pub async fn written(url: &str) -> Result<BTreeMap<String, u64>, Away> {
    let ledgers = match Place::of(url) {
        Place::Postgres => postgres::read(url, false).await?,
        Place::Sqlite(path) => sqlite::read(path, false)?,
    };
    Ok(ledgers.into_iter().map(|ledger| (ledger.id, ledger.next_seq - 1)).collect())
}

/// All that it holds.
///
/// # Errors
/// The database is away, or a row is not what the schema says.
pub async fn read(url: &str) -> Result<Vec<Ledger>, Away> {
    match Place::of(url) {
        Place::Postgres => postgres::read(url, true).await,
        Place::Sqlite(path) => sqlite::read(path, true),
    }
}

enum Place<'a> {
    Postgres,
    Sqlite(&'a str),
}

impl Place<'_> {
    fn of(url: &str) -> Place<'_> {
        match url.starts_with("postgres://") || url.starts_with("postgresql://") {
            true => Place::Postgres,
            false => Place::Sqlite(url.strip_prefix("sqlite:").unwrap_or(url)),
        }
    }
}

/// The seq in a `pos`.
fn seq(pos: i64) -> u64 {
    pos as u64 & ((1 << 40) - 1)
}

/// The first and the last `pos` that a ledger may have.
fn range(no: u64) -> (i64, i64) {
    let first = (no << 40) as i64;
    (first, first | ((1 << 40) - 1))
}

fn away(cause: impl fmt::Display) -> Away {
    Away { what: "database", cause: cause.to_string() }
}
