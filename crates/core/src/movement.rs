//! A movement: debit account, credit account, amount. Both sides move by the same, always.

use crate::account::Account;
use crate::event::{Event, Kind, Side};

/// By how much an event moves the totals of its two accounts, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Added to the debit account's posted debits and the credit account's posted credits.
    pub posted: i64,
    /// Added to their pending totals; negative where a hold ends.
    pub pending: i64,
}

impl Movement {
    /// What an event of `kind` over `amount` moves; `held` is the amount of the hold that it ends.
    pub fn of(kind: Kind, amount: i64, held: i64) -> Option<Movement> {
        // Saturating, since a row that was tampered with may say anything.
        let released = held.saturating_neg();
        match kind {
            Kind::PaymentSucceeded | Kind::PaymentRefunded => {
                Some(Movement { posted: amount, pending: 0 })
            }
            Kind::PaymentPending => Some(Movement { posted: 0, pending: amount }),
            Kind::PaymentCaptured => Some(Movement { posted: amount, pending: released }),
            Kind::PaymentVoided => Some(Movement { posted: 0, pending: released }),
            Kind::AccountOpened
            | Kind::AccountClosed
            | Kind::PaymentDeclined
            | Kind::RefundDeclined => None,
        }
    }

    /// Move it; `None`, and both accounts as they were, if a total would leave 64 bits or fall
    /// below zero.
    pub fn apply(&self, debit: &mut Account, credit: &mut Account) -> Option<()> {
        let (debits, pending_debits) =
            self.added(debit.totals.debits, debit.totals.pending_debits)?;
        let (credits, pending_credits) =
            self.added(credit.totals.credits, credit.totals.pending_credits)?;
        (debit.totals.debits, debit.totals.pending_debits) = (debits, pending_debits);
        (credit.totals.credits, credit.totals.pending_credits) = (credits, pending_credits);
        Some(())
    }

    /// A side's totals, posted and pending, after it.
    fn added(&self, posted: i64, pending: i64) -> Option<(i64, i64)> {
        let sum = |total: i64, by: i64| total.checked_add(by).filter(|sum| *sum >= 0);
        Some((sum(posted, self.posted)?, sum(pending, self.pending)?))
    }
}

/// Bring an account that was kept as it was some time ago up to `event`, which is the next of the
/// log, and perhaps one of the account's; `held` is as in [`Movement::of`]. What the account has
/// taken in already is left out.
///
/// `None`, and the account as it was, if the event's link does not lead to the account's last
/// event, or a total would leave 64 bits or fall below zero: the log and the account do not belong
/// together.
pub fn follow(account: &mut Account, event: &Event, held: i64) -> Option<()> {
    let own = |side: &&Side| side.no == account.no;
    let debit = event.debit.as_ref().filter(own);
    let credit = event.credit.as_ref().filter(own);
    let Some(side) = debit.or(credit) else { return Some(()) };
    if event.seq <= account.last_seq || !event.kind.is_linked() {
        return Some(());
    }
    if side.prev != account.last_seq {
        return None;
    }
    let (debits, credits) = (debit.is_some(), credit.is_some());
    let mut totals = account.totals;
    if let Some(movement) = Movement::of(event.kind, event.amount, held) {
        if debits {
            let added = movement.added(totals.debits, totals.pending_debits)?;
            (totals.debits, totals.pending_debits) = added;
        }
        if credits {
            let added = movement.added(totals.credits, totals.pending_credits)?;
            (totals.credits, totals.pending_credits) = added;
        }
    }
    account.totals = totals;
    account.closed |= event.kind == Kind::AccountClosed;
    account.last_seq = event.seq;
    Some(())
}
