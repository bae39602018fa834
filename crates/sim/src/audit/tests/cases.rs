//! What is broken in the sample, and by which names that is told.

mod calls;
mod commits;
mod content;
mod items;
mod lag;
mod ledger;
mod payments;
mod reader;
mod wire;

use super::sample::step;
use crate::evidence::{Committed, Evidence, Row, Stop};
pub(super) use calls::CALLS;
pub(super) use commits::COMMITS;
pub(super) use content::CONTENT;
pub(super) use items::ITEMS;
pub(super) use lag::LAG;
pub(super) use ledger::LEDGER;
pub(super) use payments::PAYMENTS;
pub(super) use reader::READER;
pub(super) use wire::WIRE;

/// What is broken, how, and everything that is told of it.
pub(super) type Case = (&'static str, fn(&mut Evidence), &'static [&'static str]);

pub(super) const ENDS: &[Case] = &[
    ("a stop", |e| stop(e, "store_full", false), &["unexpected_stop"]),
    ("a stop that a fault allows", |e| stop(e, "store_full", true), &[]),
    ("a fork that nothing explains", |e| stop(e, "wire_fork", false), &["unexpected_stop"]),
    (
        "a fork of a ledger that lost events",
        |e| {
            lose_events(e);
            stop(e, "wire_fork", true);
        },
        &[],
    ),
    (
        "a fork of a ledger that lost nothing in the rewind",
        |e| {
            rewind(e);
            stop(e, "wire_fork", true);
        },
        &["unexpected_stop"],
    ),
    (
        "a loss of a ledger that lost events",
        |e| {
            lose_events(e);
            stop(e, "store_rewound", true);
        },
        &[],
    ),
    (
        "a loss of a ledger that lost nothing in the rewind",
        |e| {
            rewind(e);
            stop(e, "store_rewound", true);
        },
        &["unexpected_stop"],
    ),
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

/// Whoever publishes the sample's ledger stops.
fn stop(e: &mut Evidence, name: &str, is_allowed: bool) {
    let (what, detail) = ("publish of main".into(), "here".into());
    e.stops.push(Stop { what, name: name.into(), detail, is_allowed });
}

/// When the store of the sample comes back older than it was.
const REWOUND_AT: u64 = 100;

fn rewound(to: usize) -> Committed {
    Committed::Rewound { to, at: REWOUND_AT }
}

/// A rewind in which the ledger loses nothing.
fn rewind(e: &mut Evidence) {
    e.commits.truncate(5);
    e.commits.extend([rewound(5), step(23, 23, Some((5, 8, 9)))]);
}

/// A rewind in which the ledger loses its last events; it records others.
fn lose_events(e: &mut Evidence) {
    e.commits.truncate(5);
    e.commits.extend([rewound(4), step(14, 23, None), step(23, 23, Some((5, 8, 9)))]);
}

fn row(e: &mut Evidence, seq: usize) -> &mut Row {
    &mut e.ledgers[0].events[seq - 1]
}
