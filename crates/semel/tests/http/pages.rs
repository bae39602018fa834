//! What explains the door: the description held against what is answered, the pages of the codes,
//! methods, unknown paths, health and metrics.

use std::collections::BTreeSet;

use semel::http::problem::status;
use semel_core::problem::Code;

use super::described;
use super::harness::{Server, get, pay, post, usd};

#[tokio::test]
async fn every_code_has_its_page() {
    let server = Server::open().await;
    for code in Code::ALL {
        let page = server.ask(get(format!("/errors/{code}"))).await;
        assert_eq!(page.status, 200, "{code}");
        assert_eq!(page.header("content-type"), Some("text/markdown; charset=utf-8"));
        let title = format!("# {code}: {}\n", code.title());
        assert!(page.text().starts_with(&title), "{code}: {:.80}", page.text());
        for section in ["## What it means", "## What to do"] {
            assert!(page.text().contains(section), "{code} has no section `{section}`");
        }
    }
    for path in ["/errors/SEMEL", "/errors/semel-0001", "/errors/SEMEL-0001.md", "/errors/"] {
        assert_eq!(server.ask(get(path)).await.summary(), "404 SEMEL-0005", "{path}");
    }
}

#[test]
fn every_code_of_a_request_has_its_status() {
    for (number, expected) in [
        (1, 400),
        (2, 400),
        (3, 401),
        (4, 403),
        (5, 404),
        (6, 405),
        (7, 422),
        (8, 422),
        (9, 408),
        (10, 413),
        (11, 431),
        (12, 415),
        (13, 429),
        (14, 503),
        (15, 503),
        (16, 422),
        (17, 409),
        (18, 500),
    ] {
        let word = format!("SEMEL-{number:04}");
        let code = Code::ALL.iter().find(|code| code.as_str() == word).expect("a code");
        assert_eq!(status(*code).as_u16(), expected, "{code}");
    }
}

#[tokio::test]
async fn a_method_that_a_resource_does_not_take_is_told_which_it_takes() {
    let server = Server::open().await;
    for (method, path, allow) in [
        ("DELETE", "/v1/payments", "GET,HEAD,POST"),
        ("PUT", "/v1/payments/x", "GET,HEAD"),
        ("GET", "/v1/payments:batch", "POST"),
        ("PATCH", "/v1/accounts/x", "GET,HEAD"),
        ("GET", "/v1/accounts/x/close", "POST"),
        ("GET", "/v1/dead-letters:redrive", "POST"),
        ("POST", "/livez", "GET,HEAD"),
        ("BREW", "/metrics", "GET,HEAD"),
    ] {
        let answer = server.ask(get(path).method(method)).await;
        assert_eq!(answer.summary(), "405 SEMEL-0006", "{method} {path}");
        let allowed: BTreeSet<&str> = answer.header("allow").expect("Allow").split(',').collect();
        assert_eq!(allowed, allow.split(',').collect(), "{method} {path}");
        let options = server.ask(get(path).method("OPTIONS")).await;
        assert_eq!((options.status, options.header("allow")), (204, answer.header("allow")));
    }
}

#[tokio::test]
async fn nothing_is_found_under_other_paths() {
    let server = Server::open().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/payments",
        "/v1/payments/",
        "/V1/payments",
        "/favicon.ico",
        "/v1/payments:bulk",
        "//v1/payments",
        "/v1/../livez",
    ] {
        for ask in [get(path), post(path, "{}"), get(path).method("OPTIONS")] {
            let answer = server.ask(ask.clone()).await;
            assert_eq!(answer.summary(), "404 SEMEL-0005", "{} {path}", ask.method);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        }
    }
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = Server::open().await;
    server.account("a").await;
    for path in [
        "/v1/accounts/a",
        "/v1/payments",
        "/livez",
        "/readyz",
        "/openapi.json",
        "/v1/accounts/b",
        "/v1/payments?limit=x",
    ] {
        let (head, get) = (server.ask(get(path).method("HEAD")).await, server.ask(get(path)).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), get.header("content-length"));
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn health_is_told() {
    let server = Server::open().await;
    assert_eq!(server.ask(get("/livez")).await.text(), r#"{"live":true}"#);
    assert_eq!(server.ask(get("/readyz")).await.text(), r#"{"ready":true,"reasons":[]}"#);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    for (key, amount) in [("k", 1), ("k", 1), ("k", 2), ("l", -1)] {
        server.ask(pay(key, usd(amount))).await;
    }
    server.ask(get("/nothing/here")).await;
    let metrics = server.ask(get("/metrics")).await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let outcome = |name: &str| format!(r#"semel_outcomes_total{{ledger="main",outcome="{name}"}}"#);
    let request = |method: &str, route: &str, status: u16| {
        format!(
            r#"semel_http_requests_total{{method="{method}",route="{route}",status="{status}"}}"#
        )
    };
    for (series, value) in [
        (outcome("account.opened"), 2),
        (outcome("payment.succeeded"), 1),
        (outcome("replay"), 1),
        (outcome("conflict"), 1),
        (outcome("invalid"), 1),
        (request("POST", "/v1/payments", 201), 2),
        (request("POST", "/v1/payments", 422), 2),
        (request("GET", "none", 404), 1),
        (r#"semel_ledger_events{ledger="main"}"#.into(), 3),
        (r#"semel_door_waiting{ledger="main"}"#.into(), 0),
        (r#"semel_step_seconds_count{ledger="main"}"#.into(), 6),
        (r#"semel_step_commands_bucket{ledger="main",le="1"}"#.into(), 6),
    ] {
        let line = format!("{series} {value}");
        assert!(metrics.text().lines().any(|own| own == line), "no {line} in\n{}", metrics.text());
    }
}

#[tokio::test]
async fn the_description_is_served_and_names_every_route() {
    let server = Server::open().await;
    let description = server.ask(get("/openapi.json")).await.json();
    assert_eq!(description["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(!description.to_string().contains("127.0.0.1"), "no host in a body");
    let routes: BTreeSet<&String> =
        description["paths"].as_object().expect("paths").keys().collect();
    let expected = [
        "/errors/{code}",
        "/livez",
        "/metrics",
        "/openapi.json",
        "/readyz",
        "/v1/accounts",
        "/v1/accounts/{id}",
        "/v1/accounts/{id}/close",
        "/v1/accounts/{id}/entries",
        "/v1/dead-letters",
        "/v1/dead-letters/{id}",
        "/v1/dead-letters:discard",
        "/v1/dead-letters:redrive",
        "/v1/events",
        "/v1/ingests",
        "/v1/ingests/{name}",
        "/v1/payments",
        "/v1/payments/{id}",
        "/v1/payments/{id}/refunds",
        "/v1/payments:batch",
        "/v1/refunds/{id}",
    ];
    assert_eq!(routes.into_iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let operations = described::operations();
    let ids: BTreeSet<&str> = operations.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "an operation's id is its own");
}
