//! Every answer that `/openapi.json` describes is given by the handlers. (That no other answer is
//! given is checked with every request of every test; see `described.rs`.)

use std::time::Duration;

use semel::http::access::{Access, ApiKey, Scope};
use semel::http::limits::Limits;
use semel_core::chain::Hash;
use tokio::io::AsyncWriteExt;

use super::harness::{Answer, Ask, Server, get, pay, post, read, usd};
use super::{described, faulty, letters};

/// A key of all scopes, and one of none.
const ALL: &str = "all";
const NONE: &str = "none";

/// Servers in every condition that an answer needs.
struct World {
    /// With keys, accounts, a payment, a refund, an ingest and dead letters.
    main: Server,
    /// Waits a moment for a body.
    hasty: Server,
    /// Has no room for a command.
    full: Server,
    /// Cannot read its store.
    broken: Server,
    /// Cannot write its store.
    failing: Server,
    payment: String,
    refund: String,
}

impl World {
    async fn new() -> World {
        let scopes: Vec<Scope> = Scope::TABLE.iter().map(|(scope, _)| *scope).collect();
        let key = |secret: &str, scopes| ApiKey {
            ledger: "main".into(),
            sha256: Hash::of(secret.as_bytes()).0,
            scopes,
        };
        let keys = vec![key(ALL, scopes), key(NONE, Vec::new())];
        let main = Server::with(Access::Keys(keys), Limits::STANDARD).await;
        for id in ["a", "b"] {
            let body = format!(r#"{{"id":"{id}","currency":"USD","overdraft":"unlimited"}}"#);
            assert_eq!(main.ask(bearing(ALL, post("/v1/accounts", body))).await.status, 201);
        }
        letters::leave(&main.store).await;
        let payment = located(&main, pay("prepared", usd(1000))).await;
        let refund = post(format!("{payment}/refunds"), r#"{"amount":1}"#);
        let refund = located(&main, refund.header("Idempotency-Key", "refund")).await;
        let hasty = Limits { body_time: Duration::from_millis(50), ..Limits::STANDARD };
        let full = Limits { backlog: 0, ..Limits::STANDARD };
        let stopped = Limits { stop_time: Duration::from_secs(600), ..Limits::STANDARD };
        let broken = Server::with(Access::Open, stopped.clone()).await;
        broken.damage();
        World {
            main,
            hasty: Server::with(Access::Open, hasty).await,
            full: Server::with(Access::Open, full).await,
            broken,
            failing: faulty::failing(stopped).await,
            payment,
            refund,
        }
    }

    /// A request of this operation that is taken; `round` makes it a new one.
    fn valid(&self, method: &str, template: &str, round: u16) -> Ask {
        let id = |path: &str| path.rsplit('/').next().expect("an id").to_owned();
        let id = match template {
            _ if template.starts_with("/v1/payments") => id(&self.payment),
            _ if template.starts_with("/v1/refunds") => id(&self.refund),
            _ if template.starts_with("/v1/dead-letters") => "dl_2".into(),
            _ => "a".into(),
        };
        let path = template.replace("{id}", &id).replace("{name}", "shop");
        let path = path.replace("{code}", "SEMEL-0001");
        let key = format!("k-{round}");
        let item = usd(1).replace('{', r#"{"idempotency_key":"item","#);
        match (method, template) {
            ("GET", _) => get(path),
            (_, "/v1/payments") => pay(&key, usd(1)),
            (_, "/v1/payments:batch") => post(path, format!(r#"{{"payments":[{item}]}}"#)),
            (_, "/v1/payments/{id}/refunds") => {
                post(path, r#"{"amount":1}"#).header("Idempotency-Key", &format!("r-{round}"))
            }
            (_, "/v1/accounts") => post(path, r#"{"id":"new","currency":"USD"}"#),
            (_, "/v1/accounts/{id}/close") => post(path.replace("/a/", "/b/"), ""),
            (_, "/v1/dead-letters:redrive" | "/v1/dead-letters:discard") => {
                post(path, r#"{"ids":["dl_2"]}"#)
            }
            other => panic!("how is {other:?} asked?"),
        }
    }

    async fn provoke(&self, method: &str, template: &str, status: u16) -> Answer {
        let valid = self.valid(method, template, status);
        let known = |ask: Ask| bearing(ALL, ask);
        match status {
            200 if template == "/v1/events" => self.first_of_stream(valid).await,
            200 if (method, template) == ("POST", "/v1/accounts") => {
                self.main.ask(known(post(template, OPENED))).await
            }
            200 | 201 => self.main.ask(known(valid)).await,
            400 if method == "GET" => {
                self.main.ask(known(get(format!("{}?nonsense=1", valid.path)))).await
            }
            400 if template.ends_with("close") => {
                self.main
                    .ask(known(Ask { path: valid.path.replace("/b/", "/%zz/"), ..valid }))
                    .await
            }
            400 => self.main.ask(known(Ask { body: b"{".to_vec(), ..valid })).await,
            401 => self.main.ask(valid).await,
            403 => self.main.ask(bearing(NONE, valid)).await,
            404 => {
                let path = template.replace(['{', '}'], "");
                self.main.ask(known(Ask { path, ..valid })).await
            }
            408 => half(&self.hasty, &valid).await,
            409 => {
                let other = OPENED.replace("USD", "EUR");
                self.main.ask(known(post(template, other))).await
            }
            413 => {
                let body = [valid.body.as_slice(), &vec![b' '; 5 * 1024 * 1024]].concat();
                self.main.ask(known(Ask { body, ..valid })).await
            }
            415 => self.main.ask(known(valid.without("Content-Type"))).await,
            422 => self.main.ask(known(Ask { body: b"[]".to_vec(), ..valid })).await,
            429 => self.full.ask(valid).await,
            503 if method == "POST" && !template.starts_with("/v1/dead-letters") => {
                self.failing.ask(valid).await
            }
            503 => self.broken.ask(valid).await,
            other => panic!("how is {other} provoked?"),
        }
    }

    /// The head of a stream that has no end.
    async fn first_of_stream(&self, ask: Ask) -> Answer {
        let head = bearing(ALL, ask.method("HEAD"));
        self.main.ask(head).await
    }
}

/// An account of the prepared server.
const OPENED: &str = r#"{"id":"a","currency":"USD","overdraft":"unlimited"}"#;

fn bearing(secret: &str, ask: Ask) -> Ask {
    ask.header("Authorization", &format!("Bearer {secret}"))
}

async fn located(server: &Server, ask: Ask) -> String {
    let answer = server.ask(bearing(ALL, ask)).await;
    answer.header("location").expect("a location").to_owned()
}

/// Send all of a request but its last byte, and read the answer.
async fn half(server: &Server, ask: &Ask) -> Answer {
    let bytes = ask.bytes();
    let mut stream = server.connect().await;
    stream.write_all(&bytes[..bytes.len() - 1]).await.expect("the server reads");
    read(&mut stream, false).await.expect("an answer")
}

#[tokio::test]
async fn every_described_answer_is_given() {
    let world = World::new().await;
    let mut answers = described::answers();
    // What closes or settles something comes after what needs it.
    answers.sort_by_key(|(_, template, _)| {
        (template.ends_with("close"), template.ends_with("discard"), template.ends_with("redrive"))
    });
    for (method, template, status) in answers {
        let answer = world.provoke(&method, &template, status).await;
        let told = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{method} {template}: {told:.300}");
    }
}
