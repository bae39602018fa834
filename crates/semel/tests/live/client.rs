//! Those who pay over HTTP: each request to one of several processes, again until it is answered.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// After so much silence another process is asked.
const SILENCE: Duration = Duration::from_millis(2_500);
/// No progress for so long is none any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// Requests in a row to one process, if it answers.
const ROW: usize = 10;

/// One request, one answer: its status and its body. `None` when no whole answer came in time.
pub fn ask(address: &str, line: &str, key: Option<&str>, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(SILENCE)).ok()?;
    let key = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n{key}\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let is_whole = length.parse() == Ok(body.len());
    let status = head.split(' ').nth(1)?.parse().ok()?;
    is_whole.then(|| (status, body.to_owned()))
}

/// A payment of one cent.
pub fn pay(address: &str, key: &str) -> Option<(u16, String)> {
    let body = r#"{"amount":1,"currency":"USD","debit_account":"customer:1",
                   "credit_account":"merchant:9"}"#;
    ask(address, "POST /v1/payments", Some(key), body)
}

/// Open the two accounts of [`pay`].
pub fn open_accounts(address: &str) {
    for body in [
        r#"{"id":"customer:1","currency":"USD","overdraft":"unlimited"}"#,
        r#"{"id":"merchant:9","currency":"USD"}"#,
    ] {
        let (status, answer) = ask(address, "POST /v1/accounts", None, body).unwrap();
        assert_eq!(status, 201, "{answer}");
    }
}

/// Where the processes are, and what everybody was told by any of them.
pub struct Traffic {
    addresses: Mutex<Vec<String>>,
    told: Mutex<BTreeMap<String, String>>,
    answered: Mutex<usize>,
    more: Condvar,
}

impl Traffic {
    pub fn to(addresses: Vec<String>) -> Traffic {
        let (told, answered, more) = (Mutex::default(), Mutex::default(), Condvar::new());
        Traffic { addresses: Mutex::new(addresses), told, answered, more }
    }

    /// Pay under each of `keys` until it is answered; begin at the process `at`.
    pub fn send(&self, keys: impl Iterator<Item = String>, mut at: usize) {
        for (number, key) in (1..).zip(keys) {
            loop {
                let addresses = self.addresses.lock().unwrap();
                let address = addresses[at % addresses.len()].clone();
                drop(addresses);
                match pay(&address, &key) {
                    Some((201, body)) => break self.note(key, body),
                    Some((503, _)) | None => at += 1,
                    Some((status, body)) => panic!("{key}: {status} {body}"),
                }
            }
            at += usize::from(number % ROW == 0);
        }
    }

    fn note(&self, key: String, body: String) {
        let mut told = self.told.lock().unwrap();
        let before = told.entry(key).or_insert_with(|| body.clone());
        assert_eq!(*before, body, "one key, two answers");
        drop(told);
        *self.answered.lock().unwrap() += 1;
        self.more.notify_all();
    }

    /// Wait until so many more answers have come.
    pub fn wait_for(&self, more: usize) {
        let answered = self.answered.lock().unwrap();
        let enough = *answered + more;
        let waited = self.more.wait_timeout_while(answered, PATIENCE, |now| *now < enough);
        assert!(!waited.unwrap().1.timed_out(), "no progress");
    }

    /// The process numbered `at` is to be found at `address` now.
    pub fn move_to(&self, at: usize, address: String) {
        self.addresses.lock().unwrap()[at] = address;
    }

    /// How many keys were answered.
    pub fn keys(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}
