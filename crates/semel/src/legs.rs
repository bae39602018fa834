//! The legs beside the doors: topics in, events out, each on its own until the process ends.
//!
//! A leg that is stopped by name stops alone: the rest goes on, the board says so, and it is tried
//! again now and then, since what stopped it is mended outside (`docs/kafka.md`). Only what stops
//! the store stops the process.
//! Deliberately absent: who takes which partition. The store shares that out.

mod attach;
mod board;
mod bound;
mod crew;
mod guard;
mod ingest;
mod meters;
mod pace;
mod publish;

pub use board::{Board, Kind, Shown};
pub use meters::LegMeters;
pub use pace::LegPace;

use crate::config::Config;
use crate::doors;
use crate::wiring::{Beside, Cluster, Store};
use board::Leg;
use ingest::Taking;
use publish::Publishing;
use semel_core::failure::{Failure, Stop};
use semel_core::leg::{COMPETE, Pace};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a leg that is stopped waits before it looks whether it can go on.
const AGAIN: Duration = Duration::from_secs(5);
/// How long what was sent may lie on the wire until it is confirmed, so that much is at once.
const GATHER: Duration = Duration::from_millis(250);
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
    if let Some(settings) = wire.publish.clone() {
        tasks.spawn(guard::guard(store.clone(), cluster.clone(), settings, alarm.clone()));
    }
    if let Some(settings) = wire.publish.as_ref().filter(|_| config.roles.publish) {
        for ledger in store.reader().ledgers()? {
            let mut topic = cluster.topic(&settings.topic, None)?.gathering(GATHER);
            if let Some(beside) = &settings.beside {
                let name = format!("semel-publish-{}-{}", settings.topic, ledger.id);
                topic = topic.with(Beside { topic: beside.clone(), name });
            }
            let leg = board.add(Kind::Publish, &ledger.id, &ledger.id, &topic);
            let own = Arc::new(Publishing::new(store, &ledger, topic, settings, leg.clone()));
            let alarm = alarm.clone();
            tasks.spawn(async move { keep(&leg, &alarm, own.pace(), || own.publish()).await });
        }
    }
    for (name, topic, ingest) in config.topics().filter(|_| config.roles.ingest) {
        let ledger = store.ledger(ingest.ledger()).await?;
        let topic = cluster.topic(topic, Some(&ingest.group()))?;
        let leg = board.add(Kind::Ingest, &ledger.id, name, &topic);
        let own = Arc::new(Taking::new(store, ledger, topic, ingest.clone(), leg.clone()));
        let alarm = alarm.clone();
        tasks.spawn(async move { keep(&leg, &alarm, own.pace(), || own.take()).await });
    }
    Ok(tasks)
}

/// Run a leg, again whatever ends it; only a stop of the store is for good.
async fn keep<F: Future<Output = Failure>>(
    leg: &Leg,
    alarm: &watch::Sender<Option<Stop>>,
    pace: &LegPace,
    once: impl Fn() -> F,
) {
    let mut failed = 0;
    loop {
        let mut run = std::pin::pin!(once());
        let failure = match tokio::time::timeout(RUNS, &mut run).await {
            Ok(failure) => failure,
            Err(_) => {
                failed = 0;
                leg.runs();
                watched(leg, run).await
            }
        };
        match failure {
            Failure::Permanent(stop) if is_of_store(&stop) => return doors::raise(alarm, &stop),
            Failure::Permanent(stop) => {
                leg.stops(None, stop);
                pace.sleep(AGAIN).await;
            }
            // Somebody else does it. When their deadline has passed it may be for us to do.
            Failure::Fenced => {
                leg.runs();
                pace.sleep(COMPETE).await;
            }
            failure => {
                leg.waits(&failure);
                pace.sleep(pace.backoff(failed, &failure)).await;
                failed += 1;
            }
        }
    }
}

/// Run on; say so, again and again, while Kafka transactions that stay open hold back a topic.
async fn watched(leg: &Leg, mut run: impl Future<Output = Failure> + Unpin) -> Failure {
    loop {
        match tokio::time::timeout(HELD_ALARM, &mut run).await {
            Ok(failure) => return failure,
            Err(_) => leg.tell_held(HELD_ALARM),
        }
    }
}

/// Whether a stop is the store's, with which nothing in this process can go on.
fn is_of_store(stop: &Stop) -> bool {
    stop.code.name().starts_with("store_")
}
