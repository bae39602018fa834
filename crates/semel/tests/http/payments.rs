//! Payments: the first answer, its replay, and what is refused.

use super::harness::{Server, get, pay, usd};

async fn with_accounts() -> Server {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    server
}

#[tokio::test]
async fn a_replay_is_the_same_bytes() {
    let server = with_accounts().await;
    let first = server.ask(pay("k-1", usd(4999))).await;
    assert_eq!(first.status, 201);
    assert_eq!(first.header("idempotent-replayed"), Some("false"));
    let location = first.header("location").expect("a location").to_owned();
    let again = server.ask(pay("\"k-1\"", usd(4999))).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("location"), Some(location.as_str()));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(server.events(), 3);
    let shown = server.ask(get(location)).await;
    assert_eq!(shown.json()["amount"], 4999);
}
