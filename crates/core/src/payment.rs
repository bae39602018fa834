//! Payments: what is asked, what *the same request* means, and the states a payment goes through.
//!
//! Requests are kept as they were asked, valid or not, because identity is checked before values:
//! a known key is a replay or a conflict whatever else is wrong with the request.

use crate::Text;
use crate::chain::Hash;
use crate::event::{Event, Kind};
use crate::id::EventId;
use crate::limits;
use crate::mapping::OpenAccounts;
use crate::money::{Amount, Currency};
use crate::reason::Reason;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Who asks: a key within a namespace of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Empty for HTTP, the ingest's name otherwise.
    pub namespace: Text,
    /// The client's idempotency key.
    pub key: Text,
}

impl Identity {
    /// 63 bits of SHA-256 over namespace and key, for an index. It only finds; the row decides.
    pub fn hash(namespace: &str, key: &str) -> i64 {
        let mut bytes = Vec::with_capacity(namespace.len() + 1 + key.len());
        bytes.extend(namespace.as_bytes());
        bytes.push(0);
        bytes.extend(key.as_bytes());
        let first = Hash::of(&bytes).0[..8].try_into().expect("a hash has 32 bytes");
        (u64::from_be_bytes(first) >> 1) as i64
    }
}

/// A value that is refused, and why. Never says the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// JSON pointer into the request.
    pub pointer: &'static str,
    /// A word of the contract.
    pub reason: &'static str,
}

/// Whether a payment moves its amount at once or holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// Move now.
    #[default]
    Now,
    /// Hold now, to be captured or voided later.
    Later,
}

/// A request to pay, as it was asked.
#[derive(Clone, Debug)]
pub struct Pay {
    /// Minor units; saturated where the request's number is beyond 64 bits.
    pub amount: i64,
    /// `None` when the text was no known currency.
    pub currency: Option<Currency>,
    /// Where money leaves.
    pub debit_account: Text,
    /// Where money goes.
    pub credit_account: Text,
    /// For people.
    pub description: Option<Text>,
    /// A canonical JSON object; `None` for an empty one.
    pub metadata: Option<Text>,
    /// Why the metadata is refused, as [`limits::canonical_metadata`] says.
    pub metadata_problem: Option<Reason>,
    /// Now or later.
    pub capture: Capture,
    /// What may be opened on the way.
    pub open: OpenAccounts,
}

impl Pay {
    /// Every value that is refused, in the order of the fields.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        let mut refuse = |pointer, reason| problems.push(FieldProblem { pointer, reason });
        if let Err(error) = Amount::new(self.amount) {
            refuse("/amount", error.reason());
        }
        if self.currency.is_none() {
            refuse("/currency", "unknown_currency");
        }
        for (pointer, id) in
            [("/debit_account", &self.debit_account), ("/credit_account", &self.credit_account)]
        {
            if let Err(reason) = limits::valid_account(id) {
                refuse(pointer, reason.as_str());
            }
        }
        if self.debit_account == self.credit_account {
            refuse("/credit_account", "same_account");
        }
        let description = self.description.as_deref().map(limits::valid_description);
        if let Some(Err(reason)) = description {
            refuse("/description", reason.as_str());
        }
        if let Some(reason) = self.metadata_problem {
            refuse("/metadata", reason.as_str());
        }
        problems
    }

    /// What the row keeps besides its columns, in canonical form.
    pub fn extra(&self) -> Option<Text> {
        if self.description.is_none() && self.metadata.is_none() {
            return None;
        }
        let description = self.description.as_deref().map_or("null".into(), json_text);
        let metadata = self.metadata.as_deref().unwrap_or("{}");
        Some(format!(r#"{{"description":{description},"metadata":{metadata}}}"#).into())
    }

    /// The fields in which it differs from the request that `event` recorded.
    pub fn differences(&self, event: &Event) -> Vec<FieldProblem> {
        let id = |side: &Option<crate::event::Side>| side.as_ref().map(|side| side.id.clone());
        let (description, metadata) = split_extra(event.extra.as_deref());
        let extra = self.extra();
        let (own_description, own_metadata) = split_extra(extra.as_deref());
        let pending = event.kind == Kind::PaymentPending;
        let kept = [
            ("/amount", self.amount == event.amount),
            ("/currency", self.currency == Some(event.currency)),
            ("/debit_account", Some(&self.debit_account) == id(&event.debit).as_ref()),
            ("/credit_account", Some(&self.credit_account) == id(&event.credit).as_ref()),
            ("/description", own_description == description),
            // What was recorded was never refused.
            ("/metadata", own_metadata == metadata && self.metadata_problem.is_none()),
            // A decline holds nothing and moves nothing, whichever of the two was asked for.
            ("/capture", event.decline.is_some() || (self.capture == Capture::Later) == pending),
        ];
        differing(&kept)
    }
}

/// The description (a JSON string or `null`) and the metadata (a JSON object) of a payment's row.
pub fn split_extra(extra: Option<&str>) -> (&str, &str) {
    const MARK: &str = r#","metadata":"#;
    extra
        .and_then(|text| text.strip_prefix(r#"{"description":"#)?.strip_suffix('}'))
        // A quote inside the description is escaped, so the first mark is the real one.
        .and_then(|text| text.split_once(MARK))
        .unwrap_or(("null", "{}"))
}

/// A request that refers to a payment, as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Move money back: so many minor units, or all that is left.
    Refund(Option<i64>),
    /// Move what was held: so many minor units of it, or all.
    Capture(Option<i64>),
    /// Release what was held.
    Void,
}

impl Operation {
    /// What the row keeps besides its columns: whether *all* was asked for.
    pub fn extra(&self) -> Option<Text> {
        matches!(self, Operation::Refund(None) | Operation::Capture(None))
            .then(|| Text::from(r#"{"all":true}"#))
    }

    /// Every value that is refused.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let problem = self.amount().and_then(|amount| Amount::new(amount).err());
        let refused =
            problem.map(|error| FieldProblem { pointer: "/amount", reason: error.reason() });
        refused.into_iter().collect()
    }

    /// The amount, where one was named.
    pub fn amount(&self) -> Option<i64> {
        match self {
            Operation::Refund(amount) | Operation::Capture(amount) => *amount,
            Operation::Void => None,
        }
    }

    /// The fields in which it, asked of `payment`, differs from what `event` of the ledger numbered
    /// `ledger` recorded. *All* and the amount that it came to are two requests.
    pub fn differences(&self, payment: &EventId, event: &Event, ledger: u32) -> Vec<FieldProblem> {
        let same_kind = match self {
            Operation::Refund(_) => event.kind.is_refund(),
            Operation::Capture(_) => event.kind == Kind::PaymentCaptured,
            Operation::Void => event.kind == Kind::PaymentVoided,
        };
        let same_payment =
            event.reference.is_some_and(|reference| reference.id(ledger) == *payment);
        let same_amount = self.extra() == event.extra
            && self.amount().is_none_or(|amount| amount == event.amount);
        differing(&[
            ("/operation", same_kind),
            ("/payment_id", !same_kind || same_payment),
            ("/amount", !same_kind || same_amount),
        ])
    }
}

fn differing(kept: &[(&'static str, bool)]) -> Vec<FieldProblem> {
    let lost = kept.iter().filter(|(_, same)| !same);
    lost.map(|(pointer, _)| FieldProblem { pointer, reason: "differs" }).collect()
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its amount moved.
    Succeeded,
    /// Nothing moved, nothing ever will.
    Declined,
    /// Its amount is held.
    Pending,
    /// What was held has moved, in full or in part.
    Captured,
    /// What was held was released.
    Voided,
}

impl State {
    /// All states with their words, in the order of the enum.
    pub const TABLE: [(State, &'static str); 5] = [
        (State::Succeeded, "succeeded"),
        (State::Declined, "declined"),
        (State::Pending, "pending"),
        (State::Captured, "captured"),
        (State::Voided, "voided"),
    ];

    /// The word that the outside sees.
    pub fn as_str(self) -> &'static str {
        Self::TABLE[self as usize].1
    }

    /// The state that a new payment's event puts it in.
    pub fn first(kind: Kind) -> Option<State> {
        match kind {
            Kind::PaymentSucceeded => Some(State::Succeeded),
            Kind::PaymentDeclined => Some(State::Declined),
            Kind::PaymentPending => Some(State::Pending),
            _ => None,
        }
    }

    /// All transitions: the state after `kind` refers to a payment in this one; `None`: never.
    pub fn after(self, kind: Kind) -> Option<State> {
        match (self, kind) {
            (State::Succeeded, Kind::PaymentRefunded | Kind::RefundDeclined) => Some(self),
            (State::Captured, Kind::PaymentRefunded | Kind::RefundDeclined) => Some(self),
            (State::Pending, Kind::PaymentCaptured) => Some(State::Captured),
            (State::Pending, Kind::PaymentVoided) => Some(State::Voided),
            _ => None,
        }
    }
}

/// A payment: the event that recorded it, and what later events say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The event that recorded it.
    pub event: Event,
    /// Where it stands.
    pub state: State,
    /// What really moved, in minor units: 0 while pending.
    pub moved: i64,
    /// What moved back, in minor units.
    pub refunded: i64,
}

impl Payment {
    /// A payment as its own event leaves it; `None` when the event recorded no payment.
    pub fn recorded(event: Event) -> Option<Payment> {
        let state = State::first(event.kind)?;
        let moved = if state == State::Succeeded { event.amount } else { 0 };
        Some(Payment { event, state, moved, refunded: 0 })
    }

    /// Take in a later event of `kind` over `amount`; `false` when there is no such transition.
    pub fn follow(&mut self, kind: Kind, amount: i64) -> bool {
        let Some(state) = self.state.after(kind) else { return false };
        match kind {
            Kind::PaymentRefunded => self.refunded = self.refunded.saturating_add(amount),
            Kind::PaymentCaptured => self.moved = amount,
            _ => {}
        }
        self.state = state;
        self.refunded <= self.moved && self.moved <= self.event.amount
    }

    /// What can still be refunded, in minor units.
    pub fn left(&self) -> i64 {
        self.moved.saturating_sub(self.refunded)
    }
}

/// `text` as a JSON string.
pub fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}
