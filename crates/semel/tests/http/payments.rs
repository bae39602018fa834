//! Payments: the first answer, its replays, declines, and what a key stands for.

use semel_core::event::Kind;
use semel_core::exactly_once::door;
use semel_core::id::EventId;
use semel_core::ledger::{self, Command, Keys, Outcome, Snapshot};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Operation, Pay};
use serde_json::json;

use super::harness::{Server, get, pay, post, usd};

/// A server with the accounts `a` and `b`, which may be overdrawn, and the five that cases need.
pub async fn server() -> Server {
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

/// A payment of 1 USD from `a` to `b` with `member` in front of its members.
pub fn with(member: &str) -> String {
    usd(1).replace('{', &format!("{{{member},"))
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
async fn any_visible_ascii_is_a_key() {
    let server = server().await;
    // The random digits of a machine now and then look like a card number.
    let cases = ["~".repeat(255), "!#$%&'()*+,-./:;<=>?@[]^_`{|}\\".into(), "4".repeat(16)];
    for key in cases.into_iter().chain(["41111111-1111-1111-ab6c-d5e6f7081920".into()]) {
        assert_eq!(server.ask(pay(&key, usd(1))).await.status, 201, "{key}");
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
    let plain = usd(1);
    assert_eq!(server.ask(pay("plain", plain.clone())).await.status, 201);
    let before = before + 1;
    for metadata in [r#""metadata":{"card":"4111111111111111"}"#, r#""metadata":{"x":1}"#] {
        let answer = server.ask(pay("plain", with(metadata))).await;
        assert_eq!(answer.summary(), "422 SEMEL-0008 /metadata differs", "{metadata}");
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

#[tokio::test]
async fn a_client_may_wait_for_a_final_state() {
    let server = server().await;
    let identity = |key: &str| Identity { namespace: "".into(), key: key.into() };
    let held = Pay {
        amount: 5,
        currency: Currency::parse("USD"),
        debit_account: "a".into(),
        credit_account: "b".into(),
        description: None,
        metadata: None,
        metadata_problem: None,
        capture: Capture::Later,
        open: OpenAccounts::default(),
    };
    let payment = decide(&server, Command::Pay(identity("hold"), held)).await;
    let path = format!("/v1/payments/{}", payment.named(Kind::PaymentPending));
    assert_eq!(server.ask(get(format!("{path}?wait=1"))).await.json()["state"], "pending");
    let waits = server.ask(get(format!("{path}?wait=60")));
    let captures = async {
        // A commit that concerns the payment not at all wakes nobody for good.
        server.ask(pay("other", usd(1))).await;
        let capture = Operation::Capture(None);
        decide(&server, Command::Operate(identity("capture"), payment, capture)).await
    };
    let (shown, _) = tokio::join!(waits, captures);
    assert_eq!(shown.json()["state"], "captured");
}

/// Decide what this release has no route for; the id of the event.
async fn decide(server: &Server, command: Command) -> EventId {
    let keys = || Keys::of([&command]);
    let decide = |snapshot: &Snapshot| {
        let decision = ledger::decide([&command], snapshot);
        (decision.outcomes, decision.effects)
    };
    let outcomes =
        door::pass(&server.store.door(1), keys, decide, 1, |_, _| std::future::ready(())).await;
    match outcomes.expect("the store takes it").remove(0) {
        Outcome::Recorded { event, .. } => event.id(1),
        other => panic!("{other:?}"),
    }
}
