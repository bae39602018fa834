//! What the outside sees of a row: answers, messages, accounts, as JSON. Format 1.
//!
//! Pure functions of (row, format): a replay is the same bytes for ever, on any machine, so nothing
//! here may depend on what happened later, on a host or on a port. These functions are never edited
//! once released; another shape is another format beside them.

use crate::account::{Account, Overdraft};
use crate::event::{Event, Kind, Side};
use crate::payment::{Payment, State, json_text, split_extra};
use alloc::format;
use alloc::string::{String, ToString};
use time::OffsetDateTime;

/// A moment as the outside sees it: RFC 3339, UTC, six digits of a second.
///
/// Beyond the year 9999, which no store's clock tells, it is the epoch.
pub fn time(at: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000);
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second, micros) = moment.to_hms_micro();
    let mut text = String::with_capacity("2026-01-01T00:00:00.000000Z".len());
    if year < 0 {
        text.push('-');
    }
    digits(&mut text, year.unsigned_abs(), 1_000);
    let two = [('-', u8::from(month)), ('-', day), ('T', hour), (':', minute), (':', second)];
    for (mark, number) in two {
        text.push(mark);
        digits(&mut text, number.into(), 10);
    }
    text.push('.');
    digits(&mut text, micros, 100_000);
    text.push('Z');
    text
}

/// Append the decimal digits of `number` from that of `place` on; quicker than a formatter, which
/// this is asked for too often.
fn digits(text: &mut String, number: u32, mut place: u32) {
    while place > 0 {
        text.push(char::from(b'0' + (number / place % 10) as u8));
        place /= 10;
    }
}

/// The first answer to the request that `event` recorded.
pub fn answer(event: &Event, ledger: u32) -> String {
    match State::first(event.kind) {
        Some(state) => payment(event, ledger, state, ""),
        None => operation(event, ledger),
    }
}

/// A payment as it is now, with what later events say of it.
pub fn current(current: &Payment, ledger: u32) -> String {
    let later =
        format!(r#","amount_moved":{},"amount_refunded":{}"#, current.moved, current.refunded);
    payment(&current.event, ledger, current.state, &later)
}

/// The message that tells the world of `event`.
pub fn message(event: &Event, ledger: u32) -> String {
    let (name, body) = match event.kind {
        Kind::AccountOpened | Kind::AccountClosed => ("account", named_account(event)),
        kind if kind.is_payment() => ("payment", answer(event, ledger)),
        kind if kind.is_refund() => ("refund", answer(event, ledger)),
        Kind::PaymentCaptured => ("capture", answer(event, ledger)),
        _ => ("void", answer(event, ledger)),
    };
    // Whoever follows payments finds which one is meant at the same place in every message.
    let payment = match payment_id(event, ledger) {
        Some(id) => format!(r#""payment":{{"id":"{id}"}},"#),
        None => String::new(),
    };
    format!(
        r#"{{"type":"{}","id":"{}","seq":{},"at":"{}",{payment}"{name}":{body}}}"#,
        event.kind.as_str(),
        event.id(ledger).event(),
        event.seq,
        time(event.at),
    )
}

/// The same as one flat row, for those who count: no member lies in another, none is left out.
pub fn flat(event: &Event, ledger: u32, name: &str) -> String {
    let payment = match event.kind.is_payment() {
        true => Some(event.id(ledger).named(event.kind)),
        false => payment_id(event, ledger),
    };
    let quoted = |text: Option<&str>| text.map_or("null".into(), json_text);
    format!(
        concat!(
            r#"{{"ledger":{},"seq":{},"id":"{}","type":"{}","at":"{}","payment_id":{},"#,
            r#""amount":{},"currency":"{}","debit_account":{},"credit_account":{},"#,
            r#""decline_code":{},"ingest":{}}}"#
        ),
        json_text(name),
        event.seq,
        event.id(ledger).event(),
        event.kind.as_str(),
        time(event.at),
        quoted(payment.as_deref()),
        event.amount,
        event.currency.code(),
        side(&event.debit),
        side(&event.credit),
        quoted(event.decline.map(|code| code.as_str())),
        quoted(Some(&*event.namespace).filter(|namespace| !namespace.is_empty())),
    )
}

/// An account as it is now.
pub fn account(account: &Account) -> String {
    let totals = &account.totals;
    let closed = if account.closed { r#","closed":true"# } else { "" };
    format!(
        concat!(
            r#"{{"id":{},"currency":"{}","overdraft":{}{},"#,
            r#""posted":{{"debits":{},"credits":{},"balance":{}}},"#,
            r#""pending":{{"debits":{},"credits":{}}}}}"#
        ),
        json_text(&account.id),
        account.currency.code(),
        overdraft(account.overdraft),
        closed,
        totals.debits,
        totals.credits,
        totals.balance(),
        totals.pending_debits,
        totals.pending_credits,
    )
}

fn payment(event: &Event, ledger: u32, state: State, later: &str) -> String {
    let (description, metadata) = split_extra(event.extra.as_deref());
    let decline = event.decline.map(|code| format!(r#""decline_code":"{}","#, code.as_str()));
    format!(
        concat!(
            r#"{{"id":"{}","state":"{}",{}"amount":{},"currency":"{}","#,
            r#""debit_account":{},"credit_account":{},"description":{},"metadata":{},"#,
            r#""idempotency_key":{}{},"created_at":"{}"{}}}"#
        ),
        event.id(ledger).named(event.kind),
        state.as_str(),
        decline.unwrap_or_default(),
        event.amount,
        event.currency.code(),
        side(&event.debit),
        side(&event.credit),
        description,
        metadata,
        json_text(event.key.as_deref().unwrap_or_default()),
        ingest(event),
        time(event.at),
        later,
    )
}

/// The payment that an event refers to.
fn payment_id(event: &Event, ledger: u32) -> Option<String> {
    event.reference.map(|payment| payment.id(ledger).named(Kind::PaymentSucceeded))
}

/// The answer to a request that refers to a payment.
fn operation(event: &Event, ledger: u32) -> String {
    let payment = payment_id(event, ledger);
    let decline = event.decline.map(|code| format!(r#""decline_code":"{}","#, code.as_str()));
    format!(
        concat!(
            r#"{{"id":"{}","payment_id":"{}","state":"{}",{}"amount":{},"currency":"{}","#,
            r#""debit_account":{},"credit_account":{},"idempotency_key":{}{},"created_at":"{}"}}"#
        ),
        event.id(ledger).named(event.kind),
        payment.unwrap_or_default(),
        if event.decline.is_some() { "declined" } else { "succeeded" },
        decline.unwrap_or_default(),
        event.amount,
        event.currency.code(),
        side(&event.debit),
        side(&event.credit),
        json_text(event.key.as_deref().unwrap_or_default()),
        ingest(event),
        time(event.at),
    )
}

/// What an account's event says of it. The row of an opening keeps the overdraft in `extra`, behind
/// the id, in which a quote would be escaped: so the first mark is the real one.
fn named_account(event: &Event) -> String {
    const MARK: &str = r#","overdraft":"#;
    let extra = event.extra.as_deref().and_then(|extra| extra.strip_suffix('}'));
    let overdraft = extra.and_then(|extra| extra.split_once(MARK));
    format!(
        r#"{{"id":{},"currency":"{}"{}}}"#,
        side(&event.debit),
        event.currency.code(),
        overdraft.map(|(_, overdraft)| format!("{MARK}{overdraft}")).unwrap_or_default(),
    )
}

fn side(side: &Option<Side>) -> String {
    side.as_ref().map_or("null".into(), |side| json_text(&side.id))
}

fn ingest(event: &Event) -> String {
    match &*event.namespace {
        "" => String::new(),
        namespace => format!(r#","ingest":{}"#, json_text(namespace)),
    }
}

/// An overdraft as JSON.
pub fn overdraft(overdraft: Overdraft) -> String {
    match overdraft {
        Overdraft::None => r#""none""#.into(),
        Overdraft::Unlimited => r#""unlimited""#.into(),
        Overdraft::Limit(minor) => minor.to_string(),
    }
}
