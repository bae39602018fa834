//! An event: a fact, one row, everything that one decision left behind.
//!
//! Its canonical encoding is what the chain hashes, so it never changes: a new shape is a new
//! `format`, and an old format's encoder is never edited (the golden files prove it).
//! Deliberately absent: anything that can be derived (messages, answers, entries, ids).

use crate::Text;
use crate::account::{Account, Decline};
use crate::id::EventId;
use crate::money::Currency;
use alloc::vec::Vec;

/// The format that new events are written in.
pub const FORMAT: u8 = 1;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An account was opened (`debit` is the account).
    AccountOpened,
    /// An account was closed (`debit` is the account).
    AccountClosed,
    /// A payment moved its amount.
    PaymentSucceeded,
    /// A payment was declined; nothing moved.
    PaymentDeclined,
    /// Money of a payment moved back.
    PaymentRefunded,
    /// A refund was declined; nothing moved.
    RefundDeclined,
    /// A payment holds its amount: pending, to be captured or voided.
    PaymentPending,
    /// A hold was captured in full or in part; what was not captured is released.
    PaymentCaptured,
    /// A hold was released.
    PaymentVoided,
}

impl Kind {
    const TABLE: [(Kind, u8, &'static str); 9] = [
        (Kind::AccountOpened, 1, "account.opened"),
        (Kind::AccountClosed, 2, "account.closed"),
        (Kind::PaymentSucceeded, 3, "payment.succeeded"),
        (Kind::PaymentDeclined, 4, "payment.declined"),
        (Kind::PaymentRefunded, 5, "payment.refunded"),
        (Kind::RefundDeclined, 6, "payment.refund_declined"),
        (Kind::PaymentPending, 7, "payment.pending"),
        (Kind::PaymentCaptured, 8, "payment.captured"),
        (Kind::PaymentVoided, 9, "payment.voided"),
    ];

    /// The type that the outside sees.
    pub fn as_str(self) -> &'static str {
        Self::TABLE[self as usize].2
    }

    /// The number in a row.
    pub fn number(self) -> u8 {
        Self::TABLE[self as usize].1
    }

    /// The kind that a row's number stands for.
    pub fn from_number(number: u8) -> Option<Kind> {
        Self::TABLE.iter().find(|row| row.1 == number).map(|row| row.0)
    }

    /// Whether it records a request for a payment.
    pub fn is_payment(self) -> bool {
        matches!(self, Kind::PaymentSucceeded | Kind::PaymentDeclined | Kind::PaymentPending)
    }

    /// Whether it records a request for a refund.
    pub fn is_refund(self) -> bool {
        matches!(self, Kind::PaymentRefunded | Kind::RefundDeclined)
    }

    /// Whether it is one of its accounts' events, linked from `last_seq` backwards.
    pub fn is_linked(self) -> bool {
        !matches!(self, Kind::PaymentDeclined | Kind::RefundDeclined)
    }
}

/// One side of an event: an account and the link to that account's event before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The account's number.
    pub no: u64,
    /// The account's id.
    pub id: Text,
    /// The account's `last_seq` before this event; 0 where the event is not linked or the first.
    pub prev: u64,
}

impl Side {
    /// The side of an event of `kind` on `account`, as it is before that event.
    pub fn of(account: &Account, kind: Kind) -> Side {
        let prev = if kind.is_linked() { account.last_seq } else { 0 };
        Side { no: account.no, id: account.id.clone(), prev }
    }
}

/// The payment that an event refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its seq.
    pub seq: u64,
    /// When it was written, in microseconds since 1970. Derived: not part of the encoding.
    pub at: i64,
}

impl Reference {
    /// The payment's id in the ledger numbered `ledger`.
    pub fn id(&self, ledger: u32) -> EventId {
        EventId { at: self.at, ledger, seq: self.seq }
    }
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the ledger, dense from 1.
    pub seq: u64,
    /// When it was decided by the store's clock, in microseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// What happened.
    pub kind: Kind,
    /// Which encoder and which renderers it belongs to.
    pub format: u8,
    /// The namespace of `key`: empty for HTTP, an ingest's name otherwise.
    pub namespace: Text,
    /// The idempotency key of the request; `None` for what has an identity of its own (accounts).
    pub key: Option<Text>,
    /// Where money left.
    pub debit: Option<Side>,
    /// Where money went.
    pub credit: Option<Side>,
    /// Minor units; 0 where no money is meant.
    pub amount: i64,
    /// The currency of the amount and of both accounts.
    pub currency: Currency,
    /// Why it was declined.
    pub decline: Option<Decline>,
    /// The payment that it refers to.
    pub reference: Option<Reference>,
    /// What only people and answers need, as one JSON object in canonical form.
    pub extra: Option<Text>,
}

impl Event {
    /// Its id in the ledger numbered `ledger`.
    pub fn id(&self, ledger: u32) -> EventId {
        EventId { at: self.at, ledger, seq: self.seq }
    }

    /// Append the canonical encoding, as an event of the ledger numbered `ledger`.
    ///
    /// Integers are big-endian and of fixed width, texts follow their length, options a 0 or 1.
    pub fn encode(&self, ledger: u32, out: &mut Vec<u8>) {
        out.extend([self.format, self.kind.number()]);
        out.extend(ledger.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.at.to_be_bytes());
        text(Some(&self.namespace), out);
        text(self.key.as_ref(), out);
        side(self.debit.as_ref(), out);
        side(self.credit.as_ref(), out);
        out.extend(self.amount.to_be_bytes());
        out.extend(self.currency.code().as_bytes());
        out.push(self.decline.map_or(0, Decline::number));
        out.extend(self.reference.map_or(0, |reference| reference.seq).to_be_bytes());
        text(self.extra.as_ref(), out);
    }
}

fn text(text: Option<&Text>, out: &mut Vec<u8>) {
    out.push(text.is_some().into());
    if let Some(text) = text {
        let length = u32::try_from(text.len()).expect("texts are limited to kilobytes");
        out.extend(length.to_be_bytes());
        out.extend(text.as_bytes());
    }
}

fn side(side: Option<&Side>, out: &mut Vec<u8>) {
    out.push(side.is_some().into());
    if let Some(side) = side {
        out.extend(side.no.to_be_bytes());
        out.extend(side.prev.to_be_bytes());
    }
}
