//! The types of events: the number in a row, the word on the wire, and where a message says what
//! happened.
//!
//! Deliberately absent: types that the contract does not name yet; one of those is a finding.

/// A type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The number in a row.
    pub number: i64,
    /// The word on the wire.
    pub word: &'static str,
    /// The field of the message that tells of it.
    pub field: &'static str,
    /// What the id of what it tells of begins with; empty for accounts, which have their own.
    pub prefix: &'static str,
    /// The state that the answer names; empty for accounts.
    pub state: &'static str,
    /// Whether it moves its amount, so that it counts in the accounts' posted totals.
    pub moves: bool,
}

/// All of them.
const KINDS: [Kind; 9] = [
    kind(1, "account.opened", "account", "", ("", false)),
    kind(2, "account.closed", "account", "", ("", false)),
    kind(3, "payment.succeeded", "payment", "pay", ("succeeded", true)),
    kind(4, "payment.declined", "payment", "pay", ("declined", false)),
    kind(5, "payment.refunded", "refund", "ref", ("succeeded", true)),
    kind(6, "payment.refund_declined", "refund", "ref", ("declined", false)),
    kind(7, "payment.pending", "payment", "pay", ("pending", false)),
    kind(8, "payment.captured", "capture", "cap", ("succeeded", true)),
    kind(9, "payment.voided", "void", "void", ("succeeded", false)),
];

const fn kind(
    number: i64,
    word: &'static str,
    field: &'static str,
    prefix: &'static str,
    (state, moves): (&'static str, bool),
) -> Kind {
    Kind { number, word, field, prefix, state, moves }
}

impl Kind {
    /// The type with that number in its row.
    pub fn of_number(number: i64) -> Option<Kind> {
        KINDS.into_iter().find(|kind| kind.number == number)
    }

    /// The type with that word on the wire.
    pub fn of_word(word: &str) -> Option<Kind> {
        KINDS.into_iter().find(|kind| kind.word == word)
    }

    /// Whether it tells of an account and of no money.
    pub fn is_of_account(self) -> bool {
        self.field == "account"
    }

    /// Whether it records a request for a payment.
    pub fn is_payment(self) -> bool {
        self.field == "payment"
    }

    /// Whether it is one of its accounts' events: a declined one leaves them as they are.
    pub fn is_linked(self) -> bool {
        self.state != "declined"
    }
}
