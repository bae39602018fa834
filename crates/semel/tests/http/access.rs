//! API keys: which ledger, which scopes, and nothing without one.

use semel::http::access::{Access, ApiKey, Scope};
use semel::http::limits::Limits;
use semel_core::chain::Hash;

use super::harness::{Ask, Server, get, pay, post, usd};

fn key(secret: &str, ledger: &str, scopes: &[Scope]) -> ApiKey {
    let sha256 = Hash::of(secret.as_bytes()).0;
    ApiKey { ledger: ledger.into(), sha256, scopes: scopes.to_vec() }
}

fn all() -> Vec<Scope> {
    Scope::TABLE.iter().map(|(scope, _)| *scope).collect()
}

trait Bearing {
    fn bearing(self, secret: &str) -> Ask;
}

impl Bearing for Ask {
    fn bearing(self, secret: &str) -> Ask {
        self.header("Authorization", &format!("Bearer {secret}"))
    }
}

/// One request for each scope that needs nothing to be there.
fn requests() -> [(Ask, Scope); 10] {
    [
        (pay("k", "{}"), Scope::PaymentsWrite),
        (post("/v1/payments:batch", "{}"), Scope::PaymentsWrite),
        (post("/v1/payments/x/refunds", "{}"), Scope::PaymentsWrite),
        (get("/v1/payments"), Scope::PaymentsRead),
        (post("/v1/accounts", "{}"), Scope::AccountsWrite),
        (get("/v1/accounts"), Scope::AccountsRead),
        (get("/v1/events?after=x"), Scope::EventsRead),
        (get("/v1/dead-letters"), Scope::DeadLettersRead),
        (post("/v1/dead-letters:redrive", "[]"), Scope::DeadLettersWrite),
        (get("/v1/ingests"), Scope::IngestsRead),
    ]
}

#[test]
fn scopes_are_read_as_they_are_written() {
    for (scope, word) in Scope::TABLE {
        assert_eq!((Scope::parse(word), scope.as_str()), (Some(scope), word));
    }
    assert_eq!(Scope::parse("payments:all"), None);
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_say() {
    let keys = Scope::TABLE.iter().map(|(scope, word)| key(word, "a", &[*scope]));
    let server = Server::with(Access::Keys(keys.collect()), Limits::STANDARD).await;
    for (ask, needed) in requests() {
        for (scope, word) in Scope::TABLE {
            let answer = server.ask(ask.clone().bearing(word)).await;
            let lacks = answer.summary() == "403 SEMEL-0004";
            assert_eq!(lacks, scope != needed, "{} {} with {word}", ask.method, ask.path);
            assert!(answer.status != 401);
        }
    }
}

#[tokio::test]
async fn nothing_is_opened_without_a_known_key() {
    let keys = vec![key("secret", "a", &all())];
    let server = Server::with(Access::Keys(keys), Limits::STANDARD).await;
    for (ask, _) in requests() {
        for ask in [
            ask.clone(),
            ask.clone().bearing("Secret"),
            ask.clone().bearing(""),
            ask.clone().header("Authorization", "secret"),
            ask.clone().header("Authorization", "Basic c2VjcmV0"),
            ask.clone().bearing("secret").bearing("secret"),
            ask.clone().header("X-Api-Key", "secret"),
        ] {
            let answer = server.ask(ask.clone()).await;
            assert_eq!(answer.summary(), "401 SEMEL-0003", "{:?}", ask.headers);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let answer = server.ask(ask.clone().header("authorization", "bearer secret")).await;
        assert!(answer.status != 401 && answer.status != 403, "{} {}", ask.method, ask.path);
    }
}

#[tokio::test]
async fn operation_needs_no_key() {
    let keys = vec![key("secret", "a", &all())];
    let server = Server::with(Access::Keys(keys), Limits::STANDARD).await;
    for path in ["/livez", "/readyz", "/metrics", "/openapi.json", "/errors/SEMEL-0003"] {
        assert_eq!(server.ask(get(path)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn ledgers_do_not_see_each_other() {
    let keys = vec![key("one", "one", &all()), key("two", "two", &all())];
    let server = Server::with(Access::Keys(keys), Limits::STANDARD).await;
    for secret in ["one", "two"] {
        for id in ["a", "b"] {
            let body = format!(r#"{{"id":"{id}","currency":"USD","overdraft":"unlimited"}}"#);
            let opened = server.ask(post("/v1/accounts", body).bearing(secret)).await;
            assert_eq!(opened.status, 201);
        }
    }
    let one = server.ask(pay("k", usd(1)).bearing("one")).await;
    let two = server.ask(pay("k", usd(2)).bearing("two")).await;
    assert_eq!((one.status, two.status), (201, 201));
    let path = one.header("location").expect("a location");
    assert_eq!(server.ask(get(path).bearing("one")).await.status, 200);
    assert_eq!(server.ask(get(path).bearing("two")).await.summary(), "404 SEMEL-0005");
    let refund = || post(format!("{path}/refunds"), "{}").header("Idempotency-Key", "r");
    assert_eq!(server.ask(refund().bearing("two")).await.summary(), "404 SEMEL-0005");
    let refunded = server.ask(refund().bearing("one")).await;
    assert_eq!(refunded.status, 201);
    let path = refunded.header("location").expect("a location");
    assert_eq!(server.ask(get(path).bearing("two")).await.summary(), "404 SEMEL-0005");
    for (secret, amount) in [("one", 1), ("two", 2)] {
        let page = server.ask(get("/v1/payments").bearing(secret)).await.json();
        assert_eq!(page["data"].as_array().expect("rows").len(), 1);
        assert_eq!(page["data"][0]["amount"], amount);
    }
}
