//! What a record says of its event, by the words of the contract: its value, byte for byte, and
//! the attributes of CloudEvents.
//!
//! The answer to a request stands in the value as its client got it; whether that is about its own
//! row is asked where clients are.

use super::keys::Keys;
use crate::audit::index::Index;
use crate::audit::report::Report;
use crate::audit::shape::{self, TYPES, kind};
use crate::evidence::{Record, Row};
use serde_json::Value;

/// The record's value, headers and key are those of its event.
pub(super) fn check(
    keys: &Keys,
    (partition, record): (usize, &Record),
    (index, row): (&Index<'_>, &Row),
    report: &mut Report,
) {
    let place = || format!("{}: partition {partition} at {}", index.name(), record.offset);
    let value = value(index, row);
    if let Some(expected) = value.filter(|it| record.value.as_deref() != Some(it.as_bytes())) {
        report.tell("wire_value", || {
            let value = record.value.as_deref().map(String::from_utf8_lossy);
            format!("{}: event {}: {value:?}, not {expected}", place(), row.seq)
        });
    }
    if let Some(wrong) = wrong_header(record, index.name(), row) {
        report.tell("wire_header", || {
            let headers = record.headers.iter();
            let headers = headers.map(|(name, text)| (name, String::from_utf8_lossy(text)));
            let headers: Vec<_> = headers.collect();
            format!("{}: event {}: {wrong} in {headers:?}", place(), row.seq)
        });
    }
    if !keys.fits(record, index, row) {
        report.tell("wire_key", || {
            let key = record.key.as_deref().map(String::from_utf8_lossy);
            format!("{}: event {} has the key {key:?}", place(), row.seq)
        });
    }
}

/// A record's whole value; `None` for a row that is not what its kind says, which was told.
fn value(index: &Index<'_>, row: &Row) -> Option<String> {
    let name = match row.kind {
        of if shape::of_account(of) => "account",
        of if shape::of_payment(of) => "payment",
        of if shape::of_refund(of) => "refund",
        kind::CAPTURED => "capture",
        _ => "void",
    };
    let body = if name == "account" { account(row)? } else { row.answer.clone() };
    // What refers to a payment names it where a payment's own event has it.
    let payment = match row.reference {
        None => String::new(),
        Some(_) => {
            let id = index.payment_of(row)?.id.strip_prefix("evt_")?;
            format!(r#""payment":{{"id":"pay_{id}"}},"#)
        }
    };
    let (of, id, seq, at) = (TYPES.get(usize::from(row.kind))?, &row.id, row.seq, time(row.at));
    let own = format!(r#""type":"{of}","id":"{id}","seq":{seq},"at":"{at}""#);
    Some(format!(r#"{{{own},{payment}"{name}":{body}}}"#))
}

/// Which of a record's attributes of CloudEvents 1.0, in binary mode, is wrong or one too many.
fn wrong_header<'r>(record: &'r Record, ledger: &str, row: &Row) -> Option<&'r str> {
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", &row.id),
        ("ce_source", &format!("/ledgers/{ledger}")),
        ("ce_type", TYPES.get(usize::from(row.kind)).copied().unwrap_or_default()),
        ("ce_time", &time(row.at)),
        ("content-type", "application/json"),
    ];
    let is_right = |(name, text): &(&str, &str)| {
        let mut named = record.headers.iter().filter(|header| header.0 == *name);
        named.next().is_some_and(|header| header.1 == text.as_bytes()) && named.next().is_none()
    };
    let wrong = expected.iter().find(|it| !is_right(it)).map(|(name, _)| *name);
    let is_other = |name: &&str| name.starts_with("ce_") && expected.iter().all(|it| it.0 != *name);
    wrong.or_else(|| record.headers.iter().map(|header| &*header.0).find(is_other))
}

/// What an account's event says of it: an opening says its overdraft too.
fn account(row: &Row) -> Option<String> {
    let (id, currency) = (Value::from(&*row.debit.as_ref()?.id), &row.currency);
    let overdraft = match row.kind {
        kind::OPENED => {
            let extra = serde_json::from_str::<Value>(row.extra.as_deref()?).ok()?;
            format!(r#","overdraft":{}"#, extra.get("overdraft")?)
        }
        _ => String::new(),
    };
    Some(format!(r#"{{"id":{id},"currency":"{currency}"{overdraft}}}"#))
}

/// RFC 3339, UTC, with six digits of a second; `at` in microseconds since 1970.
fn time(at: i64) -> String {
    const DAY: i64 = 86_400;
    let (seconds, micros) = (at.div_euclid(1_000_000), at.rem_euclid(1_000_000));
    let (mut day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let mut year = 1970;
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    let february = days_of(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", day + 1)
}

fn days_of(year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if is_leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_told_as_the_calendar_has_them() {
        for (at, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_200_000_000, "2024-03-01T00:00:00.000000Z"),
            (1_735_689_599_000_000, "2024-12-31T23:59:59.000000Z"),
            (1_800_000_000_000_000, "2027-01-15T08:00:00.000000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(super::time(at), expected);
        }
    }
}
