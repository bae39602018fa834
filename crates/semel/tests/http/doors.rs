//! The door behind the handlers: one step for all that waits, backlog, failures, shutdown.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use semel::http::limits::Limits;
use semel_core::failure::Stop;
use semel_core::problem::Code;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::faulty::{ALWAYS, Fault, faulty};
use super::harness::{Answer, Server, get, pay, post, read, usd};

async fn with_accounts(server: &Server) {
    server.account("a").await;
    server.account("b").await;
}

#[tokio::test]
async fn requests_that_come_together_share_a_step() {
    let gate = Arc::new(Semaphore::new(2));
    let (server, script) = faulty(Fault::Retryable, Limits::STANDARD, Some(gate.clone())).await;
    with_accounts(&server).await;
    let server = Arc::new(server);
    let mut asks = JoinSet::new();
    for number in 0..50 {
        let server = server.clone();
        asks.spawn(async move { server.ask(pay(&format!("k-{number}"), usd(1))).await.status });
    }
    // Some of them are in a step that waits at the gate, the others behind it.
    while waiting(&server).await < 50 {}
    gate.add_permits(2);
    let mut statuses = Vec::new();
    while let Some(status) = asks.join_next().await {
        statuses.push(status.expect("the client does not panic"));
    }
    assert_eq!(statuses, [201; 50]);
    let commits = script.commits.load(Ordering::SeqCst);
    assert!((3..=4).contains(&commits), "two accounts, then one step or two for all payments");
}

/// How many commands wait at the door.
async fn waiting(server: &Server) -> usize {
    let metrics = server.ask(get("/metrics")).await;
    let line = |line: &&str| line.starts_with("semel_door_waiting{");
    let line = metrics.text().lines().find(line).expect("the gauge is there");
    line.rsplit(' ').next().expect("a value").parse().expect("a number")
}

#[tokio::test]
async fn simultaneous_requests_with_one_key_all_get_the_same_bytes() {
    let server = Arc::new(Server::open().await);
    with_accounts(&server).await;
    let before = server.events();
    let mut asks = JoinSet::new();
    for _ in 0..40 {
        let server = server.clone();
        asks.spawn(async move { server.ask(pay("k", usd(1))).await });
    }
    let mut answers: Vec<Answer> = Vec::new();
    while let Some(answer) = asks.join_next().await {
        answers.push(answer.expect("the client does not panic"));
    }
    let first = |answer: &&Answer| answer.header("idempotent-replayed") == Some("false");
    assert_eq!(answers.iter().filter(first).count(), 1);
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
        assert_eq!(answer.header("location"), answers[0].header("location"));
    }
    assert_eq!(server.events(), before + 1);
}

#[tokio::test]
async fn a_backlog_is_told_and_stores_nothing() {
    let gate = Arc::new(Semaphore::new(2));
    let limits = Limits { backlog: 2, ..Limits::STANDARD };
    let (server, _) = faulty(Fault::Retryable, limits, Some(gate.clone())).await;
    with_accounts(&server).await;
    let server = Arc::new(server);
    let mut asks = JoinSet::new();
    for number in 0..2 {
        let server = server.clone();
        asks.spawn(async move { server.ask(pay(&format!("k-{number}"), usd(1))).await.status });
    }
    while waiting(&server).await < 2 {}
    let batch = usd(1).replace('{', r#"{"idempotency_key":"k","#);
    for ask in [
        pay("k", usd(1)),
        post("/v1/payments:batch", format!(r#"{{"payments":[{batch}]}}"#)),
        post("/v1/accounts", r#"{"id":"c","currency":"USD"}"#),
        post("/v1/accounts/a/close", ""),
    ] {
        let full = server.ask(ask).await;
        assert_eq!(full.summary(), "429 SEMEL-0013");
        assert_eq!(full.header("retry-after"), Some("1"));
        assert_eq!(full.header("idempotent-replayed"), None);
    }
    gate.add_permits(1_000);
    while let Some(status) = asks.join_next().await {
        assert_eq!(status.expect("the client does not panic"), 201);
    }
    assert_eq!(server.events(), 4);
    assert_eq!(server.ask(pay("k", usd(1))).await.header("idempotent-replayed"), Some("false"));
}

#[tokio::test]
async fn a_fault_that_passes_is_not_noticed() {
    for fault in [Fault::Retryable, Fault::UnknownAndDone, Fault::UnknownAndNot] {
        let (server, script) = faulty(fault, Limits::STANDARD, None).await;
        with_accounts(&server).await;
        script.faults.store(1, Ordering::SeqCst);
        let paid = server.ask(pay("k", usd(1))).await;
        assert_eq!((paid.status, server.events()), (201, 3), "{fault:?}");
        let again = server.ask(pay("k", usd(1))).await;
        assert_eq!((again.status, server.events()), (201, 3), "{fault:?}");
        assert_eq!(again.body, paid.body);
    }
}

#[tokio::test]
async fn a_fault_that_stays_is_told_for_what_it_is() {
    for (fault, code) in
        [(Fault::Retryable, "503 SEMEL-0014"), (Fault::UnknownAndNot, "503 SEMEL-0015")]
    {
        let (server, script) = faulty(fault, Limits::STANDARD, None).await;
        with_accounts(&server).await;
        script.faults.store(ALWAYS, Ordering::SeqCst);
        let failed = server.ask(pay("k", usd(1))).await;
        assert_eq!(failed.summary(), code, "{fault:?}");
        assert_eq!(failed.header("retry-after"), Some("1"));
        assert_eq!(failed.header("idempotent-replayed"), None);
        assert_eq!(server.events(), 2);
        script.faults.store(0, Ordering::SeqCst);
        let paid = server.ask(pay("k", usd(1))).await;
        assert_eq!((paid.status, server.events()), (201, 3));
    }
}

#[tokio::test]
async fn a_named_stop_is_told_and_ends_the_server() {
    let (server, script) = faulty(Fault::Permanent, Limits::STANDARD, None).await;
    with_accounts(&server).await;
    script.faults.store(ALWAYS, Ordering::SeqCst);
    assert_eq!(server.ask(pay("k", usd(1))).await.summary(), "503 SEMEL-0014");
    let unready = server.ask(get("/readyz")).await;
    assert_eq!(unready.status, 503);
    assert_eq!(unready.json()["reasons"][0]["code"], "SEMEL-0104");
    assert!(!unready.text().contains("scripted"), "what was seen needs a key");
    // Reading goes on while it can.
    assert_eq!(server.ask(get("/v1/accounts/a")).await.status, 200);
    assert_eq!(server.ended().await, Err(Stop::new(Code::StoreFull, "scripted")));
}

#[tokio::test]
async fn a_named_stop_after_a_doubt_leaves_the_doubt_and_ends_the_server() {
    let (server, script) = faulty(Fault::Worsens, Limits::STANDARD, None).await;
    with_accounts(&server).await;
    script.faults.store(2, Ordering::SeqCst);
    let answer = server.ask(pay("k", usd(1))).await;
    assert_eq!((answer.summary().as_str(), server.events()), ("503 SEMEL-0015", 3));
    assert_eq!(server.ended().await, Err(Stop::new(Code::StoreFull, "scripted")));
}

#[tokio::test]
async fn a_defect_in_a_step_is_unknown_and_ends_the_server() {
    let (server, script) = faulty(Fault::Panic, Limits::STANDARD, None).await;
    with_accounts(&server).await;
    script.faults.store(1, Ordering::SeqCst);
    assert_eq!(server.ask(pay("k-1", usd(1))).await.summary(), "503 SEMEL-0015");
    assert_eq!(server.ask(pay("k-2", usd(1))).await.summary(), "503 SEMEL-0014");
    assert_eq!(server.ask(get("/readyz")).await.status, 503);
    assert_eq!(server.ended().await.map_err(|stop| stop.code), Err(Code::Internal));
}

#[tokio::test]
async fn a_shutdown_answers_what_was_accepted() {
    let gate = Arc::new(Semaphore::new(2));
    let (mut server, _) = faulty(Fault::Retryable, Limits::STANDARD, Some(gate.clone())).await;
    with_accounts(&server).await;
    let mut streams = Vec::new();
    for number in 0..20 {
        let mut stream = server.connect().await;
        let ask = pay(&format!("k-{number}"), usd(1));
        stream.write_all(&ask.bytes()).await.expect("the server reads");
        streams.push(stream);
    }
    while waiting(&server).await < 20 {}
    let (address, store) = (server.address, server.store.clone());
    server.stop();
    let refused = async { while tokio::net::TcpStream::connect(address).await.is_ok() {} };
    let refused = tokio::time::timeout(Duration::from_secs(10), refused).await;
    assert!(refused.is_ok(), "new connections are still accepted");
    gate.add_permits(1_000);
    for stream in &mut streams {
        assert_eq!(read(stream, false).await.expect("an answer").status, 201);
    }
    drop(streams);
    assert_eq!(server.ended().await, Ok(()));
    let events = store.reader().events(1, 0, 1_000).expect("the store is read");
    assert_eq!(events.len(), 22);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let limits = Limits { drain_time: Duration::from_millis(100), ..Limits::STANDARD };
    let mut server = Server::with(semel::http::access::Access::Open, limits).await;
    let mut half = server.connect().await;
    let bytes = pay("k", usd(1)).bytes();
    half.write_all(&bytes[..bytes.len() - 1]).await.expect("the server reads");
    let idle = server.connect().await;
    server.stop();
    assert_eq!(server.ended().await, Ok(()));
    assert_eq!(read(&mut half, false).await, None);
    drop(idle);
}
