//! A store and the configuration of those who serve it, and the processes that do.

use super::broker::{block_on, unique};
use super::client::ask;
use super::harness::{Place, Server};
use serde_json::Value;
use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What takes longer is worth a line beside the test's result.
const TELLING: Duration = Duration::from_secs(2);

/// Where a ledger is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A store, and how it is served.
pub struct Service {
    pub place: Place,
    /// Where the store is, for those who look at it from outside.
    pub url: String,
    /// What the configuration begins with.
    head: String,
    started: Cell<usize>,
}

/// A process that serves.
pub struct Running {
    pub server: Server,
    pub address: String,
}

/// Wait until `look` finds what it looks for.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    let until = begun + PATIENCE;
    loop {
        match look() {
            Ok(found) => {
                let took = begun.elapsed();
                if TELLING < took {
                    eprintln!("waited for {took:.1?}: {what}");
                }
                return found;
            }
            Err(seen) => assert!(Instant::now() < until, "not in time: {what}; {seen}"),
        }
        std::thread::park_timeout(Duration::from_millis(25));
    }
}

/// Wait until what is seen is what is `wanted`.
pub fn wait_for<T: PartialEq + std::fmt::Debug>(
    what: &str,
    wanted: &T,
    mut look: impl FnMut() -> T,
) {
    wait(what, || match look() {
        seen if seen == *wanted => Ok(()),
        seen => Err(format!("seen {seen:?}, wanted {wanted:?}")),
    });
}

impl Service {
    /// A new store, served as `config` says.
    pub fn new(kind: Kind, config: &str) -> Option<Service> {
        let place = Place::new();
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", place.store().display()),
            Kind::Postgres => database(&semel_servers::postgres_for_tests()?),
        };
        Some(Service::at(place, url, config))
    }

    /// The database at `url`, served as `config` says.
    pub fn on(url: &str, config: &str) -> Service {
        Service::at(Place::new(), url.to_owned(), config)
    }

    fn at(place: Place, url: String, config: &str) -> Service {
        let head = format!("store = \"{url}\"\n");
        let service = Service { place, url, head, started: Cell::default() };
        service.configure(config);
        service
    }

    /// Whoever starts from now on does so as `config` says.
    pub fn configure(&self, config: &str) {
        self.place.write("semel.toml", format!("{}{config}", self.head));
    }

    /// One more process.
    pub fn serve(&self) -> Running {
        self.serve_with(&[])
    }

    pub fn serve_with(&self, args: &[&str]) -> Running {
        let number = self.started.replace(self.started.get() + 1);
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        let log = File::create(self.place.path(&format!("serve-{number}.log"))).unwrap();
        let mut command = self.place.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server = Server(child);
        let address = line.trim_end().strip_prefix("listening on http://");
        Running { server, address: address.expect("it starts").to_owned() }
    }

    /// What the process that was started as number `number`, from 0 on, has said so far.
    pub fn said(&self, number: usize) -> String {
        std::fs::read_to_string(self.place.path(&format!("serve-{number}.log"))).unwrap_or_default()
    }

    /// The whole log holds together.
    pub fn verify(&self) -> Value {
        let verified = self.place.json(&["verify"]);
        assert_eq!(verified["ok"], true, "{verified}");
        verified
    }
}

/// What was said is shown where a test fails.
impl Drop for Service {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for number in 0..self.started.get() {
            let log = self.said(number);
            let is_said = |line: &&str| !line.is_empty() && !line.starts_with("curl");
            let lines: Vec<&str> = log.lines().filter(is_said).collect();
            let last = lines[lines.len().saturating_sub(30)..].join("\n");
            eprintln!("--- process {number} said at the end:\n{last}");
        }
    }
}

impl Running {
    /// A document.
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = wait(path, || {
            ask(&self.address, &format!("GET {path}"), None, "").ok_or("no answer".into())
        });
        assert!(status == 200 || path == "/readyz", "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// What `POST` of a document gives, asked again until there is an answer.
    pub fn post(&self, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        let line = format!("POST {path}");
        let (status, answer) = wait(path, || {
            ask(&self.address, &line, key, &body.to_string()).ok_or("no answer".into())
        });
        (status, serde_json::from_str(&answer).unwrap())
    }

    /// Open an account.
    pub fn account(&self, id: &str, overdraft: &str) {
        let body = serde_json::json!({ "id": id, "currency": "USD", "overdraft": overdraft });
        let (status, answer) = self.post("/v1/accounts", None, &body);
        assert!(status == 201 || status == 200, "{answer}");
    }

    /// The names of the reasons for which it is not ready.
    pub fn troubles(&self) -> Vec<String> {
        let ready = self.get("/readyz");
        let reasons = ready["reasons"].as_array().unwrap().iter();
        reasons.map(|reason| reason["name"].as_str().unwrap().to_owned()).collect()
    }

    /// An ingest's counts in the contract's order; none before it has taken anything.
    pub fn counts(&self, ingest: &str) -> [i64; 7] {
        const NAMES: [&str; 7] = [
            "read",
            "accepted",
            "succeeded",
            "declined",
            "duplicates",
            "conflicts",
            "dead_letters",
        ];
        let shown = self.ingest(ingest);
        NAMES.map(|name| shown[name].as_i64().unwrap_or(0))
    }

    /// An ingest as its page has it; null before it has taken anything.
    pub fn ingest(&self, name: &str) -> Value {
        let shown = self.get("/v1/ingests");
        let mut shown = shown["data"].as_array().unwrap().iter();
        shown.find(|ingest| ingest["name"] == name).cloned().unwrap_or_default()
    }

    /// A metric's value, labels in the name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = wait("metrics", || {
            ask(&self.address, "GET /metrics", None, "").ok_or("no answer".into())
        });
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
    }

    /// Wait until everything that the ledger holds was found on the wire.
    pub fn published(&self, ledger: &str) {
        let name = format!("semel_publish_unconfirmed_events{{ledger=\"{ledger}\"}}");
        wait_for("all events are confirmed", &Some(0.0), || self.metric(&name));
    }

    pub fn kill(mut self) {
        self.server.0.kill().unwrap();
        self.server.0.wait().unwrap();
    }

    /// `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.server.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

/// A new database on the server at `url`.
pub fn database(url: &str) -> String {
    let name = unique("semel_kafka").replace('-', "_");
    statement(url, &format!("CREATE DATABASE {name}"));
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// Run statements on a PostgreSQL, behind everybody's back.
pub fn statement(url: &str, text: &str) {
    block_on(async {
        let (shell, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        shell.batch_execute(text).await.unwrap();
    });
}
