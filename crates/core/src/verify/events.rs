//! What each event does, and whether it was right when it was decided.

use super::{Progress, Replay};
use crate::account::{Account, Decline};
use crate::event::{Event, Kind, Side};
use crate::movement::Movement;
use crate::payment::Payment;
use crate::problem::Code;
use alloc::format;

/// Where the two accounts of a movement stand in the replay.
#[derive(Clone, Copy)]
struct Pair {
    debit: usize,
    credit: usize,
}

impl Replay {
    pub(super) fn apply(&mut self, event: &Event, payment: Option<&Event>) {
        match event.kind {
            Kind::AccountOpened => self.open(event),
            Kind::AccountClosed => self.close(event),
            Kind::PaymentSucceeded | Kind::PaymentDeclined | Kind::PaymentPending => {
                if let Some(pair) = self.pair(event) {
                    self.limits(event, pair);
                    self.carry(event, pair, 0);
                }
            }
            Kind::PaymentRefunded
            | Kind::RefundDeclined
            | Kind::PaymentCaptured
            | Kind::PaymentVoided => {
                let held = self.follow(event, payment);
                if let Some(pair) = self.pair(event) {
                    if event.kind.is_refund() {
                        self.limits(event, pair);
                    }
                    self.carry(event, pair, held);
                }
            }
        }
    }

    fn open(&mut self, event: &Event) {
        let Some(account) = Account::opened(event) else {
            // A row that cannot be read as an opening was told by its shape.
            return;
        };
        let itself = |side: &Side| side.no == event.seq && side.prev == 0;
        if !event.debit.as_ref().is_some_and(itself) {
            self.found(Code::LinkBroken, Some(event.seq), || {
                format!("it opens account {}, whose number is not its own seq", account.id)
            });
        }
        self.accounts.open(account);
    }

    fn close(&mut self, event: &Event) {
        let Some(place) = event.debit.as_ref().and_then(|side| self.side(event, side)) else {
            return;
        };
        let account = self.accounts.at(place);
        account.last_seq = event.seq;
        let (closed, currency) = (account.closed, account.currency);
        account.closed = true;
        if closed {
            self.found(Code::LimitBroken, Some(event.seq), || {
                "it closes an account that was closed".into()
            });
        }
        if currency != event.currency {
            self.other_currency(event);
        }
    }

    /// The accounts of a movement, linked and of its currency.
    fn pair(&mut self, event: &Event) -> Option<Pair> {
        let debit = event.debit.as_ref().and_then(|side| self.side(event, side));
        let credit = event.credit.as_ref().and_then(|side| self.side(event, side));
        let pair = Pair { debit: debit?, credit: credit? };
        let Some([debit, credit]) = self.accounts.pair(pair.debit, pair.credit) else {
            self.found(Code::LinkBroken, Some(event.seq), || {
                "its debit account is its credit account".into()
            });
            return None;
        };
        if debit.currency != event.currency || credit.currency != event.currency {
            self.other_currency(event);
        }
        Some(pair)
    }

    /// The account of a side, whose link must lead to that account's event before this one.
    fn side(&mut self, event: &Event, side: &Side) -> Option<usize> {
        let Side { no, prev, .. } = *side;
        let Some(place) = self.accounts.place(no) else {
            self.found(Code::LinkBroken, Some(event.seq), || {
                format!("its account {no} was not opened before it")
            });
            return None;
        };
        let account = self.accounts.at(place);
        let expected = if event.kind.is_linked() { account.last_seq } else { 0 };
        if prev != expected {
            let id = account.id.clone();
            self.found(Code::LinkBroken, Some(event.seq), || {
                format!("its link for account {id} ({no}) is {prev} and should be {expected}")
            });
        }
        Some(place)
    }

    fn other_currency(&mut self, event: &Event) {
        self.found(Code::Unbalanced, Some(event.seq), || {
            format!("it is in {}, an account of it is not", event.currency)
        });
    }

    /// Whether the movement was declined as the limits of its accounts demanded, then and there.
    fn limits(&mut self, event: &Event, pair: Pair) {
        let [debit, credit] = self.accounts.pair(pair.debit, pair.credit).expect("they are two");
        let demanded = Decline::of(debit, credit, event.amount);
        if demanded == event.decline {
            return;
        }
        let word = |decline: Option<Decline>| decline.map_or("none", Decline::as_str);
        let code = match event.decline {
            None => Code::LimitBroken,
            Some(_) => Code::DeclineDiffers,
        };
        self.found(code, Some(event.seq), || {
            format!("its decline is {} and should be {}", word(event.decline), word(demanded))
        });
    }

    /// Move what the event moves; `held` is the amount of the hold that it ends.
    fn carry(&mut self, event: &Event, pair: Pair, held: i64) {
        let [debit, credit] = self.accounts.pair(pair.debit, pair.credit).expect("they are two");
        let moved = match Movement::of(event.kind, event.amount, held) {
            Some(movement) => movement.apply(debit, credit).is_some(),
            None => true,
        };
        if event.kind.is_linked() {
            debit.last_seq = event.seq;
            credit.last_seq = event.seq;
        }
        let beyond = [&*debit, credit].into_iter().find(|account| !account.within_limits());
        let beyond = beyond.map(|account| account.id.clone());
        if !moved {
            self.found(Code::LimitBroken, Some(event.seq), || {
                "a total of its accounts would leave its range".into()
            });
        }
        if let Some(id) = beyond {
            self.found(Code::LimitBroken, Some(event.seq), || {
                format!("account {id} is beyond its limit after it")
            });
        }
    }

    /// Let the payment take in the event; the amount of the hold that it ends.
    fn follow(&mut self, event: &Event, payment: Option<&Event>) -> i64 {
        // A row without a reference was told by its shape.
        let Some(reference) = event.reference else { return 0 };
        let recorded = payment
            .filter(|payment| payment.seq == reference.seq && payment.seq < event.seq)
            .and_then(|payment| Payment::recorded(payment.clone()));
        let Some(mut payment) = recorded else {
            self.found(Code::LinkBroken, Some(event.seq), || {
                format!("it refers to event {}, which is no payment before it", reference.seq)
            });
            return 0;
        };
        if let Some(Progress { state, moved, refunded }) = self.referred.get(&reference.seq) {
            (payment.state, payment.moved, payment.refunded) = (*state, *moved, *refunded);
        }
        let held = if event.kind.is_refund() { 0 } else { payment.event.amount };
        self.same_way(event, &payment);
        self.allowed(event, &mut payment);
        let Payment { state, moved, refunded, .. } = payment;
        self.referred.insert(reference.seq, Progress { state, moved, refunded });
        held
    }

    /// Money goes back the way it came, and what was held moves the way it was held for.
    fn same_way(&mut self, event: &Event, payment: &Payment) {
        let no = |side: &Option<Side>| side.as_ref().map(|side| side.no);
        let (from, to) = (no(&payment.event.debit), no(&payment.event.credit));
        let way = if event.kind.is_refund() { (to, from) } else { (from, to) };
        if (no(&event.debit), no(&event.credit)) != way {
            self.found(Code::LinkBroken, Some(event.seq), || {
                format!("its accounts are not those of payment {}", payment.event.seq)
            });
        }
        if event.currency != payment.event.currency {
            self.found(Code::Unbalanced, Some(event.seq), || {
                format!("it is not in the currency of payment {}", payment.event.seq)
            });
        }
    }

    /// Whether the payment's state allows the event, and its amount.
    fn allowed(&mut self, event: &Event, payment: &mut Payment) {
        let (seq, state) = (payment.event.seq, payment.state);
        if state.after(event.kind).is_none() {
            self.found(Code::PaymentBroken, Some(event.seq), || {
                format!("{} of payment {seq}, which is {}", event.kind.as_str(), state.as_str())
            });
            return;
        }
        let most = if event.kind.is_refund() { payment.left() } else { payment.event.amount };
        let all = event.kind == Kind::PaymentVoided || event.extra.is_some();
        let fits = if all { event.amount == most } else { event.amount <= most };
        if !fits {
            self.found(Code::PaymentBroken, Some(event.seq), || {
                format!(
                    "{} of {} minor units of payment {seq}, of which {most} are left",
                    event.kind.as_str(),
                    event.amount
                )
            });
        }
        payment.follow(event.kind, event.amount);
    }
}
