//! Each witness finds what is planted: a payment that is missing, changed, strange, or there twice.

use super::super::traffic::Told;
use super::*;
use hyper::body::Bytes;

const PAYMENTS: u32 = 3;

fn listed(plan: &Plan, number: u32) -> Paid {
    let meant = plan.payment(number);
    Paid {
        idempotency_key: key(number),
        state: "succeeded".into(),
        amount: meant.amount,
        debit_account: format!("customer:{}", meant.customer),
        credit_account: format!("merchant:{}", meant.merchant),
    }
}

fn audit(applied: u64, lost: u64, doubled: u64) -> Audit {
    Audit { applied, lost, doubled }
}

#[test]
fn the_list_tells_what_is_missing_changed_strange_or_there_twice() {
    let plan = Plan::random(PAYMENTS);
    let all = || (0..PAYMENTS).map(|number| listed(&plan, number)).collect::<Vec<_>>();
    let changed = |change: fn(&mut Paid)| {
        let mut all = all();
        change(&mut all[1]);
        all
    };
    let mut twice = all();
    twice.push(listed(&plan, 2));
    let mut strange = all();
    strange.push(listed(&plan, PAYMENTS));
    for (what, listed, expected) in [
        ("as it was meant", all(), audit(3, 0, 0)),
        ("missing", all().split_off(1), audit(2, 1, 0)),
        ("twice", twice, audit(3, 0, 1)),
        ("strange", strange, audit(3, 0, 1)),
        ("another amount", changed(|paid| paid.amount += 1), audit(2, 1, 1)),
        ("another payer", changed(|paid| paid.debit_account.push('0')), audit(2, 1, 1)),
        ("another payee", changed(|paid| paid.credit_account.push('0')), audit(2, 1, 1)),
        ("declined", changed(|paid| paid.state = "declined".into()), audit(2, 1, 1)),
    ] {
        assert_eq!(by_list(&listed, &plan), expected, "{what}");
    }
}

#[test]
fn the_totals_tell_what_is_too_little_and_too_much() {
    let mut seen = Audit::default();
    for (is, meant) in [(5, 5), (4, 5), (6, 5), (0, 5)] {
        seen.total(is, meant);
    }
    assert_eq!(seen, audit(0, 2, 1));
}

#[test]
fn the_answers_tell_what_was_made_twice() {
    let plan = Plan::random(PAYMENTS);
    let told = |number, replayed, body: &'static str| Told {
        number,
        replayed,
        body: Bytes::from_static(body.as_bytes()),
    };
    let first = || vec![told(0, false, "a"), told(1, false, "b"), told(2, true, "c")];
    let with = |more: Told| first().into_iter().chain([more]).collect::<Vec<_>>();
    for (what, told, expected) in [
        ("each once, one answer lost with its server", first(), audit(0, 0, 0)),
        ("replayed with the same bytes", with(told(0, true, "a")), audit(0, 0, 0)),
        ("replayed with other bytes", with(told(0, true, "x")), audit(0, 0, 1)),
        ("told as new twice", with(told(0, false, "a")), audit(0, 0, 1)),
        ("never answered", first().split_off(1), audit(0, 1, 0)),
    ] {
        let seen = Seen { sent: 0, replayed: 0, told };
        assert_eq!(by_answers(&seen, &plan), expected, "{what}");
    }
}
