//! The log as server-sent events: dense, resumed, live, and over at shutdown.

use std::time::Duration;

use semel::http::access::Access;
use semel::http::limits::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::harness::{Ask, Server, get, pay, read_chunk, read_until, usd};

/// A client that follows the log.
struct Follower {
    stream: TcpStream,
    pending: String,
}

impl Follower {
    async fn follow(server: &Server, ask: Ask) -> Follower {
        let mut stream = server.connect().await;
        stream.write_all(&ask.bytes()).await.expect("the server reads");
        let head = read_until(&mut stream, b"\r\n\r\n").await.expect("a head");
        let head = String::from_utf8(head).expect("the head is text");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        Follower { stream, pending: String::new() }
    }

    /// The next event's id and type, and its message; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(u64, String, serde_json::Value)> {
        loop {
            if let Some((event, rest)) = self.pending.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.pending = rest;
                if event == ":" {
                    continue;
                }
                let field = |name: &str| {
                    let prefix = format!("{name}: ");
                    let line = event.lines().find_map(|line| line.strip_prefix(&prefix));
                    line.unwrap_or_else(|| panic!("no {name} in {event}")).to_owned()
                };
                let id = field("id").parse().expect("a seq");
                let message = serde_json::from_str(&field("data")).expect("a message");
                return Some((id, field("event"), message));
            }
            let chunk = read_chunk(&mut self.stream).await?;
            self.pending += &String::from_utf8(chunk).expect("events are text");
        }
    }
}

async fn server() -> Server {
    let server = Server::open().await;
    server.account("a").await;
    server.account("b").await;
    server.ask(pay("k-1", usd(1))).await;
    server
}

#[tokio::test]
async fn the_log_is_followed_from_its_beginning_and_live() {
    let server = server().await;
    let mut follower = Follower::follow(&server, get("/v1/events")).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(follower.next().await.expect("an event"));
    }
    for number in 2..=600 {
        let paid = server.ask(pay(&format!("k-{number}"), usd(number))).await.json();
        if number <= 3 {
            let event = follower.next().await.expect("an event");
            assert_eq!(event.2["payment"], paid);
            seen.push(event);
        }
    }
    // More than are read at once.
    for _ in 4..=600 {
        seen.push(follower.next().await.expect("an event"));
    }
    for (place, (id, kind, message)) in seen.iter().enumerate() {
        let seq = place as u64 + 1;
        assert_eq!((*id, &message["seq"]), (seq, &seq.into()));
        assert_eq!(message["type"], **kind);
        assert_eq!(kind, if seq <= 2 { "account.opened" } else { "payment.succeeded" });
    }
}

#[tokio::test]
async fn a_log_that_another_process_wrote_is_followed_to_its_end() {
    let server = server().await;
    for number in 2..=600 {
        server.ask(pay(&format!("k-{number}"), usd(number))).await;
    }
    let server = server.again().await;
    let mut follower = Follower::follow(&server, get("/v1/events")).await;
    for seq in 1..=602 {
        assert_eq!(follower.next().await.map(|event| event.0), Some(seq));
    }
    server.ask(pay("live", usd(1))).await;
    assert_eq!(follower.next().await.map(|event| event.0), Some(603));
}

#[tokio::test]
async fn a_client_comes_back_where_it_left_off() {
    let server = server().await;
    for (ask, first) in [
        (get("/v1/events?after=0"), 1),
        (get("/v1/events?after=2"), 3),
        (get("/v1/events").header("Last-Event-ID", "1"), 2),
        (get("/v1/events?after=0").header("Last-Event-ID", "2"), 3),
    ] {
        let mut follower = Follower::follow(&server, ask.clone()).await;
        let (id, ..) = follower.next().await.expect("an event");
        assert_eq!(id, first, "{} {:?}", ask.path, ask.headers);
    }
    let ask = get("/v1/events").header("Last-Event-ID", "x");
    assert_eq!(server.ask(ask).await.summary(), "400 SEMEL-0001 /Last-Event-ID wrong_type");
}

#[tokio::test]
async fn a_stream_without_events_shows_that_it_lives() {
    let limits = Limits { keep_alive: Duration::from_millis(20), ..Limits::STANDARD };
    let server = Server::with(Access::Open, limits).await;
    let mut follower = Follower::follow(&server, get("/v1/events")).await;
    for _ in 0..3 {
        assert_eq!(read_chunk(&mut follower.stream).await.as_deref(), Some(&b":\n\n"[..]));
    }
    server.account("a").await;
    assert_eq!(follower.next().await.map(|event| event.0), Some(1));
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let mut server = server().await;
    let mut follower = Follower::follow(&server, get("/v1/events?after=2")).await;
    assert_eq!(follower.next().await.map(|event| event.0), Some(3));
    server.stop();
    assert_eq!(follower.next().await, None);
    drop(follower);
    assert_eq!(server.ended().await, Ok(()));
}
