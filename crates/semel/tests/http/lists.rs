//! Lists: pages, cursors, filters, and query strings that mean nothing.

use serde_json::Value;

use super::harness::{Server, get, pay, usd};

async fn server() -> Server {
    let server = Server::open().await;
    for id in ["a", "b", "c", "d/1", "e"] {
        server.account(id).await;
    }
    for number in 1..=5 {
        server.ask(pay(&format!("k-{number}"), usd(number))).await;
    }
    server
}

/// Every row of a list, read in pages of two.
async fn all(server: &Server, path: &str, name: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.ask(get(format!("{path}?limit=2&cursor={cursor}"))).await.json();
        let data = page["data"].as_array().expect("rows").clone();
        assert!(data.len() <= 2);
        rows.extend(data.into_iter().map(|row| row[name].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = next.replace('/', "%2F"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let server = server().await;
    assert_eq!(all(&server, "/v1/payments", "amount").await, [5, 4, 3, 2, 1]);
    assert_eq!(all(&server, "/v1/accounts", "id").await, ["a", "b", "c", "d/1", "e"]);
    assert_eq!(all(&server, "/v1/dead-letters", "id").await, Vec::<Value>::new());
    assert_eq!(all(&server, "/v1/ingests", "name").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_payment_is_found_by_its_key() {
    let server = server().await;
    for (query, amounts) in [
        ("idempotency_key=k-3", vec![3]),
        ("idempotency_key=k%2d3", vec![3]),
        ("idempotency_key=k-9", vec![]),
        ("idempotency_key=k-3&ingest=shop", vec![]),
        ("idempotency_key=k-3&ingest=", vec![3]),
    ] {
        let page = server.ask(get(format!("/v1/payments?{query}"))).await;
        assert_eq!(page.status, 200);
        let page = page.json();
        let rows = page["data"].as_array().expect("rows");
        let found: Vec<i64> = rows.iter().filter_map(|row| row["amount"].as_i64()).collect();
        assert_eq!((found, &page["next"]), (amounts, &Value::Null), "{query}");
    }
}

#[tokio::test]
async fn a_query_that_means_nothing_is_a_bad_request() {
    let server = server().await;
    for (path, expected) in [
        ("/v1/payments?limit=0", "/limit wrong_type"),
        ("/v1/payments?limit=1001", "/limit wrong_type"),
        ("/v1/payments?limit=x", "/limit wrong_type"),
        ("/v1/payments?limit=1&limit=1", "/limit duplicate_field"),
        ("/v1/payments?cursor=x", "/cursor wrong_type"),
        ("/v1/payments?cursor=99999999999999999999", "/cursor wrong_type"),
        ("/v1/payments?idempotncy_key=k-1", "/idempotncy_key unknown_field"),
        ("/v1/payments?ingest=shop", "/idempotency_key missing_field"),
        ("/v1/payments?limit=%zz", ""),
        ("/v1/payments?limit=%ff", ""),
        ("/v1/accounts?limit=1001", "/limit wrong_type"),
        ("/v1/accounts?order=up", "/order unknown_field"),
        ("/v1/accounts/a?verbose=1", "/verbose unknown_field"),
        ("/v1/dead-letters?reason=boredom", "/reason wrong_type"),
        ("/v1/dead-letters?cursor=17", "/cursor wrong_type"),
        ("/v1/dead-letters/dl_1?x", "/x unknown_field"),
        ("/v1/ingests?limit=-1", "/limit wrong_type"),
        ("/v1/ingests/shop?x=1", "/x unknown_field"),
        ("/v1/events?after=x", "/after wrong_type"),
        ("/v1/events?after=-1", "/after wrong_type"),
    ] {
        let answer = server.ask(get(path)).await;
        let expected = format!("400 SEMEL-0001 {expected}");
        assert_eq!(answer.summary(), expected.trim_end(), "{path}");
    }
    let answer = server.ask(get("/v1/payments?idempotency_key=")).await;
    assert_eq!(answer.summary().trim_end(), "400 SEMEL-0002");
    for path in ["/v1/payments?limit=1000", "/v1/payments?limit=&cursor=", "/v1/payments?&"] {
        assert_eq!(server.ask(get(path)).await.status, 200, "{path}");
    }
}
