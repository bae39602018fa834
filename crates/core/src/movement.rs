//! A movement: debit account, credit account, amount. Both sides move by the same, always.

use crate::account::Account;
use crate::event::Kind;

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
        let sum = |total: i64, by: i64| total.checked_add(by).filter(|sum| *sum >= 0);
        let debits = sum(debit.totals.debits, self.posted)?;
        let credits = sum(credit.totals.credits, self.posted)?;
        let pending_debits = sum(debit.totals.pending_debits, self.pending)?;
        let pending_credits = sum(credit.totals.pending_credits, self.pending)?;
        debit.totals.debits = debits;
        debit.totals.pending_debits = pending_debits;
        credit.totals.credits = credits;
        credit.totals.pending_credits = pending_credits;
        Some(())
    }
}
