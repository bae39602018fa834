//! What clients were told, against what the store keeps.

use super::super::rows::call;
use super::super::sample::*;
use super::{Case, rewind, row};
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
            rewind(e);
            e.calls.push(other(Some("z"), pay(1), vec![done("{}")]));
        },
        &[],
    ),
    (
        "two requests, both done",
        |e| e.calls.push(other(Some("k1"), pay(502), vec![done("{}")])),
        &["done_for_another"],
    ),
    (
        "two requests, both done, rewound",
        |e| {
            rewind(e);
            e.calls.push(other(Some("k1"), pay(502), vec![done("{}")]));
        },
        &[],
    ),
    ("another answer", |e| called(e, "k1").told.push(done("{}")), &["answer_changed"]),
    (
        "another answer after a rewind",
        |e| {
            rewind(e);
            called(e, "k1").told.push(done("{}"));
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
        "new twice, rewound",
        |e| {
            rewind(e);
            let told = called(e, "k1").told[1].clone();
            called(e, "k1").told.push(told);
        },
        &[],
    ),
    ("account new twice", |e| e.calls.push(open("a", "USD", -2, first())), &["first_told_twice"]),
    (
        "conflict with nobody",
        |e| called(e, "k2").told.push(refused("conflict")),
        &["conflict_unfounded"],
    ),
    (
        "conflict with oneself",
        |e| called(e, "k1").told.push(refused("conflict")),
        &["conflict_unfounded"],
    ),
    (
        "conflict over nothing",
        |e| {
            e.calls.push(other(Some("z"), pay(1), vec![refused("conflict")]));
            e.calls.push(other(Some("z"), pay(2), vec![]));
        },
        &["conflict_unfounded"],
    ),
    (
        "refused, but stored",
        |e| called(e, "k2").told = vec![refused("same_account")],
        &["refused_but_stored"],
    ),
    ("failed, but stored", |e| called(e, "k2").told = vec![Told::Failed], &["refused_but_stored"]),
    ("unknown, and stored", |e| called(e, "k2").told = vec![Told::Failed, Told::Unknown], &[]),
    ("never told, and stored", |e| called(e, "k2").told = vec![], &[]),
    (
        "an answer of other money",
        |e| {
            let row = row(e, 4);
            row.answer = row.answer.replace("500", "5");
            let call = call(row);
            *called(e, "k1") = call;
        },
        &["answer_differs"],
    ),
    (
        "an answer of another key",
        |e| {
            let row = row(e, 4);
            row.answer = row.answer.replace("k1", "k2");
            let call = call(row);
            *called(e, "k1") = call;
        },
        &["answer_differs"],
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
            rewind(e);
            e.calls.push(open("z", "USD", -1, done("{}")));
        },
        &[],
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

fn open(id: &str, currency: &str, overdraft: i64, told: Told) -> Call {
    let ask = Ask::Open { id: id.into(), currency: currency.into(), overdraft };
    other(None, ask, vec![told])
}

fn first() -> Told {
    Told::Done { body: "{}".into(), replayed: false }
}
