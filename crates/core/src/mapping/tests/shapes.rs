//! What a configuration may say of a mapping, and how it is told of a mistake.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::{SHOP, shop, shop_with};
use crate::account::Overdraft;
use crate::json::Pointer;
use crate::mapping::{Field, From, Mapping, OpenAccounts, RecordPart, Unit};

fn field(from: From) -> Field {
    Field { from, prefix: String::new() }
}

fn at(pointer: &str) -> From {
    From::At(Pointer::parse(pointer).unwrap())
}

#[test]
fn each_source_is_read() {
    let mapping: Mapping = toml::from_str(
        r#"
        idempotency_key = { record = "position" }
        amount = { header = "amount", unit = "minor" }
        currency = { value = "USD" }
        debit_account = { record = "key", prefix = "customer:" }
        credit_account = { at = "/a~1b/0" }
        open_accounts = { debit = "unlimited", credit = 5000 }
        "#,
    )
    .unwrap();
    assert_eq!(mapping.idempotency_key, field(From::Record(RecordPart::Position)));
    assert_eq!(mapping.amount.field, field(From::Header("amount".into())));
    assert_eq!(mapping.amount.unit, Unit::Minor);
    assert_eq!(mapping.currency, field(From::Value("USD".into())));
    assert_eq!(mapping.debit_account.from, From::Record(RecordPart::Key));
    assert_eq!(mapping.debit_account.prefix, "customer:");
    assert_eq!(mapping.credit_account, field(at("/a~1b/0")));
    assert_eq!((mapping.description, mapping.metadata), (None, None));
    let overdrafts = (mapping.open_accounts.debit, mapping.open_accounts.credit);
    assert_eq!(overdrafts, (Some(Overdraft::Unlimited), Some(Overdraft::Limit(5_000))));
}

#[test]
fn a_mapping_can_stand_among_the_settings_of_an_ingest() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Ingest {
        name: String,
        #[serde(flatten)]
        mapping: Mapping,
    }
    let ingest: Ingest = toml::from_str(&["name = \"shop\"\n", SHOP].concat()).unwrap();
    assert_eq!((ingest.name.as_str(), ingest.mapping), ("shop", shop()));
    let mistaken = toml::from_str::<Ingest>(&["name = \"shop\"\ntopik = 1\n", SHOP].concat());
    assert!(mistaken.is_err_and(|error| error.message().contains("topik")));
}

/// A field, its source, and words that the error must have; none if it is no mistake.
#[rustfmt::skip]
const SOURCES: &[(&str, &str, &[&str])] = &[
    ("description",     r#""#,                                     &[]),
    ("metadata",        r#""#,                                     &[]),
    ("description",     r#"{ header = "note", prefix = "" }"#,     &[]),
    ("currency",        r#"{ at = "" }"#,                          &[]),
    ("idempotency_key", r#""#,                                     &["field `idempotency_key`"]),
    ("amount",          r#""#,                                     &["field `amount`"]),
    ("credit_account",  r#""#,                                     &["field `credit_account`"]),
    ("idempotency_key", r#"{}"#,                                   &["idempotency_key", "one of"]),
    ("currency",        r#"{ prefix = "x" }"#,                     &["currency", "one of"]),
    ("debit_account",   r#"{ at = "/a", value = "b" }"#,           &["debit_account", "one of"]),
    ("description",     r#"{ header = "a", record = "key" }"#,     &["description", "one of"]),
    ("currency",        r#"{ at = "currency" }"#,                  &["`currency`", "RFC 6901"]),
    ("currency",        r#"{ at = "/a~2" }"#,                      &["`/a~2`", "RFC 6901"]),
    ("currency",        r#"{ at = "/a", unit = "major" }"#,        &["currency", "`unit`"]),
    ("currency",        r#"{ at = "/a", default = "USD" }"#,       &["unknown field `default`"]),
    ("currency",        r#""USD""#,                                &["expected struct"]),
    ("currency",        r#"{ value = 840 }"#,                      &["expected a string"]),
    ("debit_account",   r#"{ record = "offset" }"#,                &["variant `offset`", "`key`"]),
    ("amount",          r#"{ at = "/amount" }"#,                   &["amount", "`unit`"]),
    ("amount",          r#"{ unit = "minor" }"#,                   &["amount", "one of"]),
    ("amount",          r#"{ at = "/amount", unit = "cents" }"#,   &["variant `cents`", "`major`"]),
    ("amount",          r#"{ at = "/a", unit = "minor", prefix = "1" }"#, &["amount", "`prefix`"]),
    ("metadata",        r#"{ at = "/m", prefix = "{" }"#,          &["metadata", "`prefix`"]),
    ("note",            r#"{ at = "/note" }"#,                     &["unknown field `note`"]),
    ("open_accounts",   r#"{}"#,                                   &[]),
    ("open_accounts",   r#"{ debit = "none", credit = 0 }"#,       &[]),
    ("open_accounts",   r#"{ debit = "some" }"#,                   &["\"some\"", "\"unlimited\""]),
    ("open_accounts",   r#"{ debit = -1 }"#,                       &["-1", "not negative"]),
    ("open_accounts",   r#"{ debit = 1.5 }"#,                      &["1.5", "minor units"]),
    ("open_accounts",   r#"{ fees = "none" }"#,                    &["unknown field `fees`"]),
];

#[test]
fn mistakes_are_told_with_the_name_of_the_field() {
    for &(field, source, words) in SOURCES {
        let told = shop_with(field, source).err();
        assert_eq!(told.is_some(), !words.is_empty(), "{field} = {source}: {told:?}");
        for word in words {
            let told = told.as_deref().unwrap_or_default();
            assert!(told.contains(word), "{field} = {source}: {word} is not in: {told}");
        }
    }
}

#[test]
fn accounts_are_not_opened_unless_it_is_said() {
    assert_eq!(shop().open_accounts, OpenAccounts { debit: None, credit: None });
}

/// A field, its source, whether a file has it, whether a CSV file has it.
#[rustfmt::skip]
const FILES: &[(&str, &str, bool, bool)] = &[
    ("debit_account",   r#"{ at = "/userId" }"#,                 true,  true),
    ("debit_account",   r#"{ at = "/a~1b" }"#,                   true,  true),
    ("debit_account",   r#"{ at = "/" }"#,                       true,  true),
    ("debit_account",   r#"{ value = "a" }"#,                    true,  true),
    ("debit_account",   r#"{ at = "/user/id" }"#,                true,  false),
    ("metadata",        r#"{ at = "" }"#,                        true,  false),
    ("description",     r#"{ header = "note" }"#,                false, false),
    ("amount",          r#"{ header = "amount", unit = "minor" }"#, false, false),
    ("idempotency_key", r#"{ record = "key" }"#,                 false, false),
    ("idempotency_key", r#"{ record = "position" }"#,            false, false),
];

#[test]
fn files_have_neither_headers_nor_records_and_csv_has_only_columns() {
    for &(field, source, file, columns) in FILES {
        let mapping = shop_with(field, source).unwrap();
        assert_eq!(mapping.for_file().is_ok(), file, "{field} = {source}");
        assert_eq!(mapping.for_columns().is_ok(), columns, "{field} = {source}");
        let told = mapping.for_columns().err().unwrap_or_default();
        assert!(columns || told.starts_with(field), "{told}");
    }
}

#[test]
fn columns_are_named_in_mapping_order() {
    let mapping = shop_with("metadata", r#"{ at = "/a~1b" }"#).unwrap();
    let columns: Vec<_> = mapping.columns().collect();
    assert_eq!(columns, ["orderId", "amount", "currency", "userId", "note", "a/b"]);
}
