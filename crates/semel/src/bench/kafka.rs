//! What the stages on Kafka are played with: messages for a topic, and what is spent on them.

use super::meter;
use super::work::{Payment, Work};
use crate::rig::Server;
use crate::rig::kafka::{LOOK, PARTITIONS, Scrap};
use crate::wiring::{WireSettings, WireTopic};
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::wire::{Message, Producer, Topic};
use std::time::Duration;
use tokio::time::sleep;

/// Of so many messages one comes twice: 4.7 %.
const REPEAT_EVERY: u64 = 21;
/// How far a repeat is behind its original.
const REPEAT_AFTER: usize = 1_000;
/// Messages that are handed over at once.
const PAGE: usize = 2_000;

/// Fill `scrap` with `count` messages of about 250 bytes, of which some say what another said; the
/// keys of the payments.
///
/// # Errors
/// What the brokers say.
pub async fn fill(scrap: &Scrap, count: u64, mut work: Work) -> Result<Vec<String>, Failure> {
    let topic = scrap.topic()?;
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
    while ends(&topic).await? < count {
        producer.send(Vec::new()).await?;
        sleep(LOOK).await;
    }
    Ok(keys)
}

async fn ends(topic: &WireTopic) -> Result<u64, Failure> {
    let mut ends = 0;
    for partition in 0..PARTITIONS {
        ends += topic.bounds(partition).await?.1;
    }
    Ok(ends)
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
