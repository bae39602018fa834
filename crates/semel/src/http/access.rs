//! Who may come in: API keys, each of one ledger and with its scopes.
//!
//! Only the SHA-256 of a key is known here. All keys are compared, each in constant time, so the
//! time of an answer tells nothing about them.
//! Deliberately absent: reading the configuration, and users.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use semel_core::chain::Hash;
use semel_core::problem::Code;
use subtle::ConstantTimeEq;

use super::problem::Problem;

/// The ledger of a server without API keys.
pub const MAIN: &str = "main";

/// Who may come in.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody, to everything in the ledger `main`. For loopback addresses only.
    Open,
    /// Whoever has one of these keys.
    Keys(Vec<ApiKey>),
}

/// An API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The id of the ledger that it opens.
    pub ledger: String,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// What it may be used for.
    pub scopes: Vec<Scope>,
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Pay and refund.
    PaymentsWrite,
    /// See payments and refunds.
    PaymentsRead,
    /// Open and close accounts.
    AccountsWrite,
    /// See accounts and their entries.
    AccountsRead,
    /// Follow the log of events.
    EventsRead,
    /// See dead letters.
    DeadLettersRead,
    /// Redrive and discard dead letters.
    DeadLettersWrite,
    /// See ingests and their counts.
    IngestsRead,
}

impl Scope {
    /// Every scope with its word, in the order of the enum.
    pub const TABLE: [(Scope, &'static str); 8] = [
        (Scope::PaymentsWrite, "payments:write"),
        (Scope::PaymentsRead, "payments:read"),
        (Scope::AccountsWrite, "accounts:write"),
        (Scope::AccountsRead, "accounts:read"),
        (Scope::EventsRead, "events:read"),
        (Scope::DeadLettersRead, "dead_letters:read"),
        (Scope::DeadLettersWrite, "dead_letters:write"),
        (Scope::IngestsRead, "ingests:read"),
    ];

    /// The scope that a word of the configuration stands for.
    pub fn parse(word: &str) -> Option<Scope> {
        Scope::TABLE.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// Whether it changes anything.
    pub(super) fn is_writing(self) -> bool {
        matches!(self, Scope::PaymentsWrite | Scope::AccountsWrite | Scope::DeadLettersWrite)
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        Scope::TABLE[self as usize].1
    }
}

impl Access {
    /// The ledgers that somebody may come into, each once.
    pub fn ledgers(&self) -> Vec<&str> {
        let mut ledgers = match self {
            Access::Open => vec![MAIN],
            Access::Keys(keys) => keys.iter().map(|key| key.ledger.as_str()).collect(),
        };
        ledgers.sort_unstable();
        ledgers.dedup();
        ledgers
    }

    /// The ledger that these headers open for `scope`.
    pub(super) fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<&str, Problem> {
        let keys = match self {
            Access::Open => return Ok(MAIN),
            Access::Keys(keys) => keys,
        };
        let token = bearer(headers).ok_or_else(|| {
            Problem::new(Code::Unauthorized, "The request has no `Authorization: Bearer` header")
        })?;
        let hash = Hash::of(token.as_bytes());
        // No early end: the time must not depend on which key it was.
        let mut found = None;
        for key in keys {
            if bool::from(key.sha256.ct_eq(&hash.0)) {
                found = Some(key);
            }
        }
        let key = found
            .ok_or_else(|| Problem::new(Code::Unauthorized, "The API key is not known here"))?;
        if !key.scopes.contains(&scope) {
            let detail = format!("The API key lacks the scope `{}`", scope.as_str());
            return Err(Problem::new(Code::Forbidden, detail));
        }
        Ok(&key.ledger)
    }
}

/// The one token of the one `Authorization` header (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    Some(token.trim()).filter(|token| one && !token.is_empty())
}
