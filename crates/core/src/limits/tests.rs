//! Limits by tables: one case a line, the expected outcome last.

use alloc::format;

use super::*;
use crate::json;

const CARD: &str = "4111111111111111";

#[rustfmt::skip]
const KEYS: &[(&str, usize, Result<(), Reason>)] = &[
    ("k",       1,   Ok(())),
    ("k",       255, Ok(())),
    ("k",       256, Err(Reason::TooLong)),
    ("!#$%&'~", 1,   Ok(())),
    ("a\\b",    1,   Ok(())),
    ("",        1,   Err(Reason::MissingField)),
    ("a\"b",    1,   Err(Reason::InvalidKey)),
    ("a b",     1,   Err(Reason::InvalidKey)),
    ("a\tb",    1,   Err(Reason::InvalidKey)),
    ("a\x7fb",  1,   Err(Reason::InvalidKey)),
    ("é",       1,   Err(Reason::InvalidKey)),
    // Characters are counted, so 255 letters of two bytes are not too long but still no key.
    ("é",       255, Err(Reason::InvalidKey)),
    ("é",       256, Err(Reason::TooLong)),
    (CARD,      1,   Err(Reason::CardNumber)),
    ("4111 1111 1111 1111", 1, Err(Reason::CardNumber)),
    ("4111 1111 1111 1111x", 20, Err(Reason::CardNumber)),
];

#[test]
fn keys() {
    for &(text, times, expected) in KEYS {
        assert_eq!(valid_key(&text.repeat(times)), expected, "{text} × {times}");
    }
}

#[rustfmt::skip]
const ACCOUNTS: &[(&str, usize, Result<(), Reason>)] = &[
    ("customer:1", 1,  Ok(())),
    ("a",          64, Ok(())),
    ("a",          65, Err(Reason::TooLong)),
    ("/%?#\"\\",   1,  Ok(())),
    ("...",        1,  Ok(())),
    (".a",         1,  Ok(())),
    ("",           1,  Err(Reason::MissingField)),
    (".",          1,  Err(Reason::InvalidAccount)),
    ("..",         1,  Err(Reason::InvalidAccount)),
    ("a b",        1,  Err(Reason::InvalidAccount)),
    ("a\n",        1,  Err(Reason::InvalidAccount)),
    ("ä",          1,  Err(Reason::InvalidAccount)),
    ("ä",          65, Err(Reason::TooLong)),
    (CARD,         1,  Err(Reason::CardNumber)),
];

#[test]
fn accounts() {
    for &(text, times, expected) in ACCOUNTS {
        assert_eq!(valid_account(&text.repeat(times)), expected, "{text} × {times}");
    }
}

#[rustfmt::skip]
const DESCRIPTIONS: &[(&str, usize, Result<(), Reason>)] = &[
    ("",             1,     Ok(())),
    ("any \"\n\0 é", 1,     Ok(())),
    ("x",            1_024, Ok(())),
    ("𝄞",            1_024, Ok(())),
    ("x",            1_025, Err(Reason::TooLong)),
    ("𝄞",            1_025, Err(Reason::TooLong)),
    (CARD,           1,     Err(Reason::CardNumber)),
];

#[test]
fn descriptions() {
    for &(text, times, expected) in DESCRIPTIONS {
        assert_eq!(valid_description(&text.repeat(times)), expected, "{text} × {times}");
    }
}

#[rustfmt::skip]
const METADATA: &[(&str, Result<Option<&str>, Reason>)] = &[
    ("null",                                Ok(None)),
    ("{}",                                  Ok(None)),
    (" { } ",                               Ok(None)),
    (r#"{"b": [1.0], "a": "\u0041"}"#,      Ok(Some(r#"{"a":"A","b":[1.0]}"#))),
    (r#"{"a": {}}"#,                        Ok(Some(r#"{"a":{}}"#))),
    ("[]",                                  Err(Reason::WrongType)),
    ("1",                                   Err(Reason::WrongType)),
    ("true",                                Err(Reason::WrongType)),
    (r#""{}""#,                             Err(Reason::WrongType)),
    (r#"{"a": 1, "a": 1}"#,                 Err(Reason::DuplicateField)),
    (r#"{"x": [{"a": 1, "\u0061": 2}]}"#,   Err(Reason::DuplicateField)),
    (r#"{"x": "4111111111111111"}"#,        Err(Reason::CardNumber)),
    (r#"{"x": "\u0001\u0034111 1111 1111 1111"}"#, Err(Reason::CardNumber)),
    (r#"{"x": [{"y": 4111111111111111}]}"#, Err(Reason::CardNumber)),
    (r#"{"x": -4111111111111111.0}"#,       Err(Reason::CardNumber)),
    (r#"{"4111-1111-1111-1111": 1}"#,       Err(Reason::CardNumber)),
    // Neighbours in the text are no neighbours in a number.
    ("[4111,1111,1111,1111]",               Err(Reason::WrongType)),
    (r#"{"x":[4111,1111,1111,1111]}"#,      Ok(Some(r#"{"x":[4111,1111,1111,1111]}"#))),
];

#[test]
fn metadata() {
    for &(text, expected) in METADATA {
        let json = json::parse(text.as_bytes()).unwrap();
        assert_eq!(
            canonical_metadata(&json),
            expected.map(|some| some.map(String::from)),
            "{text}"
        );
    }
}

/// The canonical text is measured, not what was sent.
#[rustfmt::skip]
const METADATA_SIZES: &[(usize, &str, Result<(), Reason>)] = &[
    (MAX_METADATA_BYTES - 8,     "",   Ok(())),
    (MAX_METADATA_BYTES - 8,     "  ", Ok(())),
    (MAX_METADATA_BYTES - 7,     "",   Err(Reason::TooLong)),
];

#[test]
fn metadata_sizes() {
    for &(length, space, expected) in METADATA_SIZES {
        let text = format!("{{{space}\"a\":\"{}\"}}", "x".repeat(length));
        let json = json::parse(text.as_bytes()).unwrap();
        assert_eq!(canonical_metadata(&json).map(|_| ()), expected, "{length}");
    }
}

#[test]
fn keys_that_machines_make_are_not_searched_for_card_numbers() {
    for (key, verdict) in [
        ("4111111111111111", Err(Reason::CardNumber)),
        ("order-4111-1111-1111-1111", Err(Reason::CardNumber)),
        ("8e034111-1111-4111-1111-6894a57f9324", Ok(())),
        ("8e03411111111111111189abcdef0123", Ok(())),
        // Digits alone are no sign of a machine, nor is anything that is not hexadecimal.
        ("41111111111111110000000000000000", Ok(())),
        ("00000000-4111-1111-1111-1111-00000000", Err(Reason::CardNumber)),
        // Hyphens where no UUID has them.
        ("4111-1111-1111-1111-abcdefabcdefabcd", Err(Reason::CardNumber)),
        ("8e034111-1111-4111-1111-6894a57f932x4111111111111111", Err(Reason::CardNumber)),
    ] {
        assert_eq!(valid_key(key), verdict, "{key}");
    }
}
