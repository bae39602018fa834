//! What is broken in the sample, and by which names that is told.

mod calls;
mod commits;
mod items;
mod ledger;
mod payments;
mod reader;
mod wire;

use crate::evidence::{Committed, Evidence, Row, Stop};
pub(super) use calls::CALLS;
pub(super) use commits::COMMITS;
pub(super) use items::ITEMS;
pub(super) use ledger::LEDGER;
pub(super) use payments::PAYMENTS;
pub(super) use reader::READER;
pub(super) use wire::WIRE;

/// What is broken, how, and everything that is told of it.
pub(super) type Case = (&'static str, fn(&mut Evidence), &'static [&'static str]);

pub(super) const ENDS: &[Case] = &[
    ("a stop", |e| stop(e, "store_full", false), &["unexpected_stop"]),
    ("a stop that a fault allows", |e| stop(e, "store_full", true), &[]),
    ("no rest", |e| e.unsettled.push("the wire".into()), &["not_settled"]),
    (
        "no rest after a stop",
        |e| {
            stop(e, "store_full", true);
            e.unsettled.push("the wire".into());
        },
        &["not_settled"],
    ),
];

fn stop(e: &mut Evidence, name: &str, is_allowed: bool) {
    let (what, detail) = ("publish".into(), "here".into());
    e.stops.push(Stop { what, name: name.into(), detail, is_allowed });
}

fn rewind(e: &mut Evidence) {
    let to = e.commits.len();
    e.commits.push(Committed::Rewound { to });
}

fn row(e: &mut Evidence, seq: usize) -> &mut Row {
    &mut e.ledgers[0].events[seq - 1]
}
