//! The auditor finds every alteration of a log and of what is kept beside it, and none where there
//! is none. Keeps P7.
//!
//! Twice: as a log is found when somebody edits a row, and as it is found when the same hand also
//! made every hash again. The second time only sense is left to judge by, and the tests say what
//! that does not see.

mod books;
mod chain;
mod counts;
mod forged;
mod keys;
mod rows;

use books::Books;
use semel_core::account::Overdraft;
use semel_core::event::Kind;
use semel_core::payment::{Capture, Operation};
use semel_core::problem::Code;
use semel_core::verify::Finding;
use std::collections::BTreeSet;

/// A short log with every kind of event, and with every way to get there.
fn every_kind() -> Books {
    let mut books = Books::new();
    books.open("bank", "USD", Overdraft::Unlimited);
    books.open("alice", "USD", Overdraft::None);
    books.open("shop", "USD", Overdraft::None);
    books.open("bob", "EUR", Overdraft::Limit(500));
    books.open("kiosk", "EUR", Overdraft::None);
    books.pay("salary", ["bank", "alice"], 1_000, Capture::Now);
    let bread = books.pay_richly("bread", ["alice", "shop"], 300);
    books.pay("yacht", ["alice", "shop"], 5_000, Capture::Now);
    let in_part = books.pay("hotel", ["alice", "shop"], 400, Capture::Later);
    books.operate("checkout", in_part, Operation::Capture(Some(250)));
    let void = books.pay("table", ["alice", "shop"], 100, Capture::Later);
    books.operate("sorry", void, Operation::Void);
    books.operate("stale", bread, Operation::Refund(Some(100)));
    books.operate("sour", bread, Operation::Refund(None));
    let in_full = books.pay("taxi", ["alice", "shop"], 50, Capture::Later);
    books.operate("arrived", in_full, Operation::Capture(None));
    books.operate("wrong-way", in_full, Operation::Refund(Some(20)));
    books.pay("paper", ["bob", "kiosk"], 500, Capture::Now);
    let gift = books.pay("gift", ["alice", "shop"], 200, Capture::Now);
    books.pay("rent", ["shop", "bank"], 480, Capture::Now);
    books.operate("regret", gift, Operation::Refund(None));
    books.open("brief", "USD", Overdraft::None);
    books.close("brief");
    books.pay("late", ["alice", "brief"], 1, Capture::Now);
    books.pay("held", ["alice", "shop"], 30, Capture::Later);
    books
}

/// A log with two anchors and some rows behind them.
fn anchored() -> Books {
    let mut books = Books::new();
    books.open("bank", "USD", Overdraft::Unlimited);
    books.open("alice", "USD", Overdraft::None);
    for number in 0..2_300 {
        books.pay(&format!("key-{number}"), ["bank", "alice"], 1 + number, Capture::Now);
    }
    books
}

fn codes(findings: &[Finding]) -> BTreeSet<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_log_as_it_was_written_fits() {
    for books in [Books::new(), every_kind(), anchored()] {
        assert_eq!(books.audit(), []);
    }
}

#[test]
fn the_short_log_has_every_kind() {
    let kinds: BTreeSet<Kind> = every_kind().events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds.len(), 9);
}

#[test]
fn a_report_counts_what_it_saw() {
    let report = every_kind().replay();
    assert_eq!((report.events, report.payments, report.accounts), (25, 11, 6));
    let shop = report.taken["shop"];
    assert_eq!((shop.succeeded, shop.declined), (1, 0));
    let http = report.taken[""];
    assert_eq!((http.succeeded, http.declined), (8, 2));
}

#[test]
fn a_broken_log_does_not_fill_the_memory() {
    let mut books = anchored();
    books.accounts.clear();
    books.events.iter_mut().skip(2).for_each(|event| event.amount = 0);
    let findings = books.audit();
    let unreadable: Vec<_> =
        findings.iter().filter(|finding| finding.code == Code::RowUnreadable).collect();
    assert_eq!(unreadable.len(), 101);
    assert_eq!(unreadable[100].detail, "and 2200 more like these");
}
