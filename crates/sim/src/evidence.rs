//! What a run leaves behind for the auditor: what clients were told, what the store and the wire
//! hold at the end, what the store committed on the way. Plain data, none of the core's types.
//!
//! Whoever fills it in copies and never judges.

use std::collections::{BTreeMap, BTreeSet};

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What was asked at doors, with everything that was told.
    pub calls: Vec<Call>,
    /// What stood in topics and files for ingests to take, in the order of their positions.
    pub items: Vec<Item>,
    /// What the store committed, in order; empty where the store does not tell.
    pub commits: Vec<Committed>,
    /// How many events the rows of accounts may lag behind the log.
    pub lag_max: u64,
    /// What the store holds at the end.
    pub ledgers: Vec<Ledger>,
    /// Its legs.
    pub legs: Vec<Leg>,
    /// Its dead letters.
    pub letters: Vec<Letter>,
    /// The setting `publish.key`, as its word.
    pub publish_key: String,
    /// What the published topic holds at the end, by partition, in the order of its offsets.
    pub wire: Vec<Vec<Record>>,
    /// Whether the topic was made again with another number of partitions.
    pub respread: bool,
    /// What stood before that and expired: there to be read for a while by whoever follows.
    pub expired: Vec<Vec<Record>>,
    /// What somebody took of it who followed it all along.
    pub followed: Vec<Followed>,
    /// Named stops, in order.
    pub stops: Vec<Stop>,
    /// What had to happen by the end and has not, in words.
    pub unsettled: Vec<String>,
}

/// A request at a door, however often it was sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// The ledger's name.
    pub ledger: String,
    /// Its idempotency key; `None` for accounts, whose ids are their identity.
    pub key: Option<String>,
    /// What was asked. Two calls may have one key.
    pub ask: Ask,
    /// Everything that was told, in order of time.
    pub told: Vec<Answer>,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Move money, or hold it for a later capture.
    Pay { amount: i64, currency: String, debit: String, credit: String, hold: bool },
    /// Move it back: so much, or all that is left. `payment` is the id that its client was told.
    Refund { payment: String, amount: Option<i64> },
    /// Move what is held: so much, or all.
    Capture { payment: String, amount: Option<i64> },
    /// Release what is held.
    Void { payment: String },
    /// Open an account; `overdraft` as in the rows: −1 none, −2 unlimited, else a limit.
    Open { id: String, currency: String, overdraft: i64 },
    /// Close an account.
    Close { id: String },
}

/// An answer that a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When its request was sent, in microseconds of the world.
    pub asked_at: u64,
    pub told: Told,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// 201 or 200: the body, byte for byte.
    Done { body: String, replayed: bool },
    /// 4xx: nothing happened, the key is not used up. `conflict` when the key was used with another
    /// request; else the problem's name.
    Refused(String),
    /// 503: nothing was stored.
    Failed,
    /// 503 `outcome-unknown`, a connection that broke, or no answer in time.
    Unknown,
}

/// A record of a topic, or a line of a file, that some ingest has to take once.
#[derive(Clone, Debug)]
pub struct Item {
    /// The ledger's name.
    pub ledger: String,
    /// The ingest's name: namespace of its keys.
    pub ingest: String,
    /// The leg's source as the store names it.
    pub source: String,
    /// Its line or offset.
    pub place: u64,
    /// What it is.
    pub content: Content,
}

/// What an item says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A payment. One that names an account that may not be opened, or a currency that is not the
    /// account's, is a dead letter all the same; the auditor has to work that out.
    Payment { key: String, amount: i64, currency: String, debit: String, credit: String },
    /// Something that is a dead letter whatever the ledger holds, with that reason.
    Bad(String),
    /// A record that was aborted: it was never there.
    Aborted,
}

/// What the store did, in order.
#[derive(Clone, Debug)]
pub enum Committed {
    /// A claim was granted, under a name that was never used before.
    Claim { source: String, claim: u64 },
    /// A step: events `first_seq..next_seq` were appended to the ledger numbered `ledger`.
    Step { ledger: u32, first_seq: u64, next_seq: u64, moved: Option<Moved> },
    /// What the step before this did about the accounts of the ledger numbered `ledger`: events
    /// that it appended (seq, kind, numbers of accounts), rows that it wrote (number, last seq),
    /// and up to which seq it says that all rows have come.
    Accounts { ledger: u32, events: Vec<(u64, u8, Vec<u64>)>, rows: Vec<(u64, u64)>, seq: u64 },
    /// The last steps were lost with the server that had them: everything in this list from that
    /// index on, up to here, never happened. `at` in microseconds of the world.
    Rewound { to: usize, at: u64 },
}

/// A leg's cursor moved with a step.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The leg's source.
    pub source: String,
    /// Under which claim.
    pub claim: u64,
    /// From where the committer believed it to stand, to where.
    pub from: (u64, [u8; 32]),
    pub to: (u64, [u8; 32]),
}

/// A ledger as the store holds it.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub no: u32,
    pub name: String,
    pub next_seq: u64,
    pub tail: [u8; 32],
    pub events: Vec<Row>,
    /// As they were when they were written last.
    pub accounts: Vec<Account>,
    /// Up to which seq all of them have come, as the store says.
    pub accounts_seq: u64,
    /// Kept hashes of the chain, by seq.
    pub anchors: BTreeMap<u64, [u8; 32]>,
}

/// A row of a log.
#[derive(Clone, Debug)]
pub struct Row {
    pub seq: u64,
    pub at: i64,
    /// 1 account opened, 2 account closed, 3 payment succeeded, 4 declined, 5 refunded, 6 refund
    /// declined, 7 pending (held), 8 captured, 9 voided.
    pub kind: u8,
    pub format: u8,
    pub namespace: String,
    pub key: Option<String>,
    pub debit: Option<Side>,
    pub credit: Option<Side>,
    pub amount: i64,
    pub currency: String,
    /// 0: not declined; else 1 account closed, 2 insufficient funds, 3 balance limit.
    pub decline: u8,
    /// Seq and time of the payment that it refers to.
    pub reference: Option<(u64, i64)>,
    pub extra: Option<String>,
    /// Its public id: `evt_…`.
    pub id: String,
    /// Its first answer, as clients get it; empty for accounts.
    pub answer: String,
}

/// One side of a row.
#[derive(Clone, Debug)]
pub struct Side {
    /// The account's number: the seq of its opening.
    pub no: u64,
    pub id: String,
    /// The account's event before this one.
    pub prev: u64,
}

/// An account as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub no: u64,
    pub id: String,
    pub currency: String,
    /// −1 none, −2 unlimited, else a limit in minor units.
    pub overdraft: i64,
    pub closed: bool,
    pub debits: i64,
    pub credits: i64,
    pub pending_debits: i64,
    pub pending_credits: i64,
    pub last_seq: u64,
}

/// A leg as the store holds it.
#[derive(Clone, Debug)]
pub struct Leg {
    pub source: String,
    pub ledger: u32,
    pub next: u64,
    /// read, accepted, succeeded, declined, duplicates, conflicts, dead letters.
    pub counts: [i64; 7],
}

/// A dead letter as the store holds it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub source: String,
    pub place: u64,
    pub reason: String,
}

/// A record as a reader of the wire gets it.
#[derive(Clone, Debug)]
pub struct Record {
    pub offset: u64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

/// What a reader took of a ledger in a partition.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The ledger's name, as the records say it.
    pub ledger: String,
    pub partition: usize,
    /// Seqs and chain hashes, in the order in which they were taken.
    pub taken: Vec<(u64, [u8; 32])>,
    /// Whether it met another history.
    pub has_stopped: bool,
}

/// A named stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What stopped: `process`, an ingest's name, `publish of` a ledger.
    pub what: String,
    /// The stop's name: `wire_fork`.
    pub name: String,
    /// For people.
    pub detail: String,
    /// Whether the faults that really fired in this run allow a stop of that name.
    pub is_allowed: bool,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: &'static str,
    /// What was seen.
    pub detail: String,
}

/// Names of everything that was seen at all, for what must be reached.
pub type Reached = BTreeSet<String>;
