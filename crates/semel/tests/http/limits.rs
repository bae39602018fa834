//! Bounds: too large, too slow, too many, and two lengths at once.

use std::time::Duration;

use semel::http::access::Access;
use semel::http::limits::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::harness::{Server, get, pay, post, read, usd};

/// Waits that a test can wait for.
const QUICK: Limits = Limits {
    header_time: Duration::from_millis(200),
    body_time: Duration::from_millis(200),
    ..Limits::STANDARD
};

async fn server(limits: Limits) -> Server {
    let server = Server::with(Access::Open, limits).await;
    server.account("a").await;
    server.account("b").await;
    server
}

/// A payment whose body has `length` bytes, all but the first of them white space.
fn padded(length: usize) -> String {
    let body = usd(1);
    let padding = " ".repeat(length - body.len());
    body + &padding
}

fn chunked(path: &str, body: &str) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: semel\r\nContent-Type: application/json\r\n\
         Idempotency-Key: chunked\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for chunk in body.as_bytes().chunks(10_000) {
        let chunk = std::str::from_utf8(chunk).expect("the body is ASCII");
        request += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
    }
    (request + "0\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let server = server(Limits::STANDARD).await;
    let before = server.events();
    let (most, path) = (64 * 1024, "/v1/payments");
    for length in [most + 1, 2 * most, 8 * 1024 * 1024] {
        let answer = server.ask(pay("k", padded(length))).await;
        assert_eq!(answer.summary(), "413 SEMEL-0010", "{length}");
        assert_eq!(answer.header("connection"), Some("close"));
        let answer = server.raw(&chunked(path, &padded(length))).await.expect("an answer");
        assert_eq!(answer.summary(), "413 SEMEL-0010", "{length} in chunks");
    }
    // What is announced is refused before it is sent.
    let announced = pay("k", "").bytes();
    let announced =
        String::from_utf8(announced).expect("ASCII").replace("Length: 0", "Length: 65537");
    let answer = server.raw(announced.as_bytes()).await.expect("an answer");
    assert_eq!(answer.summary(), "413 SEMEL-0010");
    assert_eq!(server.events(), before);
    assert_eq!(server.ask(pay("k", padded(most))).await.status, 201);
    let answer = server.raw(&chunked(path, &padded(most))).await.expect("an answer");
    assert_eq!(answer.status, 201);
    assert_eq!(server.events(), before + 2);
}

#[tokio::test]
async fn a_batch_has_at_most_4_mib() {
    let server = server(Limits::STANDARD).await;
    let before = server.events();
    let item = usd(1).replace('{', r#"{"idempotency_key":"k","#);
    let batch = |length: usize| {
        let body = format!(r#"{{"payments":[{item}]}}"#);
        let padding = " ".repeat(length - body.len());
        post("/v1/payments:batch", body + &padding)
    };
    let most = 4 * 1024 * 1024;
    assert_eq!(server.ask(batch(most + 1)).await.summary(), "413 SEMEL-0010");
    assert_eq!(server.events(), before);
    assert_eq!(server.ask(batch(most)).await.status, 200);
    assert_eq!(server.events(), before + 1);
}

#[tokio::test]
async fn headers_have_at_most_32_kib() {
    let server = server(Limits::STANDARD).await;
    let before = server.events();
    for length in [32 * 1024, 40 * 1024, 1024 * 1024] {
        let ask = pay("k", usd(1)).header("X-Padding", &"x".repeat(length));
        assert_eq!(server.raw(&ask.bytes()).await.expect("an answer").status, 431, "{length}");
    }
    let many = (0..200).fold(pay("k", usd(1)), |ask, n| ask.header(&format!("X-{n}"), "x"));
    assert_eq!(server.raw(&many.bytes()).await.expect("an answer").status, 431);
    let path = format!("/v1/payments?cursor={}", "x".repeat(40 * 1024));
    assert_eq!(server.raw(&get(path).bytes()).await.expect("an answer").status, 431);
    assert_eq!(server.events(), before);
    let ask = pay("k", usd(1)).header("X-Padding", &"x".repeat(31 * 1024));
    assert_eq!(server.ask(ask).await.status, 201);
}

#[tokio::test]
async fn a_body_arrives_in_time() {
    let server = server(QUICK).await;
    let before = server.events();
    let bytes = pay("k", usd(1)).bytes();
    let mut stream = server.connect().await;
    stream.write_all(&bytes[..bytes.len() - 1]).await.expect("the server reads");
    let answer = read(&mut stream, false).await.expect("an answer");
    assert_eq!(answer.summary(), "408 SEMEL-0009");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(server.events(), before);
}

#[tokio::test]
async fn headers_arrive_in_time_or_the_connection_ends() {
    let server = server(QUICK).await;
    let bytes = get("/livez").bytes();
    for half in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        let mut stream = server.connect().await;
        stream.write_all(&bytes[..half]).await.expect("the server reads");
        assert_eq!(read(&mut stream, false).await, None, "{half}");
    }
}

#[tokio::test]
async fn slow_clients_hold_nobody_up() {
    let server = server(Limits::STANDARD).await;
    let (mut slow, bytes) = (Vec::new(), pay("slow", usd(1)).bytes());
    for number in 0..200 {
        let mut stream = server.connect().await;
        let half = bytes.len() * number / 200;
        stream.write_all(&bytes[..half]).await.expect("the server reads");
        slow.push(stream);
    }
    assert_eq!(server.ask(pay("quick", usd(1))).await.status, 201);
    assert_eq!(slow.len(), 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let server = server(Limits { connections: 2, ..Limits::STANDARD }).await;
    let (first, second) = (server.connect().await, server.connect().await);
    let mut third = server.connect().await;
    third.write_all(&get("/livez").bytes()).await.expect("it is buffered");
    let mut byte = [0];
    let waits = tokio::time::timeout(Duration::from_millis(100), third.read(&mut byte)).await;
    assert!(waits.is_err(), "the third connection was taken");
    drop((first, second));
    assert_eq!(read(&mut third, false).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn who_reads_no_answer_does_not_keep_its_connection() {
    let write_time = Duration::from_millis(200);
    let server = server(Limits { connections: 1, write_time, ..Limits::STANDARD }).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 * 1024).expect("a small buffer");
    let mut deaf = socket.connect(server.address).await.expect("the server accepts");
    // More than the buffers of two sockets hold, whatever the system makes of them.
    let asks = "GET /openapi.json HTTP/1.1\r\nHost: semel\r\n\r\n".repeat(1_000);
    deaf.write_all(asks.as_bytes()).await.expect("it is buffered");
    let answer = tokio::time::timeout(Duration::from_secs(15), server.ask(get("/livez")));
    assert_eq!(answer.await.expect("the only place became free").status, 200);
    drop(deaf);
}

#[tokio::test]
async fn bodies_share_a_budget() {
    let held_bytes = 64 * 1024;
    let server = server(Limits { held_bytes, ..Limits::STANDARD }).await;
    let before = server.events();
    // What is only announced takes nothing of it.
    let mut idle = server.connect().await;
    let announced = pay("idle", padded(held_bytes)).bytes();
    let head = announced.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    idle.write_all(&announced[..head]).await.expect("the server reads");
    assert_eq!(server.ask(pay("first", usd(1))).await.status, 201);

    let mut large = server.connect().await;
    let bytes = pay("large", padded(held_bytes)).bytes();
    large.write_all(&bytes[..bytes.len() - 1]).await.expect("the server reads");
    // It is being read: soon there is no room beside it.
    let full = loop {
        let answer = server.ask(pay("first", usd(1))).await;
        if answer.status != 201 {
            break answer;
        }
    };
    assert_eq!(full.summary(), "429 SEMEL-0013");
    assert_eq!(full.header("retry-after"), Some("1"));
    assert_eq!(full.header("connection"), Some("close"));
    large.write_all(&bytes[bytes.len() - 1..]).await.expect("the server reads");
    assert_eq!(read(&mut large, false).await.expect("an answer").status, 201);
    assert_eq!(server.ask(pay("last", usd(1))).await.status, 201);
    assert_eq!(server.events(), before + 3);
}

#[tokio::test]
async fn two_lengths_are_one_too_many() {
    let server = server(Limits::STANDARD).await;
    let body = usd(1);
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let smuggled = pay("smuggled", usd(2)).bytes();
    for (key, lengths) in [
        ("k-1", format!("Content-Length: {}\r\nTransfer-Encoding: chunked", chunk.len())),
        ("k-2", format!("Transfer-Encoding: chunked\r\nContent-Length: {}", chunk.len())),
        ("k-3", "Transfer-Encoding: chunked\r\nContent-Length: 4".to_owned()),
    ] {
        let head = format!(
            "POST /v1/payments HTTP/1.1\r\nHost: semel\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {key}\r\n{lengths}\r\n\r\n{chunk}"
        );
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        stream.write_all(&smuggled).await.expect("the server reads");
        let answer = read(&mut stream, false).await.expect("an answer");
        assert!([201, 400].contains(&answer.status), "{answer:?}");
        assert_eq!(read(&mut stream, false).await, None, "the connection ends behind it");
    }
    let found = server.ask(get("/v1/payments?idempotency_key=smuggled")).await;
    assert_eq!(found.text(), r#"{"data":[],"next":null}"#);
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let server = server(Limits::STANDARD).await;
    let before = server.events();
    for bytes in [
        "nonsense\r\n\r\n",
        "POST /v1/payments HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "POST /v1/payments HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/payments HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET /v1/payments HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET /livez HTTP/3.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = server.raw(bytes.as_bytes()).await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "{bytes}");
    }
    for line in ["CONNECT livez:80", "OPTIONS *", "GET http://elsewhere/nothing"] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: semel\r\n\r\n");
        let answer = server.raw(bytes.as_bytes()).await.expect("an answer");
        assert_eq!(answer.status, 404, "{line}");
    }
    assert_eq!(server.events(), before);
    assert_eq!(server.ask(get("/livez")).await.status, 200);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = server(Limits::STANDARD).await;
    let mut stream = server.connect().await;
    for (ask, status) in [
        (pay("k", usd(1)), 201),
        (pay("k", usd(2)), 422),
        (pay("k", "{"), 400),
        (get("/v1/accounts/a"), 200),
        (get("/nothing"), 404),
        (pay("k", usd(1)), 201),
    ] {
        let bytes = String::from_utf8(ask.bytes()).expect("ASCII");
        let bytes = bytes.replace("Connection: close\r\n", "");
        stream.write_all(bytes.as_bytes()).await.expect("the server reads");
        assert_eq!(read(&mut stream, false).await.expect("an answer").status, status);
    }
}
