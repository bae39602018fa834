//! What clients were told, held against what the store keeps.
//!
//! Promises P1 and P2 as a client sees them: one key is one request, its first answer is its answer
//! for ever, what was refused was not done, and nothing was done that nobody asked for.
//! A ledger that lost events in a rewind may have forgotten what it told whoever had asked before;
//! that is all it excuses.

use super::index::{Index, Indexes};
use super::lost::{Excuse, Lost};
use super::report::Report;
use super::shape::{self, kind};
use crate::evidence::{Answer, Ask, Call, Row, Told};
use std::collections::{BTreeMap, HashMap};

/// Check all calls, and every row that only a call can have made.
pub(super) fn check(calls: &[Call], indexes: &Indexes<'_>, lost: &Lost, report: &mut Report) {
    let mut keyed = Keyed::default();
    let mut opened = BTreeMap::<(&str, &str), Vec<&Call>>::new();
    for call in calls {
        match (&call.key, &call.ask) {
            (Some(key), _) => keyed.add(&call.ledger, key, call),
            (None, Ask::Open { id, .. }) => {
                opened.entry((&call.ledger, id)).or_default().push(call);
                account(call, indexes, lost, report);
            }
            (None, _) => account(call, indexes, lost, report),
        }
    }
    for ((ledger, key), calls) in &keyed.list {
        let index = indexes.named(ledger);
        let row = index.and_then(|index| index.keyed("", key).map(|row| (index, row)));
        let no = index.map(|index| index.ledger.no);
        Named { ledger, key, calls, row, excuse: Excuse { lost, no } }.check(report);
    }
    for ((ledger, id), calls) in opened {
        let no = indexes.named(ledger).map(|index| index.ledger.no);
        if let Some(firsts) = (Excuse { lost, no }).too_many_firsts(&calls) {
            let detail = || format!("{ledger}: account {id}: {firsts} times new");
            report.tell("first_told_twice", detail);
        }
    }
    indexes.list.iter().for_each(|index| strangers(index, &keyed, report));
}

/// Calls by ledger and key, in the order in which the keys were first used.
#[derive(Default)]
struct Keyed<'a> {
    list: Vec<((&'a str, &'a str), Vec<&'a Call>)>,
    places: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Keyed<'a> {
    fn add(&mut self, ledger: &'a str, key: &'a str, call: &'a Call) {
        let place = *self.places.entry((ledger, key)).or_insert(self.list.len());
        match self.list.get_mut(place) {
            Some((_, calls)) => calls.push(call),
            None => self.list.push(((ledger, key), vec![call])),
        }
    }

    fn get(&self, ledger: &str, key: &str) -> &[&'a Call] {
        self.places.get(&(ledger, key)).map_or(&[], |place| &self.list[*place].1)
    }
}

/// In microseconds, longer than anybody waits for an answer.
const ANSWERED: u64 = 10_000_000;

/// All calls with one key.
struct Named<'a> {
    ledger: &'a str,
    key: &'a str,
    calls: &'a [&'a Call],
    row: Option<(&'a Index<'a>, &'a Row)>,
    excuse: Excuse<'a>,
}

impl Named<'_> {
    fn check(&self, report: &mut Report) {
        let mut is_done = false;
        for call in self.calls {
            let own = self.row.filter(|(index, row)| is_asked(&call.ask, row, index));
            if own.is_some() {
                self.refused_after(call, report);
            }
            for answer in &call.told {
                match &answer.told {
                    Told::Done { body, .. } => {
                        is_done = true;
                        if !self.excuse.covers(answer) {
                            self.done(body, own.map(|(_, row)| row), report);
                        }
                    }
                    Told::Refused(name) if name == "conflict" => {
                        let is_other = own.is_none() && self.row.is_some();
                        self.conflict(call, is_other || self.excuse.covers(answer), report);
                    }
                    _ => {}
                }
            }
        }
        self.firsts(report);
        self.refused(report);
        if let (true, Some((_, row))) = (is_done, self.row) {
            self.answer(row, report);
        }
    }

    /// A call was told that it is done; `own` is the row, if it records that very request.
    fn done(&self, body: &str, own: Option<&Row>, report: &mut Report) {
        match (own, self.row) {
            (Some(row), _) if row.answer == body => {}
            (Some(row), _) => self.tell("answer_changed", report, || {
                format!("told {body}, event {} answers {}", row.seq, row.answer)
            }),
            (None, Some((_, row))) => self.tell("done_for_another", report, || {
                format!("told {body}, event {} records another request", row.seq)
            }),
            (None, None) => self.tell("done_lost", report, || format!("told {body}, no event")),
        }
    }

    /// A call was refused because its key was used with another request.
    /// `may_be`: its event records another, or was lost.
    fn conflict(&self, call: &Call, may_be: bool, report: &mut Report) {
        let other = self.calls.iter().any(|other| other.ask != call.ask);
        if !other || !may_be {
            self.tell("conflict_unfounded", report, || {
                let row = self.row.map(|(_, row)| row.seq);
                format!("{:?} refused; another asked: {other}; its event: {row:?}", call.ask)
            });
        }
    }

    fn firsts(&self, report: &mut Report) {
        if let Some(firsts) = self.excuse.too_many_firsts(self.calls) {
            self.tell("first_told_twice", report, || format!("{firsts} times not replayed"));
        }
    }

    /// Whoever was refused, or told that nothing was stored, has left nothing behind.
    fn refused(&self, report: &mut Report) {
        let Some((_, row)) = self.row else { return };
        let nothing = |answer: &Answer| matches!(answer.told, Told::Refused(_) | Told::Failed);
        let refused = |call: &&Call| !call.told.is_empty() && call.told.iter().all(nothing);
        if self.calls.iter().all(refused) {
            self.tell("refused_but_stored", report, || {
                format!("event {}, told only {:?}", row.seq, self.calls[0].told)
            });
        }
    }

    /// Whoever was told that it is done is never refused later.
    fn refused_after(&self, call: &Call, report: &mut Report) {
        let done = |answer: &&Answer| matches!(answer.told, Told::Done { .. });
        let mut kept = call.told.iter().filter(done).filter(|answer| !self.excuse.covers(answer));
        let Some(first) = kept.next() else { return };
        let later = first.asked_at + ANSWERED;
        let refused = |answer: &&Answer| matches!(&answer.told, Told::Refused(_));
        let mut refused = call.told.iter().filter(refused);
        if let Some(answer) = refused.find(|answer| answer.asked_at > later) {
            self.tell("refused_but_stored", report, || format!("done before, then {answer:?}"));
        }
    }

    /// The kept answer speaks of the kept money.
    fn answer(&self, row: &Row, report: &mut Report) {
        if speaks_of(&row.answer, row, self.key).is_none() {
            self.tell("answer_differs", report, || format!("{row:?}"));
        }
    }

    fn tell(&self, invariant: &'static str, report: &mut Report, what: impl FnOnce() -> String) {
        let (ledger, key) = (self.ledger, self.key);
        report.tell(invariant, || format!("{ledger}: key {key}: {}", what()));
    }
}

/// Whether an answer says amount, currency, accounts and key of its row.
fn speaks_of(answer: &str, row: &Row, key: &str) -> Option<()> {
    const AMOUNT: &str = r#","amount":"#;
    const KEY: &str = r#","idempotency_key":"#;
    let rest = answer[answer.find(AMOUNT)? + AMOUNT.len()..].strip_prefix(&*row.amount.to_string());
    let rest = rest?.strip_prefix(r#","currency":""#)?.strip_prefix(&*row.currency)?;
    let rest = json(rest.strip_prefix(r#"","debit_account":"#)?, &row.debit.as_ref()?.id)?;
    let rest = json(rest.strip_prefix(r#","credit_account":"#)?, &row.credit.as_ref()?.id)?;
    // Behind the last one comes nothing that a client chose.
    let last = json(&rest[rest.rfind(KEY)? + KEY.len()..], key)?;
    last.starts_with(',').then_some(())
}

/// What is behind `text` as a JSON string.
fn json<'a>(rest: &'a str, text: &str) -> Option<&'a str> {
    if text.contains(['"', '\\']) {
        return rest.strip_prefix(&*serde_json::Value::from(text).to_string());
    }
    rest.strip_prefix('"')?.strip_prefix(text)?.strip_prefix('"')
}

/// Whether `row` records exactly what was asked.
fn is_asked(ask: &Ask, row: &Row, index: &Index<'_>) -> bool {
    match ask {
        Ask::Pay { amount, currency, debit, credit, hold } => {
            let kind = match row.kind {
                kind::SUCCEEDED => !hold,
                kind::PENDING => *hold,
                // A decline holds nothing and moves nothing, whichever was asked for.
                kind::DECLINED => true,
                _ => false,
            };
            kind && is_movement(row, *amount, currency, debit, credit)
        }
        Ask::Refund { payment, amount } => {
            shape::of_refund(row.kind) && is_of(row, payment, index) && is_amount(row, *amount)
        }
        Ask::Capture { payment, amount } => {
            row.kind == kind::CAPTURED && is_of(row, payment, index) && is_amount(row, *amount)
        }
        Ask::Void { payment } => row.kind == kind::VOIDED && is_of(row, payment, index),
        Ask::Open { .. } | Ask::Close { .. } => false,
    }
}

/// Whether the row is about that much from one account to the other.
pub(super) fn is_movement(
    row: &Row,
    amount: i64,
    currency: &str,
    debit: &str,
    credit: &str,
) -> bool {
    row.amount == amount
        && row.currency == currency
        && row.debit.as_ref().is_some_and(|side| side.id == debit)
        && row.credit.as_ref().is_some_and(|side| side.id == credit)
}

/// Whether the row refers to the payment of that id. An event's id and its payment's differ in
/// their prefixes alone.
fn is_of(row: &Row, payment: &str, index: &Index<'_>) -> bool {
    let reference = row.reference.and_then(|(seq, at)| index.row(seq).filter(|row| row.at == at));
    let event = reference.and_then(|row| row.id.strip_prefix("evt_"));
    event.is_some() && event == payment.strip_prefix("pay_")
}

/// *All* and the amount that it came to are two requests.
fn is_amount(row: &Row, amount: Option<i64>) -> bool {
    match amount {
        Some(amount) => row.extra.is_none() && row.amount == amount,
        None => row.extra.as_deref() == Some(r#"{"all":true}"#),
    }
}

/// An account that a call was told to be there, or closed, is.
fn account(call: &Call, indexes: &Indexes<'_>, lost: &Lost, report: &mut Report) {
    let index = indexes.named(&call.ledger);
    let excuse = Excuse { lost, no: index.map(|index| index.ledger.no) };
    let is_done = |it: &Answer| matches!(it.told, Told::Done { .. }) && !excuse.covers(it);
    if !call.told.iter().any(is_done) {
        return;
    }
    let kept = |id: &str| index.and_then(|index| index.account(id));
    match &call.ask {
        Ask::Open { id, currency, overdraft } => {
            let kept = kept(id);
            let is_there = |kept: &crate::evidence::Account| {
                kept.currency == *currency && kept.overdraft == *overdraft
            };
            if !kept.is_some_and(is_there) {
                report.tell("open_lost", || format!("{}: {:?}: {kept:?}", call.ledger, call.ask));
            }
        }
        Ask::Close { id } => {
            if !index.is_some_and(|index| index.is_closed(id)) {
                report.tell("close_lost", || format!("{}: {id} is not closed", call.ledger));
            }
        }
        // These have keys.
        Ask::Pay { .. } | Ask::Refund { .. } | Ask::Capture { .. } | Ask::Void { .. } => {}
    }
}

/// Rows that a call must have made, and that no call asked for.
fn strangers(index: &Index<'_>, keyed: &Keyed<'_>, report: &mut Report) {
    for row in index.ledger.events.iter().filter(|row| row.namespace.is_empty()) {
        let Some(key) = &row.key else { continue };
        let mut calls = keyed.get(index.name(), key).iter();
        if !calls.any(|call| is_asked(&call.ask, row, index)) {
            report.tell("row_without_call", || {
                format!("{}: event {} with key {key}: nobody asked for it", index.name(), row.seq)
            });
        }
    }
}
