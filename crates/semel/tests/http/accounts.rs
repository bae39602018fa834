//! Accounts: opened once, found by percent-encoded ids, closed for good, and their entries.

use serde_json::{Value, json};

use super::harness::{Server, get, pay, post, usd};

fn open(id: &str, rest: &str) -> super::harness::Ask {
    post("/v1/accounts", format!(r#"{{"id":"{id}","currency":"USD"{rest}}}"#))
}

#[tokio::test]
async fn an_account_is_its_id() {
    let server = Server::open().await;
    let first = server.ask(open("customer:1", "")).await;
    assert_eq!((first.status, first.header("location")), (201, Some("/v1/accounts/customer:1")));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(
        first.text(),
        concat!(
            r#"{"id":"customer:1","currency":"USD","overdraft":"none","#,
            r#""posted":{"debits":0,"credits":0,"balance":0},"pending":{"debits":0,"credits":0}}"#
        )
    );
    for rest in ["", r#","overdraft":"none""#, r#","overdraft":null"#] {
        let again = server.ask(open("customer:1", rest)).await;
        assert_eq!((again.status, &again.body), (200, &first.body), "{rest}");
        assert_eq!(again.header("location"), Some("/v1/accounts/customer:1"));
    }
    for ask in [
        open("customer:1", r#","overdraft":"unlimited""#),
        open("customer:1", r#","overdraft":0"#),
        post("/v1/accounts", r#"{"id":"customer:1","currency":"EUR"}"#),
    ] {
        assert_eq!(server.ask(ask).await.summary(), "409 SEMEL-0017");
    }
    assert_eq!(server.events(), 1);
    assert_eq!(server.ask(get("/v1/accounts/customer:1")).await.body, first.body);
    for (overdraft, told) in [("\"unlimited\"", json!("unlimited")), ("500", json!(500))] {
        let id = format!("with-{told}").replace('"', "");
        let rest = format!(r#","overdraft":{overdraft}"#);
        assert_eq!(server.ask(open(&id, &rest)).await.json()["overdraft"], told);
    }
}

#[tokio::test]
async fn what_no_account_can_be_is_named() {
    let server = Server::open().await;
    let long = "a".repeat(65);
    for (body, fields) in [
        ("{}".to_owned(), "/id missing_field, /currency missing_field"),
        ("[]".into(), "wrong_type"),
        (
            r#"{"id":1,"currency":2,"overdraft":[],"x":3}"#.into(),
            "/id wrong_type, /currency wrong_type, /overdraft wrong_type, /x unknown_field",
        ),
        (r#"{"id":"","currency":"usd"}"#.into(), "/id missing_field, /currency unknown_currency"),
        (r#"{"id":".","currency":"USD"}"#.into(), "/id invalid_account"),
        (r#"{"id":"..","currency":"USD"}"#.into(), "/id invalid_account"),
        (r#"{"id":"a b","currency":"USD"}"#.into(), "/id invalid_account"),
        (r#"{"id":"ä","currency":"USD"}"#.into(), "/id invalid_account"),
        (format!(r#"{{"id":"{long}","currency":"USD"}}"#), "/id too_long"),
        (r#"{"id":"4111111111111111","currency":"USD"}"#.into(), "/id card_number"),
        (r#"{"id":"a","currency":"XAU"}"#.into(), "/currency unknown_currency"),
        (r#"{"id":"a","currency":"USD","overdraft":"some"}"#.into(), "/overdraft wrong_type"),
        (r#"{"id":"a","currency":"USD","overdraft":-1}"#.into(), "/overdraft wrong_type"),
        (r#"{"id":"a","currency":"USD","overdraft":1.5}"#.into(), "/overdraft wrong_type"),
        (r#"{"id":"a","currency":"USD","overdraft":1e3}"#.into(), "/overdraft wrong_type"),
        (
            r#"{"id":"a","currency":"USD","overdraft":100000000000000001}"#.into(),
            "/overdraft amount_too_large",
        ),
        (
            r#"{"id":"a","currency":"USD","overdraft":99999999999999999999}"#.into(),
            "/overdraft amount_too_large",
        ),
    ] {
        let answer = server.ask(post("/v1/accounts", body.clone())).await;
        assert_eq!(answer.summary(), format!("422 SEMEL-0007 {fields}"), "{body}");
    }
    let twice = post("/v1/accounts", r#"{"id":"a","id":"a","currency":"USD"}"#);
    assert_eq!(server.ask(twice).await.summary(), "400 SEMEL-0001");
    assert_eq!(server.events(), 0);
}

#[tokio::test]
async fn ids_are_percent_encoded_in_paths() {
    let server = Server::open().await;
    for (id, path) in [
        ("a/b", "/v1/accounts/a%2Fb"),
        ("a%2Fb", "/v1/accounts/a%252Fb"),
        ("what?", "/v1/accounts/what%3F"),
        ("#1", "/v1/accounts/%231"),
        ("a+b", "/v1/accounts/a+b"),
        ("...", "/v1/accounts/..."),
    ] {
        let opened = server.ask(open(id, "")).await;
        assert_eq!((opened.status, opened.header("location")), (201, Some(path)));
        let shown = server.ask(get(path)).await;
        assert_eq!(shown.json()["id"], id);
    }
    assert_eq!(server.ask(get("/v1/accounts/%61%2fb")).await.json()["id"], "a/b");
    for (path, expected) in [
        ("/v1/accounts/nobody", "404 SEMEL-0005"),
        ("/v1/accounts/.", "404 SEMEL-0005"),
        ("/v1/accounts/..", "404 SEMEL-0005"),
        ("/v1/accounts/%2e%2e", "404 SEMEL-0005"),
        ("/v1/accounts/a%20b", "404 SEMEL-0005"),
        ("/v1/accounts/%C3%A4", "404 SEMEL-0005"),
        ("/v1/accounts/%zz", "400 SEMEL-0001"),
        ("/v1/accounts/a%2", "400 SEMEL-0001"),
        ("/v1/accounts/%ff", "400 SEMEL-0001"),
        ("/v1/accounts/", "404 SEMEL-0005"),
        ("/v1/accounts/a/b", "404 SEMEL-0005"),
    ] {
        assert_eq!(server.ask(get(path)).await.summary(), expected, "{path}");
        let close = server.ask(post(format!("{path}/close"), "")).await;
        assert_eq!(close.summary(), expected, "{path}/close");
        let entries = server.ask(get(format!("{path}/entries"))).await;
        assert_eq!(entries.summary(), expected, "{path}/entries");
    }
}

#[tokio::test]
async fn a_closed_account_stays_closed() {
    let server = Server::open().await;
    server.account("a").await;
    let closed = server.ask(post("/v1/accounts/a/close", "")).await;
    assert_eq!((closed.status, &closed.json()["closed"]), (200, &json!(true)));
    let events = server.events();
    assert_eq!(server.ask(post("/v1/accounts/a/close", "")).await.body, closed.body);
    assert_eq!(server.events(), events);
    assert_eq!(server.ask(get("/v1/accounts/a")).await.body, closed.body);
}

#[tokio::test]
async fn entries_have_the_balance_after_them() {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    for (key, amount) in [("k-1", 10), ("k-2", 20), ("k-3", 30)] {
        server.ask(pay(key, usd(amount))).await;
    }
    let back = usd(5).replace("\"a\"", "\"c\"").replace("\"b\"", "\"a\"").replace("\"c\"", "\"b\"");
    let back = server.ask(pay("k-4", back)).await.json();
    let rows = |page: &Value| -> Vec<(i64, i64, i64)> {
        let number = |row: &Value, name: &str| row[name].as_i64().expect("a number");
        let row =
            |row: &Value| (number(row, "debit"), number(row, "credit"), number(row, "balance"));
        page["data"].as_array().expect("rows").iter().map(row).collect()
    };
    let all = server.ask(get("/v1/accounts/a/entries")).await.json();
    let expected = [(0, 5, -55), (30, 0, -60), (20, 0, -30), (10, 0, -10)];
    assert_eq!(rows(&all), expected);
    assert_eq!(all["data"][0]["payment_id"], back["id"]);
    assert_eq!(all["next"], Value::Null);
    let mut paged = Vec::new();
    let mut path = "/v1/accounts/a/entries?limit=3".to_owned();
    for pages in 1.. {
        let page = server.ask(get(&path)).await.json();
        paged.extend(rows(&page));
        let Some(next) = page["next"].as_str() else {
            assert_eq!(pages, 2);
            break;
        };
        path = format!("/v1/accounts/a/entries?limit=3&cursor={next}");
    }
    assert_eq!(paged, expected);
    // Cursors that no page gave lead nowhere, and nowhere else.
    for cursor in ["1.0", "999999.0", "0.0"] {
        let page = server.ask(get(format!("/v1/accounts/b/entries?cursor={cursor}"))).await;
        assert_eq!(page.text(), r#"{"data":[],"next":null}"#, "{cursor}");
    }
    for cursor in ["x", "1", "1.x", "-1.0", "1.99999999999999999999", "99999999999999999999.0"] {
        let page = server.ask(get(format!("/v1/accounts/a/entries?cursor={cursor}"))).await;
        assert_eq!(page.summary(), "400 SEMEL-0001 /cursor wrong_type", "{cursor}");
    }
}
