//! Keys of records: which one an event has, and in which partition it stands.
//!
//! Which of three settings the run had is seen at its records; a row that is no payment's own
//! event goes where its payment went. How a key becomes a partition is learnt from the records
//! too: all that is promised is that one key has one partition.

use super::stamp::Stamp;
use crate::audit::index::{Index, Indexes};
use crate::audit::report::Report;
use crate::audit::shape;
use crate::evidence::{Evidence, Record, Row};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What a run's records have as keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Debit,
    Credit,
    Payment,
}

pub(super) struct Keys<'a> {
    setting: Setting,
    partitions: HashMap<&'a [u8], usize>,
}

impl<'a> Keys<'a> {
    /// With the setting that the first record of a payment shows.
    pub(super) fn of(evidence: &Evidence, indexes: &Indexes<'_>) -> Keys<'a> {
        let settings = [Setting::Debit, Setting::Credit, Setting::Payment];
        let shown = evidence.wire.iter().flatten().find_map(|record| {
            let stamp = Stamp::read(&record.headers)?;
            let index = indexes.named(stamp.ledger)?;
            // What a rewound store has forgotten shows nothing of the events in its place.
            let row = index.row(stamp.this.seq).filter(|row| !shape::of_account(row.kind))?;
            index.hash(row.seq).filter(|hash| **hash == stamp.this.hash)?;
            settings.into_iter().find(|setting| is_key(*setting, record.key.as_deref(), index, row))
        });
        Keys { setting: shown.unwrap_or(Setting::Debit), partitions: HashMap::new() }
    }

    /// Note where the record stands, which is where all records with its key stand.
    pub(super) fn place(
        &mut self,
        partition: usize,
        record: &'a Record,
        moved: bool,
        report: &mut Report,
    ) {
        match self.partitions.entry(record.key.as_deref().unwrap_or_default()) {
            Entry::Vacant(entry) => {
                entry.insert(partition);
            }
            Entry::Occupied(first) if *first.get() != partition && !moved => {
                report.tell("wire_split_key", || {
                    let key = String::from_utf8_lossy(first.key());
                    let (first, offset) = (first.get(), record.offset);
                    format!("key {key} is in partition {first}, and in {partition} at {offset}")
                });
            }
            Entry::Occupied(_) => {}
        }
    }

    /// Whether the record has the key of its event.
    pub(super) fn fits(&self, record: &Record, index: &Index<'_>, row: &Row) -> bool {
        is_key(self.setting, record.key.as_deref(), index, row)
    }
}

fn is_key(setting: Setting, found: Option<&[u8]>, index: &Index<'_>, row: &Row) -> bool {
    let (Some(found), Some((prefix, rest))) = (found, key(setting, index, row)) else {
        return false;
    };
    found.strip_prefix(prefix.as_bytes()) == Some(rest.as_bytes())
}

/// The key of an event, in two parts.
fn key<'r>(setting: Setting, index: &Index<'r>, row: &'r Row) -> Option<(&'static str, &'r str)> {
    let (debit, credit) = (row.debit.as_ref()?, row.credit.as_ref());
    let (own, other) = match credit {
        // An account's event has the account's key.
        None => return Some(("", &debit.id)),
        // Money goes back the way it came.
        Some(credit) if shape::of_refund(row.kind) => (credit, debit),
        Some(credit) => (debit, credit),
    };
    match setting {
        Setting::Debit => Some(("", &own.id)),
        Setting::Credit => Some(("", &other.id)),
        Setting::Payment => Some(("pay_", index.payment_of(row)?.id.strip_prefix("evt_")?)),
    }
}
