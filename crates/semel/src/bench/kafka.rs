//! What the stages on Kafka are played with: topics that are thrown away, a server that reads or
//! writes them, and a reader that counts what a strict one takes.

use super::meter;
use super::work::{Payment, Work};
use crate::rig::{Client, Server, broken};
use crate::wiring::{Cluster, Wanted, WireSettings, WireTopic};
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::wire::{Link, Message, Producer, Stamp, Topic, Verdict};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::sleep;

/// Partitions of every topic here.
pub const PARTITIONS: u32 = 4;
/// Of so many messages one comes twice: 4.7 %.
const REPEAT_EVERY: u64 = 21;
/// How far a repeat is behind its original.
const REPEAT_AFTER: usize = 1_000;
/// Messages that are handed over at once.
const PAGE: usize = 2_000;
/// How often a server is asked how far it is.
const LOOK: Duration = Duration::from_millis(20);

/// A topic of nobody else's. [`Scrap::remove`] throws it away.
pub struct Scrap {
    cluster: Cluster,
    /// Its name.
    pub name: String,
}

impl Scrap {
    /// A new one where `settings` lead to.
    ///
    /// # Errors
    /// What the brokers say.
    pub async fn new(settings: &WireSettings) -> Result<Scrap, Failure> {
        let cluster = Cluster::new(settings.clone())?;
        let name = format!("semel-bench-{:016x}", RandomState::new().hash_one(0));
        let wanted =
            Wanted { name: &name, partitions: PARTITIONS, replication: None, settings: Vec::new() };
        cluster.create(&wanted).await?;
        Ok(Scrap { cluster, name })
    }

    /// The topic.
    ///
    /// # Errors
    /// What librdkafka says.
    pub fn topic(&self) -> Result<WireTopic, Failure> {
        Ok(self.cluster.topic(&self.name, None)?)
    }

    /// Throw it away.
    ///
    /// # Errors
    /// What the brokers say.
    pub async fn remove(self) -> Result<(), Failure> {
        self.cluster.delete(&self.name).await
    }

    /// Fill it with `count` messages of about 250 bytes, of which some say what another said; the
    /// keys of the payments.
    ///
    /// # Errors
    /// What the brokers say.
    pub async fn fill(&self, count: u64, mut work: Work) -> Result<Vec<String>, Failure> {
        let topic = self.topic()?;
        let mut producer = topic.producer();
        let (mut keys, mut page) = (Vec::new(), Vec::new());
        let mut recent: Vec<Vec<u8>> = Vec::new();
        for number in 0..count {
            let value = if number % REPEAT_EVERY == REPEAT_EVERY - 1 && !recent.is_empty() {
                recent[number as usize % recent.len()].clone()
            } else {
                let payment = work.payment();
                let value = message(&payment, number);
                keys.push(payment.key);
                match recent.len() {
                    REPEAT_AFTER => recent[number as usize % REPEAT_AFTER] = value.clone(),
                    _ => recent.push(value.clone()),
                }
                value
            };
            let raw = Raw { key: None, value: Some(value), headers: Vec::new() };
            page.push(Message { partition: number as u32 % PARTITIONS, raw, beside: None });
            if page.len() == PAGE {
                producer.send(std::mem::take(&mut page)).await?;
            }
        }
        producer.send(page).await?;
        while self.ends(&topic).await? < count {
            producer.send(Vec::new()).await?;
            sleep(LOOK).await;
        }
        Ok(keys)
    }

    async fn ends(&self, topic: &WireTopic) -> Result<u64, Failure> {
        let mut ends = 0;
        for partition in 0..PARTITIONS {
            ends += topic.bounds(partition).await?.1;
        }
        Ok(ends)
    }

    /// How many of `events` a strict reader does not take, and how many it takes twice.
    ///
    /// # Errors
    /// What the brokers say.
    pub async fn followed(&self, events: u64) -> Result<(u64, u64), Failure> {
        let topic = self.topic()?;
        let mut taken = BTreeMap::<u64, u64>::new();
        for partition in 0..PARTITIONS {
            let (mut next, mut last) = (0, Link::NONE);
            loop {
                let fetched = topic.fetch(partition, next, PAGE).await?;
                for record in &fetched.records {
                    let stamp = Stamp::read(&record.raw.headers);
                    let took = stamp.filter(|stamp| stamp.verdict(&last) == Verdict::Take);
                    if let Some(stamp) = took {
                        last = stamp.this;
                        *taken.entry(last.seq).or_default() += 1;
                    }
                }
                if fetched.records.is_empty() && fetched.end <= fetched.next {
                    break;
                }
                next = fetched.next;
            }
        }
        let lost = (1..=events).filter(|seq| !taken.contains_key(seq)).count() as u64;
        Ok((lost, taken.values().map(|count| count - 1).sum()))
    }
}

/// A message of about 250 bytes.
fn message(payment: &Payment, number: u64) -> Vec<u8> {
    let Payment { key, amount, customer, merchant } = payment;
    let (units, cents) = (amount / 100, amount % 100);
    format!(
        concat!(
            r#"{{"orderId":"{}","number":{},"amount":"{}.{:02}","currency":"USD","customer":"{}","#,
            r#""merchant":"{}","channel":"web","createdAt":"2026-01-01T00:00:00.000000Z","#,
            r#""items":[{{"sku":"A-1","count":1}}],"note":"an order like many others"}}"#
        ),
        key, number, units, cents, customer, merchant
    )
    .into_bytes()
}

/// How [`message`]s are taken.
pub const MAPPING: &str = r#"
idempotency_key = { at = "/orderId" }
amount = { at = "/amount", unit = "major" }
currency = { at = "/currency" }
debit_account = { at = "/customer" }
credit_account = { at = "/merchant" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;

/// The part of a configuration that names the brokers.
pub fn named(settings: &WireSettings) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let lines = settings.given().iter();
    let lines = lines.map(|(name, value)| format!("{} = {}\n", quoted(name), quoted(value)));
    format!("[kafka]\n{}", lines.collect::<String>())
}

/// Ask `server` for a page again and again until `done` says so of what it says.
///
/// # Errors
/// No answer.
pub async fn until(
    server: &Server,
    path: &str,
    done: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let refused = |error| broken(format!("no answer: {error}"));
    let mut client = Client::connect(server.address()).await.map_err(refused)?;
    loop {
        let answer = client.get(path).await.map_err(refused)?;
        if done(&String::from_utf8_lossy(&answer.body)) {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// The value of a metric.
pub fn metric(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// What a server and the broker used of processors, and of memory, while something was done.
pub struct Spent {
    server: u32,
    broker: Option<u32>,
    before: [Option<Duration>; 2],
}

impl Spent {
    /// From now on.
    pub fn begin(server: &Server, settings: &WireSettings) -> Spent {
        let (server, broker) = (server.pid(), meter::listener(settings.servers()));
        Spent { server, broker, before: Spent::now(server, broker) }
    }

    fn now(server: u32, broker: Option<u32>) -> [Option<Duration>; 2] {
        [Some(server), broker].map(|pid| meter::cpu_time(&pid?.to_string()))
    }

    /// What the server and the broker used, and how much memory the server had at most.
    pub fn told(&self) -> ([Option<Duration>; 2], Option<u64>) {
        let [server, broker] = Spent::now(self.server, self.broker);
        let spent = |after: Option<Duration>, before: Option<Duration>| {
            after.zip(before).map(|(after, before)| after.saturating_sub(before))
        };
        let spent = [spent(server, self.before[0]), spent(broker, self.before[1])];
        (spent, meter::peak_memory(self.server))
    }
}
