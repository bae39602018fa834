//! Refunds: part by part, never more than was paid, each once.

use serde_json::json;

use super::harness::{Ask, Server, get, pay, post, usd};

/// A server on which `a` paid 1,000 to `b`, and the payment's path.
async fn paid() -> (Server, String) {
    let server = Server::open().await;
    server.account("a").await;
    let body = r#"{"id":"b","currency":"USD"}"#;
    assert_eq!(server.ask(post("/v1/accounts", body)).await.status, 201);
    let payment = server.ask(pay("k-1", usd(1000))).await;
    let path = payment.header("location").expect("a location").to_owned();
    (server, path)
}

fn refund(path: &str, key: &str, body: &str) -> Ask {
    post(format!("{path}/refunds"), body).header("Idempotency-Key", key)
}

#[tokio::test]
async fn a_refund_moves_the_money_back_once() {
    let (server, path) = paid().await;
    let first = server.ask(refund(&path, "r-1", r#"{"amount":300}"#)).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, Some("false")));
    let document = first.json();
    assert_eq!(document["payment_id"], path.trim_start_matches("/v1/payments/"));
    assert_eq!(
        (&document["debit_account"], &document["credit_account"]),
        (&json!("b"), &json!("a"))
    );
    let location = first.header("location").expect("a location").to_owned();
    let again = server.ask(refund(&path, "\"r-1\"", r#"{"amount":300}"#)).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!((&again.body, again.header("location")), (&first.body, Some(&*location)));
    assert_eq!(server.ask(get(location)).await.body, first.body);
    let rest = server.ask(refund(&path, "r-2", "{}")).await;
    assert_eq!(rest.json()["amount"], 700);
    let replay = server.ask(refund(&path, "r-2", "{}")).await;
    assert_eq!((&replay.body, replay.header("idempotent-replayed")), (&rest.body, Some("true")));
    let shown = server.ask(get(&path)).await.json();
    assert_eq!((&shown["state"], &shown["amount_refunded"]), (&json!("succeeded"), &json!(1000)));
    // The first answer to the payment is what it was.
    let payment = server.ask(pay("k-1", usd(1000))).await;
    assert_eq!(payment.header("idempotent-replayed"), Some("true"));
    assert!(payment.json().get("amount_refunded").is_none());
}

#[tokio::test]
async fn what_cannot_be_refunded_is_refused_and_uses_up_no_key() {
    let (server, path) = paid().await;
    let declined = server
        .ask(pay(
            "declined",
            usd(1)
                .replace("\"a\"", "\"b\"")
                .replace("_account\":\"b\"}", "_account\":\"a\"}")
                .replace("1,", "5000,"),
        ))
        .await;
    assert_eq!(declined.json()["state"], "declined");
    let declined = declined.header("location").expect("a location").to_owned();
    let before = server.events();
    let exceeds = "422 SEMEL-0016 /amount refund_exceeds_payment";
    let stranger = path.replace("pay_0", "pay_1");
    for (path, body, expected) in [
        (&*path, r#"{"amount":1001}"#, exceeds),
        (&*path, r#"{"amount":0}"#, "422 SEMEL-0007 /amount amount_not_positive"),
        (&*path, r#"{"amount":-1}"#, "422 SEMEL-0007 /amount amount_not_positive"),
        (&*path, r#"{"amount":1.0}"#, "422 SEMEL-0007 /amount wrong_type"),
        (&*path, r#"{"amount":"1"}"#, "422 SEMEL-0007 /amount wrong_type"),
        (&*path, r#"{"amount":null}"#, "422 SEMEL-0007 /amount wrong_type"),
        (&*path, r#"{"sum":1}"#, "422 SEMEL-0007 /sum unknown_field"),
        (&*path, "[]", "422 SEMEL-0007 wrong_type"),
        (&*path, "", "400 SEMEL-0001"),
        (&*path, r#"{"amount":1,"amount":1}"#, "400 SEMEL-0001"),
        (&*declined, "{}", exceeds),
        (&*stranger, "{}", "404 SEMEL-0005"),
        ("/v1/payments/x", "{}", "404 SEMEL-0005"),
        ("/v1/payments/x", "{", "400 SEMEL-0001"),
    ] {
        let answer = server.ask(refund(path, "r-1", body)).await;
        assert_eq!(answer.summary(), expected, "{path} {body}");
        assert_eq!(answer.header("idempotent-replayed"), None);
        assert_eq!(server.events(), before);
    }
    assert_eq!(server.ask(refund(&path, "", "{}")).await.summary(), "400 SEMEL-0002");
    assert_eq!(server.ask(refund(&path, "r-1", "{}")).await.status, 201);
    assert_eq!(server.ask(refund(&path, "r-2", "{}")).await.summary(), exceeds);
}

#[tokio::test]
async fn a_key_means_one_operation() {
    let (server, path) = paid().await;
    let other = server.ask(pay("k-2", usd(1000))).await;
    let other = other.header("location").expect("a location").to_owned();
    assert_eq!(server.ask(refund(&path, "r-1", r#"{"amount":300}"#)).await.status, 201);
    let before = server.events();
    for (ask, fields) in [
        (refund(&path, "r-1", r#"{"amount":301}"#), "/amount differs"),
        (refund(&path, "r-1", r#"{"amount":-1}"#), "/amount differs"),
        (refund(&path, "r-1", "{}"), "/amount differs"),
        (refund(&other, "r-1", r#"{"amount":300}"#), "/payment_id differs"),
        (refund(&path, "k-1", r#"{"amount":300}"#), "/operation differs"),
        (pay("r-1", usd(300)), "/operation differs"),
    ] {
        assert_eq!(server.ask(ask).await.summary(), format!("422 SEMEL-0008 {fields}"));
        assert_eq!(server.events(), before);
    }
}

#[tokio::test]
async fn a_refund_that_the_credit_account_cannot_give_back_is_declined() {
    let (server, path) = paid().await;
    let spent = r#"{"amount":900,"currency":"USD","debit_account":"b","credit_account":"a"}"#;
    assert_eq!(server.ask(pay("k-2", spent)).await.json()["state"], "succeeded");
    let declined = server.ask(refund(&path, "r-1", "{}")).await;
    assert_eq!(declined.status, 201);
    let document = declined.json();
    assert_eq!(
        (&document["state"], &document["decline_code"]),
        (&json!("declined"), &json!("insufficient_funds"))
    );
    let shown = server.ask(get(declined.header("location").expect("a location"))).await;
    assert_eq!(shown.body, declined.body);
}

#[tokio::test]
async fn a_refund_has_an_id_of_its_own() {
    let (server, path) = paid().await;
    let refund = server.ask(refund(&path, "r-1", "{}")).await;
    let path = refund.header("location").expect("a location").to_owned();
    for path in [
        path.replace("ref_0", "ref_1"),
        path.replace("ref_", "pay_"),
        path.replace("/v1/refunds/ref_", "/v1/payments/pay_"),
        "/v1/refunds/x".into(),
    ] {
        assert_eq!(server.ask(get(&path)).await.summary(), "404 SEMEL-0005", "{path}");
    }
}
