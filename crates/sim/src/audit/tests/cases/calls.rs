//! What clients were told, against what the store keeps.

use super::super::rows::call;
use super::super::sample::*;
use super::{Case, REWOUND_AT, lose_events, rewind, row};
use crate::evidence::*;

pub(in super::super) const CALLS: &[Case] = &[
    (
        "told done, not there",
        |e| e.calls.push(other(Some("z"), pay(1), vec![done("{}")])),
        &["done_lost"],
    ),
    (
        "told done, no ledger",
        |e| e.calls.push(Call { ledger: "x".into(), ..other(Some("z"), pay(1), vec![done("{}")]) }),
        &["done_lost"],
    ),
    (
        "told done, lost by a rewind",
        |e| {
            lose_events(e);
            e.calls.push(other(Some("z"), pay(1), vec![done("{}")]));
        },
        &[],
    ),
    (
        "told done, not there after a rewind",
        |e| {
            lose_events(e);
            e.calls.push(late(other(Some("z"), pay(1), vec![done("{}")])));
        },
        &["done_lost"],
    ),
    (
        "told done, not there though nothing was lost in the rewind",
        |e| {
            rewind(e);
            e.calls.push(other(Some("z"), pay(1), vec![done("{}")]));
        },
        &["done_lost"],
    ),
    (
        "two requests, both done",
        |e| e.calls.push(other(Some("k1"), pay(502), vec![done("{}")])),
        &["done_for_another"],
    ),
    (
        "two requests, both done, rewound",
        |e| {
            lose_events(e);
            e.calls.push(other(Some("k1"), pay(502), vec![done("{}")]));
        },
        &[],
    ),
    ("another answer", |e| tell(e, "k1", done("{}")), &["answer_changed"]),
    (
        "another answer before a rewind",
        |e| {
            lose_events(e);
            tell(e, "k1", done("{}"));
        },
        &[],
    ),
    (
        "new twice",
        |e| {
            let told = called(e, "k1").told[1].clone();
            called(e, "k1").told.push(told);
        },
        &["first_told_twice"],
    ),
    (
        "new twice, lost in between",
        |e| {
            lose_events(e);
            let told = called(e, "k1").told[1].clone();
            called(e, "k1").told.push(told);
        },
        &[],
    ),
    (
        "new three times, lost once",
        |e| {
            lose_events(e);
            let told = called(e, "k1").told[1].clone();
            called(e, "k1").told.extend([told.clone(), told]);
        },
        &["first_told_twice"],
    ),
    (
        "new twice after a rewind",
        |e| {
            lose_events(e);
            let call = late(called(e, "k1").clone());
            *called(e, "k1") = Call { told: [&call.told[1..], &call.told[1..]].concat(), ..call };
        },
        &["first_told_twice"],
    ),
    ("account new twice", |e| e.calls.push(open("a", "USD", -2, first())), &["first_told_twice"]),
    ("conflict with nobody", |e| tell(e, "k2", refused("conflict")), &["conflict_unfounded"]),
    ("conflict with oneself", |e| tell(e, "k1", refused("conflict")), &["conflict_unfounded"]),
    (
        "conflict over nothing",
        |e| {
            e.calls.push(other(Some("z"), pay(1), vec![refused("conflict")]));
            e.calls.push(other(Some("z"), pay(2), vec![]));
        },
        &["conflict_unfounded"],
    ),
    (
        "conflict over what was lost",
        |e| {
            lose_events(e);
            e.calls.push(other(Some("z"), pay(1), vec![refused("conflict")]));
            e.calls.push(other(Some("z"), pay(2), vec![]));
        },
        &[],
    ),
    (
        "conflict over what was lost before it was asked for",
        |e| {
            lose_events(e);
            e.calls.push(late(other(Some("z"), pay(1), vec![refused("conflict")])));
            e.calls.push(other(Some("z"), pay(2), vec![]));
        },
        &["conflict_unfounded"],
    ),
    ("refused, but stored", |e| told(e, "k2", [refused("same_account")]), &["refused_but_stored"]),
    (
        "refused, long after it was done",
        |e| {
            let again = Answer { asked_at: 60_000_000, told: refused("exceeds_payment") };
            called(e, "k1").told.push(again);
        },
        &["refused_but_stored"],
    ),
    ("failed, but stored", |e| told(e, "k2", [Told::Failed]), &["refused_but_stored"]),
    ("unknown, and stored", |e| told(e, "k2", [Told::Failed, Told::Unknown]), &[]),
    ("never told, and stored", |e| told(e, "k2", []), &[]),
    (
        "an answer of other money",
        |e| {
            let row = row(e, 4);
            row.answer = row.answer.replace("500", "5");
            let call = call(row);
            *called(e, "k1") = call;
        },
        &["answer_differs", "wire_value"],
    ),
    (
        "an answer of another key",
        |e| {
            let row = row(e, 4);
            row.answer = row.answer.replace("k1", "k2");
            let call = call(row);
            *called(e, "k1") = call;
        },
        &["answer_differs", "wire_value"],
    ),
    (
        "nobody asked",
        |e| e.calls.retain(|call| call.key.as_deref() != Some("k2")),
        &["row_without_call"],
    ),
    (
        "nobody asked for so much",
        |e| called(e, "k1").ask = pay(502),
        &["done_for_another", "row_without_call"],
    ),
    (
        "nobody asked for a hold",
        |e| {
            called(e, "k1").ask = Ask::Pay {
                amount: 500,
                currency: "USD".into(),
                debit: "a".into(),
                credit: "b".into(),
                hold: true,
            }
        },
        &["done_for_another", "row_without_call"],
    ),
    (
        "a declined hold",
        |e| {
            called(e, "k14").ask = Ask::Pay {
                amount: 9,
                currency: "USD".into(),
                debit: "a".into(),
                credit: "d".into(),
                hold: true,
            }
        },
        &[],
    ),
    (
        "a refund of another payment",
        |e| called(e, "k4").ask = Ask::Refund { payment: "pay_4".into(), amount: Some(50) },
        &["done_for_another", "row_without_call"],
    ),
    (
        "a refund of all",
        |e| called(e, "k4").ask = Ask::Refund { payment: "pay_5".into(), amount: None },
        &["done_for_another", "row_without_call"],
    ),
    (
        "a void of another payment",
        |e| called(e, "k6").ask = Ask::Void { payment: "pay_5".into() },
        &["done_for_another", "row_without_call"],
    ),
    (
        "a capture instead of a void",
        |e| called(e, "k6").ask = Ask::Capture { payment: "pay_8".into(), amount: Some(80) },
        &["done_for_another", "row_without_call"],
    ),
    (
        "an account that is not there",
        |e| e.calls.push(open("z", "USD", -1, done("{}"))),
        &["open_lost"],
    ),
    (
        "an account of another currency",
        |e| e.calls.push(open("a", "EUR", -2, done("{}"))),
        &["open_lost"],
    ),
    (
        "an account that was rewound",
        |e| {
            lose_events(e);
            e.calls.push(open("z", "USD", -1, done("{}")));
        },
        &[],
    ),
    (
        "an account that is not there after a rewind",
        |e| {
            lose_events(e);
            e.calls.push(late(open("z", "USD", -1, done("{}"))));
        },
        &["open_lost"],
    ),
    (
        "an account that is not closed",
        |e| e.calls.push(other(None, Ask::Close { id: "a".into() }, vec![done("{}")])),
        &["close_lost"],
    ),
];

/// The only call with that key, or the first.
fn called<'a>(e: &'a mut Evidence, key: &str) -> &'a mut Call {
    let mut calls = e.calls.iter_mut();
    calls.find(|call| call.key.as_deref() == Some(key)).expect("the sample has it")
}

/// A call was told that too.
fn tell(e: &mut Evidence, key: &str, told: Told) {
    called(e, key).told.push(Answer { asked_at: 0, told });
}

/// A call was told just that.
fn told<const N: usize>(e: &mut Evidence, key: &str, told: [Told; N]) {
    called(e, key).told.clear();
    told.into_iter().for_each(|told| tell(e, key, told));
}

/// The call, asked after the rewind.
fn late(mut call: Call) -> Call {
    call.told.iter_mut().for_each(|answer| answer.asked_at = REWOUND_AT + 1);
    call
}

fn open(id: &str, currency: &str, overdraft: i64, told: Told) -> Call {
    let ask = Ask::Open { id: id.into(), currency: currency.into(), overdraft };
    other(None, ask, vec![told])
}

fn first() -> Told {
    Told::Done { body: "{}".into(), replayed: false }
}
