//! The auditor: says of a finished run which promises were not kept.
//!
//! It reads what a run left behind ([`Evidence`]) and knows nothing else. Its ledger, its encoder
//! for the chain and its reader of the wire are its own, written from the contract, so that a
//! mistake of the core cannot hide behind itself.
//! Deliberately absent: anything of the core or the store, and any guess about what happened: a
//! request whose outcome nobody told may have been stored or not.

mod chain;
mod index;

mod money;
mod payments;
mod replay;
mod shape;

mod calls;
mod items;
mod placed;

mod commits;
mod lost;
mod wire;

mod report;

#[cfg(test)]
mod tests;

use crate::evidence::{Committed, Evidence, Reached, Violation};
use index::Indexes;
use lost::Lost;
pub use payments::TRANSITIONS;
use report::Report;

/// What the auditor found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Promises that were not kept; at most some of each kind.
    pub violations: Vec<Violation>,
    /// Which transitions of payments the logs show.
    pub reached: Reached,
}

/// Check everything.
pub fn audit(evidence: &Evidence) -> Verdict {
    let mut report = Report::default();
    let indexes = Indexes::open(&evidence.ledgers, &mut report);
    for index in &indexes.list {
        replay::check(index, &mut report);
    }
    let rewound =
        evidence.commits.iter().any(|committed| matches!(committed, Committed::Rewound { .. }));
    calls::check(&evidence.calls, &indexes, rewound, &mut report);
    items::check(evidence, &indexes, &mut report);
    commits::check(evidence, &mut report);
    let lost = Lost::of(&evidence.commits);
    wire::check(evidence, &indexes, (&lost, rewound), &mut report);
    ends(evidence, &mut report);
    report.verdict()
}

/// What stopped, and what never came to rest.
fn ends(evidence: &Evidence, report: &mut Report) {
    for stop in evidence.stops.iter().filter(|stop| !stop.is_allowed) {
        report.tell("unexpected_stop", || {
            format!("{} stopped: {}: {}", stop.what, stop.name, stop.detail)
        });
    }
    for what in &evidence.unsettled {
        report.tell("not_settled", || what.clone());
    }
}
