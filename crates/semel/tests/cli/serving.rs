//! A server as a process: it says where it listens, survives `kill -9`, and ends at a signal.

use super::harness::{Place, Server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// Post `body` to `path`; the whole answer.
fn post(address: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The whole answer to a read of `path`.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn pay(address: &str) -> (String, bool) {
    let body = r#"{"amount":4999,"currency":"USD","debit_account":"customer:1",
                   "credit_account":"merchant:9"}"#;
    let answer = post(address, "/v1/payments", "Idempotency-Key: order-1\r\n", body);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (body.to_owned(), head.contains("idempotent-replayed: true"))
}

#[test]
fn paid_once_killed_started_again_and_still_paid_once() {
    let place = Place::new();
    let (mut server, address) = place.serve(&[]);
    for body in [
        r#"{"id":"customer:1","currency":"USD","overdraft":"unlimited"}"#,
        r#"{"id":"merchant:9","currency":"USD"}"#,
    ] {
        let answer = post(&address, "/v1/accounts", "", body);
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    let (first, replayed) = pay(&address);
    assert!(!replayed);
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    let (_server, address) = place.serve(&[]);
    assert_eq!(pay(&address), (first, true));
}

#[test]
fn without_the_role_it_refuses_what_changes_anything_and_answers_the_rest() {
    let place = Place::new();
    let account = r#"{"id":"merchant:9","currency":"USD"}"#;
    let (_server, address) = place.serve(&["--roles", "ingest,publish"]);
    for path in ["/v1/accounts", "/v1/payments", "/v1/payments/order-1/refunds"] {
        let answer = post(&address, path, "Idempotency-Key: order-1\r\n", account);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("no role `http`, only: ingest, publish"), "{answer}");
    }
    assert!(get(&address, "/v1/accounts").starts_with("HTTP/1.1 200 "));
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200 "));

    let place = Place::new();
    let (_server, address) = place.serve(&["--roles", "http"]);
    let answer = post(&address, "/v1/accounts", "", account);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["INT", "TERM"] {
        let place = Place::new();
        let (mut server, _) = place.serve(&[]);
        let pid = server.0.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        assert_eq!(server.0.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn it_says_where_it_listens_and_what_to_try() {
    let place = Place::new();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut server = Server(child);
    let mut said = [0; 256];
    let length = server.0.stdout.as_mut().unwrap().read(&mut said).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said[..length]).unwrap();
    let url = said["listening"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"), "{url}");
    drop(server);

    let (server, address) = place.serve(&[]);
    assert!(place.store().exists());
    drop(server);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_key_opens_its_ledger() {
    let place = Place::new();
    // The key is "test".
    place.write(
        "semel.toml",
        "[[api_key]]\nledger = \"eu\"\nscopes = [\"accounts:write\"]\nkey_sha256 = \
         \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n",
    );
    let (server, address) = place.serve(&[]);
    let body = r#"{"id":"customer:1","currency":"USD"}"#;
    let refused = post(&address, "/v1/accounts", "", body);
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let opened = post(&address, "/v1/accounts", "Authorization: Bearer test\r\n", body);
    assert!(opened.starts_with("HTTP/1.1 201 "), "{opened}");
    drop(server);
    let ledgers = place.json(&["ledger", "list"]);
    assert_eq!(ledgers["data"][0]["id"], "eu");
    assert_eq!(ledgers["data"][0]["events"], 1);
    let shown = place.json(&["doctor", "--listen", "127.0.0.1:0"])["configuration"].to_string();
    assert!(shown.contains("9f86d081…") && !shown.contains("15b0f00a08"), "{shown}");
}
