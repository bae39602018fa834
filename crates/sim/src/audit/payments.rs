//! What later events may do to a payment: the table of its states, refunds and captures within
//! what moved or is held, and the way the money goes.

use super::report::Report;
use super::shape::{self, TYPES, kind};
use crate::evidence::Row;
use std::collections::HashMap;

/// Every transition of payments, in the words of what must be reached.
pub const TRANSITIONS: &[&str] = &[
    "state: new -> payment.succeeded",
    "state: new -> payment.declined",
    "state: new -> payment.pending",
    "state: succeeded -> payment.refunded",
    "state: succeeded -> payment.refund_declined",
    "state: captured -> payment.refunded",
    "state: captured -> payment.refund_declined",
    "state: pending -> payment.captured",
    "state: pending -> payment.voided",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Succeeded,
    Declined,
    Pending,
    Captured,
    Voided,
}

/// The same table: state before, kind, state after; the order is that of the names.
const TABLE: [(Option<State>, u8, State); TRANSITIONS.len()] = [
    (None, kind::SUCCEEDED, State::Succeeded),
    (None, kind::DECLINED, State::Declined),
    (None, kind::PENDING, State::Pending),
    (Some(State::Succeeded), kind::REFUNDED, State::Succeeded),
    (Some(State::Succeeded), kind::REFUND_DECLINED, State::Succeeded),
    (Some(State::Captured), kind::REFUNDED, State::Captured),
    (Some(State::Captured), kind::REFUND_DECLINED, State::Captured),
    (Some(State::Pending), kind::CAPTURED, State::Captured),
    (Some(State::Pending), kind::VOIDED, State::Voided),
];

fn transition(before: Option<State>, kind: u8) -> Option<(usize, State)> {
    let at = TABLE.iter().position(|row| row.0 == before && row.1 == kind)?;
    Some((at, TABLE[at].2))
}

/// A payment as its events have left it.
struct Payment<'a> {
    row: &'a Row,
    state: State,
    moved: i64,
    refunded: i64,
}

/// The payments of a ledger.
pub(super) struct Payments<'a> {
    ledger: &'a str,
    payments: HashMap<u64, Payment<'a>>,
}

impl<'a> Payments<'a> {
    pub(super) fn of(ledger: &'a str) -> Payments<'a> {
        Payments { ledger, payments: HashMap::new() }
    }

    /// Take an event that is not an account's; says how much of a hold it ends.
    pub(super) fn take(&mut self, row: &'a Row, report: &mut Report) -> i64 {
        let Some((seq, at)) = row.reference else {
            self.record(row, report);
            return 0;
        };
        let ledger = self.ledger;
        let found = self.payments.get_mut(&seq).filter(|payment| payment.row.at == at);
        let Some(payment) = found else {
            report.tell("reference_unknown", || {
                format!("{ledger}: event {} refers to {seq}, no such payment", row.seq)
            });
            return 0;
        };
        sides(ledger, payment.row, row, report);
        amounts(ledger, payment, row, report);
        match transition(Some(payment.state), row.kind) {
            Some((number, state)) => {
                report.reach(number);
                payment.state = state;
            }
            None => report.tell("payment_state", || {
                let (name, state) = (TYPES[usize::from(row.kind)], payment.state);
                format!("{ledger}: event {}: {name} of payment {seq}, which is {state:?}", row.seq)
            }),
        }
        match row.kind {
            kind::REFUNDED => payment.refunded = payment.refunded.saturating_add(row.amount),
            kind::CAPTURED => payment.moved = row.amount,
            _ => {}
        }
        match row.kind {
            kind::CAPTURED | kind::VOIDED => payment.row.amount,
            _ => 0,
        }
    }

    fn record(&mut self, row: &'a Row, report: &mut Report) {
        let Some((number, state)) = transition(None, row.kind) else { return };
        report.reach(number);
        let moved = if state == State::Succeeded { row.amount } else { 0 };
        self.payments.insert(row.seq, Payment { row, state, moved, refunded: 0 });
    }
}

/// Money goes back the way it came, and a hold ends between the accounts that it stands on.
fn sides(ledger: &str, payment: &Row, row: &Row, report: &mut Report) {
    let numbers = |row: &Row| [&row.debit, &row.credit].map(|side| side.as_ref().map(|s| s.no));
    let mut expected = numbers(payment);
    if shape::of_refund(row.kind) {
        expected.reverse();
    }
    if numbers(row) != expected || row.currency != payment.currency {
        report.tell("wrong_way", || {
            let (found, currency, of) = (numbers(row), &row.currency, payment.seq);
            format!("{ledger}: event {} of payment {of}: {currency} {found:?}", row.seq)
        });
    }
}

/// Never more than there is; and *all* is exactly that.
fn amounts(ledger: &str, payment: &Payment<'_>, row: &Row, report: &mut Report) {
    let most = match row.kind {
        kind::CAPTURED | kind::VOIDED => payment.row.amount,
        _ => payment.moved.saturating_sub(payment.refunded),
    };
    let all = row.kind == kind::VOIDED || row.extra.as_deref() == Some(r#"{"all":true}"#);
    if most < row.amount || all && most != row.amount {
        report.tell("exceeds_payment", || {
            let (seq, amount, of) = (row.seq, row.amount, payment.row.seq);
            let what = if all { "all, " } else { "" };
            format!("{ledger}: event {seq}: {what}{amount} of payment {of}, which has {most}")
        });
    }
}
