//! A server on a port of its own, and a client that writes requests byte by byte.
//!
//! The client is deliberately simple: what it sends is what stands in the test. Every answer it
//! reads is held against `/openapi.json`: its status must be described, and its body must have the
//! described form.

use std::net::SocketAddr;
use std::time::Duration;

use semel::http::access::Access;
use semel::http::limits::Limits;
use semel::http::{self, App};
use semel::wiring::Store;
use semel_core::failure::Stop;
use semel_core::ledger::door::LedgerTarget;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::described;

/// Longer than anything here takes; a test that waits for it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub store: Store,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), Stop>>,
    directory: TempDir,
}

impl Server {
    /// Without API keys, with the standard limits.
    pub async fn open() -> Server {
        Server::with(Access::Open, Limits::STANDARD).await
    }

    pub async fn with(access: Access, limits: Limits) -> Server {
        Server::start(async move |store: Store| {
            App::new(store, access, limits).await.expect("the ledgers can be made")
        })
        .await
    }

    /// With doors over the targets that `target` makes of the store and a ledger's number.
    pub async fn over<T: LedgerTarget + 'static>(
        limits: Limits,
        target: impl Fn(&Store, u32) -> T,
    ) -> Server {
        Server::start(async move |store: Store| {
            let doors = store.clone();
            App::over(store, Access::Open, limits, |no| target(&doors, no))
                .await
                .expect("the ledger can be made")
        })
        .await
    }

    async fn start(app: impl AsyncFnOnce(Store) -> App) -> Server {
        Server::start_in(tempfile::tempdir().expect("a directory can be made"), app).await
    }

    /// Stop this one, and start another where it kept its store.
    pub async fn again(self) -> Server {
        let Server { stop, task, store, directory, .. } = self;
        drop(stop);
        let ended = timeout(PATIENCE, task).await.expect("the server ends");
        ended.expect("the server does not panic").expect("it ends well");
        drop(store);
        Server::start_in(directory, async move |store: Store| {
            App::new(store, Access::Open, Limits::STANDARD).await.expect("the ledger is there")
        })
        .await
    }

    async fn start_in(directory: TempDir, app: impl AsyncFnOnce(Store) -> App) -> Server {
        let store = Store::embedded(&directory.path().join("semel.db")).expect("the store opens");
        let app = app(store.clone()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // A dropped sender shuts down too.
            let _ = stopped.await;
        };
        let task = tokio::spawn(http::serve(listener, app, shutdown));
        Server { address, store, stop: Some(stop), task, directory }
    }

    /// Send `ask` on a connection of its own and read the answer.
    pub async fn ask(&self, ask: Ask) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(&ask.bytes()).await.expect("the server reads");
        let answer = read(&mut stream, ask.method == "HEAD").await.expect("the server answers");
        described::check(ask.method, ask.path.split('?').next().unwrap_or_default(), &answer);
        answer
    }

    /// Send bytes as they are; the answer, or `None` when the connection ends without one.
    pub async fn raw(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("the server reads");
        read(&mut stream, false).await
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server accepts")
    }

    /// Open an account that may be overdrawn without limit.
    pub async fn account(&self, id: &str) {
        let body = format!(r#"{{"id":"{id}","currency":"USD","overdraft":"unlimited"}}"#);
        assert_eq!(self.ask(post("/v1/accounts", body)).await.status, 201);
    }

    /// How many events the ledger `main` has.
    pub fn events(&self) -> usize {
        self.store.reader().events(1, 0, usize::MAX).expect("the store is read").len()
    }

    /// The store's file.
    pub fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("semel.db")
    }

    /// Damage the store's files under the running server, so that whatever is read next fails.
    pub fn damage(&self) {
        for name in ["semel.db", "semel.db-wal"] {
            let path = self.directory.path().join(name);
            let length = std::fs::metadata(&path).expect("the file is there").len();
            let nonsense = vec![0x5a; usize::try_from(length).expect("it fits memory")];
            std::fs::write(path, nonsense).expect("the file is written");
        }
    }

    /// Tell the server to shut down.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Wait until the server has ended.
    pub async fn ended(self) -> Result<(), Stop> {
        let ended = timeout(PATIENCE, self.task).await.expect("the server ends");
        ended.expect("the server does not panic")
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub fn get(path: impl Into<String>) -> Ask {
    Ask { method: "GET", path: path.into(), headers: Vec::new(), body: Vec::new() }
}

/// A request with a JSON body.
pub fn post(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Ask {
    let ask = Ask { method: "POST", body: body.into(), ..get(path) };
    ask.header("Content-Type", "application/json")
}

/// A payment with an idempotency key.
pub fn pay(key: &str, body: impl Into<Vec<u8>>) -> Ask {
    post("/v1/payments", body).header("Idempotency-Key", key)
}

/// The body of a payment from `a` to `b`.
pub fn usd(amount: i64) -> String {
    let parties = r#""debit_account":"a","credit_account":"b""#;
    format!(r#"{{"amount":{amount},"currency":"USD",{parties}}}"#)
}

impl Ask {
    pub fn method(self, method: &'static str) -> Ask {
        Ask { method, ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Ask {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: semel\r\n", self.method, self.path);
        head += "Connection: close\r\n";
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || self.method == "POST" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// `422 SEMEL-0007 /amount wrong_type, /x unknown_field`, or the status alone.
    pub fn summary(&self) -> String {
        if self.status < 400 || self.body.is_empty() {
            return self.status.to_string();
        }
        summary(self.status, &self.json())
    }
}

/// A problem in short.
pub fn summary(status: u16, problem: &Value) -> String {
    assert_eq!(problem["status"], status);
    let code = problem["code"].as_str().expect("a problem has a code");
    assert_eq!(problem["type"], format!("/errors/{code}"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let fields: Vec<String> = problem["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|field| format!("{} {}", text(&field["pointer"]), text(&field["reason"])))
        .map(|field| field.trim_start().to_owned())
        .collect();
    format!("{status} {code} {}", fields.join(", ")).trim_end().to_owned()
}

/// Read one answer; `None` when the connection ends before there is one.
pub async fn read(stream: &mut TcpStream, head_only: bool) -> Option<Answer> {
    timeout(PATIENCE, read_answer(stream, head_only)).await.expect("an answer or an end")
}

async fn read_answer(stream: &mut TcpStream, head_only: bool) -> Option<Answer> {
    let head = read_until(stream, b"\r\n\r\n").await?;
    let head = String::from_utf8(head).expect("the head is ASCII");
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    let headers = lines.filter_map(header).collect();
    let mut answer = Answer { status, headers, body: Vec::new() };
    if head_only || status == 204 || status == 304 {
        return Some(answer);
    }
    if answer.header("transfer-encoding").is_some() {
        while let Some(chunk) = read_chunk(stream).await {
            answer.body.extend(chunk);
        }
    } else {
        let length = answer.header("content-length").expect("a body has a length");
        answer.body = vec![0; length.parse().expect("a length")];
        stream.read_exact(&mut answer.body).await.expect("the body is whole");
    }
    Some(answer)
}

/// The next chunk of a chunked body; `None` behind the last.
pub async fn read_chunk(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let size = read_until(stream, b"\r\n").await?;
    let size = std::str::from_utf8(&size).expect("a size").trim();
    let size = usize::from_str_radix(size, 16).expect("a size");
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).await.ok()?;
    chunk.truncate(size);
    (size > 0).then_some(chunk)
}

/// Everything up to and with `end`.
pub async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        bytes.push(stream.read_u8().await.ok()?);
    }
    Some(bytes)
}
