//! Each command's decision, from the identity check to the last effect.

use super::draft::{Draft, Filed};
use super::{AccountRequest, Outcome, Places, Refusal};
use crate::Text;
use crate::account::{Account, Decline};
use crate::event::{Event, Kind, Reference};
use crate::id::EventId;
use crate::payment::{Capture, FieldProblem, Identity, Operation, Pay};
use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

impl Draft<'_> {
    pub(super) fn pay(
        &mut self,
        identity: &Identity,
        pay: &Pay,
        places: &Places,
    ) -> Result<Outcome, Refusal> {
        if let Some(event) = self.recorded(places) {
            let differences = match event.kind.is_payment() {
                true => pay.differences(event),
                false => vec![OTHER_OPERATION],
            };
            return replay(event, differences);
        }
        let Some(currency) = pay.currency.filter(|_| places.problems.is_empty()) else {
            return Err(Refusal::Invalid(places.problems.clone()));
        };

        let new = |no, id: &Text, overdraft| Account::open(no, id.clone(), currency, overdraft);
        let next = self.next_seq();
        let debit = self.found_or(places.debit, || {
            pay.open.debit.map(|overdraft| new(next, &pay.debit_account, overdraft))
        });
        let next = next + u64::from(matches!(debit, Some(Cow::Owned(_))));
        let credit = self.found_or(places.credit, || {
            pay.open.credit.map(|overdraft| new(next, &pay.credit_account, overdraft))
        });
        let unknown = unknown(debit.is_none(), credit.is_none());
        let (Some(debit), Some(credit)) = (debit, credit) else {
            return Err(Refusal::Invalid(unknown));
        };
        if debit.currency != currency || credit.currency != currency {
            return Err(Refusal::Invalid(vec![CURRENCY_MISMATCH]));
        }
        let decline = Decline::of(&debit, &credit, pay.amount);
        let opened = [opened(places.debit, debit), opened(places.credit, credit)];

        // After this point it must succeed.
        for (page, account) in opened.into_iter().flatten() {
            self.write_opening(page, account);
        }
        let kind = match (decline, pay.capture) {
            (Some(_), _) => Kind::PaymentDeclined,
            (None, Capture::Now) => Kind::PaymentSucceeded,
            (None, Capture::Later) => Kind::PaymentPending,
        };
        let event = Event {
            amount: pay.amount,
            decline,
            extra: places.extra.clone(),
            ..self.blank(kind, currency, Some(identity))
        };
        let event = self.write_movement(event, places, (places.debit, places.credit), 0);
        Ok(Outcome::Recorded { event, replayed: false })
    }

    pub(super) fn operate(
        &mut self,
        identity: &Identity,
        id: &EventId,
        operation: &Operation,
        places: &Places,
    ) -> Result<Outcome, Refusal> {
        if let Some(event) = self.recorded(places) {
            return replay(event, operation.differences(id, event, self.ledger()));
        }
        if !places.problems.is_empty() {
            return Err(Refusal::Invalid(places.problems.clone()));
        }
        let Some(filed) = self.payment(places) else {
            return Err(Refusal::UnknownPayment);
        };
        let Filed { payment, debit, credit } = filed;
        let (kind, most) = match operation {
            Operation::Refund(_) => (Kind::PaymentRefunded, payment.left()),
            Operation::Capture(_) => (Kind::PaymentCaptured, payment.event.amount),
            Operation::Void => (Kind::PaymentVoided, payment.event.amount),
        };
        if payment.state.after(kind).is_none() {
            return Err(Refusal::WrongState(payment.state));
        }
        let amount = operation.amount().unwrap_or(most);
        if most < amount || most == 0 {
            return Err(Refusal::ExceedsPayment);
        }
        let refund = kind == Kind::PaymentRefunded;
        // Money goes back the way it came.
        let pages = if refund { (*credit, *debit) } else { (*debit, *credit) };
        let held = if refund { 0 } else { payment.event.amount };
        let reference = Reference { seq: payment.event.seq, at: payment.event.at };
        let [from, to] = [pages.0, pages.1].map(|page| self.account(page).expect("it was filed"));
        let decline = Decline::of(from, to, amount).filter(|_| refund);
        let kind = if decline.is_some() { Kind::RefundDeclined } else { kind };

        // After this point it must succeed.
        let event = Event {
            amount,
            decline,
            reference: Some(reference),
            extra: places.extra.clone(),
            ..self.blank(kind, payment.event.currency, Some(identity))
        };
        let event = self.write_movement(event, places, pages, held);
        self.follow(places, &event);
        Ok(Outcome::Recorded { event, replayed: false })
    }

    pub(super) fn open_account(
        &mut self,
        request: &AccountRequest,
        places: &Places,
    ) -> Result<Outcome, Refusal> {
        if let Some(account) = self.account(places.debit) {
            let same =
                account.currency == request.currency && account.overdraft == request.overdraft;
            let replay = || Outcome::Account { account: account.clone(), replayed: true };
            return same.then(replay).ok_or(Refusal::AccountDiffers);
        }
        let AccountRequest { id, currency, overdraft } = request.clone();
        let account = Account::open(self.next_seq(), id, currency, overdraft);
        self.write_opening(places.debit, account.clone());
        Ok(Outcome::Account { account, replayed: false })
    }

    pub(super) fn close_account(&mut self, places: &Places) -> Result<Outcome, Refusal> {
        let account = self.account(places.debit).ok_or(Refusal::UnknownAccount)?;
        let replayed = account.closed;
        if !replayed {
            self.write_closing(places.debit);
        }
        let account = self.account(places.debit).expect("it was there").clone();
        Ok(Outcome::Account { account, replayed })
    }
}

const OTHER_OPERATION: FieldProblem = FieldProblem { pointer: "/operation", reason: "differs" };
const CURRENCY_MISMATCH: FieldProblem =
    FieldProblem { pointer: "/currency", reason: "currency_mismatch" };

fn replay(event: &Arc<Event>, differences: Vec<FieldProblem>) -> Result<Outcome, Refusal> {
    match differences.is_empty() {
        true => Ok(Outcome::Recorded { event: event.clone(), replayed: true }),
        false => Err(Refusal::Conflict(differences)),
    }
}

fn unknown(debit: bool, credit: bool) -> Vec<FieldProblem> {
    let missing = [("/debit_account", debit), ("/credit_account", credit)];
    let problem = |(pointer, _)| FieldProblem { pointer, reason: "unknown_account" };
    missing.into_iter().filter(|(_, missing)| *missing).map(problem).collect()
}

/// A new account and its page, if it is new.
fn opened(page: usize, account: Cow<'_, Account>) -> Option<(usize, Account)> {
    match account {
        Cow::Borrowed(_) => None,
        Cow::Owned(account) => Some((page, account)),
    }
}
