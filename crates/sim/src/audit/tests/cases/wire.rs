//! What was published.

use super::super::sample::seal;
use super::{Case, lose_events, rewind, stop};
use crate::evidence::*;

pub(in super::super) const WIRE: &[Case] = &[
    ("nothing is published", |e| e.wire.clear(), &[]),
    ("a topic without a record", |e| e.wire = vec![vec![]; 3], &["wire_incomplete"]),
    ("a record that is not there", |e| lose(e, b"22"), &["wire_incomplete"]),
    ("a record from the middle", |e| lose(e, b"7"), &["wire_incomplete"]),
    (
        "all records twice",
        |e| {
            let twice = e.wire.clone();
            e.wire.iter_mut().zip(twice).for_each(|(records, again)| records.extend(again));
        },
        &[],
    ),
    (
        "a record that is sent after all",
        |e| {
            let late = record(e, 22).clone();
            lose(e, b"22");
            e.wire[1].push(late);
        },
        &[],
    ),
    (
        "two records in the wrong order",
        |e| {
            let last = e.wire[1].len() - 1;
            e.wire[1].swap(last, last - 1);
        },
        &["wire_incomplete"],
    ),
    ("another history", foreign_link, &["wire_fork", "wire_incomplete"]),
    (
        "another history, found",
        |e| {
            foreign_link(e);
            lose_events(e);
            stop(e, "wire_fork", true);
        },
        &[],
    ),
    (
        "another history, found where nothing was lost",
        |e| {
            foreign_link(e);
            stop(e, "wire_fork", true);
        },
        &["wire_fork"],
    ),
    (
        "another history, found and not lost in the rewind",
        |e| {
            foreign_link(e);
            rewind(e);
            stop(e, "wire_fork", true);
        },
        &["unexpected_stop", "wire_fork"],
    ),
    (
        "another history, found for no reason",
        |e| {
            foreign_link(e);
            stop(e, "wire_fork", false);
        },
        &["unexpected_stop", "wire_fork", "wire_incomplete"],
    ),
    (
        "a link over an event",
        |e| {
            let link =
                (header(record(e, 9), SEQ).clone(), header(record(e, 9), "semel-hash").clone());
            let last = record(e, 22);
            *header(last, "semel-prev") = link.0;
            *header(last, "semel-prev-hash") = link.1;
        },
        &["wire_fork", "wire_incomplete"],
    ),
    (
        "an event of a chain that is not",
        |e| *header(record(e, 22), "semel-hash") = "ab".repeat(32).into_bytes(),
        &["wire_incomplete", "wire_stranger", "wire_unknown_event"],
    ),
    (
        "an event that is not taken and is not",
        |e| {
            let mut hole = record(e, 22).clone();
            *header(&mut hole, SEQ) = b"40".to_vec();
            *header(&mut hole, "semel-prev") = b"39".to_vec();
            e.wire[1].push(hole);
        },
        &["wire_unknown_event"],
    ),
    (
        "events that the store forgot",
        |e| {
            forget(e, b"22");
            lose_events(e);
        },
        &[],
    ),
    (
        "events that the store forgot, and was not to lose",
        |e| {
            forget(e, b"12");
            lose_events(e);
        },
        &["wire_unknown_event"],
    ),
    (
        "events that the store forgot, and lost nothing in the rewind",
        |e| {
            forget(e, b"22");
            rewind(e);
        },
        &["wire_unknown_event"],
    ),
    (
        "forgotten events that are taken",
        |e| {
            *header(record(e, 22), "semel-hash") = "ab".repeat(32).into_bytes();
            lose_events(e);
        },
        &["wire_incomplete", "wire_stranger"],
    ),
    (
        "forgotten events, found",
        |e| {
            *header(record(e, 22), "semel-hash") = "ab".repeat(32).into_bytes();
            lose_events(e);
            stop(e, "wire_fork", true);
        },
        &[],
    ),
    (
        "forgotten events that expired, and nobody could find them",
        |e| {
            *header(record(e, 22), "semel-hash") = "ab".repeat(32).into_bytes();
            lose_events(e);
            expire(e, 100);
        },
        &[],
    ),
    (
        "forgotten events that expired, of a ledger that lost others",
        |e| {
            *header(record(e, 12), "semel-hash") = "ab".repeat(32).into_bytes();
            lose_events(e);
            expire(e, 100);
        },
        &["wire_fork", "wire_incomplete", "wire_stranger", "wire_unknown_event"],
    ),
    (
        "an event of another ledger",
        |e| {
            let mut other = record(e, 22).clone();
            *header(&mut other, "semel-ledger") = b"mine".to_vec();
            e.wire[1].push(other);
        },
        &["wire_unknown_event"],
    ),
    (
        "headers that nobody can read",
        |e| header(record(e, 22), SEQ).insert(0, b'0'),
        &["wire_incomplete"],
    ),
    (
        "an event in two partitions",
        |e| e.wire[0] = e.wire[1].clone(),
        &["wire_partition", "wire_twice"],
    ),
    (
        "an account in another partition",
        |e| {
            let late = record(e, 22).clone();
            lose(e, b"22");
            e.wire[0].push(late);
        },
        &["wire_incomplete", "wire_partition"],
    ),
    (
        "another number of partitions",
        |e| {
            let late = record(e, 22).clone();
            lose(e, b"22");
            e.wire.push(vec![late]);
            e.respread = true;
            stop(e, "spread_changed", true);
        },
        &[],
    ),
    ("keys by payment", |e| spread_by(e, "payment"), &[]),
    ("keys by the account credited", |e| spread_by(e, "credit_account"), &[]),
    (
        "keys by another setting",
        |e| {
            spread_by(e, "credit_account");
            e.publish_key = "debit_account".into();
        },
        &["reader_partition", "wire_key"],
    ),
    (
        "a payment in another partition",
        |e| {
            spread_by(e, "payment");
            let last = e.wire[2].pop().expect("there is one");
            e.wire[0].push(last);
        },
        &["wire_incomplete", "wire_partition"],
    ),
    ("what expired", |e| expire(e, 2), &[]),
    ("what expired up to a repeat, behind which one begins again", |e| expire(e, 4), &[]),
    (
        "what expired, said not to have",
        |e| {
            expire(e, 2);
            e.expired = Vec::new();
        },
        &["wire_incomplete"],
    ),
    (
        "lost behind what expired",
        |e| {
            expire(e, 2);
            lose(e, b"22");
        },
        &["wire_incomplete"],
    ),
    (
        "lost and never read behind what expired",
        |e| {
            expire(e, 2);
            lose(e, b"19");
        },
        &["wire_incomplete"],
    ),
    ("all expired", |e| expire(e, 100), &[]),
];

/// The record with the event of that seq, the first of them.
pub(super) fn record(e: &mut Evidence, seq: u64) -> &mut Record {
    let text = seq.to_string();
    let said = |r: &&mut Record| r.headers.iter().any(|(n, t)| n == SEQ && *t == text.as_bytes());
    e.wire.iter_mut().flatten().filter(|r| r.headers.len() > 1).find(said).expect("it is there")
}

const SEQ: &str = "semel-seq";

/// The text of a header of ours.
pub(super) fn header<'a>(record: &'a mut Record, name: &str) -> &'a mut Vec<u8> {
    let mut headers = record.headers.iter_mut();
    &mut headers.find(|header| header.0 == name).expect("ours have it").1
}

fn is_of(record: &Record, seq: &[u8]) -> bool {
    record.headers.iter().any(|(name, text)| name == SEQ && text == seq)
}

fn lose(e: &mut Evidence, seq: &[u8]) {
    e.wire.iter_mut().for_each(|records| records.retain(|record| !is_of(record, seq)));
}

/// Records at the beginning of both partitions are gone.
fn expire(e: &mut Evidence, many: usize) {
    let expired = |records: &mut Vec<Record>| records.drain(..many.min(records.len())).collect();
    e.expired = e.wire.iter_mut().map(expired).collect();
}

/// A record of another history, behind a hole, tells of the event of that seq.
fn forget(e: &mut Evidence, seq: &[u8]) {
    let mut forgotten = record(e, 22).clone();
    *header(&mut forgotten, SEQ) = seq.to_vec();
    *header(&mut forgotten, "semel-hash") = "ab".repeat(32).into_bytes();
    *header(&mut forgotten, "semel-prev") = b"11".to_vec();
    e.wire[1].insert(0, forgotten);
}

fn foreign_link(e: &mut Evidence) {
    let prev = header(record(e, 14), "semel-prev-hash");
    *prev = "ab".repeat(32).into_bytes();
}

/// The topic as it is with another setting.
fn spread_by(e: &mut Evidence, setting: &str) {
    e.publish_key = setting.into();
    seal(e);
}
