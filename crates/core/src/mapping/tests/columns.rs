//! What becomes of CSV records: the same mapping, but every value is text.

use alloc::string::String;
use alloc::vec::Vec;

use super::{shop, shop_with};
use crate::mapping::{Decoded, Mapping, Rejection, decode_columns};
use crate::reason::Reason;

/// A row of the shop: each cell as it is, or as the test has it.
fn decode_row(mapping: &Mapping, column: &str, cell: &str) -> Result<Decoded, Rejection> {
    let usual = [
        ("orderId", "o-1"),
        ("amount", "12.34"),
        ("currency", "USD"),
        ("userId", "7"),
        ("note", "two tickets"),
        ("meta", r#"{"b":2,"a":1}"#),
    ];
    let row: Vec<_> = usual
        .iter()
        .map(|&(name, usual)| (name, if name == column { cell } else { usual }))
        .collect();
    decode_columns(mapping, &|name| {
        row.iter().find(|(column, _)| *column == name).map(|(_, cell)| *cell)
    })
}

#[test]
fn a_row_becomes_a_payment() {
    let decoded = decode_row(&shop(), "", "").unwrap();
    assert_eq!(decoded.idempotency_key, "o-1");
    assert_eq!((decoded.amount.minor(), decoded.currency.code()), (1_234, "USD"));
    assert_eq!(decoded.debit_account, "customer:7");
    assert_eq!(decoded.credit_account, "merchant:shop");
    assert_eq!(decoded.description.as_deref(), Some("two tickets"));
    assert_eq!(decoded.metadata.as_deref(), Some(r#"{"a":1,"b":2}"#));
}

#[rustfmt::skip]
const CELLS: &[(&str, &str, Option<Reason>)] = &[
    ("orderId",  "",                 Some(Reason::MissingField)),
    ("orderId",  "4.0",              None),
    ("orderId",  "null",             None),
    ("orderId",  "a b",              Some(Reason::InvalidKey)),
    ("amount",   "1e2",              None),
    ("amount",   "",                 Some(Reason::WrongType)),
    ("amount",   " 1",               Some(Reason::WrongType)),
    ("amount",   "012.34",           Some(Reason::WrongType)),
    ("amount",   "12.345",           Some(Reason::AmountInexact)),
    ("amount",   "-1",               Some(Reason::AmountNotPositive)),
    ("currency", "",                 Some(Reason::UnknownCurrency)),
    ("currency", "usd",              Some(Reason::UnknownCurrency)),
    ("userId",   "",                 Some(Reason::MissingField)),
    ("userId",   "4111111111111111", Some(Reason::CardNumber)),
    ("note",     "",                 None),
    ("note",     "7",                None),
    ("note",     "4111111111111111", Some(Reason::CardNumber)),
    ("meta",     "",                 None),
    ("meta",     "null",             None),
    ("meta",     "text",             Some(Reason::WrongType)),
    ("meta",     "[]",               Some(Reason::WrongType)),
    ("meta",     r#"{"a":1,"a":2}"#, Some(Reason::DuplicateField)),
];

#[test]
fn cells() {
    for &(column, cell, expected) in CELLS {
        let decoded = decode_row(&shop(), column, cell);
        assert_eq!(decoded.err().map(|rejection| rejection.reason), expected, "{column}: {cell}");
    }
}

#[test]
fn an_empty_cell_of_an_optional_field_is_absent() {
    let (note, meta) = (decode_row(&shop(), "note", ""), decode_row(&shop(), "meta", ""));
    assert_eq!(note.map(|decoded| decoded.description), Ok(None));
    assert_eq!(meta.map(|decoded| decoded.metadata), Ok(None));
}

/// A source for the debit account, and what it reads from a row with the columns `a/b` and `~`.
#[rustfmt::skip]
const POINTERS: &[(&str, Result<&str, Reason>)] = &[
    (r#"{ at = "/a~1b" }"#,  Ok("slash")),
    (r#"{ at = "/~0" }"#,    Ok("tilde")),
    (r#"{ at = "/" }"#,      Ok("nameless")),
    (r#"{ at = "/A~1b" }"#,  Err(Reason::MissingField)),
    (r#"{ at = "/a/b" }"#,   Err(Reason::MissingField)),
    (r#"{ at = "" }"#,       Err(Reason::MissingField)),
    (r#"{ header = "~" }"#,  Err(Reason::MissingField)),
];

#[test]
fn a_pointer_of_one_segment_names_a_column() {
    for &(source, expected) in POINTERS {
        let mapping = shop_with("debit_account", source).unwrap();
        let decoded = decode_columns(&mapping, &|name| match name {
            "a/b" => Some("slash"),
            "~" => Some("tilde"),
            "" => Some("nameless"),
            "amount" => Some("1"),
            "currency" => Some("USD"),
            "orderId" => Some("o-1"),
            _ => None,
        });
        let account = decoded.map(|decoded| decoded.debit_account);
        let account = account.map_err(|rejection| rejection.reason);
        assert_eq!(account, expected.map(String::from), "{source}");
    }
}
