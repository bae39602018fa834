//! The `Idempotency-Key` header: quoted or bare, one key either way.
//!
//! What is no key is a bad request, with one exception: a card number in it is well-formed and
//! refused for what it is, as everywhere.

use axum::http::{HeaderMap, HeaderValue};
use semel_core::Text;
use semel_core::limits;
use semel_core::problem::Code;
use semel_core::reason::Reason;

use super::problem::{Field, Problem};

const HEADER: &str = "idempotency-key";
const POINTER: &str = "/idempotency_key";

/// The key of a request.
pub(super) fn from_headers(headers: &HeaderMap) -> Result<Text, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Err(bad("The Idempotency-Key header is missing"));
    };
    if values.next().is_some() {
        return Err(bad("There is more than one Idempotency-Key header"));
    }
    valid(unquoted(value)?)
}

/// The key that a query names, quoted or bare. One with a card number was never taken, so there is
/// nothing to find.
pub(super) fn from_query(text: &str) -> Result<Text, Problem> {
    bare(text).and_then(valid)
}

/// The key of an item of a batch, where it needs no quotes.
pub(super) fn valid(key: &str) -> Result<Text, Problem> {
    match limits::valid_key(key) {
        Ok(()) => Ok(Text::from(key)),
        Err(Reason::CardNumber) => {
            Err(Problem::invalid(vec![Field::new(POINTER, Reason::CardNumber.as_str())]))
        }
        Err(Reason::MissingField) => Err(bad("The idempotency key is empty")),
        Err(Reason::TooLong) => Err(bad("The idempotency key is longer than 255 characters")),
        Err(_) => Err(bad("The idempotency key has a character other than visible ASCII")),
    }
}

/// A request without a usable key.
pub(super) fn bad(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidKey, detail)
}

fn unquoted(value: &HeaderValue) -> Result<&str, Problem> {
    let Ok(text) = value.to_str() else {
        return Err(bad("The idempotency key has a character other than visible ASCII"));
    };
    bare(text.trim_matches([' ', '\t']))
}

fn bare(text: &str) -> Result<&str, Problem> {
    match (text.strip_prefix('"'), text.strip_suffix('"')) {
        (None, None) => Ok(text),
        (Some(_), Some(_)) if text.len() > 1 => Ok(&text[1..text.len() - 1]),
        _ => Err(bad("The idempotency key has one quote where there must be two or none")),
    }
}
