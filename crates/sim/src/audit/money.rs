//! A ledger of ten lines: accounts, what an event moves, and what an account can afford.

use super::shape::kind;
use crate::evidence::{Account, Row};

/// Added to both sides: to posted totals, to pending totals.
pub(super) fn movement(row: &Row, held: i64) -> (i64, i64) {
    match row.kind {
        kind::SUCCEEDED | kind::REFUNDED => (row.amount, 0),
        kind::PENDING => (0, row.amount),
        kind::CAPTURED => (row.amount, held.saturating_neg()),
        kind::VOIDED => (0, held.saturating_neg()),
        _ => (0, 0),
    }
}

/// Move; `None` if a total would leave its range, and then nothing has moved on that side.
pub(super) fn debit(account: &mut Account, (posted, pending): (i64, i64)) -> Option<()> {
    let (debits, held) = (sum(account.debits, posted)?, sum(account.pending_debits, pending)?);
    (account.debits, account.pending_debits) = (debits, held);
    Some(())
}

/// As [`debit`], on the other side.
pub(super) fn credit(account: &mut Account, (posted, pending): (i64, i64)) -> Option<()> {
    let (credits, held) = (sum(account.credits, posted)?, sum(account.pending_credits, pending)?);
    (account.credits, account.pending_credits) = (credits, held);
    Some(())
}

fn sum(total: i64, by: i64) -> Option<i64> {
    total.checked_add(by).filter(|sum| 0 <= *sum)
}

/// What is above the lowest balance that the account may have, pending debits counted.
pub(super) fn left(account: &Account) -> i128 {
    let Account { overdraft, debits, credits, pending_debits, .. } = *account;
    let floor = match overdraft {
        -1 => 0,
        -2 => i128::from(i64::MAX) * 4,
        limit => i128::from(limit),
    };
    i128::from(credits) - i128::from(debits) - i128::from(pending_debits) + floor
}

/// Why `amount` may not go from one account to the other: 1 one is closed, 2 the first cannot
/// afford it, 3 a total would pass 64 bits; 0 when it may.
pub(super) fn decline(from: &Account, to: &Account, amount: i64) -> u8 {
    let full = |posted: i64, pending: i64| {
        i128::from(posted) + i128::from(pending) + i128::from(amount) > i128::from(i64::MAX)
    };
    if from.closed || to.closed {
        1
    } else if left(from) < i128::from(amount) {
        2
    } else if full(from.debits, from.pending_debits) || full(to.credits, to.pending_credits) {
        3
    } else {
        0
    }
}
