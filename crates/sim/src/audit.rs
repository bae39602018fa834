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
mod lag;
mod lost;
mod wire;

mod report;

#[cfg(test)]
mod tests;

use crate::evidence::{Evidence, Reached, Violation};
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
    let lost = Lost::of(&evidence.commits);
    calls::check(&evidence.calls, &indexes, &lost, &mut report);
    items::check(evidence, &indexes, &mut report);
    commits::check(evidence, &mut report);
    lag::check(evidence, &mut report);
    wire::check(evidence, &indexes, &lost, &mut report);
    ends(evidence, &indexes, &lost, &mut report);
    report.verdict()
}

/// What stopped, and what never came to rest.
fn ends(evidence: &Evidence, indexes: &Indexes<'_>, lost: &Lost, report: &mut Report) {
    for stop in &evidence.stops {
        let name = stop.what.strip_prefix("publish of ");
        let ledger = name.and_then(|name| indexes.named(name)).map(|index| index.ledger.no);
        if !stop.is_allowed || !lost.explains(stop, ledger) {
            report.tell("unexpected_stop", || {
                format!("{} stopped: {}: {}", stop.what, stop.name, stop.detail)
            });
        }
    }
    for what in &evidence.unsettled {
        report.tell("not_settled", || what.clone());
    }
}
