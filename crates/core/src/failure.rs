//! The four classes of failure: four, because there are four reactions, each taken in one place.
//!
//! What a customer may see (a declined payment, a refused request) is an outcome, not a failure.

use crate::problem::Code;
use alloc::string::String;
use core::fmt;

/// Why a step did not commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing happened: back off, claim again. Says why, for the log.
    Retryable(String),
    /// It may have happened: claim again, the cursor (or the key) answers. Says why, for the log.
    Unknown(String),
    /// Somebody newer owns the source: wait until their deadline passes, then compete again.
    Fenced,
    /// This process cannot go on: stop loudly.
    Permanent(Stop),
}

/// A named stop: its page in `docs/errors` tells the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The name.
    pub code: Code,
    /// What was seen, for the person who has to act.
    pub detail: String,
}

impl Stop {
    /// A stop named `code`, with what was seen.
    pub fn new(code: Code, detail: impl Into<String>) -> Stop {
        Stop { code, detail: detail.into() }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure::Permanent(stop)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.code.title(), self.detail)
    }
}

impl core::error::Error for Stop {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Retryable(why) => write!(f, "nothing happened: {why}"),
            Failure::Unknown(why) => write!(f, "outcome unknown: {why}"),
            Failure::Fenced => f.write_str("fenced: somebody newer owns the source"),
            Failure::Permanent(stop) => stop.fmt(f),
        }
    }
}

impl core::error::Error for Failure {}
