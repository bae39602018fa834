//! Rows of accounts that are written later: after each commit, how far they have come.
//!
//! No step says that rows have come further than they have, or whoever begins from there would lack
//! events; none lets them lag further than is promised.

use super::commits::rewound_to;
use super::report::Report;
use super::shape;
use crate::evidence::{Committed, Evidence};
use std::collections::{BTreeMap, BTreeSet};

/// A ledger's rows between two commits.
#[derive(Clone, Default)]
struct Rows {
    /// By number of the account: its events that its row does not show.
    lacking: BTreeMap<u64, BTreeSet<u64>>,
    /// The seq of the last event.
    last: u64,
}

/// Check all of it; a store that does not tell is not judged.
pub(super) fn check(evidence: &Evidence, report: &mut Report) {
    let wanted: BTreeSet<usize> = evidence.commits.iter().filter_map(rewound_to).collect();
    let mut kept = BTreeMap::new();
    let mut ledgers = BTreeMap::<u32, Rows>::new();
    for (at, committed) in evidence.commits.iter().enumerate() {
        if wanted.contains(&at) {
            kept.insert(at, ledgers.clone());
        }
        match committed {
            Committed::Accounts { ledger, events, rows, seq } => {
                let own = ledgers.entry(*ledger).or_default();
                own.take(events, rows);
                let place = format!("commit {at}: ledger {ledger}");
                own.compare(&place, *seq, evidence.lag_max, !events.is_empty(), report);
            }
            // One that makes no sense is told elsewhere.
            Committed::Rewound { to, .. } => ledgers = kept.get(to).cloned().unwrap_or_default(),
            Committed::Claim { .. } | Committed::Step { .. } => {}
        }
    }
}

impl Rows {
    fn take(&mut self, events: &[(u64, u8, Vec<u64>)], rows: &[(u64, u64)]) {
        for (seq, kind, accounts) in events {
            self.last = *seq;
            for no in accounts.iter().filter(|_| !shape::declined(*kind)) {
                self.lacking.entry(*no).or_default().insert(*seq);
            }
        }
        for (no, last_seq) in rows {
            if let Some(lacking) = self.lacking.get_mut(no) {
                *lacking = lacking.split_off(&(last_seq + 1));
            }
        }
        self.lacking.retain(|_, seqs| !seqs.is_empty());
    }

    fn compare(&self, place: &str, seq: u64, lag_max: u64, appends: bool, report: &mut Report) {
        let first = self.lacking.iter().filter_map(|(no, seqs)| Some((seqs.first()?, no))).min();
        if let Some((lacks, no)) = first.filter(|(lacks, _)| **lacks <= seq) {
            report.tell("accounts_ahead", || {
                format!("{place}: rows are said to have come to {seq}; that of {no} lacks {lacks}")
            });
        }
        if self.last < seq {
            report.tell("accounts_ahead", || {
                format!("{place}: rows are said to have come to {seq}, the log to {}", self.last)
            });
        }
        // A step that only writes rows may have begun where they lagged further.
        if appends && lag_max < self.last.saturating_sub(seq) {
            report.tell("accounts_lag", || {
                format!("{place}: rows have come to {seq}, the log to {}", self.last)
            });
        }
    }
}
