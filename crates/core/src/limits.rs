//! The limits of text that clients choose: keys, account names, descriptions, metadata.
//!
//! Every door asks these functions, so a key that one door takes is a key at all of them. None of
//! these texts may hold a card number; of several reasons that one is told first.

#[cfg(test)]
mod tests;

use alloc::string::String;

use uuid::fmt::Hyphenated;

use crate::card::contains_card_number;
use crate::json::Json;
use crate::reason::Reason;

/// Longest idempotency key, in bytes (all of them ASCII).
pub const MAX_KEY_BYTES: usize = 255;

/// Longest account id, in bytes (all of them ASCII).
pub const MAX_ACCOUNT_BYTES: usize = 64;

/// Longest description, in characters (Unicode scalar values).
pub const MAX_DESCRIPTION_CHARS: usize = 1024;

/// Longest metadata, in bytes of its canonical text.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// An idempotency key: 1 to 255 visible ASCII characters without the double quote, which HTTP may
/// write around it.
///
/// A key that a machine made is not searched for card numbers: one random UUID in some 75,000 looks
/// as if it held one.
pub fn valid_key(key: &str) -> Result<(), Reason> {
    if !is_machine_made(key) {
        without_card_number(key)?;
    }
    within(key, MAX_KEY_BYTES)?;
    let valid = key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if valid { Ok(()) } else { Err(Reason::InvalidKey) }
}

/// A UUID (RFC 9562, section 4), or at least 32 hexadecimal digits without a break, letters among
/// them.
fn is_machine_made(key: &str) -> bool {
    let letters = key.bytes().any(|byte| byte.is_ascii_alphabetic());
    let long = key.len() >= 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    letters && (long || key.parse::<Hyphenated>().is_ok())
}

/// An account id: 1 to 64 visible ASCII characters, and not `.` or `..`, which a URL's path would
/// swallow.
pub fn valid_account(id: &str) -> Result<(), Reason> {
    without_card_number(id)?;
    within(id, MAX_ACCOUNT_BYTES)?;
    let valid = id.bytes().all(|byte| byte.is_ascii_graphic()) && id != "." && id != "..";
    if valid { Ok(()) } else { Err(Reason::InvalidAccount) }
}

/// A description: up to 1,024 characters, any of them.
pub fn valid_description(text: &str) -> Result<(), Reason> {
    without_card_number(text)?;
    // Bytes are at least as many as characters, and free to count.
    let short = text.len() <= MAX_DESCRIPTION_CHARS;
    if short || text.chars().count() <= MAX_DESCRIPTION_CHARS {
        Ok(())
    } else {
        Err(Reason::TooLong)
    }
}

/// Metadata in its canonical form, in which it is stored and compared; None for `null` and `{}`.
///
/// Anything but an object is of the wrong type, and so that equal metadata has one form, no object
/// in it may have a name twice. Strings, names and number tokens are searched for card numbers.
pub fn canonical_metadata(json: &Json<'_>) -> Result<Option<String>, Reason> {
    match json {
        Json::Null => return Ok(None),
        Json::Object(members) if members.is_empty() => return Ok(None),
        Json::Object(_) => {}
        _ => return Err(Reason::WrongType),
    }
    if json.duplicate_name().is_some() {
        return Err(Reason::DuplicateField);
    }
    if holds_card_number(json) {
        return Err(Reason::CardNumber);
    }
    let mut canonical = String::new();
    json.canonical(&mut canonical);
    if canonical.len() <= MAX_METADATA_BYTES { Ok(Some(canonical)) } else { Err(Reason::TooLong) }
}

fn holds_card_number(json: &Json<'_>) -> bool {
    match json {
        Json::Null | Json::Bool(_) => false,
        Json::Number(token) => contains_card_number(token),
        Json::Text(text) => contains_card_number(text),
        Json::Array(elements) => elements.iter().any(holds_card_number),
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| contains_card_number(name) || holds_card_number(value)),
    }
}

fn without_card_number(text: &str) -> Result<(), Reason> {
    if contains_card_number(text) { Err(Reason::CardNumber) } else { Ok(()) }
}

fn within(text: &str, limit: usize) -> Result<(), Reason> {
    match text.chars().count() {
        0 => Err(Reason::MissingField),
        count if count > limit => Err(Reason::TooLong),
        _ => Ok(()),
    }
}
