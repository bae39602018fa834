//! The whole check: read, compare, and say it in one document.
//!
//! The order makes it sound beside a service that goes on: answers first, then how far the database
//! is written, then the wire, then the rows. So whatever was answered is written, what was written
//! has to come on the wire, and what is on the wire has to be among the rows.
//! Deliberately absent: printing.

use crate::clients::Answer;
use crate::database::{self, Ledger};
use crate::findings::{Finding, Findings};
use crate::follow::{Away, Followed, Options, Until, follow};
use crate::message::Key;
use crate::wire::{self, OnWire};
use crate::{balances, clients, compare};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What to check.
#[derive(Clone, Debug)]
pub struct Check {
    /// What to read, and where to stop.
    pub follow: Options,
    /// Whether to wait until the wire covers what the database holds when the check begins; takes
    /// the place of `follow.until`.
    pub covers_database: bool,
    /// What a record's key is.
    pub key: Key,
    /// The database: `postgres://…`, `sqlite:PATH` or a path.
    pub database: Option<String>,
    /// What clients were told.
    pub answers: Vec<Answer>,
}

/// What the database holds.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The last seq of each ledger before the wire was read.
    pub written: BTreeMap<String, u64>,
    /// All rows, read after the wire.
    pub ledgers: Vec<Ledger>,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Each ledger.
    pub ledgers: Vec<OfLedger>,
    /// How many records of the topic were not ours, or could not be read.
    pub foreign: u64,
    /// How many events or acknowledged payments cannot be found where they have to be.
    pub lost: u64,
    /// How many of them are there more than once.
    pub doubled: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// A ledger on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfLedger {
    /// Its id.
    pub ledger: String,
    /// How many events it had to have there.
    pub events: u64,
    /// How many were taken.
    pub taken: u64,
    /// How many records came again.
    pub repeats: u64,
    /// How many records came before what they follow.
    pub holes: u64,
    /// In how many partitions it is.
    pub partitions: u64,
    /// Up to which seq events may have been deleted before the reader came.
    pub deleted_up_to: u64,
}

/// Read the wire, the database and compare.
///
/// # Errors
/// The broker or the database is away.
pub async fn check(check: &Check) -> Result<Report, Away> {
    let written = match &check.database {
        Some(url) => Some(of_interest(&check.follow, database::written(url).await?)),
        None => None,
    };
    let mut options = check.follow.clone();
    if let Some(written) = written.as_ref().filter(|_| check.covers_database) {
        options.until = Until::Covered(written.clone());
    }
    let followed = follow(&options).await?;
    let held = match (&check.database, written) {
        (Some(url), Some(written)) => Some(Held { written, ledgers: database::read(url).await? }),
        _ => None,
    };
    Ok(judge(followed, check, held))
}

fn of_interest(options: &Options, mut written: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    written.retain(|ledger, _| options.ledgers.is_empty() || options.ledgers.contains(ledger));
    written
}

/// Compare what was read. Pure: whoever has records and rows from elsewhere can call it too.
pub fn judge(followed: Followed, check: &Check, held: Option<Held>) -> Report {
    let only = &check.follow.ledgers;
    let is_wanted = |ledger: &String| only.is_empty() || only.contains(ledger);
    let mut findings = Findings::default();
    let wire = wire::ledgers(&followed, check.key, &mut findings);
    let (foreign, read) = (followed.reader.foreign, followed.reader.findings);
    findings.extend(read);
    let none = BTreeMap::new();
    let written = held.as_ref().map_or(&none, |held| &held.written);
    let rows = held.as_ref().map(|held| &*held.ledgers);

    let names = wire.iter().map(|on_wire| &on_wire.ledger).chain(written.keys());
    let mut ledgers = Vec::new();
    for name in names.collect::<BTreeSet<_>>() {
        let nothing = OnWire { ledger: name.clone(), ..OnWire::default() };
        let on_wire = wire.iter().find(|on_wire| on_wire.ledger == *name).unwrap_or(&nothing);
        let events = on_wire.check(written.get(name).copied().unwrap_or(0), &mut findings);
        ledgers.push(OfLedger::new(on_wire, events));
        let Some(rows) = rows else { continue };
        match rows.iter().find(|ledger| ledger.id == *name) {
            Some(ledger) => {
                compare::check(on_wire, ledger, &mut findings);
                balances::check(ledger, &mut findings);
            }
            None => findings.tell("unknown_ledger", || {
                format!("{name} is on the wire, and not in the database")
            }),
        }
    }
    let answers = check.answers.iter().filter(|answer| is_wanted(&answer.ledger));
    let answers: Vec<Answer> = answers.cloned().collect();
    clients::check(&answers, &wire, rows, &mut findings);
    let Findings { lost, doubled, .. } = findings;
    let findings = findings.into_list();
    Report { ok: findings.is_empty(), ledgers, foreign, lost, doubled, findings }
}

impl OfLedger {
    fn new(on_wire: &OnWire, events: u64) -> OfLedger {
        OfLedger {
            ledger: on_wire.ledger.clone(),
            events,
            taken: on_wire.taken.len() as u64,
            repeats: on_wire.repeats,
            holes: on_wire.early,
            partitions: on_wire.partitions,
            deleted_up_to: on_wire.deleted_up_to,
        }
    }
}
