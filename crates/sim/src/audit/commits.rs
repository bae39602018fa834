//! What the store committed, step by step: laws 2 and 3.
//!
//! A cursor moves only from where it stands, that of an ingest never back; only the newest claim
//! moves it; a log grows by what comes next. A rewind puts all of that back to what it was at that
//! moment, claims too.

use super::report::Report;
use crate::evidence::{Committed, Evidence, Moved};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the store between two commits.
#[derive(Clone, Default)]
struct State<'a> {
    /// The claim that was granted last, by source.
    claims: BTreeMap<&'a str, u64>,
    /// Where cursors stand, by source.
    cursors: BTreeMap<&'a str, (u64, [u8; 32])>,
    /// The seq of the next event, by number of the ledger.
    next: BTreeMap<u32, u64>,
}

/// Check all of it; a store that does not tell is not judged.
pub(super) fn check(evidence: &Evidence, report: &mut Report) {
    if evidence.commits.is_empty() {
        return;
    }
    let wanted: BTreeSet<usize> = evidence.commits.iter().filter_map(rewound_to).collect();
    let mut kept = BTreeMap::new();
    let mut state = State::default();
    for (at, committed) in evidence.commits.iter().enumerate() {
        if wanted.contains(&at) {
            kept.insert(at, state.clone());
        }
        match committed {
            Committed::Claim { source, claim } => {
                state.claims.insert(source, *claim);
            }
            Committed::Step { ledger, first_seq, next_seq, moved } => {
                state.append(at, *ledger, (*first_seq, *next_seq), report);
                if let Some(moved) = moved {
                    state.advance(at, moved, report);
                }
            }
            Committed::Accounts { .. } => {}
            Committed::Rewound { to, .. } => match kept.get(to) {
                Some(before) => state = before.clone(),
                None => report.tell("rewind_ahead", || format!("commit {at} rewinds to {to}")),
            },
        }
    }
    state.compare(evidence, report);
}

pub(super) fn rewound_to(committed: &Committed) -> Option<usize> {
    match committed {
        Committed::Rewound { to, .. } => Some(*to),
        _ => None,
    }
}

impl<'a> State<'a> {
    fn append(&mut self, at: usize, ledger: u32, (first, next): (u64, u64), report: &mut Report) {
        let expected = self.next.insert(ledger, next).unwrap_or(1);
        if first != expected || next < first {
            report.tell("step_gap", || {
                format!("commit {at}: ledger {ledger}: {first}..{next} in the place of {expected}")
            });
        }
    }

    fn advance(&mut self, at: usize, moved: &'a Moved, report: &mut Report) {
        let Moved { source, claim, from, to } = moved;
        let newest = self.claims.get(&**source);
        if newest != Some(claim) {
            report.tell("elder_claim", || {
                format!("commit {at}: {source}: claim {claim} commits, the newest is {newest:?}")
            });
        }
        // A cursor over what is published goes back where the wire lost something.
        let is_back = to.0 < from.0 && !source.starts_with("publish:");
        if is_back {
            report.tell("cursor_back", || {
                format!("commit {at}: {source}: moves from {} back to {}", place(from), place(to))
            });
        }
        let stood = self.cursors.insert(source, *to);
        if let Some(stood) = stood.filter(|stood| stood != from) {
            report.tell("cursor_jump", || {
                let (from, stood) = (place(from), place(&stood));
                format!("commit {at}: {source}: moves from {from}, stood at {stood}")
            });
        }
    }

    /// The end of the commits is what the store holds.
    fn compare(&self, evidence: &Evidence, report: &mut Report) {
        for leg in &evidence.legs {
            let (source, next) = (&leg.source, leg.next);
            let committed = self.cursors.get(&**source).map(|cursor| cursor.0);
            if let Some(committed) = committed.filter(|committed| *committed != next) {
                report.tell("end_differs", || {
                    format!("{source} stands at {next}, was committed at {committed}")
                });
            }
        }
        for ledger in &evidence.ledgers {
            let (name, next) = (&ledger.name, ledger.next_seq);
            let committed = self.next.get(&ledger.no).copied().unwrap_or(1);
            if committed != next {
                report.tell("end_differs", || {
                    format!("{name} goes on at {next}, was committed up to {committed}")
                });
            }
        }
    }
}

fn place((next, tail): &(u64, [u8; 32])) -> String {
    format!("{next} ({})", super::chain::hex(&tail[..4]))
}
