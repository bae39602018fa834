//! The legs beside the doors: topics in, events out, each on its own until the process ends.
//!
//! A leg that is stopped by name stops alone: the rest goes on, the board says so, and it is tried
//! again now and then, since what stopped it is mended outside (`docs/kafka.md`). Only what stops
//! the store stops the process.
//! Deliberately absent: who takes which partition. The store shares that out.

mod attach;
mod board;
mod meters;
mod pace;

pub use board::{Board, Kind, Shown};
pub use meters::LegMeters;

use crate::config::{Config, Ingest, Publish};
use crate::doors;
use crate::wiring::{Cluster, Store, StoreLog, WireTopic};
use attach::Attach;
use board::Leg;
use pace::LegPace;
use semel_core::Text;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::topic::{Intake, take};
use semel_core::leg::{DEADLINE, Pace};
use semel_core::publish::{Publication, publish};
use semel_store::rows::{Binding, Ledger};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many records are one step of an ingest at most.
const STEP: usize = 5_000;
/// How long a leg that is stopped waits before it looks whether it can go on.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a Kafka transaction may stay open without an alarm.
const HELD_ALARM: Duration = Duration::from_secs(60);
/// A leg that has run for so long runs.
const RUNS: Duration = Duration::from_secs(3);

/// Start what `config` asks for on `store`; what stops the process is told to `alarm`.
///
/// # Errors
/// What librdkafka refuses of its settings, what the store says when it is asked for ledgers.
pub async fn start(
    config: &Config,
    store: &Store,
    board: &Board,
    alarm: &watch::Sender<Option<Stop>>,
) -> Result<JoinSet<()>, Failure> {
    let mut tasks = JoinSet::new();
    let Some(wire) = &config.wire else { return Ok(tasks) };
    let cluster = Cluster::new(wire.settings.clone())?;
    if let Some(settings) = wire.publish.as_ref().filter(|_| config.roles.publish) {
        for ledger in store.reader().ledgers()? {
            let topic = cluster.topic(&settings.topic, None)?;
            let leg = board.add(Kind::Publish, &ledger.id, &ledger.id, &topic);
            let running = Running::new(store, topic, leg, alarm);
            tasks.spawn(running.publish(ledger, settings.clone()));
        }
    }
    for ingest in config.ingests.iter().filter(|_| config.roles.ingest) {
        let (Some(name), Some(topic)) = (&ingest.name, &ingest.topic) else { continue };
        let ledger = store.ledger(ingest.ledger()).await?;
        let topic = cluster.topic(topic, Some(&ingest.group()))?;
        let leg = board.add(Kind::Ingest, &ledger.id, name, &topic);
        let running = Running::new(store, topic, leg, alarm);
        tasks.spawn(running.take(ledger, ingest.clone()));
    }
    Ok(tasks)
}

/// A leg that runs.
struct Running {
    store: Store,
    topic: WireTopic,
    leg: Arc<Leg>,
    alarm: watch::Sender<Option<Stop>>,
}

impl Running {
    fn new(
        store: &Store,
        topic: WireTopic,
        leg: Arc<Leg>,
        alarm: &watch::Sender<Option<Stop>>,
    ) -> Running {
        Running { store: store.clone(), topic, leg, alarm: alarm.clone() }
    }

    async fn publish(self, ledger: Ledger, settings: Publish) {
        let publication = Publication {
            ledger: ledger.no,
            name: ledger.id.clone(),
            topic: settings.topic.into(),
            key: settings.key,
        };
        let (log, pace) = (StoreLog::new(self.store.reader(), ledger.no), LegPace::of(&self.store));
        let targets = |source: Text, start: Cursor| {
            let (ingest, file, mapping) = ("".into(), source.clone(), "".into());
            self.store.leg(ledger.no, Binding { source, ingest, file, mapping, start })
        };
        let parts = (&self.topic, &log, &pace);
        let once = || publish(&publication, parts, self.leg.tally(), targets);
        self.again_and_again(&pace, once).await;
    }

    async fn take(self, ledger: Ledger, ingest: Ingest) {
        let name: Text = self.leg.name().into();
        let intake = Intake { name: name.clone(), mapping: ingest.mapping, step: STEP };
        let topic: Text = ingest.topic.unwrap_or_default().into();
        let mapping: Text = ingest.mapping_toml.into();
        let pace = LegPace::of_topic();
        let bound = Binding {
            source: "".into(),
            ingest: name.clone(),
            file: topic.clone(),
            mapping,
            start: Cursor::START,
        };
        let from_latest = ingest.from_latest;
        let (store, ledger) = (&self.store, &ledger);
        let attach = Attach { store, ledger, binding: bound.clone(), from_latest };
        let targets = |source: Text, start: Cursor| {
            store.leg(ledger.no, Binding { source, start, ..bound.clone() })
        };
        let once = || async {
            match attach.attach(&self.topic, &topic).await {
                Ok(()) => take(&intake, (&self.topic, &pace), targets).await,
                Err(failure) => failure,
            }
        };
        self.again_and_again(&pace, once).await;
    }

    /// Run the leg, again whatever ends it; only a stop of the store is for good.
    async fn again_and_again<F>(&self, pace: &LegPace, once: impl Fn() -> F)
    where
        F: Future<Output = Failure>,
    {
        let mut failed = 0;
        loop {
            let mut run = std::pin::pin!(once());
            let failure = match tokio::time::timeout(RUNS, &mut run).await {
                Ok(failure) => failure,
                Err(_) => {
                    failed = 0;
                    self.leg.runs();
                    self.watched(run).await
                }
            };
            match failure {
                Failure::Permanent(stop) if is_of_store(&stop) => {
                    return doors::raise(&self.alarm, &stop);
                }
                Failure::Permanent(stop) => {
                    self.leg.stops(stop);
                    pace.sleep(AGAIN).await;
                }
                // Somebody else does it. When their deadline has passed it may be for us to do.
                Failure::Fenced => {
                    self.leg.runs();
                    pace.sleep(DEADLINE).await;
                }
                failure => {
                    self.leg.waits(&failure);
                    pace.sleep(pace.backoff(failed, &failure)).await;
                    failed += 1;
                }
            }
        }
    }
}

impl Running {
    /// Run on; say so, again and again, while Kafka transactions that stay open hold back a topic.
    async fn watched(&self, run: impl Future<Output = Failure>) -> Failure {
        let mut run = std::pin::pin!(run);
        loop {
            match tokio::time::timeout(HELD_ALARM, &mut run).await {
                Ok(failure) => return failure,
                Err(_) => self.tell_held(),
            }
        }
    }

    fn tell_held(&self) {
        for (partition, taken) in self.topic.progress().all() {
            let held = taken.held_since.map(|since| since.elapsed());
            if let Some(held) = held.filter(|held| *held >= HELD_ALARM) {
                tracing::warn!(
                    leg = self.leg.name(),
                    partition,
                    seconds = held.as_secs(),
                    records = taken.held_back,
                    "a Kafka transaction stays open and holds back what is behind it"
                );
            }
        }
    }
}

/// Whether a stop is the store's, with which nothing in this process can go on.
fn is_of_store(stop: &Stop) -> bool {
    stop.code.name().starts_with("store_")
}
