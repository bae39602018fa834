//! Rows of accounts that lag behind the log.

use super::super::sample::other;
use super::{Case, rewound};
use crate::evidence::*;

pub(in super::super) const LAG: &[Case] = &[
    ("a row that lags", |e| lag(e), &[]),
    ("a row that lags further than is said", lag_further, &["account_differs", "unbalanced"]),
    ("a row that lags behind another event", lag_elsewhere, &["account_differs"]),
    (
        "a closed account whose row lags",
        |e| {
            e.ledgers[0].accounts_seq = 19;
            let account = &mut e.ledgers[0].accounts[3];
            (account.closed, account.last_seq) = (false, 19);
            let told = vec![super::super::sample::done("{}")];
            e.calls.push(other(None, Ask::Close { id: "d".into() }, told));
        },
        &[],
    ),
    ("rows behind the end of the log", |e| e.ledgers[0].accounts_seq = 23, &["accounts_ahead"]),
    ("rows that were written when they were due", |e| written(e, 2, 2), &[]),
    ("rows that are said to have come too far", |e| written(e, 3, 2), &["accounts_ahead"]),
    ("rows that are said to have come behind the log", |e| written(e, 8, 7), &["accounts_ahead"]),
    ("rows that lag too far", |e| written(e, 0, 2), &["accounts_lag"]),
    (
        "rows that lag too far where nothing is appended",
        |e| {
            written(e, 2, 2);
            e.commits.push(accounts(&[], &[], 0));
        },
        &[],
    ),
    (
        "rows that lag after a rewind",
        |e| {
            written(e, 2, 2);
            let at = e.commits.len();
            e.commits.push(accounts(&[], &[(1, 6), (2, 5)], 7));
            e.commits.extend([rewound(at), accounts(&[], &[], 5)]);
        },
        &["accounts_ahead"],
    ),
    (
        "rows that are written after a rewind",
        |e| {
            written(e, 2, 2);
            let at = e.commits.len();
            e.commits.push(accounts(&[], &[], 2));
            e.commits.extend([rewound(at), accounts(&[], &[(1, 6), (2, 5)], 7)]);
        },
        &[],
    ),
];

/// The last event of two accounts is not in their rows.
fn lag(e: &mut Evidence) {
    let ledger = &mut e.ledgers[0];
    ledger.accounts_seq = 21;
    let [first, _, third, _] = &mut ledger.accounts[..] else { return };
    (first.pending_debits, first.last_seq) = (0, 17);
    (third.pending_credits, third.last_seq) = (0, 12);
}

fn lag_further(e: &mut Evidence) {
    lag(e);
    e.ledgers[0].accounts_seq = 22;
    e.ledgers[0].accounts[0].pending_debits = 1;
}

/// Both rows have come as far as is said, but one of them to another event.
fn lag_elsewhere(e: &mut Evidence) {
    lag(e);
    e.ledgers[0].accounts[0].last_seq = 16;
    e.ledgers[0].accounts[0].pending_debits = 40;
}

/// Two accounts are opened and then pay each other; their rows come to `seq` by what is said, and
/// really to before the first payment, or to before `last` where that is beyond it.
fn written(e: &mut Evidence, seq: u64, last: u64) {
    e.lag_max = 5;
    let opened = [(1, 1, vec![1]), (2, 1, vec![2])];
    e.commits.push(accounts(&opened, &[(1, 1), (2, 2)], 2));
    let declined = (4, 4, vec![1, 2]);
    let paid = [(3, 3, vec![1, 2]), declined, (5, 7, vec![2, 1]), (6, 9, vec![1])];
    let mut events = paid.to_vec();
    events.push((7, 6, vec![1, 2]));
    let rows = if last > 2 { vec![(1, last), (2, last)] } else { Vec::new() };
    e.commits.push(accounts(&events, &rows, seq));
}

fn accounts(events: &[(u64, u8, Vec<u64>)], rows: &[(u64, u64)], seq: u64) -> Committed {
    Committed::Accounts { ledger: 3, events: events.to_vec(), rows: rows.to_vec(), seq }
}
