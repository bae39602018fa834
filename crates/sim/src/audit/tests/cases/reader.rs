//! What somebody took who followed the topic all along.

use super::super::sample::step;
use super::{Case, lose_events, rewound, stop};
use crate::evidence::*;

pub(in super::super) const READER: &[Case] = &[
    ("nothing is published", |e| (e.wire, e.followed) = Default::default(), &[]),
    ("nobody followed", |e| e.followed.clear(), &["reader_incomplete"]),
    ("nothing was taken of a partition", |e| drop(e.followed.pop()), &["reader_incomplete"]),
    ("the last event was not taken", |e| taken(e).truncate(7), &["reader_incomplete"]),
    (
        "an event from the middle was not taken",
        |e| taken(e).retain(|(seq, _)| *seq != 12),
        &["reader_incomplete"],
    ),
    (
        "the last event was not taken, since its ledger stopped",
        |e| {
            taken(e).pop();
            stop(e, "chain_broken", true);
        },
        &[],
    ),
    (
        "the last event was not taken, since all doors are shut",
        |e| {
            taken(e).pop();
            e.stops.push(Stop { what: "process".into(), ..halt("wire_fork") });
        },
        &[],
    ),
    (
        "the last event was not taken, and something else stopped",
        |e| {
            taken(e).pop();
            e.stops.push(Stop { what: "publish of other".into(), ..halt("chain_broken") });
        },
        &["reader_incomplete"],
    ),
    ("in the wrong order", |e| taken(e).swap(2, 3), &["reader_order"]),
    (
        "an event taken again",
        |e| {
            let again = taken(e)[3];
            taken(e).insert(4, again);
        },
        &["reader_order", "reader_twice"],
    ),
    (
        "an event taken in two partitions",
        |e| {
            let last = *taken(e).last().expect("there is one");
            let other = Followed { partition: 0, taken: vec![last], ..e.followed[0].clone() };
            e.followed.push(other);
        },
        &["reader_partition", "reader_twice"],
    ),
    ("events of another partition", |e| e.followed[0].partition = 0, &["reader_partition"]),
    (
        "another number of partitions",
        |e| {
            e.followed[0].partition = 0;
            e.respread = true;
            stop(e, "spread_changed", true);
        },
        &[],
    ),
    ("another chain", |e| stranger(e), &["reader_incomplete", "reader_stranger"]),
    ("an event that is not there", |e| taken(e).push((40, [1; 32])), &["reader_stranger"]),
    (
        "a ledger that is not there",
        |e| e.followed[0].ledger.push('1'),
        &["reader_incomplete", "reader_stranger"],
    ),
    ("another history", |e| e.followed[0].has_stopped = true, &["reader_fork"]),
    (
        "another history, of a ledger that lost events",
        |e| {
            e.followed[0].has_stopped = true;
            taken(e).pop();
            lose_events(e);
        },
        &[],
    ),
    (
        "another history, of a ledger that lost nothing in the rewind",
        |e| {
            e.followed[0].has_stopped = true;
            e.commits.push(rewound(5));
            e.commits.push(step(23, 23, Some((5, 8, 9))));
        },
        &["reader_fork"],
    ),
    (
        "an event that was lost, and all that came in its partition in its place",
        |e| {
            stranger(e);
            lose_events(e);
        },
        &[],
    ),
    (
        "an event that was lost, and one missed in another partition",
        |e| {
            stranger(e);
            e.followed[1].taken.pop();
            lose_events(e);
        },
        &["reader_incomplete"],
    ),
    (
        "an event from before what was lost",
        |e| {
            taken(e)[3].1 = [1; 32];
            lose_events(e);
        },
        &["reader_incomplete", "reader_stranger"],
    ),
    (
        "events that were lost, and nobody took them",
        |e| {
            taken(e).pop();
            lose_events(e);
        },
        &["reader_incomplete"],
    ),
];

/// What was taken in the first partition that has any.
fn taken(e: &mut Evidence) -> &mut Vec<(u64, [u8; 32])> {
    &mut e.followed[0].taken
}

/// The last event that was taken is one of another history.
fn stranger(e: &mut Evidence) {
    taken(e).last_mut().expect("there is one").1 = [1; 32];
}

fn halt(name: &str) -> Stop {
    Stop { what: String::new(), name: name.into(), detail: "here".into(), is_allowed: true }
}
