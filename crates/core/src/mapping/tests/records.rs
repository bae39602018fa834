//! What becomes of records: the fields of a payment, or one reason.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{shop, shop_with};
use crate::card::contains_card_number;
use crate::mapping::{Decoded, Mapping, Record, Rejection, decode};
use crate::money::{Amount, Currency};
use crate::reason::Reason;

fn record(value: &[u8]) -> Record<'_> {
    Record { value: Some(value), key: None, headers: &[], position: "topic/0/7" }
}

/// A message of the shop: each member as it is, or as the test has it; `-` leaves it out.
fn message(member: &str, value: &str) -> String {
    let usual = [
        ("orderId", r#""o-1""#),
        ("amount", "12.34"),
        ("currency", r#""USD""#),
        ("userId", "7"),
        ("note", r#""two tickets""#),
        ("meta", r#"{"b":2,"a":1}"#),
        ("unmapped", r#"[{"x":null}]"#),
    ];
    let members: Vec<_> = usual
        .iter()
        .map(|&(name, usual)| (name, if name == member { value } else { usual }))
        .filter(|&(_, value)| value != "-")
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn decode_message(mapping: &Mapping, text: &str) -> Result<Decoded, Rejection> {
    decode(mapping, &record(text.as_bytes()))
}

#[test]
fn a_message_becomes_a_payment() {
    let decoded = decode_message(&shop(), &message("", ""));
    let expected = Decoded {
        idempotency_key: "o-1".into(),
        amount: Amount::new(1_234).unwrap(),
        currency: Currency::parse("USD").unwrap(),
        debit_account: "customer:7".into(),
        credit_account: "merchant:shop".into(),
        description: Some("two tickets".into()),
        metadata: Some(r#"{"a":1,"b":2}"#.into()),
    };
    assert_eq!(decoded, Ok(expected));
}

#[rustfmt::skip]
const VALUES: &[(Option<&[u8]>, Reason)] = &[
    (None,                             Reason::Tombstone),
    (Some(b""),                        Reason::Empty),
    (Some(b" "),                       Reason::Undecodable),
    (Some(b"\xff"),                    Reason::Undecodable),
    (Some(b"{"),                       Reason::Undecodable),
    (Some(b"{} {}"),                   Reason::Undecodable),
    (Some(b"\xef\xbb\xbf{}"),          Reason::Undecodable),
    (Some(b"[]"),                      Reason::Undecodable),
    (Some(b"null"),                    Reason::Undecodable),
    (Some(b"\"text\""),                Reason::Undecodable),
    (Some(br#"{"x":"\ud800"}"#),       Reason::Undecodable),
    (Some(b"{}"),                      Reason::MissingField),
];

#[test]
fn values_that_hold_no_message() {
    for &(value, expected) in VALUES {
        let rejection = decode(&shop(), &Record { value, ..record(b"") }).unwrap_err();
        assert_eq!(rejection.reason, expected, "{value:?}");
    }
}

#[test]
fn a_part_that_nobody_maps_must_still_be_json() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // The message itself is the first of the 128 levels.
    assert!(decode_message(&shop(), &message("unmapped", &nested(127))).is_ok());
    for (unmapped, why) in
        [(nested(128).as_str(), "128"), (r#""\udc00""#, "surrogate"), ("01", "JSON")]
    {
        let rejection = decode_message(&shop(), &message("unmapped", unmapped)).unwrap_err();
        assert_eq!(rejection.reason, Reason::Undecodable, "{unmapped}");
        assert!(rejection.detail.contains(why), "{}", rejection.detail);
    }
}

/// A member of the message, its value, and what is read; the member's field as text.
#[rustfmt::skip]
const MEMBERS: &[(&str, &str, Result<&str, Reason>)] = &[
    ("orderId",  r#""a""#,                 Ok("a")),
    ("orderId",  "42",                     Ok("42")),
    ("orderId",  "-0",                     Ok("-0")),
    ("orderId",  "123456789012345678901",  Ok("123456789012345678901")),
    ("orderId",  r#""\u0041""#,            Ok("A")),
    ("orderId",  "-",                      Err(Reason::MissingField)),
    ("orderId",  r#""""#,                  Err(Reason::MissingField)),
    ("orderId",  "4.0",                    Err(Reason::WrongType)),
    ("orderId",  "4e1",                    Err(Reason::WrongType)),
    ("orderId",  "null",                   Err(Reason::WrongType)),
    ("orderId",  "true",                   Err(Reason::WrongType)),
    ("orderId",  "[1]",                    Err(Reason::WrongType)),
    ("orderId",  "{}",                     Err(Reason::WrongType)),
    ("orderId",  r#""a b""#,               Err(Reason::InvalidKey)),
    ("orderId",  r#""a\"b""#,              Err(Reason::InvalidKey)),
    ("orderId",  r#""é""#,                 Err(Reason::InvalidKey)),
    ("orderId",  r#"1,"orderId":2"#,       Err(Reason::DuplicateField)),
    ("orderId",  r#"1,"orderI\u0064":1"#,  Err(Reason::DuplicateField)),
    ("orderId",  r#""4111111111111111""#,  Err(Reason::CardNumber)),
    ("orderId",  "4111111111111111",       Err(Reason::CardNumber)),

    ("amount",   "12.34",                  Ok("1234")),
    ("amount",   r#""12.34""#,             Ok("1234")),
    ("amount",   "1e2",                    Ok("10000")),
    ("amount",   "90071992547409.93",      Ok("9007199254740993")),
    ("amount",   "-",                      Err(Reason::MissingField)),
    ("amount",   "null",                   Err(Reason::WrongType)),
    ("amount",   "true",                   Err(Reason::WrongType)),
    ("amount",   "{}",                     Err(Reason::WrongType)),
    ("amount",   r#""""#,                  Err(Reason::WrongType)),
    ("amount",   r#""012.34""#,            Err(Reason::WrongType)),
    ("amount",   r#""1,000.00""#,          Err(Reason::WrongType)),
    ("amount",   "12.345",                 Err(Reason::AmountInexact)),
    ("amount",   "0.00",                   Err(Reason::AmountNotPositive)),
    ("amount",   "-5",                     Err(Reason::AmountNotPositive)),
    ("amount",   "1e16",                   Err(Reason::AmountTooLarge)),
    ("amount",   r#"1,"amount":1"#,        Err(Reason::DuplicateField)),
    // An amount is no text: this one is 41 trillion, not a card.
    ("amount",   "41111111111111.11",      Ok("4111111111111111")),
    ("amount",   r#""411111111111111""#,   Ok("41111111111111100")),

    ("currency", r#""JPY""#,               Err(Reason::AmountInexact)),
    ("currency", r#""KWD""#,               Ok("KWD")),
    ("currency", "-",                      Err(Reason::MissingField)),
    ("currency", r#""usd""#,               Err(Reason::UnknownCurrency)),
    ("currency", r#""XAU""#,               Err(Reason::UnknownCurrency)),
    ("currency", r#""""#,                  Err(Reason::UnknownCurrency)),
    ("currency", "840",                    Err(Reason::WrongType)),
    ("currency", "null",                   Err(Reason::WrongType)),
    ("currency", r#""4111111111111111""#,  Err(Reason::CardNumber)),

    ("userId",   r#""x""#,                 Ok("customer:x")),
    ("userId",   r#"".""#,                 Ok("customer:.")),
    ("userId",   r#""""#,                  Err(Reason::MissingField)),
    ("userId",   "null",                   Err(Reason::WrongType)),
    ("userId",   r#""x y""#,               Err(Reason::InvalidAccount)),
    ("userId",   r#""4111-1111-1111-1111""#, Err(Reason::CardNumber)),

    ("note",     r#""""#,                  Ok("")),
    ("note",     r#""a\nb""#,              Ok("a\nb")),
    ("note",     "null",                   Ok("(none)")),
    ("note",     "-",                      Ok("(none)")),
    ("note",     "7",                      Err(Reason::WrongType)),
    ("note",     "false",                  Err(Reason::WrongType)),
    ("note",     r#""my 4111 1111 1111 1111""#, Err(Reason::CardNumber)),

    ("meta",     r#"{"z":[1.0],"a":{}}"#,  Ok(r#"{"a":{},"z":[1.0]}"#)),
    ("meta",     "{}",                     Ok("(none)")),
    ("meta",     "null",                   Ok("(none)")),
    ("meta",     "-",                      Ok("(none)")),
    ("meta",     "[]",                     Err(Reason::WrongType)),
    ("meta",     r#""{}""#,                Err(Reason::WrongType)),
    ("meta",     r#"{"a":1,"a":1}"#,       Err(Reason::DuplicateField)),
    ("meta",     r#"{"n":4111111111111111}"#, Err(Reason::CardNumber)),

    // Duplicates beside the way of a mapped field are not its business.
    ("unmapped", r#"1,"unmapped":2"#,      Ok("")),
    ("unmapped", r#"{"a":1,"a":2}"#,       Ok("")),
    ("unmapped", r#""4111111111111111""#,  Ok("")),
];

#[test]
fn members() {
    for &(member, value, expected) in MEMBERS {
        let decoded = decode_message(&shop(), &message(member, value));
        let read = decoded.map(|decoded| read(member, decoded));
        let read = read.map_err(|rejection| rejection.reason);
        assert_eq!(read, expected.map(String::from), "{member}: {value}");
    }
}

fn read(member: &str, decoded: Decoded) -> String {
    match member {
        "orderId" => decoded.idempotency_key,
        "amount" => format!("{}", decoded.amount.minor()),
        "currency" => decoded.currency.code().into(),
        "userId" => decoded.debit_account,
        "note" => decoded.description.unwrap_or("(none)".into()),
        "meta" => decoded.metadata.unwrap_or("(none)".into()),
        _ => String::new(),
    }
}

/// Lengths with the prefix `customer:` of nine characters.
#[rustfmt::skip]
const LENGTHS: &[(&str, usize, Option<Reason>)] = &[
    ("orderId", 255,   None),
    ("orderId", 256,   Some(Reason::TooLong)),
    ("userId",  55,    None),
    ("userId",  56,    Some(Reason::TooLong)),
    ("note",    1_024, None),
    ("note",    1_025, Some(Reason::TooLong)),
];

#[test]
fn limits_hold_for_text_and_prefix_together() {
    for &(member, length, expected) in LENGTHS {
        let text = format!("\"{}\"", "x".repeat(length));
        let decoded = decode_message(&shop(), &message(member, &text));
        assert_eq!(decoded.err().map(|rejection| rejection.reason), expected, "{member} {length}");
    }
}

#[test]
fn the_unit_decides_what_a_number_counts() {
    for (unit, amount, expected) in [
        ("major", "49", Ok(4_900)),
        ("minor", "49", Ok(49)),
        ("minor", "4999.0", Ok(4_999)),
        ("minor", "49.5", Err(Reason::AmountInexact)),
        ("major", "49.5", Ok(4_950)),
    ] {
        let mapping = shop_with("amount", &format!(r#"{{ at = "/amount", unit = "{unit}" }}"#));
        let decoded = decode_message(&mapping.unwrap(), &message("amount", amount));
        let minor = decoded.map(|decoded| decoded.amount.minor());
        assert_eq!(minor.map_err(|rejection| rejection.reason), expected, "{unit} {amount}");
    }
}

/// A source for the debit account, what it reads from the record below.
#[rustfmt::skip]
const SOURCES: &[(&str, Result<&str, Reason>)] = &[
    (r#"{ header = "user" }"#,               Ok("second")),
    (r#"{ header = "user", prefix = "u:" }"#, Ok("u:second")),
    (r#"{ header = "User" }"#,               Err(Reason::MissingField)),
    (r#"{ header = "empty" }"#,              Err(Reason::MissingField)),
    (r#"{ header = "bytes" }"#,              Err(Reason::WrongType)),
    (r#"{ record = "key" }"#,                Ok("record-key")),
    (r#"{ record = "position" }"#,           Ok("AAbb_-1/3/42")),
    (r#"{ value = "constant" }"#,            Ok("constant")),
    (r#"{ value = "" }"#,                    Err(Reason::MissingField)),
    (r#"{ value = "..", prefix = "" }"#,     Err(Reason::InvalidAccount)),
    (r#"{ at = "/deep/1/~0" }"#,             Ok("tilde")),
    (r#"{ at = "/deep/1/twice" }"#,          Err(Reason::DuplicateField)),
    (r#"{ at = "/deep/2" }"#,                Err(Reason::MissingField)),
    (r#"{ at = "" }"#,                       Err(Reason::WrongType)),
];

#[test]
fn sources_around_and_inside_the_value() {
    let value = message("unmapped", r#"0,"deep":[0,{"~":"tilde","twice":1,"twice":2}]"#);
    let headers = [
        ("user".into(), Vec::from("first")),
        ("empty".into(), Vec::new()),
        ("bytes".into(), Vec::from(b"\xff")),
        ("user".into(), Vec::from("second")),
    ];
    for &(source, expected) in SOURCES {
        let mapping = shop_with("debit_account", source).unwrap();
        let decoded = decode(
            &mapping,
            &Record {
                value: Some(value.as_bytes()),
                key: Some(b"record-key"),
                headers: &headers,
                position: "AAbb_-1/3/42",
            },
        );
        let account = decoded.map(|decoded| decoded.debit_account);
        let account = account.map_err(|rejection| rejection.reason);
        assert_eq!(account, expected.map(String::from), "{source}");
    }
}

#[test]
fn a_record_key_may_be_absent_or_no_text() {
    let mapping = shop_with("debit_account", r#"{ record = "key" }"#).unwrap();
    let value = message("", "");
    for (key, expected) in [
        (None, Reason::MissingField),
        (Some(&b""[..]), Reason::MissingField),
        (Some(b"\xff"), Reason::WrongType),
        (Some(b"a\n"), Reason::InvalidAccount),
    ] {
        let rejection = decode(&mapping, &Record { key, ..record(value.as_bytes()) }).unwrap_err();
        assert_eq!(rejection.reason, expected, "{key:?}");
    }
}

/// A mapping that reads nothing of the value.
const AROUND: &str = r#"
    idempotency_key = { record = "position" }
    amount = { header = "amount", unit = "minor" }
    currency = { value = "EUR" }
    debit_account = { record = "key" }
    credit_account = { value = "shop" }
    description = { header = "note" }
    metadata = { header = "meta" }
"#;

#[test]
fn a_value_that_nobody_maps_is_not_decoded_but_must_be_there() {
    let mapping: Mapping = toml::from_str(AROUND).unwrap();
    let headers = [("amount".into(), Vec::from("100")), ("meta".into(), Vec::from(r#"{"b":1}"#))];
    let around = Record { key: Some(b"user"), headers: &headers, ..record(b"\xff not JSON") };
    let decoded = decode(&mapping, &around).unwrap();
    assert_eq!((decoded.amount.minor(), decoded.debit_account.as_str()), (100, "user"));
    assert_eq!((decoded.description, decoded.metadata), (None, Some(r#"{"b":1}"#.into())));
    for (value, expected) in [(None, Reason::Tombstone), (Some(&b""[..]), Reason::Empty)] {
        let rejection = decode(&mapping, &Record { value, ..around }).unwrap_err();
        assert_eq!(rejection.reason, expected);
    }
}

#[test]
fn outside_json_metadata_is_the_text_of_an_object_and_nothing_is_null() {
    let mapping: Mapping = toml::from_str(AROUND).unwrap();
    for (text, expected) in [
        ("", Ok(None)),
        ("null", Ok(None)),
        ("{}", Ok(None)),
        (r#"{"b":1,"a":2}"#, Ok(Some(r#"{"a":2,"b":1}"#.into()))),
        ("[]", Err(Reason::WrongType)),
        ("{", Err(Reason::WrongType)),
        ("{} {}", Err(Reason::WrongType)),
        ("text", Err(Reason::WrongType)),
    ] {
        let headers = [
            ("amount".into(), Vec::from("100")),
            ("meta".into(), Vec::from(text)),
            ("note".into(), Vec::new()),
        ];
        let around = Record { key: Some(b"user"), headers: &headers, ..record(b"x") };
        let decoded = decode(&mapping, &around);
        let read = decoded.map(|decoded| (decoded.metadata, decoded.description));
        let expected = expected.map(|metadata| (metadata, None));
        assert_eq!(read.map_err(|rejection| rejection.reason), expected, "{text}");
    }
}

/// Members that are all wrong, the first of them to be told, and its field.
#[rustfmt::skip]
const PRECEDENCE: &[(&str, Reason, &str)] = &[
    (r#"{"orderId":"a b","amount":"x"}"#,
        Reason::InvalidKey,        "idempotency_key"),
    (r#"{"orderId":"a","amount":"x","currency":"x"}"#,
        Reason::WrongType,         "amount"),
    // What an amount is worth depends on its currency.
    (r#"{"orderId":"a","amount":-1,"currency":"x"}"#,
        Reason::UnknownCurrency,   "currency"),
    (r#"{"orderId":"a","amount":-1,"currency":"USD","userId":"a b"}"#,
        Reason::AmountNotPositive, "amount"),
    (r#"{"orderId":"a","amount":1,"currency":"USD","userId":"a b","note":1}"#,
        Reason::InvalidAccount,    "debit_account"),
    (r#"{"orderId":"a","amount":1,"currency":"USD","userId":"a","shop":"","note":1}"#,
        Reason::MissingField,      "credit_account"),
    (r#"{"orderId":"a","amount":1,"currency":"USD","userId":"a","shop":"customer:a","note":1}"#,
        Reason::WrongType,         "description"),
    (r#"{"orderId":"a","amount":1,"currency":"USD","userId":"a","shop":"b","note":1,"meta":1}"#,
        Reason::WrongType,         "description"),
    (r#"{"orderId":"a","amount":1,"currency":"USD","userId":"a","shop":"customer:a","meta":1}"#,
        Reason::WrongType,         "metadata"),
    (r#"{"orderId":"a","amount":1,"currency":"USD","userId":"a","shop":"customer:a"}"#,
        Reason::SameAccount,       "credit_account"),
    // In one field: its type, then a card number, then its limits.
    (r#"{"orderId":{"x":"4111111111111111"}}"#,
        Reason::WrongType,         "idempotency_key"),
    (r#"{"orderId":"4111 1111 1111 1111"}"#,
        Reason::CardNumber,        "idempotency_key"),
];

#[test]
fn of_several_reasons_the_first_field_is_told() {
    let mapping = shop_with("credit_account", r#"{ at = "/shop" }"#).unwrap();
    for &(message, reason, field) in PRECEDENCE {
        let rejection = decode_message(&mapping, message).unwrap_err();
        assert_eq!(rejection.reason, reason, "{message}");
        assert!(rejection.detail.starts_with(&format!("{field}: ")), "{}", rejection.detail);
    }
}

#[test]
fn a_prefix_can_make_and_unmake_a_card_number() {
    for (prefix, user, expected) in [
        ("4", "111111111111111", Some(Reason::CardNumber)),
        ("x", "4111111111111111", Some(Reason::CardNumber)),
        ("1", "4111111111111111", None),
    ] {
        let source = format!(r#"{{ at = "/userId", prefix = "{prefix}" }}"#);
        let mapping = shop_with("debit_account", &source).unwrap();
        let decoded = decode_message(&mapping, &message("userId", user));
        assert_eq!(decoded.err().map(|rejection| rejection.reason), expected, "{prefix}{user}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_payment_or_a_reason(
        value in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
    ) {
        for mapping in [shop(), toml::from_str(AROUND).unwrap()] {
            let value = value.as_deref();
            let whole = Record { value, key: key.as_deref(), ..record(b"") };
            prop_assert!(decode(&mapping, &whole).is_err());
        }
    }

    /// Whatever stands in a field, its rejection quotes none of it.
    #[test]
    fn details_hold_nothing_of_the_message(
        member in "orderId|amount|currency|userId|note|meta",
        text in "[4-6 xé-]{0,20}|4111 1111 1111 1111|[0-9]{13,19}",
    ) {
        let value = serde_json::to_string(&text).unwrap();
        if let Err(rejection) = decode_message(&shop(), &message(&member, &value)) {
            prop_assert!(!contains_card_number(&rejection.detail));
            let quoted = text.len() > 2 && rejection.detail.contains(&text);
            prop_assert!(!quoted, "{}", rejection.detail);
        }
    }
}
