//! Payments: the first answer, its replay, and what is refused, each with nothing stored.

use serde_json::json;

use super::harness::{Ask, Server, get, pay, post, usd};

/// A server with the accounts `a` and `b`, which may be overdrawn, and the five that cases need.
async fn server() -> Server {
    let server = Server::open().await;
    for id in ["a", "b", "closed"] {
        server.account(id).await;
    }
    for (id, currency, overdraft) in
        [("poor", "USD", "\"none\""), ("limited", "USD", "100"), ("yen", "JPY", "\"unlimited\"")]
    {
        let body = format!(r#"{{"id":"{id}","currency":"{currency}","overdraft":{overdraft}}}"#);
        assert_eq!(server.ask(post("/v1/accounts", body)).await.status, 201);
    }
    assert_eq!(server.ask(post("/v1/accounts/closed/close", "")).await.status, 200);
    server
}

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

/// A payment of 1 USD from `a` to `b` with `member` in front of its members.
fn with(member: &str) -> String {
    usd(1).replace('{', &format!("{{{member},"))
}

/// A payment of 1 USD from `a` to `b` without the member that begins like this.
fn without(name: &str) -> String {
    let body = usd(1);
    let members = body.trim_matches(['{', '}']).split(',');
    let kept: Vec<&str> = members.filter(|member| !member.starts_with(name)).collect();
    format!("{{{}}}", kept.join(","))
}

#[tokio::test]
async fn a_replay_is_the_same_bytes() {
    let server = server().await;
    let before = server.events();
    let first = server.ask(pay("k-1", usd(4999))).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, Some("false")));
    assert_eq!(first.header("content-type"), Some("application/json"));
    let location = first.header("location").expect("a location").to_owned();
    let document = first.json();
    assert_eq!(location, format!("/v1/payments/{}", document["id"].as_str().expect("an id")));
    assert_eq!(
        first.text(),
        format!(
            concat!(
                r#"{{"id":{},"state":"succeeded","amount":4999,"currency":"USD","#,
                r#""debit_account":"a","credit_account":"b","description":null,"metadata":{{}},"#,
                r#""idempotency_key":"k-1","created_at":{}}}"#
            ),
            document["id"], document["created_at"]
        )
    );
    for key in ["k-1", "\"k-1\"", " k-1 "] {
        let again = server.ask(pay(key, usd(4999))).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!(again.body, first.body, "{key}");
        assert_eq!(again.header("location"), Some(&*location));
        assert_eq!(again.header("content-type"), Some("application/json"));
    }
    assert_eq!(server.events(), before + 1);
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
        (key("4111111111111111"), "422 SEMEL-0007 /idempotency_key card_number"),
        (key("\"x-4111-1111-1111-1111\""), "422 SEMEL-0007 /idempotency_key card_number"),
    ])
    .await;
}

#[tokio::test]
async fn the_longest_key_is_taken() {
    let server = server().await;
    for key in ["~".repeat(255), "!#$%&'()*+,-./:;<=>?@[]^_`{|}\\".into()] {
        assert_eq!(server.ask(pay(&key, usd(1))).await.status, 201, "{key}");
    }
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
async fn the_limits_of_values_are_taken() {
    let server = server().await;
    let largest = usd(100_000_000_000_000_000);
    let text = with(&format!(r#""description":"{}""#, "ä".repeat(1024)));
    let metadata = with(&format!(r#""metadata":{{"m":"{}"}}"#, "x".repeat(16 * 1024 - 8)));
    for (number, body) in [largest, text, metadata].into_iter().enumerate() {
        let answer = server.ask(pay(&format!("k-{number}"), body)).await;
        assert_eq!(answer.summary(), "201");
    }
}

#[tokio::test]
async fn a_declined_payment_is_a_payment() {
    let server = server().await;
    let from = |id: &str, amount| usd(amount).replace("\"a\"", &format!("\"{id}\""));
    let to = |id: &str| usd(1).replace("\"b\"", &format!("\"{id}\""));
    // Three payments of the largest amount do not come near 64 bits; the limit is told of a total.
    for (key, body, code) in [
        ("poor", from("poor", 1), "insufficient_funds"),
        ("limited", from("limited", 101), "insufficient_funds"),
        ("closed-1", from("closed", 1), "account_closed"),
        ("closed-2", to("closed"), "account_closed"),
    ] {
        let before = server.events();
        let first = server.ask(pay(key, body.clone())).await;
        assert_eq!(first.status, 201, "{key}");
        let document = first.json();
        assert_eq!(
            (&document["state"], &document["decline_code"]),
            (&json!("declined"), &json!(code))
        );
        assert_eq!(server.events(), before + 1);
        let again = server.ask(pay(key, body)).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.body, first.body);
        assert_eq!(server.events(), before + 1);
    }
    assert_eq!(server.ask(pay("within", from("limited", 100))).await.json()["state"], "succeeded");
}

#[tokio::test]
async fn a_total_beyond_64_bits_is_declined() {
    let server = server().await;
    let most = 100_000_000_000_000_000;
    for number in 0..92 {
        let answer = server.ask(pay(&format!("k-{number}"), usd(most))).await;
        assert_eq!(answer.json()["state"], "succeeded", "{number}");
    }
    assert_eq!(server.ask(pay("last", usd(most))).await.json()["decline_code"], "balance_limit");
}

#[tokio::test]
async fn a_key_names_one_request() {
    let server = server().await;
    let body = r#"{"amount":5,"currency":"USD","debit_account":"a","credit_account":"b",
                   "description":"d","metadata":{"x":1,"y":{"p":[1,2],"q":null}}}"#;
    assert_eq!(server.ask(pay("k", body)).await.status, 201);
    let before = server.events();
    let same = r#"{"metadata":{"y":{"q":null,"p":[1,2]},"x":1},"credit_account":"b",
                   "debit_account":"a","description":"\u0064","currency":"USD","amount":5}"#;
    let replay = server.ask(pay("k", same)).await;
    assert_eq!((replay.status, replay.header("idempotent-replayed")), (201, Some("true")));
    for (from, to, fields) in [
        ("5,", "6,", "/amount differs"),
        ("5,", "-5,", "/amount differs"),
        ("USD", "EUR", "/currency differs"),
        ("USD", "usd", "/currency differs"),
        ("\"a\"", "\"nobody\"", "/debit_account differs"),
        ("\"a\"", "\"4111111111111111\"", "/debit_account differs"),
        ("\"b\"", "\"a\"", "/credit_account differs"),
        ("\"d\"", "\"e\"", "/description differs"),
        ("\"d\"", "null", "/description differs"),
        ("\"x\":1", "\"x\":2", "/metadata differs"),
        ("\"x\":1", "\"x\":1.0", "/metadata differs"),
        ("[1,2]", "[2,1]", "/metadata differs"),
    ] {
        let answer = server.ask(pay("k", body.replace(from, to))).await;
        assert_eq!(answer.summary(), format!("422 SEMEL-0008 {fields}"), "{from} {to}");
        assert!(!answer.text().contains(to) || to.len() < 4, "values are never told");
    }
    let other = r#"{"amount":6,"currency":"EUR","debit_account":"b","credit_account":"a"}"#;
    assert_eq!(
        server.ask(pay("k", other)).await.summary(),
        "422 SEMEL-0008 /amount differs, /currency differs, /debit_account differs, \
         /credit_account differs, /description differs, /metadata differs"
    );
    assert_eq!(server.events(), before);
}

#[tokio::test]
async fn absent_null_and_empty_metadata_are_the_same() {
    let server = server().await;
    let first = server.ask(pay("k", usd(1))).await;
    for member in [r#""metadata":null"#, r#""metadata":{}"#, r#""description":null"#] {
        let again = server.ask(pay("k", with(member))).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{member}");
        assert_eq!(again.body, first.body);
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

#[tokio::test]
async fn a_payment_is_shown_as_it_is_now() {
    let server = server().await;
    let paid = server.ask(pay("k", usd(10))).await;
    let path = paid.header("location").expect("a location").to_owned();
    for path in [path.clone(), format!("{path}?wait=60"), format!("{path}?wait=0")] {
        let shown = server.ask(get(path)).await.json();
        assert_eq!((&shown["state"], &shown["amount_moved"]), (&json!("succeeded"), &json!(10)));
        assert_eq!(shown["amount_refunded"], 0);
    }
    for (query, expected) in [
        ("wait=61", "400 SEMEL-0001 /wait wrong_type"),
        ("wait=-1", "400 SEMEL-0001 /wait wrong_type"),
        ("wait=x", "400 SEMEL-0001 /wait wrong_type"),
        ("wait=1&wait=1", "400 SEMEL-0001 /wait duplicate_field"),
        ("weight=1", "400 SEMEL-0001 /weight unknown_field"),
    ] {
        assert_eq!(server.ask(get(format!("{path}?{query}"))).await.summary(), expected);
    }
    let stranger = path.replace("pay_0", "pay_1");
    let refund = path.replace("pay_", "ref_");
    for path in [stranger, refund, "/v1/payments/x".into(), "/v1/payments/pay_".into()] {
        assert_eq!(server.ask(get(path)).await.summary(), "404 SEMEL-0005");
    }
}
