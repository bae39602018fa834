//! Rows altered together with every hash behind them: what sense alone still finds, and what only a
//! hash that was published before could.

use super::rows::altered;
use super::{codes, every_kind};
use semel_core::event::{Event, Kind, Side};
use semel_core::problem::Code;

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

#[test]
fn each_rule_has_a_row_that_breaks_it() {
    #[rustfmt::skip]
    let cases: [(&str, u64, fn(&mut Event), Code); 30] = [
        ("more than the account has",     7, |e| e.amount = 1_001,                       Code::LimitBroken),
        ("a decline that moved",          8, |e| { e.kind = Kind::PaymentSucceeded; e.decline = None }, Code::LimitBroken),
        ("a closed account paid",        24, |e| { e.kind = Kind::PaymentSucceeded; e.decline = None }, Code::LimitBroken),
        ("a movement that was declined",  6, |e| { e.kind = Kind::PaymentDeclined; e.decline = semel_core::account::Decline::from_number(2) }, Code::DeclineDiffers),
        ("declined for another reason",   8, |e| e.decline = semel_core::account::Decline::from_number(3), Code::DeclineDiffers),
        ("refunded above what is left",  13, |e| e.amount = 301,                         Code::PaymentBroken),
        ("all refunded, but not all",    14, |e| e.amount = 199,                         Code::PaymentBroken),
        ("captured above what was held", 10, |e| e.amount = 401,                         Code::PaymentBroken),
        ("all captured, but not all",    16, |e| e.amount = 49,                          Code::PaymentBroken),
        ("voided in part",               12, |e| e.amount = 99,                          Code::PaymentBroken),
        ("captured twice",               16, |e| e.reference.as_mut().unwrap().seq = 9,  Code::PaymentBroken),
        ("voided after capture",         12, |e| e.reference.as_mut().unwrap().seq = 9,  Code::PaymentBroken),
        ("refund of a declined payment", 13, |e| e.reference.as_mut().unwrap().seq = 8,  Code::PaymentBroken),
        ("refund of a hold",             13, |e| e.reference.as_mut().unwrap().seq = 11, Code::PaymentBroken),
        ("refers to an opening",         13, |e| e.reference.as_mut().unwrap().seq = 2,  Code::LinkBroken),
        ("refers to itself",             13, |e| e.reference.as_mut().unwrap().seq = 13, Code::LinkBroken),
        ("refers to what comes later",   13, |e| e.reference.as_mut().unwrap().seq = 19, Code::LinkBroken),
        ("refers to nothing",            13, |e| e.reference.as_mut().unwrap().seq = 99, Code::LinkBroken),
        ("back another way",             13, |e| std::mem::swap(&mut e.debit, &mut e.credit), Code::LinkBroken),
        ("an account of its own",         7, |e| e.credit = Some(Side { prev: 6, ..e.debit.clone().unwrap() }), Code::LinkBroken),
        ("an account not opened yet",     7, |e| e.credit.as_mut().unwrap().no = 22,     Code::LinkBroken),
        ("a link too far back",           7, |e| e.debit.as_mut().unwrap().prev = 2,     Code::LinkBroken),
        ("a declined payment linked",     8, |e| e.debit.as_mut().unwrap().prev = 7,     Code::LinkBroken),
        ("an opening of another number", 22, |e| e.debit.as_mut().unwrap().no = 21,      Code::LinkBroken),
        ("another currency",              7, |e| e.currency = semel_core::money::Currency::parse("EUR").unwrap(), Code::Unbalanced),
        ("an account across currencies", 18, |e| { e.debit.as_mut().unwrap().no = 2; e.debit.as_mut().unwrap().prev = 16 }, Code::Unbalanced),
        ("no amount",                     7, |e| e.amount = 0,                           Code::RowUnreadable),
        ("an amount below zero",          7, |e| e.amount = -5,                          Code::RowUnreadable),
        ("beyond the greatest amount",    6, |e| e.amount = 100_000_000_000_000_001,     Code::RowUnreadable),
        ("an account opened twice",      22, |e| e.extra = Some(r#"{"id":"alice","overdraft":"none"}"#.into()), Code::KeyTwice),
    ];
    for (what, seq, alter, expected) in cases {
        let mut books = every_kind();
        alter(&mut books.events[seq as usize - 1]);
        books.seal();
        let found = codes(&books.audit());
        assert!(found.contains(&expected), "{what}: {found:?}");
    }
}

#[test]
fn rows_that_semel_does_not_write_are_told() {
    #[rustfmt::skip]
    let cases: [(&str, u64, fn(&mut Event)); 16] = [
        ("another format",             7, |e| e.format = 0),
        ("a payment without a key",    7, |e| e.key = None),
        ("a key with a space",         7, |e| e.key = Some("a b".into())),
        ("a key with a quote",         7, |e| e.key = Some("a\"".into())),
        ("an empty key",               7, |e| e.key = Some("".into())),
        ("an opening with a key",      2, |e| e.key = Some("k".into())),
        ("an opening with an amount",  2, |e| e.amount = 1),
        ("an opening in a namespace",  2, |e| e.namespace = "shop".into()),
        ("an opening of two accounts", 2, |e| e.credit = e.debit.clone()),
        ("an opening without an id",   2, |e| e.extra = Some(r#"{"overdraft":"none"}"#.into())),
        ("an opening written oddly",   2, |e| e.extra = Some(r#"{"id": "alice","overdraft":"none"}"#.into())),
        ("a closing with more to say", 23, |e| e.extra = Some("{}".into())),
        ("extra that is no JSON",      7, |e| e.extra = Some("{".into())),
        ("extra that says nothing",    7, |e| e.extra = Some(r#"{"description":null,"metadata":{}}"#.into())),
        ("extra written oddly",        7, |e| e.extra = Some(r#"{"metadata":{"a":1},"description":null}"#.into())),
        ("a void of all",             12, |e| e.extra = Some(r#"{"all":true}"#.into())),
    ];
    for (what, seq, alter) in cases {
        let mut books = every_kind();
        alter(&mut books.events[seq as usize - 1]);
        books.seal();
        let found = codes(&books.audit());
        assert!(found.contains(&Code::RowUnreadable), "{what}: {found:?}");
    }
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
