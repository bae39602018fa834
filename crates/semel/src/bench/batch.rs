//! The stage `batch`: batches of 1,000 payments through a door in this process, in turn with the
//! same rows written by the plainest loop, so that both meet the same machine.

use super::meter::{self, Latencies};
use super::twin::Twin;
use super::work::Work;
use super::{Measured, rate};
use crate::doors::{Door, Shut};
use crate::meters::Meters;
use crate::rig::broken;
use crate::wiring::Store;
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use semel_core::ledger::{Command, Outcome};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Payments between two turns.
const TURN: u64 = 100_000;
/// Payments of one batch.
const BATCH: usize = 1_000;
/// Callers at once, each waiting for its batch before it sends the next.
const CALLERS: usize = 12;

/// Measure `payments` payments, in files below `dir`.
///
/// # Errors
/// Any failure of the store.
pub async fn run(payments: u64, dir: &Path, bar: &ProgressBar) -> Result<Measured, Failure> {
    let real = dir.join("real");
    std::fs::create_dir(&real).map_err(|error| broken(format!("no directory: {error}")))?;
    bar.set_length(payments);
    let store = Store::embedded(&real.join("semel.db"))?;
    let ledger = store.ledger("main").await?.no;
    let (alarm, _) = watch::channel(None);
    let capacity = 2 * CALLERS * BATCH;
    let (door, task) = Door::open(store.door(ledger), capacity, Meters::new().door("main"), alarm);
    let task = tokio::spawn(task);
    let mut twin = Twin::of(store.reader().clone(), ledger)?;
    let mut work = Work::new();
    submit(&door, vec![work.accounts()]).await?;
    twin.follow()?;

    let (mut turns, mut latencies, mut cpu) = (Vec::new(), Latencies::new(), Duration::ZERO);
    while bar.position() < payments {
        let count = TURN.min(payments - bar.position());
        let commands: Vec<Command> = (0..count).map(|_| work.command()).collect();
        let batches = commands.chunks(BATCH).map(<[_]>::to_vec).collect();
        let (cpu_before, begun) = (meter::cpu_time("self"), Instant::now());
        latencies.add(&submit(&door, batches).await?);
        let took = begun.elapsed();
        cpu += meter::cpu_time("self").zip(cpu_before).map_or(Duration::ZERO, |(a, b)| a - b);
        turns.push((count, took));
        twin.follow()?;
        bar.inc(count);
    }
    drop(door);
    task.await.map_err(|error| broken(error.to_string()))?;
    store.close().await;

    let mut sent = Work::new();
    let sent = (0..payments).map(|_| sent.payment().key);
    let measured = Measured::new("batch", payments, turns.iter().map(|turn| turn.1).sum())
        .latencies(&latencies)
        .disk(meter::bytes_on_disk(&real), twin.steps())
        .beside(&twin, "", sent);
    let speed = |turn: Option<&(u64, Duration)>| turn.map(|turn| rate(turn.0, turn.1));
    Ok(Measured {
        client_cpu_us: Some(measured.micros_each(cpu)),
        first_100k_per_second: speed(turns.first()),
        last_100k_per_second: speed(turns.last()),
        ..measured
    })
}

async fn submit(door: &Door, batches: Vec<Vec<Command>>) -> Result<Latencies, Failure> {
    let queue = Arc::new(std::sync::Mutex::new(batches));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (door, queue) = (door.clone(), queue.clone());
            tokio::spawn(async move {
                let mut latencies = Latencies::new();
                loop {
                    let batch = queue.lock().expect("nobody panics while holding it").pop();
                    let Some(batch) = batch else { return Ok(latencies) };
                    let begun = Instant::now();
                    let outcomes = door.pass(batch).await.map_err(shut)?;
                    latencies.record(begun.elapsed());
                    let refused = outcomes.iter().any(|one| matches!(one, Outcome::Refused(_)));
                    if refused {
                        return Err(broken("a payment of the bench was refused"));
                    }
                }
            })
        })
        .collect();
    let mut latencies = Latencies::new();
    for caller in callers {
        latencies.add(&caller.await.map_err(|error| broken(error.to_string()))??);
    }
    Ok(latencies)
}

fn shut(shut: Shut) -> Failure {
    match shut {
        Shut::Full => broken("the bench's own door is full"),
        Shut::Failed(failure) => failure,
    }
}
