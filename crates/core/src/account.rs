//! Accounts.

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
