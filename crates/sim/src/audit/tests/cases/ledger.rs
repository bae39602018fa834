//! A log, its chain and its accounts.

use super::super::rows::{append, pay, refer, row as new, side};
use super::super::sample::seal;
use super::{Case, row};
use crate::evidence::*;

pub(in super::super) const LEDGER: &[Case] = &[
    (
        "the log is said to be longer",
        |e| {
            e.commits.clear();
            e.ledgers[0].next_seq += 1;
        },
        &["log_gap"],
    ),
    (
        "a row is missing",
        |e| {
            e.ledgers[0].events.remove(9);
            seal(e);
        },
        &["done_lost", "log_gap"],
    ),
    ("another tail", |e| e.ledgers[0].tail[0] ^= 1, &["chain_broken"]),
    (
        "a row was altered",
        |e| row(e, 10).at += 1,
        &[
            "chain_broken",
            "reader_incomplete",
            "reader_stranger",
            "wire_incomplete",
            "wire_stranger",
            "wire_unknown_event",
        ],
    ),
    (
        "an anchor too many",
        |e| {
            e.ledgers[0].anchors.insert(7, [0; 32]);
        },
        &["anchor_differs"],
    ),
    (
        "a key twice",
        |e| alter(e, 14, |row| row.key = Some("k1".into())),
        &["done_lost", "key_twice", "row_without_call"],
    ),
    (
        "one key in two namespaces",
        |e| alter(e, 13, |row| row.key = Some("k1".into())),
        &["item_lost", "row_without_item"],
    ),
    (
        "an account's id twice",
        |e| account(e, 2).id = "b".into(),
        &["account_differs", "account_twice", "open_lost"],
    ),
    ("a decline without a reason", |e| alter(e, 10, |row| row.decline = 0), &["row_shape"]),
    (
        "an event of no kind",
        |e| alter(e, 21, |row| row.kind = 10),
        &["done_for_another", "row_shape", "row_without_call"],
    ),
    ("an opening that says nothing", |e| alter(e, 19, |row| row.extra = None), &["row_shape"]),
    (
        "an opening of another number",
        |e| alter(e, 19, |row| row.debit = side(20, 0)),
        &["account_differs", "row_shape", "side_unknown", "wire_value"],
    ),
    (
        "closed twice",
        |e| {
            more(e, |e| {
                append(e, new(0, 2, side(19, 0), None), 0);
            })
        },
        &["closed_twice"],
    ),
    (
        "an account that is not there",
        |e| alter(e, 21, |row| row.credit.as_mut().unwrap().no = 99),
        &["side_unknown"],
    ),
    (
        "an account of another name",
        |e| alter(e, 20, |row| row.debit.as_mut().unwrap().id = "dd".into()),
        &["side_differs"],
    ),
    (
        "an account of another currency",
        |e| alter(e, 13, |row| row.currency = "EUR".into()),
        &["item_lost", "row_without_item", "side_differs"],
    ),
    (
        "a link to another event",
        |e| alter(e, 22, |row| row.debit.as_mut().unwrap().prev = 16),
        &["link_broken"],
    ),
    (
        "a link from a closing",
        |e| alter(e, 20, |row| row.debit.as_mut().unwrap().prev = 18),
        &["link_broken"],
    ),
    (
        "money to a closed account",
        |e| {
            more(e, |e| {
                pay(e, 3, 1, 19, 5);
            })
        },
        &["closed_moved"],
    ),
    (
        "a hold on a closed account",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 19, 5);
            })
        },
        &["closed_moved"],
    ),
    (
        "a hold captured after closing",
        |e| {
            more(e, |e| {
                append(e, new(0, 2, side(3, 0), None), 0);
                account(e, 2).closed = true;
                refer(e, 8, (1, 3), 40, 22, 40);
            })
        },
        &[],
    ),
    (
        "more than there is",
        |e| {
            more(e, |e| {
                pay(e, 3, 2, 1, 1);
            })
        },
        &["overdrawn"],
    ),
    (
        "more than is left beside a hold",
        |e| {
            more(e, |e| {
                pay(e, 3, 1, 2, 9);
                pay(e, 7, 2, 1, 5);
                pay(e, 3, 2, 1, 5);
            })
        },
        &["overdrawn"],
    ),
    (
        "more than the limit",
        |e| {
            more(e, |e| {
                pay(e, 3, 3, 1, 131);
            })
        },
        &["overdrawn"],
    ),
    (
        "all of the limit",
        |e| {
            more(e, |e| {
                pay(e, 3, 3, 1, 130);
            })
        },
        &[],
    ),
    (
        "declined for nothing",
        |e| {
            more(e, |e| {
                append(e, Row { amount: 5, decline: 2, ..new(0, 4, side(1, 0), side(2, 0)) }, 0);
            })
        },
        &["decline_unjustified"],
    ),
    (
        "declined for another reason",
        |e| alter(e, 10, |row| row.decline = 1),
        &["decline_unjustified"],
    ),
    (
        "a refund declined for nothing",
        |e| {
            more(e, |e| {
                let paid = pay(e, 3, 1, 2, 5);
                append(
                    e,
                    Row {
                        amount: 5,
                        decline: 2,
                        reference: Some((paid, 1_000 * paid as i64)),
                        ..new(0, 6, side(2, 0), side(1, 0))
                    },
                    0,
                );
            })
        },
        &["decline_unjustified"],
    ),
    (
        "declined beyond 64 bits",
        |e| {
            more(e, |e| {
                append(
                    e,
                    Row { amount: i64::MAX, decline: 3, ..new(0, 4, side(1, 0), side(2, 0)) },
                    0,
                );
            })
        },
        &[],
    ),
    (
        "money beyond 64 bits",
        |e| {
            more(e, |e| {
                pay(e, 7, 1, 3, i64::MAX - 40);
                pay(e, 4, 1, 3, 1);
                row(e, 24).kind = 3;
                row(e, 24).credit = side(3, 23);
                row(e, 24).debit = side(1, 23);
                for at in [0, 2] {
                    account(e, at).last_seq = 24;
                }
                account(e, 0).debits += 1;
                account(e, 2).credits += 1;
            })
        },
        &["total_range"],
    ),
    (
        "an account's total",
        |e| {
            account(e, 0).debits += 1;
            account(e, 2).credits += 1;
        },
        &["account_differs"],
    ),
    ("an account's last event", |e| account(e, 0).last_seq = 21, &["account_differs"]),
    ("an account's limit", |e| account(e, 2).overdraft = 99, &["account_differs", "open_lost"]),
    ("an account reopened", |e| account(e, 3).closed = false, &["account_differs", "close_lost"]),
    (
        "an account that nobody opened",
        |e| {
            let mut new = account(e, 3).clone();
            (new.no, new.id) = (21, "e".into());
            e.ledgers[0].accounts.push(new);
        },
        &["account_differs"],
    ),
    (
        "an account that is not kept",
        |e| {
            e.ledgers[0].accounts.pop();
        },
        &["account_differs", "close_lost"],
    ),
    (
        "debits that are no credits",
        |e| account(e, 0).debits += 1,
        &["account_differs", "unbalanced"],
    ),
    (
        "holds on one side",
        |e| account(e, 2).pending_credits -= 1,
        &["account_differs", "unbalanced"],
    ),
];

/// Change a row, and make everything that is computed from the rows fit it.
pub(super) fn alter(e: &mut Evidence, seq: usize, change: fn(&mut Row)) {
    change(row(e, seq));
    seal(e);
}

fn account(e: &mut Evidence, at: usize) -> &mut Account {
    &mut e.ledgers[0].accounts[at]
}

/// Append rows, and seal.
pub(super) fn more(e: &mut Evidence, rows: fn(&mut Evidence)) {
    rows(e);
    seal(e);
}
