//! Accounts: the log's running totals, and the limits that a movement has to respect.
//!
//! An account is named by the client's id and numbered by the seq of the event that opened it.
//! Totals only grow, but for pending ones, which shrink when a hold is captured or voided.
//! Deliberately absent: a stored balance. It is credits − debits.

use crate::Text;
use crate::event::{Event, Kind};
use crate::money::Currency;
use crate::payment::json_text;
use crate::render;
use alloc::format;
use alloc::string::String;
use core::fmt;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// How far an account's balance may fall below zero.
///
/// Written as `"none"`, `"unlimited"` or the limit in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overdraft {
    /// Not at all.
    #[default]
    None,
    /// As far as 64 bits go.
    Unlimited,
    /// Down to minus this many minor units; never negative.
    Limit(i64),
}

/// Why a payment was declined. In order of precedence: the first that applies is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decline {
    /// One of the accounts is closed.
    AccountClosed,
    /// The debit account's balance would fall below its overdraft, pending debits counted.
    InsufficientFunds,
    /// A total of one of the accounts would pass 64 bits, pending movements counted.
    BalanceLimit,
}

impl Decline {
    const TABLE: [(Decline, u8, &'static str); 3] = [
        (Decline::AccountClosed, 1, "account_closed"),
        (Decline::InsufficientFunds, 2, "insufficient_funds"),
        (Decline::BalanceLimit, 3, "balance_limit"),
    ];

    /// Why `amount` minor units may not go from `debit` to `credit`; `None`: they may.
    pub fn of(debit: &Account, credit: &Account, amount: i64) -> Option<Decline> {
        // The order of the enum is the precedence.
        debit.may_debit(amount).err().into_iter().chain(credit.may_credit(amount).err()).min()
    }

    /// The word that the outside sees.
    pub fn as_str(self) -> &'static str {
        Self::TABLE[self as usize].2
    }

    /// The number in an event's row.
    pub fn number(self) -> u8 {
        Self::TABLE[self as usize].1
    }

    /// The decline that a row's number stands for.
    pub fn from_number(number: u8) -> Option<Decline> {
        Self::TABLE.iter().find(|row| row.1 == number).map(|row| row.0)
    }
}

/// Running totals, in minor units, none negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Posted debits.
    pub debits: i64,
    /// Posted credits.
    pub credits: i64,
    /// Debits held, neither captured nor voided.
    pub pending_debits: i64,
    /// Credits held, neither captured nor voided.
    pub pending_credits: i64,
}

impl Totals {
    /// Posted credits − posted debits.
    pub fn balance(&self) -> i128 {
        i128::from(self.credits) - i128::from(self.debits)
    }
}

/// An account as its events have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The seq of the event that opened it.
    pub no: u64,
    /// The client's name for it.
    pub id: Text,
    /// The currency of every movement.
    pub currency: Currency,
    /// How far it may be overdrawn.
    pub overdraft: Overdraft,
    /// A closed account takes no new movement.
    pub closed: bool,
    /// What its events add up to.
    pub totals: Totals,
    /// The seq of its last event.
    pub last_seq: u64,
}

impl Account {
    /// A new account, opened by the event numbered `no`.
    pub fn open(no: u64, id: Text, currency: Currency, overdraft: Overdraft) -> Account {
        let totals = Totals::default();
        Account { no, id, currency, overdraft, closed: false, totals, last_seq: no }
    }

    /// The account that `event` opened; `None` when it opened none that Semel could have written.
    pub fn opened(event: &Event) -> Option<Account> {
        let extra = event.extra.as_deref().filter(|_| event.kind == Kind::AccountOpened)?;
        let Properties { id, overdraft } = serde_json::from_str(extra).ok()?;
        let account = Account::open(event.seq, id.into(), event.currency, overdraft);
        (*account.properties() == *extra).then_some(account)
    }

    /// What the row of its opening keeps in `extra`, in canonical form.
    pub fn properties(&self) -> Text {
        let (id, overdraft) = (json_text(&self.id), render::overdraft(self.overdraft));
        format!(r#"{{"id":{id},"overdraft":{overdraft}}}"#).into()
    }

    /// Whether `amount` minor units may be debited, now or held.
    pub fn may_debit(&self, amount: i64) -> Result<(), Decline> {
        let left = self.totals.balance() - i128::from(self.totals.pending_debits);
        match self.overdraft {
            _ if self.closed => Err(Decline::AccountClosed),
            Overdraft::None if left < i128::from(amount) => Err(Decline::InsufficientFunds),
            Overdraft::Limit(limit) if left + i128::from(limit) < i128::from(amount) => {
                Err(Decline::InsufficientFunds)
            }
            _ => fits(self.totals.debits, self.totals.pending_debits, amount),
        }
    }

    /// Whether `amount` minor units may be credited, now or held.
    pub fn may_credit(&self, amount: i64) -> Result<(), Decline> {
        match self.closed {
            true => Err(Decline::AccountClosed),
            false => fits(self.totals.credits, self.totals.pending_credits, amount),
        }
    }

    /// Whether the balance keeps its limit, pending debits counted. Holds after every event.
    pub fn within_limits(&self) -> bool {
        let Totals { debits, credits, pending_debits, pending_credits } = self.totals;
        let left = self.totals.balance() - i128::from(pending_debits);
        let overdrawn = match self.overdraft {
            Overdraft::None => left < 0,
            Overdraft::Limit(limit) => left < -i128::from(limit),
            Overdraft::Unlimited => false,
        };
        !overdrawn && [debits, credits, pending_debits, pending_credits].iter().all(|sum| *sum >= 0)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Properties {
    id: String,
    overdraft: Overdraft,
}

fn fits(posted: i64, pending: i64, amount: i64) -> Result<(), Decline> {
    let sum = i128::from(posted) + i128::from(pending) + i128::from(amount);
    if sum > i128::from(i64::MAX) { Err(Decline::BalanceLimit) } else { Ok(()) }
}

impl Serialize for Overdraft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Overdraft::None => serializer.serialize_str("none"),
            Overdraft::Unlimited => serializer.serialize_str("unlimited"),
            Overdraft::Limit(minor) => serializer.serialize_i64(*minor),
        }
    }
}

impl<'de> Deserialize<'de> for Overdraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Overdraft, D::Error> {
        deserializer.deserialize_any(OverdraftVisitor)
    }
}

struct OverdraftVisitor;

impl Visitor<'_> for OverdraftVisitor {
    type Value = Overdraft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"none\", \"unlimited\" or minor units, not negative")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Overdraft, E> {
        match word {
            "none" => Ok(Overdraft::None),
            "unlimited" => Ok(Overdraft::Unlimited),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_i64<E: Error>(self, minor: i64) -> Result<Overdraft, E> {
        if minor < 0 {
            return Err(E::invalid_value(serde::de::Unexpected::Signed(minor), &self));
        }
        Ok(Overdraft::Limit(minor))
    }

    fn visit_u64<E: Error>(self, minor: u64) -> Result<Overdraft, E> {
        let too_large = |_| E::invalid_value(serde::de::Unexpected::Unsigned(minor), &self);
        i64::try_from(minor).map(Overdraft::Limit).map_err(too_large)
    }
}
