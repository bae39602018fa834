//! The words for what is wrong with a message or a request: one table, for all doors.
//!
//! A reason is part of the interface (dead letters, `fields` of a problem, metrics): a word here is
//! never changed and never used for anything else.

use core::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// Why a message is a dead letter or a field of a request is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the contract.
            pub const ALL: &[Reason] = &[$(Reason::$name),+];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$name => $word,)+
                }
            }

            /// What it means, in a sentence: the words that stand beside it in this file.
            pub fn meaning(self) -> &'static str {
                let meaning = match self {
                    $(Reason::$name => concat!($($doc),+),)+
                };
                meaning.trim_start()
            }
        }
    };
}

reasons! {
    /// Not JSON, not UTF-8, bytes behind the document, too deep, or no object at the top.
    Undecodable = "undecodable",
    /// A value of no bytes.
    Empty = "empty",
    /// A record without a value.
    Tombstone = "tombstone",
    /// A field that must be there is absent or empty.
    MissingField = "missing_field",
    /// A value of a type that the field does not take.
    WrongType = "wrong_type",
    /// An object has the field's name twice.
    DuplicateField = "duplicate_field",
    /// Longer than the field's limit.
    TooLong = "too_long",
    /// Not a whole number of minor units.
    AmountInexact = "amount_inexact",
    /// Zero or below.
    AmountNotPositive = "amount_not_positive",
    /// Above 10^17 minor units.
    AmountTooLarge = "amount_too_large",
    /// Not a current ISO 4217 currency with a minor unit.
    UnknownCurrency = "unknown_currency",
    /// An account holds another currency.
    CurrencyMismatch = "currency_mismatch",
    /// A name that no account can have.
    InvalidAccount = "invalid_account",
    /// The debit account is the credit account.
    SameAccount = "same_account",
    /// The ledger has no such account and may not open it.
    UnknownAccount = "unknown_account",
    /// A character that no idempotency key may have.
    InvalidKey = "invalid_key",
    /// A card number stands where it must not be kept.
    CardNumber = "card_number",
    /// The key was used with other content.
    Conflict = "conflict",
}

impl Reason {
    /// The reason of a word, the inverse of [`Reason::as_str`].
    pub fn parse(word: &str) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_its_reason() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn other_words_are_no_reasons() {
        for word in ["", "Undecodable", "tombstone ", "unknown"] {
            assert_eq!(Reason::parse(word), None, "{word}");
        }
    }
}
