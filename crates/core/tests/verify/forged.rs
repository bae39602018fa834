//! Rows altered together with every hash behind them: what sense alone still finds, and what only a
//! hash that was published before could.

use super::rows::{Alter, altered};
use super::{codes, every_kind};
use semel_core::account::Decline::{self, BalanceLimit, InsufficientFunds};
use semel_core::event::{Event, Kind, Reference};
use semel_core::money::{Amount, Currency};
use semel_core::problem::Code::{self, *};
use std::collections::BTreeSet;

#[test]
fn what_sense_does_not_see_is_known() {
    let mut unseen = Vec::new();
    for (what, mut books) in altered(&every_kind()) {
        books.seal();
        if books.audit().is_empty() {
            unseen.push(what);
        }
    }
    let times = unseen.extract_if(.., |what| what.starts_with("at of event")).count();
    assert_eq!(times, 25, "nothing else in a log says when something happened");
    let expected = [
        // A payment's words for people.
        "no extra of event 7",
        // A declined payment moved nothing, whatever it asked for.
        "amount up of event 8",
        "amount down of event 8",
        // A hold that was captured in part, and so released either way.
        "amount up of event 9",
        "amount down of event 9",
        // Whether a refund or a capture named its amount or said *all*.
        "no extra of event 14",
        "no extra of event 16",
        "no extra of event 21",
        // Anybody's payment to a closed account is declined.
        "debit of event 24",
        "amount up of event 24",
    ];
    assert_eq!(unseen, expected);
}

const ALICE: &str = r#"{"id":"alice","overdraft":"none"}"#;

#[test]
fn each_rule_has_a_row_that_breaks_it() {
    #[rustfmt::skip]
    let cases: [(&str, u64, Alter, Code); 30] = [
        ("more than the account has", 7, |e| e.amount = 1_001, LimitBroken),
        ("a decline that moved", 8, succeed, LimitBroken),
        ("a closed account paid", 24, succeed, LimitBroken),
        ("a movement that was declined", 6, |e| decline(e, InsufficientFunds), DeclineDiffers),
        ("declined for another reason", 8, |e| decline(e, BalanceLimit), DeclineDiffers),
        ("refunded above what is left", 13, |e| e.amount = 301, PaymentBroken),
        ("all refunded, but not all", 14, |e| e.amount = 199, PaymentBroken),
        ("captured above what was held", 10, |e| e.amount = 401, PaymentBroken),
        ("all captured, but not all", 16, |e| e.amount = 49, PaymentBroken),
        ("voided in part", 12, |e| e.amount = 99, PaymentBroken),
        ("captured twice", 16, |e| refer(e, 9), PaymentBroken),
        ("voided after capture", 12, |e| refer(e, 9), PaymentBroken),
        ("refund of a declined payment", 13, |e| refer(e, 8), PaymentBroken),
        ("refund of a hold", 13, |e| refer(e, 11), PaymentBroken),
        ("refers to an opening", 13, |e| refer(e, 2), LinkBroken),
        ("refers to itself", 13, |e| refer(e, 13), LinkBroken),
        ("refers to what comes later", 13, |e| refer(e, 19), LinkBroken),
        ("refers to nothing", 13, |e| refer(e, 99), LinkBroken),
        ("back another way", 13, |e| std::mem::swap(&mut e.debit, &mut e.credit), LinkBroken),
        ("to where it came from", 7, |e| e.credit = e.debit.clone(), LinkBroken),
        ("an account not opened yet", 7, |e| e.credit.as_mut().unwrap().no = 22, LinkBroken),
        ("a link too far back", 7, |e| e.debit.as_mut().unwrap().prev = 2, LinkBroken),
        ("a declined payment linked", 8, |e| e.debit.as_mut().unwrap().prev = 7, LinkBroken),
        ("an opening of another number", 22, |e| e.debit.as_mut().unwrap().no = 21, LinkBroken),
        ("another currency", 7, |e| e.currency = euro(), Unbalanced),
        ("across currencies", 18, |e| e.debit.as_mut().unwrap().no = 2, Unbalanced),
        ("no amount", 7, |e| e.amount = 0, RowUnreadable),
        ("an amount below zero", 7, |e| e.amount = -5, RowUnreadable),
        ("beyond the greatest amount", 6, |e| e.amount = Amount::MAX_MINOR + 1, RowUnreadable),
        ("an account opened twice", 22, |e| extra(e, ALICE), KeyTwice),
    ];
    for (what, seq, alter, expected) in cases {
        let found = forged(seq, alter);
        assert!(found.contains(&expected), "{what}: {found:?}");
    }
}

#[test]
fn rows_that_semel_does_not_write_are_told() {
    #[rustfmt::skip]
    let cases: [(&str, u64, Alter); 16] = [
        ("another format", 7, |e| e.format = 0),
        ("a payment without a key", 7, |e| e.key = None),
        ("a key with a space", 7, |e| e.key = Some("a b".into())),
        ("a key with a quote", 7, |e| e.key = Some("a\"".into())),
        ("an empty key", 7, |e| e.key = Some("".into())),
        ("an opening with a key", 2, |e| e.key = Some("k".into())),
        ("an opening with an amount", 2, |e| e.amount = 1),
        ("an opening in a namespace", 2, |e| e.namespace = "shop".into()),
        ("an opening of two accounts", 2, |e| e.credit = e.debit.clone()),
        ("an opening without an id", 2, |e| extra(e, r#"{"overdraft":"none"}"#)),
        ("an opening written oddly", 2, |e| extra(e, r#"{"id": "alice","overdraft":"none"}"#)),
        ("a closing with more to say", 23, |e| extra(e, "{}")),
        ("extra that is no JSON", 7, |e| extra(e, "{")),
        ("extra that says nothing", 7, |e| extra(e, r#"{"description":null,"metadata":{}}"#)),
        ("extra written oddly", 7, |e| extra(e, r#"{"metadata":{"a":1},"description":null}"#)),
        ("a void of all", 12, |e| extra(e, r#"{"all":true}"#)),
    ];
    for (what, seq, alter) in cases {
        let found = forged(seq, alter);
        assert!(found.contains(&RowUnreadable), "{what}: {found:?}");
    }
}

/// What is found when one event is altered and every hash made again.
fn forged(seq: u64, alter: Alter) -> BTreeSet<Code> {
    let mut books = every_kind();
    alter(&mut books.events[seq as usize - 1]);
    books.seal();
    codes(&books.audit())
}

fn succeed(event: &mut Event) {
    event.kind = Kind::PaymentSucceeded;
    event.decline = None;
}

fn decline(event: &mut Event, decline: Decline) {
    event.kind = Kind::PaymentDeclined;
    event.decline = Some(decline);
}

fn refer(event: &mut Event, seq: u64) {
    event.reference = Some(Reference { seq, at: 0 });
}

fn extra(event: &mut Event, extra: &str) {
    event.extra = Some(extra.into());
}

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

#[test]
fn a_key_used_twice_is_found_by_its_neighbour() {
    let mut books = every_kind();
    books.events[23].key = books.events[5].key.clone();
    books.index.clear();
    books.events.clone().iter().for_each(|event| books.enter(event));
    books.seal();
    let findings = books.audit();
    let details: Vec<_> = findings.iter().map(|finding| &*finding.detail).collect();
    assert_eq!(details, ["ledger main: events 6 and 24 have one key"]);
}
