//! What is refused, each with its status, code and fields, and with nothing stored.

use super::harness::{Ask, pay, usd};
use super::payments::{server, with};

/// Each case is refused as it says, and stores nothing.
async fn refused(cases: impl IntoIterator<Item = (Ask, &str)>) {
    let server = server().await;
    let before = server.events();
    for (ask, expected) in cases {
        let answer = server.ask(ask.clone()).await;
        let body = String::from_utf8_lossy(&ask.body);
        assert_eq!(answer.summary(), expected, "{:?} {body:.200}", ask.headers);
        assert_eq!(answer.header("idempotent-replayed"), None, "{body:.200}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(server.events(), before, "{body:.200}");
    }
}

/// A payment of 1 USD from `a` to `b` without the member that begins like this.
fn without(name: &str) -> String {
    let body = usd(1);
    let members = body.trim_matches(['{', '}']).split(',');
    let kept: Vec<&str> = members.filter(|member| !member.starts_with(name)).collect();
    format!("{{{}}}", kept.join(","))
}

#[tokio::test]
async fn a_key_has_one_form_or_is_a_bad_request() {
    let long = "k".repeat(256);
    let bad = "400 SEMEL-0002";
    let key = |key: &str| pay(key, usd(1));
    let none = || pay("", usd(1)).without("Idempotency-Key");
    refused([
        (none(), bad),
        (key(""), bad),
        (key("\"\""), bad),
        (key("\""), bad),
        (key("4111111111111111"), "422 SEMEL-0007 /idempotency_key card_number"),
        (key("\"order-4111-1111-1111-1111\""), "422 SEMEL-0007 /idempotency_key card_number"),
        (key("\"k"), bad),
        (key("k\""), bad),
        (key("k\"k"), bad),
        (key("\"k\"k\""), bad),
        (key("k k"), bad),
        (key("\"k k\""), bad),
        (key("\" k\""), bad),
        (key("k\tk"), bad),
        (key("schlüssel"), bad),
        (key(&long), bad),
        (key("k-1").header("Idempotency-Key", "k-1"), bad),
        (key("k-1").header("idempotency-key", "k-2"), bad),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_json_is_a_bad_request() {
    let bad = "400 SEMEL-0001";
    let deep = format!("{{\"metadata\":{}{}}}", "[".repeat(128), "]".repeat(128));
    let mut latin = usd(1).into_bytes();
    latin.extend(b"\xe4");
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{".to_vec(),
        b"nonsense".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        (usd(1) + "x").into_bytes(),
        (usd(1) + &usd(1)).into_bytes(),
        usd(1).replace('}', ",}").into_bytes(),
        usd(1).replace("1,", "01,").into_bytes(),
        usd(1).replace("1,", "+1,").into_bytes(),
        usd(1).replace("1,", "NaN,").into_bytes(),
        with(r#""amount":1"#).into_bytes(),
        with(r#""metadata":{"a":1,"a":1}"#).into_bytes(),
        with(r#""metadata":{"x":[{"a":1,"\u0061":1}]}"#).into_bytes(),
        with(r#""description":"\ud800""#).into_bytes(),
        with("\"description\":\"\n\"").into_bytes(),
        deep.into_bytes(),
        latin,
    ];
    refused(bodies.into_iter().map(|body| (pay("k", body), bad))).await;
}

#[tokio::test]
async fn a_body_of_another_form_names_every_field() {
    let missing = "/amount missing_field, /currency missing_field, \
                   /debit_account missing_field, /credit_account missing_field";
    let everything = r#"{"amount":"1","currency":1,"debit_account":null,"credit_account":[],
                         "description":1,"metadata":[],"x":1,"a/b~c":2}"#;
    let all = "/amount wrong_type, /currency wrong_type, /debit_account wrong_type, \
               /credit_account wrong_type, /description wrong_type, /metadata wrong_type, \
               /x unknown_field, /a~1b~0c unknown_field";
    let fields = |fields: &str| format!("422 SEMEL-0007 {fields}");
    let cases = [
        ("{}".into(), missing),
        ("[]".into(), "wrong_type"),
        ("null".into(), "wrong_type"),
        ("1".into(), "wrong_type"),
        (everything.into(), all),
        (with(r#""id":"x""#), "/id unknown_field"),
        (with(r#""Amount":1"#), "/Amount unknown_field"),
        (with(r#""capture":"later""#), "/capture unknown_field"),
        (with(r#""idempotency_key":"k""#), "/idempotency_key unknown_field"),
        (without("\"amount"), "/amount missing_field"),
        (without("\"currency"), "/currency missing_field"),
        (without("\"debit"), "/debit_account missing_field"),
        (without("\"credit"), "/credit_account missing_field"),
        (usd(1).replace("1,", "1.0,"), "/amount wrong_type"),
        (usd(1).replace("1,", "4999.0,"), "/amount wrong_type"),
        (usd(1).replace("1,", "5e3,"), "/amount wrong_type"),
        (usd(1).replace("1,", "\"4999\","), "/amount wrong_type"),
        (usd(1).replace("1,", "null,"), "/amount wrong_type"),
        (usd(1).replace("1,", "true,"), "/amount wrong_type"),
        (with(r#""metadata":"{}""#), "/metadata wrong_type"),
        (with(r#""metadata":false"#), "/metadata wrong_type"),
        (with(r#""description":{}"#), "/description wrong_type"),
    ];
    let cases: Vec<(Ask, String)> =
        cases.into_iter().map(|(body, wrong)| (pay("k", body), fields(wrong))).collect();
    refused(cases.iter().map(|(ask, expected)| (ask.clone(), expected.as_str()))).await;
}

#[tokio::test]
async fn a_value_that_is_not_valid_is_named() {
    let text = |length: usize, of: &str| of.repeat(length);
    let metadata = |length: usize| format!(r#""metadata":{{"m":"{}"}}"#, "x".repeat(length));
    let from = |id: &str| usd(1).replace("\"a\"", &format!("\"{id}\""));
    let to = |id: &str| usd(1).replace("\"b\"", &format!("\"{id}\""));
    let currency = |code: &str| usd(1).replace("USD", code);
    let card = "4111 1111 1111 1111";
    let cases = [
        (usd(0), "/amount amount_not_positive"),
        (usd(1).replace("1,", "-0,"), "/amount amount_not_positive"),
        (usd(-5), "/amount amount_not_positive"),
        (usd(100_000_000_000_000_001), "/amount amount_too_large"),
        (usd(1).replace("1,", "99999999999999999999999999,"), "/amount amount_too_large"),
        (usd(1).replace("1,", "-99999999999999999999999999,"), "/amount amount_not_positive"),
        (currency("usd"), "/currency unknown_currency"),
        (currency("XXX"), "/currency unknown_currency"),
        (currency("XAU"), "/currency unknown_currency"),
        (currency(""), "/currency unknown_currency"),
        (currency("JPY"), "/currency currency_mismatch"),
        (to("yen"), "/currency currency_mismatch"),
        (from("nobody"), "/debit_account unknown_account"),
        (to("nobody"), "/credit_account unknown_account"),
        (from("b"), "/credit_account same_account"),
        (from(""), "/debit_account missing_field"),
        (from("."), "/debit_account invalid_account"),
        (to(".."), "/credit_account invalid_account"),
        (from("a b"), "/debit_account invalid_account"),
        (from("ä"), "/debit_account invalid_account"),
        (from(&text(65, "a")), "/debit_account too_long"),
        (from("4111111111111111"), "/debit_account card_number"),
        (to("x:4111-1111-1111-1111"), "/credit_account card_number"),
        (with(&format!(r#""description":"{}""#, text(1025, "ä"))), "/description too_long"),
        (with(&format!(r#""description":"paid with {card}""#)), "/description card_number"),
        (with(&metadata(16 * 1024)), "/metadata too_long"),
        (with(&format!(r#""metadata":{{"a":[{{"b":"{card}"}}]}}"#)), "/metadata card_number"),
        (with(r#""metadata":{"a":4111111111111111}"#), "/metadata card_number"),
        (with(r#""metadata":{"4111111111111111":1}"#), "/metadata card_number"),
        (
            r#"{"amount":-1,"currency":"usd","debit_account":".","credit_account":"."}"#.into(),
            "/amount amount_not_positive, /currency unknown_currency, \
             /debit_account invalid_account, /credit_account invalid_account, \
             /credit_account same_account",
        ),
    ];
    let cases: Vec<(Ask, String)> = cases
        .into_iter()
        .map(|(body, wrong)| (pay("k", body), format!("422 SEMEL-0007 {wrong}")))
        .collect();
    refused(cases.iter().map(|(ask, expected)| (ask.clone(), expected.as_str()))).await;
}

#[tokio::test]
async fn the_content_type_is_json() {
    let typed = |content_type: &str| {
        pay("k", usd(1)).without("Content-Type").header("Content-Type", content_type)
    };
    let wrong = "415 SEMEL-0012";
    refused([
        (pay("k", usd(1)).without("Content-Type"), wrong),
        (typed("text/plain"), wrong),
        (typed("application/x-www-form-urlencoded"), wrong),
        (typed("application/problem+json"), wrong),
        (typed("application/jsonx"), wrong),
        (typed("application/json; charset=latin1"), wrong),
        (typed("application/json; boundary=x"), wrong),
        (typed("application/json, text/plain"), wrong),
        (typed("application/json").header("Content-Type", "application/json"), wrong),
        (typed(""), wrong),
    ])
    .await;
    let server = server().await;
    for (number, content_type) in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ]
    .into_iter()
    .enumerate()
    {
        let ask = pay(&format!("k-{number}"), usd(1)).without("Content-Type");
        let answer = server.ask(ask.header("Content-Type", content_type)).await;
        assert_eq!(answer.status, 201, "{content_type}");
    }
}

#[tokio::test]
async fn what_was_refused_never_used_up_its_key() {
    let server = server().await;
    let unknown = usd(1).replace("\"a\"", "\"later\"");
    for body in [usd(-5), unknown.clone(), "{}".into(), "{".into()] {
        assert!(server.ask(pay("k", body)).await.status >= 400);
    }
    server.account("later").await;
    let paid = server.ask(pay("k", unknown)).await;
    assert_eq!((paid.status, paid.header("idempotent-replayed")), (201, Some("false")));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_told_before_the_key_is_looked_up() {
    let server = server().await;
    assert_eq!(server.ask(pay("k", usd(1))).await.status, 201);
    for (body, expected) in [
        ("{".to_owned(), "400 SEMEL-0001"),
        (with(r#""amount":1"#), "400 SEMEL-0001"),
        (with(r#""x":1"#), "422 SEMEL-0007 /x unknown_field"),
        (usd(1).replace("1,", "1.0,"), "422 SEMEL-0007 /amount wrong_type"),
    ] {
        assert_eq!(server.ask(pay("k", body)).await.summary(), expected);
    }
    // A bad key header is told before a bad body, since it needs no reading of the body.
    assert_eq!(server.ask(pay("", "{")).await.summary(), "400 SEMEL-0002");
}
