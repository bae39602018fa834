//! Keys of records: which one an event has, and in which partition it stands.
//!
//! The setting `publish.key` says what a key is; a row that is no payment's own event goes where
//! its payment went. A key's partition is the one that the Java client's default partitioner
//! chooses.

use super::murmur2;
use crate::audit::index::Index;
use crate::audit::shape;
use crate::evidence::{Evidence, Record, Row};

/// The words of the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Debit,
    Credit,
    Payment,
}

/// How events are spread over the topic.
pub(super) struct Keys {
    setting: Setting,
    partitions: u32,
}

impl Keys {
    /// As the run was set up.
    pub(super) fn of(evidence: &Evidence) -> Keys {
        let setting = match &*evidence.publish_key {
            "credit_account" => Setting::Credit,
            "payment" => Setting::Payment,
            _ => Setting::Debit,
        };
        Keys { setting, partitions: evidence.wire.len() as u32 }
    }

    /// In which partition records with that key stand.
    pub(super) fn partition(&self, key: &[u8]) -> usize {
        ((murmur2::hash(key) & 0x7fff_ffff) % self.partitions.max(1)) as usize
    }

    /// In which partition an event has to stand.
    pub(super) fn place(&self, index: &Index<'_>, row: &Row) -> Option<usize> {
        let (prefix, rest) = self.key(index, row)?;
        Some(self.partition(format!("{prefix}{rest}").as_bytes()))
    }

    /// Whether the record has the key of its event.
    pub(super) fn fits(&self, record: &Record, index: &Index<'_>, row: &Row) -> bool {
        let (Some(found), Some((prefix, rest))) = (&record.key, self.key(index, row)) else {
            return false;
        };
        found.strip_prefix(prefix.as_bytes()) == Some(rest.as_bytes())
    }

    /// The key of an event, in two parts.
    fn key<'r>(&self, index: &Index<'r>, row: &'r Row) -> Option<(&'static str, &'r str)> {
        let (debit, credit) = (row.debit.as_ref()?, row.credit.as_ref());
        let (own, other) = match credit {
            // An account's event has the account's key.
            None => return Some(("", &debit.id)),
            // Money goes back the way it came.
            Some(credit) if shape::of_refund(row.kind) => (credit, debit),
            Some(credit) => (debit, credit),
        };
        match self.setting {
            Setting::Debit => Some(("", &own.id)),
            Setting::Credit => Some(("", &other.id)),
            Setting::Payment => Some(("pay_", index.payment_of(row)?.id.strip_prefix("evt_")?)),
        }
    }
}
