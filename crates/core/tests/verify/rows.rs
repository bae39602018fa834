//! Rows altered by hand, field by field, with everything else as it was.

use super::books::{Books, LEDGER};
use super::{codes, every_kind};
use semel_core::account::{Account, Decline, Overdraft};
use semel_core::event::{Event, Kind, Reference};
use semel_core::money::Currency;
use semel_core::problem::Code;
use semel_core::verify::Replay;

pub type Alter = fn(&mut Event);
type AlterAccount = fn(&mut Account);
type AlterSlot = fn(&mut Books, i64);

/// Every field of an event's row, each changed in the ways that it can be.
pub fn fields() -> Vec<(&'static str, Alter)> {
    let mut fields: Vec<(&'static str, Alter)> = vec![
        ("seq", |event| event.seq += 1),
        ("at", |event| event.at += 1),
        ("format", |event| event.format = 2),
        ("namespace", |event| event.namespace = "other".into()),
        ("key", |event| event.key = Some("other".into())),
        ("no key", |event| event.key = None),
        ("no debit", |event| event.debit = None),
        ("debit", |event| event.debit.iter_mut().for_each(|side| side.no += 1)),
        ("debit_prev", |event| event.debit.iter_mut().for_each(|side| side.prev += 1)),
        ("no credit", |event| event.credit = None),
        ("credit", |event| event.credit.iter_mut().for_each(|side| side.no += 1)),
        ("credit_prev", |event| event.credit.iter_mut().for_each(|side| side.prev += 1)),
        ("amount up", |event| event.amount += 1),
        ("amount down", |event| event.amount -= 1),
        ("currency", |event| event.currency = other(event.currency)),
        ("no decline", |event| event.decline = None),
        ("closed", |event| event.decline = Some(Decline::AccountClosed)),
        ("insufficient", |event| event.decline = Some(Decline::InsufficientFunds)),
        ("limit", |event| event.decline = Some(Decline::BalanceLimit)),
        ("no ref", |event| event.reference = None),
        ("ref", |event| {
            event.reference = event.reference.map(|to| Reference { seq: to.seq - 1, ..to });
        }),
        ("new ref", |event| {
            event.reference.get_or_insert(Reference { seq: 7, at: 0 });
        }),
        ("no extra", |event| event.extra = None),
        ("extra", |event| event.extra = Some(r#"{"all":false}"#.into())),
    ];
    fields.extend::<[(&str, Alter); 9]>([
        ("opened", |event| event.kind = Kind::AccountOpened),
        ("closed", |event| event.kind = Kind::AccountClosed),
        ("succeeded", |event| event.kind = Kind::PaymentSucceeded),
        ("declined", |event| event.kind = Kind::PaymentDeclined),
        ("refunded", |event| event.kind = Kind::PaymentRefunded),
        ("refund declined", |event| event.kind = Kind::RefundDeclined),
        ("pending", |event| event.kind = Kind::PaymentPending),
        ("captured", |event| event.kind = Kind::PaymentCaptured),
        ("voided", |event| event.kind = Kind::PaymentVoided),
    ]);
    fields
}

fn other(currency: Currency) -> Currency {
    Currency::parse(if currency.code() == "USD" { "EUR" } else { "USD" }).unwrap()
}

/// Every row of `books` with every field altered, where that alters anything.
pub fn altered(books: &Books) -> impl Iterator<Item = (String, Books)> + '_ {
    let rows = 0..books.events.len();
    rows.flat_map(|row| fields().into_iter().map(move |field| (row, field))).filter_map(
        |(row, (field, alter))| {
            let mut altered = books.clone();
            alter(&mut altered.events[row]);
            let changed = altered.events[row] != books.events[row];
            changed.then(|| (format!("{field} of event {}", row + 1), altered))
        },
    )
}

#[test]
fn every_field_of_every_event_is_chained() {
    for (what, books) in altered(&every_kind()) {
        let found = codes(&books.audit());
        // A seq that is one too high leaves a hole, and nothing is chained through a hole.
        let expected = if what.starts_with("seq") { Code::LogGap } else { Code::ChainBroken };
        assert!(found.contains(&expected), "{what}: {found:?}");
    }
}

#[test]
fn a_row_removed_is_missed() {
    let books = every_kind();
    for row in 0..books.events.len() {
        let mut altered = books.clone();
        altered.events.remove(row);
        let found = codes(&altered.audit());
        assert!(found.contains(&Code::LogGap), "event {} removed: {found:?}", row + 1);
    }
}

#[test]
fn a_row_added_is_found() {
    let books = every_kind();
    for event in &books.events {
        let mut altered = books.clone();
        let seq = books.position.next_seq;
        altered.events.push(Event { seq, ..event.clone() });
        let found = codes(&altered.audit());
        let expected = [Code::LogGap, Code::ChainBroken];
        assert!(expected.iter().all(|code| found.contains(code)), "{}: {found:?}", event.seq);
    }
}

#[test]
fn rows_that_changed_places_are_found() {
    let books = every_kind();
    for row in 1..books.events.len() {
        let mut altered = books.clone();
        altered.events.swap(row - 1, row);
        altered.events[row - 1].seq = row as u64;
        altered.events[row].seq = row as u64 + 1;
        let found = codes(&altered.audit());
        assert!(found.contains(&Code::ChainBroken), "events {row} and after it: {found:?}");
    }
}

#[test]
fn a_row_that_no_event_can_be_made_of_is_told_once() {
    let books = every_kind();
    let mut replay = Replay::new(LEDGER, "main".into(), []);
    for event in &books.events {
        match event.seq {
            8 => replay.unreadable(8, "its kind is 77"),
            _ => replay.feed(event, event.reference.and_then(|to| books.event(to.seq))),
        }
    }
    let report = replay.finish(books.accounts.into_values(), books.position);
    assert_eq!(report.events, 25);
    let findings = report.findings.list();
    let details: Vec<_> = findings.iter().map(|finding| &*finding.detail).collect();
    assert_eq!(details, ["ledger main: event 8: its kind is 77"]);
}

#[test]
fn every_field_of_every_account_is_compared() {
    let alterations: [(&str, AlterAccount); 12] = [
        ("no", |account| account.no += 100),
        ("id", |account| account.id = "other".into()),
        ("currency", |account| account.currency = other(account.currency)),
        ("overdraft", |account| account.overdraft = Overdraft::Limit(7)),
        ("closed", |account| account.closed = !account.closed),
        ("debits", |account| account.totals.debits += 1),
        ("credits", |account| account.totals.credits += 1),
        ("pending_debits", |account| account.totals.pending_debits += 1),
        ("pending_credits", |account| account.totals.pending_credits += 1),
        ("last_seq", |account| account.last_seq += 1),
        ("last_seq", |account| account.last_seq -= 1),
        ("everything", |account| account.totals = Default::default()),
    ];
    let books = every_kind();
    for no in books.accounts.keys() {
        for (field, alter) in alterations {
            let mut altered = books.clone();
            let account = altered.accounts.get_mut(no).unwrap();
            let before = account.clone();
            alter(account);
            if *account != before {
                let found = codes(&altered.audit());
                assert!(found.contains(&Code::AccountDiffers), "{field} of {no}: {found:?}");
            }
        }
        let mut altered = books.clone();
        let removed = altered.accounts.remove(no).unwrap();
        assert!(codes(&altered.audit()).contains(&Code::AccountDiffers), "{no} removed");
        let mut altered = books.clone();
        altered.accounts.insert(99, removed);
        assert!(codes(&altered.audit()).contains(&Code::AccountDiffers), "{no} kept twice");
    }
}

#[test]
fn money_in_the_accounts_alone_is_out_of_balance() {
    let mut books = every_kind();
    books.accounts.get_mut(&2).unwrap().totals.credits += 5;
    let findings = books.audit();
    assert_eq!(codes(&findings), [Code::AccountDiffers, Code::Unbalanced].into());
    let details: Vec<_> = findings.iter().map(|finding| &*finding.detail).collect();
    assert_eq!(
        details,
        [
            "ledger main: account alice (2): credits is 1325, its events make it 1320",
            "ledger main: USD: all posted debits are 2600, all posted credits 2605",
        ]
    );
}

#[test]
fn the_index_of_keys_is_compared() {
    let books = every_kind();
    for slot in books.index.keys() {
        let alterations: [(&str, AlterSlot); 4] = [
            ("removed", |books, slot| {
                books.index.remove(&slot);
            }),
            ("pos", |books, slot| *books.index.get_mut(&slot).unwrap() += 1),
            ("slot", |books, slot| {
                let pos = books.index.remove(&slot).unwrap();
                books.index.insert(slot - 1, pos);
            }),
            ("added", |books, slot| {
                let pos = books.index[&slot];
                books.index.insert(slot + 1, pos);
            }),
        ];
        for (what, alter) in alterations {
            let mut altered = books.clone();
            alter(&mut altered, *slot);
            let found = codes(&altered.audit());
            assert_eq!(found, [Code::KeyIndexDiffers].into(), "{what} at {slot}");
        }
    }
}
