//! A run in which all is well: a log that shows every transition, one topic that was taken, one
//! that was published.

use super::published::{followed, wire};
use super::rows::{answer, call, id, row, side};
use crate::audit::chain::recompute;
use crate::evidence::*;
use std::collections::BTreeMap;

pub(super) const SOURCE: &str = "topic:t/0";

/// All of it, made anew.
pub(super) fn sample() -> Evidence {
    let ledger = Ledger {
        no: 3,
        name: "main".into(),
        next_seq: 23,
        tail: [0; 32],
        events: events(),
        accounts: accounts(),
        accounts_seq: 22,
        anchors: BTreeMap::new(),
    };
    let keyed = ledger.events.iter().filter(|row| row.key.is_some() && row.namespace.is_empty());
    let mut evidence = Evidence {
        calls: keyed.map(call).chain(other_calls()).collect(),
        items: items(),
        commits: commits(),
        legs: vec![Leg {
            source: SOURCE.into(),
            ledger: 3,
            next: 9,
            counts: [7, 2, 1, 1, 1, 1, 4],
        }],
        letters: letters(),
        publish_key: "debit_account".into(),
        ledgers: vec![ledger],
        ..Evidence::default()
    };
    seal(&mut evidence);
    evidence
}

/// What a row of the sample is: kind, namespace, key, both accounts with their events before,
/// amount, decline, payment, whether all was asked for.
type Line = (u8, &'static str, &'static str, [(u64, u64); 2], i64, u8, u64, bool);

#[rustfmt::skip]
const LINES: [(u64, Line); 17] = [
    ( 4, (3, "",     "k1",  [(1,  1), (2,  2)],   500, 0,  0, false)),
    ( 5, (7, "",     "k2",  [(1,  4), (2,  4)],   200, 0,  0, false)),
    ( 6, (8, "",     "k3",  [(1,  5), (2,  5)],   150, 0,  5, false)),
    ( 7, (5, "",     "k4",  [(2,  6), (1,  6)],    50, 0,  5, false)),
    ( 8, (7, "",     "k5",  [(1,  7), (2,  7)],    80, 0,  0, false)),
    ( 9, (9, "",     "k6",  [(1,  8), (2,  8)],    80, 0,  8, false)),
    (10, (4, "",     "k7",  [(2,  0), (3,  0)], 10000, 2,  0, false)),
    (11, (5, "",     "k8",  [(2,  9), (1,  9)],   500, 0,  4, true)),
    (12, (3, "shop", "o1",  [(1, 11), (3,  3)],    30, 0,  0, false)),
    (13, (4, "shop", "o2",  [(3,  0), (1,  0)],  1000, 2,  0, false)),
    (14, (3, "",     "k9",  [(2, 11), (1, 12)],   100, 0,  0, false)),
    (15, (6, "",     "k10", [(2,  0), (1,  0)],    20, 2,  5, false)),
    (16, (3, "",     "k11", [(1, 14), (2, 14)],     5, 0,  0, false)),
    (17, (3, "",     "k12", [(2, 16), (1, 16)],     5, 0,  0, false)),
    (18, (6, "",     "k13", [(2,  0), (1,  0)],     5, 2, 16, true)),
    (21, (4, "",     "k14", [(1,  0), (19, 0)],     9, 1,  0, false)),
    (22, (7, "",     "k15", [(1, 17), (3, 12)],    40, 0,  0, false)),
];

fn events() -> Vec<Row> {
    let open = |no: u64, overdraft: &str| {
        let extra = format!(r#"{{"id":"{}","overdraft":{overdraft}}}"#, id(no));
        Row { extra: Some(extra), ..row(no, 1, side(no, 0), None) }
    };
    let money = |(seq, line): &(u64, Line)| {
        let (kind, namespace, key, [debit, credit], amount, decline, payment, all) = *line;
        let row = Row {
            namespace: namespace.into(),
            key: Some(key.into()),
            amount,
            decline,
            reference: (payment > 0).then_some((payment, 1_000 * payment as i64)),
            extra: all.then(|| r#"{"all":true}"#.into()),
            ..row(*seq, kind, side(debit.0, debit.1), side(credit.0, credit.1))
        };
        Row { answer: answer(&row), ..row }
    };
    let mut rows = vec![open(1, r#""unlimited""#), open(2, r#""none""#), open(3, "100")];
    rows.extend(LINES.iter().map(money));
    rows.extend([open(19, r#""none""#), row(20, 2, side(19, 19), None)]);
    rows.sort_by_key(|row| row.seq);
    rows
}

fn accounts() -> Vec<Account> {
    let account = |no: u64, overdraft, [debits, credits]: [i64; 2], last_seq| Account {
        no,
        id: id(no).into(),
        currency: "USD".into(),
        overdraft,
        closed: no == 19,
        debits,
        credits,
        pending_debits: if no == 1 { 40 } else { 0 },
        pending_credits: if no == 3 { 40 } else { 0 },
        last_seq,
    };
    vec![
        account(1, -2, [685, 655], 22),
        account(2, -1, [655, 655], 17),
        account(3, 100, [0, 30], 22),
        account(19, -1, [0, 0], 20),
    ]
}

/// A call for what has no row, or another one.
pub(super) fn other(key: Option<&str>, ask: Ask, told: Vec<Told>) -> Call {
    let told = told.into_iter().map(|told| Answer { asked_at: 0, told }).collect();
    Call { ledger: "main".into(), key: key.map(Into::into), ask, told }
}

pub(super) fn done(body: &str) -> Told {
    Told::Done { body: body.into(), replayed: true }
}

pub(super) fn refused(name: &str) -> Told {
    Told::Refused(name.into())
}

pub(super) fn pay(amount: i64) -> Ask {
    let (currency, debit, credit) = ("USD".into(), "a".into(), "b".into());
    Ask::Pay { amount, currency, debit, credit, hold: false }
}

fn other_calls() -> Vec<Call> {
    let open = |id: &str, overdraft| Ask::Open { id: id.into(), currency: "USD".into(), overdraft };
    let first = || Told::Done { body: "{}".into(), replayed: false };
    vec![
        other(Some("k1"), pay(501), vec![Told::Failed, refused("conflict")]),
        other(Some("k-refused"), pay(-1), vec![refused("amount_not_positive")]),
        other(Some("k-unknown"), pay(1), vec![Told::Unknown]),
        other(None, open("a", -2), vec![first(), done("{}")]),
        other(None, open("b", -1), vec![done("{}")]),
        other(None, open("b", -2), vec![refused("account_exists")]),
        other(None, open("c", 100), vec![first()]),
        other(None, Ask::Close { id: "d".into() }, vec![first()]),
    ]
}

/// A payment of the topic.
pub(super) fn paid(key: &str, amount: i64, currency: &str, debit: &str, credit: &str) -> Content {
    Content::Payment {
        key: key.into(),
        amount,
        currency: currency.into(),
        debit: debit.into(),
        credit: credit.into(),
    }
}

fn items() -> Vec<Item> {
    let item = |(place, content)| Item {
        ledger: "main".into(),
        ingest: "shop".into(),
        source: SOURCE.into(),
        place,
        content,
    };
    let items = vec![
        (0, paid("o1", 30, "USD", "a", "c")),
        (1, Content::Bad("undecodable".into())),
        (2, paid("o1", 30, "USD", "a", "c")),
        (3, paid("o1", 31, "USD", "a", "c")),
        (4, Content::Aborted),
        (5, paid("o2", 1000, "USD", "c", "a")),
        (6, paid("o3", 30, "EUR", "a", "c")),
        (7, paid("o4", 30, "USD", "a", "nobody")),
        (9, paid("o5", 30, "USD", "a", "c")),
    ];
    items.into_iter().map(item).collect()
}

fn letters() -> Vec<Letter> {
    let letter = |(place, reason): (u64, &str)| letter(place, reason);
    let letters =
        [(1, "undecodable"), (3, "conflict"), (6, "currency_mismatch"), (7, "unknown_account")];
    letters.into_iter().map(letter).collect()
}

pub(super) fn letter(place: u64, reason: &str) -> Letter {
    Letter { source: SOURCE.into(), place, reason: reason.into() }
}

pub(super) fn claim(claim: u64) -> Committed {
    Committed::Claim { source: SOURCE.into(), claim }
}

/// A step that appends and, under a claim, moves the cursor from one place to another.
pub(super) fn step(first_seq: u64, next_seq: u64, moved: Option<(u64, u64, u64)>) -> Committed {
    let cursor = |next: u64| (next, [next as u8; 32]);
    let moved = moved.map(|(claim, from, to)| Moved {
        source: SOURCE.into(),
        claim,
        from: cursor(from),
        to: cursor(to),
    });
    Committed::Step { ledger: 3, first_seq, next_seq, moved }
}

fn commits() -> Vec<Committed> {
    vec![
        step(1, 12, None),
        claim(7),
        step(12, 14, Some((7, 0, 8))),
        claim(5),
        step(14, 23, None),
        step(23, 23, Some((5, 8, 9))),
    ]
}

/// Make the chain, its anchors and the wire those of the rows.
pub(super) fn seal(evidence: &mut Evidence) {
    let ledger = &mut evidence.ledgers[0];
    let chain = recompute(ledger);
    ledger.tail = *chain.last().expect("the sample has rows");
    let kept = ledger.events.iter().zip(&chain).filter(|(row, _)| row.seq % 1_024 == 0);
    ledger.anchors = kept.map(|(row, hash)| (row.seq, *hash)).collect();
    evidence.wire = wire(ledger, &chain, &evidence.publish_key);
    evidence.followed = followed(ledger, &chain, &evidence.publish_key);
}
