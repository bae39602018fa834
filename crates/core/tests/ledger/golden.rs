//! The bytes of format 1, one event of every kind, exactly as they have to stay.
//!
//! **Old golden files are never edited.** A published hash covers these encodings, and every retry
//! gets these answers, for ever: where a byte of them changes, the chain no longer verifies and a
//! replay is another answer. What has to change becomes a new format with a golden file of its own,
//! and this one goes on holding.

use crate::script::check;
use crate::store::LEDGER;
use semel_core::account::Decline;
use semel_core::chain::Hash;
use semel_core::event::{Event, Kind, Reference, Side};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Pay};
use semel_core::render;
use std::fmt::Write;

/// Rows made by hand, with texts and numbers that no day brings.
const ROWS: &str = include_str!("../golden/format-1.txt");

/// Rows that were decided.
const DECIDED: &str = include_str!("../golden/format-1-decided.txt");

/// 2026-11-20T12:00:00.123456Z.
const AT: i64 = 1_795_176_000_123_456;

/// 9999-12-30T21:59:59.999999Z, when the years of four digits end for whoever is 26 hours ahead.
const LAST: i64 = 253_402_207_199_999_999;

#[test]
fn rows_of_format_1_are_told_as_they_were() {
    compare("format-1.txt", ROWS, &rows());
}

#[test]
fn decisions_leave_the_rows_that_they_left() {
    let store = check(
        r#"
  pay     k1 4999 USD bank  alice note="é",{ meta={"order":"7"} | succeeded
  pay     k2 5000 USD alice shop                                | declined insufficient_funds
  refund  k3 k1 all                                             | refunded 4999
  pay     k4  100 USD new   shop later open=2500/-              | pending
  capture k5 k4  60                                             | captured 60
  pay     s:k6 70 USD bank  shop later                          | pending
  void    k7 s:k6                                               | voided 70
"#,
    );
    let log: Vec<Event> = store.log.iter().map(|event| Event::clone(event)).collect();
    compare("format-1-decided.txt", DECIDED, &log);
}

#[test]
fn every_kind_and_every_decline_has_its_word_in_the_file() {
    for number in 0..=u8::MAX {
        let kind = Kind::from_number(number);
        assert_eq!(kind.map(Kind::number), (1..=9).contains(&number).then_some(number));
        let title = kind.map(|kind| format!("\n# {}\n", kind.as_str()));
        assert!(title.is_none_or(|title| ROWS.contains(&title)), "{kind:?}");
        let decline = Decline::from_number(number);
        assert_eq!(decline.map(Decline::number), (1..=3).contains(&number).then_some(number));
        let code = decline.map(|decline| format!(r#""decline_code":"{}""#, decline.as_str()));
        assert!(code.is_none_or(|code| ROWS.contains(&code)), "{decline:?}");
    }
}

fn compare(file: &str, golden: &str, events: &[Event]) {
    let (mut actual, mut tail) = (String::new(), Hash::ZERO);
    for event in events {
        tail = describe(event, &tail, &mut actual);
    }
    for (line, (actual, golden)) in (1..).zip(actual.lines().zip(golden.lines())) {
        assert_eq!(actual, golden, "golden/{file}:{line}: format 1 is promised for ever");
    }
    assert_eq!(
        actual.len(),
        golden.len(),
        "golden/{file}: every event is in it, and no other:\n{actual}"
    );
}

fn describe(event: &Event, tail: &Hash, out: &mut String) -> Hash {
    let mut encoding = Vec::new();
    event.encode(LEDGER, &mut encoding);
    let tail = tail.link(&encoding);
    let hex: String = encoding.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(out, "\n# {}", event.kind.as_str()).unwrap();
    writeln!(out, "encoding {hex}").unwrap();
    writeln!(out, "chain    {}", tail.hex()).unwrap();
    writeln!(out, "id       {}", event.id(LEDGER).named(event.kind)).unwrap();
    writeln!(out, "event id {}", event.id(LEDGER).event()).unwrap();
    let of_account = matches!(event.kind, Kind::AccountOpened | Kind::AccountClosed);
    if !of_account {
        writeln!(out, "answer   {}", render::answer(event, LEDGER)).unwrap();
    }
    writeln!(out, "message  {}", render::message(event, LEDGER)).unwrap();
    tail
}

/// One of every kind, then the third decline, an ingest's payment of the greatest numbers in a
/// currency of another exponent, and an account of the simplest kind.
fn rows() -> Vec<Event> {
    let alice = |prev| Some(Side { no: 1, id: r#"alice"\,"overdraft":"#.into(), prev });
    let shop = |prev| Some(Side { no: 2, id: "shop:{9}".into(), prev });
    let paid = Some(Reference { seq: 3, at: AT });
    let held = Some(Reference { seq: 7, at: AT + 4_000_000 });
    let all = Some(r#"{"all":true}"#.into());
    vec![
        event(1, Kind::AccountOpened, None, |event| {
            event.debit = alice(0);
            event.extra = Some(r#"{"id":"alice\"\\,\"overdraft\":","overdraft":2500}"#.into());
        }),
        event(2, Kind::AccountClosed, None, |event| event.debit = alice(1)),
        event(3, Kind::PaymentSucceeded, Some("key-3"), |event| {
            (event.debit, event.credit, event.amount) = (alice(2), shop(2), 4_999);
            event.extra = odd_request().extra();
        }),
        event(4, Kind::PaymentDeclined, Some("key-4"), |event| {
            (event.debit, event.credit, event.amount) = (alice(0), shop(0), 1);
            event.decline = Some(Decline::InsufficientFunds);
        }),
        event(5, Kind::PaymentRefunded, Some("key-5"), |event| {
            (event.debit, event.credit, event.amount) = (shop(3), alice(3), 4_999);
            (event.reference, event.extra) = (paid, all.clone());
        }),
        event(6, Kind::RefundDeclined, Some("key-6"), |event| {
            (event.debit, event.credit, event.amount) = (shop(0), alice(0), 10);
            (event.reference, event.decline) = (paid, Some(Decline::AccountClosed));
        }),
        event(7, Kind::PaymentPending, Some("key-7"), |event| {
            (event.debit, event.credit, event.amount) = (alice(5), shop(5), 100);
            event.extra = Some(r#"{"description":null,"metadata":{"order":"7"}}"#.into());
        }),
        event(8, Kind::PaymentCaptured, Some("key-8"), |event| {
            (event.debit, event.credit, event.amount) = (alice(7), shop(7), 60);
            event.reference = held;
        }),
        event(9, Kind::PaymentVoided, Some(r"key\9"), |event| {
            (event.debit, event.credit, event.amount) = (alice(7), shop(7), 100);
            event.reference = held;
        }),
        event(10, Kind::PaymentDeclined, Some("key-10"), |event| {
            (event.debit, event.credit, event.amount) = (alice(0), shop(0), 2);
            event.decline = Some(Decline::BalanceLimit);
        }),
        event((1 << 40) - 1, Kind::PaymentSucceeded, Some("~!#"), |event| {
            event.at = LAST;
            event.namespace = r#"shop "1""#.into();
            (event.debit, event.credit) = (alice(u64::MAX), shop(9));
            event.currency = Currency::parse("KWD").unwrap();
            event.amount = 100_000_000_000_000_000;
        }),
        event(12, Kind::AccountOpened, None, |event| {
            event.debit = shop(0);
            event.extra = Some(r#"{"id":"shop:{9}","overdraft":"unlimited"}"#.into());
        }),
    ]
}

/// Texts at their worst: what looks like the row's own marks, quotes, a backslash, control
/// characters, a line separator, letters of one to four bytes.
fn odd_request() -> Pay {
    let description = "a\",\"metadata\":{}} \\ \0\u{1f}\n\u{7f}`é\u{2028}😀{}\"";
    let metadata = r#"{"":"}","k\"":[100,null],"é":"\u0000"}"#;
    Pay {
        amount: 4_999,
        currency: Currency::parse("USD"),
        debit_account: "alice".into(),
        credit_account: "shop".into(),
        description: Some(description.into()),
        metadata: Some(metadata.into()),
        metadata_problem: None,
        capture: Capture::Now,
        open: OpenAccounts::default(),
    }
}

fn event(seq: u64, kind: Kind, key: Option<&str>, more: impl Fn(&mut Event)) -> Event {
    let mut event = Event {
        seq,
        at: AT + (seq as i64 - 3) * 1_000_000,
        kind,
        format: 1,
        namespace: "".into(),
        key: key.map(Into::into),
        debit: None,
        credit: None,
        amount: 0,
        currency: Currency::parse("USD").unwrap(),
        decline: None,
        reference: None,
        extra: None,
    };
    more(&mut event);
    event
}
