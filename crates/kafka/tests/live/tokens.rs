//! A broker that wants tokens, and a place that gives them out for a few seconds each.
//!
//! The broker takes tokens that nobody has signed, as Kafka does by itself where it knows no keys,
//! and ends a connection when its token has expired and no other has come.

use crate::secured::{CLOSED, check_all};
use crate::{Broker, PATIENCE, fetched, numbered, put, unused};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use semel_core::dead_letter::Raw;
use semel_core::wire::{Message, Producer as _, Topic as _};
use semel_kafka::{Beside, Cluster, KafkaProducer, KafkaTopic, Settings};
use semel_servers::for_tests::private_kafka;
use semel_servers::kafka::Kafka;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long a token lasts; librdkafka asks for the next one when four fifths of it are over.
const LIFE: Duration = Duration::from_secs(20);
/// Who goes on asking for tokens: two producers, two that read, and one that asks the brokers.
const CLIENTS: usize = 5;

/// Where nobody gives out anything.
const NOBODY: &str = "http://127.0.0.1:1/token";
const LOGIN: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                     unsecuredLoginStringClaim_sub=\"broker\";";

/// Where tokens are given out to who has the right secret, until this process ends.
struct Tokens {
    url: String,
    given: Arc<AtomicUsize>,
}

impl Tokens {
    /// At `began`, so much time had passed since 1970.
    fn new(began: Instant, since: Duration) -> Tokens {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let tokens = Tokens { url, given: Arc::default() };
        let given = tokens.given.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let now = since + began.elapsed();
                let _gone = serve(&mut stream.unwrap(), now, &given);
            }
        });
        tokens
    }

    fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }
}

/// Settings of who asks for tokens at `url`.
fn settings<'a>(url: &'a str, id: &'a str, secret: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "OAUTHBEARER"),
        ("sasl.oauthbearer.method", "oidc"),
        ("sasl.oauthbearer.token.endpoint.url", url),
        ("sasl.oauthbearer.client.id", id),
        ("sasl.oauthbearer.client.secret", secret),
    ]
}

/// Read one request and answer it.
fn serve(stream: &mut TcpStream, now: Duration, given: &AtomicUsize) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\ngrant_type=client_credentials") {
        let mut part = [0; 1024];
        match stream.read(&mut part)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&part[..count]),
        }
    }
    let request = String::from_utf8(request).unwrap();
    let mut lines = request.lines();
    let shown = lines.find_map(|line| line.strip_prefix("Authorization: Basic ")).unwrap();
    let who = String::from_utf8(BASE64_STANDARD.decode(shown).unwrap()).unwrap();
    let (status, body) = answer(&who, now, given);
    let head = "Content-Type: application/json\r\nConnection: close";
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes())
}

/// What is answered to who shows an id and a secret.
fn answer(who: &str, now: Duration, given: &AtomicUsize) -> (&'static str, String) {
    let token = match who {
        "semel:the secret" => token(now, ""),
        "signed:the secret" => token(now, "signature"),
        "opaque:the secret" => "opaque".to_owned(),
        _ => return ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned()),
    };
    given.fetch_add(1, Ordering::Relaxed);
    ("200 OK", format!(r#"{{"access_token":"{token}","token_type":"bearer"}}"#))
}

/// A token that lasts from now on, with a signature that nobody can check.
fn token(now: Duration, signature: &str) -> String {
    let end = (now + LIFE).as_secs();
    let claims = format!(r#"{{"sub":"semel","exp":{end}}}"#);
    let [head, claims, signature] =
        [r#"{"alg":"none"}"#, &claims, signature].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    format!("{head}.{claims}.{signature}")
}

/// A broker that lets in everybody by its first port, and who has a token by its second; where
/// tokens are given out for it; and a topic with three records.
async fn broker() -> Option<(Kafka, Tokens, String)> {
    let listeners = "PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{port2},\
                     CONTROLLER://127.0.0.1:{controller}";
    let settings = [
        ("listeners", listeners),
        ("sasl.enabled.mechanisms", "OAUTHBEARER"),
        ("listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config", LOGIN),
        ("listener.name.sasl_plaintext.oauthbearer.connections.max.reauth.ms", "3600000"),
    ];
    let server = private_kafka(&settings)?;
    let open = Broker::at(&server.bootstrap(), &[]);
    let (name, topic) = open.topic(1).await;
    let began = Instant::now();
    put(&open.foreign(&[]), &name, &numbered(0..3));
    let written = fetched(&topic, 0, 1).await.records[0].timestamp;
    let since = Duration::from_millis(written.try_into().unwrap());
    Some((server, Tokens::new(began, since), name))
}

/// Send a message and wait until it is there.
async fn deliver(producer: &mut KafkaProducer, topic: &KafkaTopic, next: &mut u64) {
    let raw = Raw { value: Some(next.to_string().into()), ..Raw::default() };
    let message = Message { partition: 0, raw: raw.clone(), beside: None };
    producer.send(vec![message]).await.unwrap();
    let until = Instant::now() + PATIENCE;
    let mut found = None;
    while found.is_none() {
        let fetched = fetched(topic, *next, 1).await;
        *next = fetched.next;
        found = fetched.records.into_iter().next();
        assert!(Instant::now() < until, "{raw:?} is not there");
    }
    assert_eq!(found.map(|record| record.raw.value), Some(raw.value));
}

#[tokio::test]
async fn every_client_gets_another_token_before_one_expires() {
    let Some((server, tokens, _)) = broker().await else { return };
    let servers = format!("127.0.0.1:{}", server.port(2));
    let broker = Broker::at(&servers, &settings(&tokens.url, "semel", "the secret"));
    let (_, topic) = broker.topic(1).await;
    let (other, _) = broker.topic(1).await;
    let both = broker.cluster.topic(&other, None).unwrap();
    let both = both.with(Beside { topic: other.clone(), name: unused("tokens") });
    let (mut plain, mut atomic) = (topic.producer(), both.producer());
    let (mut next, mut next_of_both) = (0, 0);
    deliver(&mut plain, &topic, &mut next).await;
    deliver(&mut atomic, &both, &mut next_of_both).await;
    let (began, given) = (Instant::now(), tokens.given());
    let mut is_over = false;
    // Until they have worked after every token of the beginning has expired.
    while !is_over {
        is_over = LIFE < began.elapsed() && given + CLIENTS <= tokens.given();
        deliver(&mut plain, &topic, &mut next).await;
        deliver(&mut atomic, &both, &mut next_of_both).await;
        assert_eq!(broker.cluster.brokers().await, Ok(1));
        assert!(began.elapsed() < PATIENCE, "{given} tokens, now {}", tokens.given());
    }
}

#[tokio::test]
async fn who_gets_no_token_is_told_why() {
    let Some((server, tokens, name)) = broker().await else { return };
    let url = &*tokens.url;
    let refused = format!("\"{url}\": {{\"error\":\"invalid_client\"}} (401)");
    let away = format!("\"{NOBODY}\": failed to connect");
    let table = [
        // port  settings                               says, if they are refused
        (2, settings(url, "semel", "the secret"), None),
        (2, settings(url, "semel", "another secret"), Some(&*refused)),
        (2, settings(url, "opaque", "the secret"), Some("failed to decode jwt payload")),
        (2, settings(url, "signed", "the secret"), Some("invalid_token")),
        (2, settings(NOBODY, "semel", "the secret"), Some(&*away)),
        (2, vec![], Some(CLOSED)),
    ];
    check_all(&server, &name, &table);
}

#[test]
fn what_a_token_needs_is_missed_before_anything_is_asked() {
    let all = settings(NOBODY, "semel", "the secret");
    let url = "sasl.oauthbearer.token.endpoint.url";
    for missing in [url, "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"] {
        let given = all.iter().filter(|(name, _)| *name != missing);
        let given = given.chain(&[("bootstrap.servers", "127.0.0.1:1")]);
        let given = given.map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let made = Cluster::new(Settings::new(given.collect()).unwrap());
        let Err(stop) = made else { panic!("{missing} is not missed") };
        assert!(stop.detail.contains(&format!("`{missing}` is mandatory")), "{}", stop.detail);
    }
}
