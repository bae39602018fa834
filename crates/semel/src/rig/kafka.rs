//! Topics that are thrown away, servers that publish to them, and a reader that counts what a
//! strict one takes.

use super::{Client, Server, broken};
use crate::http::access::MAIN;
use crate::wiring::{Cluster, Wanted, WireSettings, WireTopic};
use semel_core::failure::Failure;
use semel_core::wire::{Link, Stamp, Topic, Verdict};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::sleep;

/// Partitions of every topic here.
pub const PARTITIONS: u32 = 4;
/// Records that are read at once.
const PAGE: usize = 2_000;
/// How often a server is asked how far it is.
pub const LOOK: Duration = Duration::from_millis(50);

/// A topic of nobody else's. [`Scrap::remove`] throws it away.
pub struct Scrap {
    cluster: Cluster,
    settings: WireSettings,
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
        let name = format!("semel-scratch-{:016x}", RandomState::new().hash_one(0));
        let wanted =
            Wanted { name: &name, partitions: PARTITIONS, replication: None, settings: Vec::new() };
        cluster.create(&wanted).await?;
        Ok(Scrap { cluster, settings: settings.clone(), name })
    }

    /// Do `work` with a new one where `settings` lead to, and throw it away, whatever happened.
    ///
    /// # Errors
    /// Those of `work`; what the brokers say.
    pub async fn during<T>(
        settings: &WireSettings,
        work: impl AsyncFnOnce(&Scrap) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let scrap = Scrap::new(settings).await?;
        let done = work(&scrap).await;
        let removed = scrap.remove().await;
        let done = done?;
        removed.map(|()| done)
    }

    /// The topic.
    ///
    /// # Errors
    /// What librdkafka says.
    pub fn topic(&self) -> Result<WireTopic, Failure> {
        Ok(self.cluster.topic(&self.name, None)?)
    }

    /// The configuration of a server that publishes to it.
    pub fn published(&self) -> String {
        let (servers, name) = (self.settings.servers(), &self.name);
        let kafka = named(&self.settings);
        format!("wire = \"kafka://{servers}\"\n{kafka}\n[publish]\ntopic = \"{name}\"\n")
    }

    /// Throw it away.
    ///
    /// # Errors
    /// What the brokers say.
    pub async fn remove(self) -> Result<(), Failure> {
        self.cluster.delete(&self.name).await
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

/// The part of a configuration that names the brokers.
pub fn named(settings: &WireSettings) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let lines = settings.given().iter();
    let lines = lines.map(|(name, value)| format!("{} = {}\n", quoted(name), quoted(value)));
    format!("[kafka]\n{}", lines.collect::<String>())
}

/// Ask `server` for a page again and again until `done` says so of what it says; that.
///
/// # Errors
/// No answer.
pub async fn until(
    server: &Server,
    path: &str,
    done: impl Fn(&str) -> bool,
) -> Result<String, Failure> {
    let refused = |error| broken(format!("no answer: {error}"));
    let mut client = Client::connect(server.address()).await.map_err(refused)?;
    loop {
        let answer = client.get(path).await.map_err(refused)?;
        let said = String::from_utf8_lossy(&answer.body);
        if done(&said) {
            return Ok(said.into_owned());
        }
        sleep(LOOK).await;
    }
}

/// Wait until all that is in the ledger of `server` is confirmed; how many events that is.
///
/// # Errors
/// No answer.
pub async fn settled(server: &Server) -> Result<u64, Failure> {
    let unconfirmed = format!("semel_publish_unconfirmed_events{{ledger=\"{MAIN}\"}}");
    let events = format!("semel_ledger_events{{ledger=\"{MAIN}\"}}");
    let said = until(server, "/metrics", |text| metric(text, &unconfirmed) == Some(0)).await?;
    metric(&said, &events).ok_or_else(|| broken("the server tells no events"))
}

/// The value of a metric.
fn metric(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}
