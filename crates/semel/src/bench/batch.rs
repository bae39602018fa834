//! The stages `batch` and `ledgers`: batches of payments through doors in this process, one a
//! ledger, in turn with the same rows written by the plainest loop, so that both meet the same
//! machine.

use super::bed::{Bed, Setup};
use super::measured::{Measured, rate};
use super::meter::{self, Latencies};
use super::twin::Twin;
use super::work::Work;
use crate::doors::{Door, Shut};
use crate::meters::Meters;
use crate::rig::broken;
use crate::wiring::{Form, Reader, Store};
use futures_util::future::try_join_all;
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use semel_core::ledger::{Command, Outcome};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Payments between two turns, of all ledgers together.
const TURN: u64 = 100_000;
/// Callers at a door, each waiting for its batch before it sends the next.
const CALLERS: usize = 12;
/// Payments of a batch that only fills a store.
const FILL: usize = 5_000;
/// Commands that a door has room for in any case: those that open all accounts.
const ROOM: usize = 20_000;

/// Measure the payments of `setup` in so many `ledgers` at once.
///
/// # Errors
/// Any failure of the store.
pub async fn run(
    stage: &'static str,
    ledgers: u32,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    bar.set_length(setup.payments);
    let mut store = Open::new(ledgers, setup, bed).await?;
    store.submit(|_| vec![setup.work().accounts()]).await?;
    let mut twins = store.twins(bed).await?;
    if setup.server.is_some() {
        // Only then do its sessions tell what they wrote.
        store.close().await?;
        bed.gauge.begin(twins.iter().map(Twin::seen).sum()).await?;
        store = Open::new(ledgers, setup, bed).await?;
    }

    let mut works: Vec<Work> = (0..ledgers).map(|_| setup.work()).collect();
    let (mut turns, mut latencies, mut cpu) = (Vec::new(), Latencies::new(), Duration::ZERO);
    while bar.position() < setup.payments {
        let count = TURN.min(setup.payments - bar.position());
        let share = |at: usize| share(count, u64::from(ledgers), at as u64);
        let batches = works.iter_mut().enumerate().map(|(at, work)| {
            let commands: Vec<Command> = (0..share(at)).map(|_| work.command()).collect();
            commands.chunks(setup.batch).map(<[_]>::to_vec).collect()
        });
        let mut batches: Vec<Vec<Vec<Command>>> = batches.collect();
        let (cpu_before, begun) = (meter::cpu_time("self"), Instant::now());
        let turn = store.turn(|at| std::mem::take(&mut batches[at]), begun);
        let (told, took) = bed.gauge.during(turn).await?;
        cpu += meter::cpu_time("self").zip(cpu_before).map_or(Duration::ZERO, |(a, b)| a - b);
        latencies.add(&told);
        turns.push((count, took));
        for twin in &mut twins {
            twin.follow().await?;
        }
        bar.inc(count);
    }
    store.close().await?;

    let measured = Measured::new(stage, setup.payments, turns.iter().map(|turn| turn.1).sum());
    let (steps, events) = (twins.iter().map(Twin::steps).sum(), twins.iter().map(Twin::seen).sum());
    let measured = bed.weighed(measured, bed.bytes_on_disk(), steps, events).await?;
    let measured = counted(measured.latencies(&latencies), &twins, setup);
    let speed = |turn: Option<&(u64, Duration)>| turn.map(|turn| rate(turn.0, turn.1));
    Ok(Measured {
        batch: Some(setup.batch),
        accounts: setup.server.as_ref().map(|_| match setup.form {
            Form::Plain => "plain",
            Form::Resident => "resident",
        }),
        client_cpu_us: Some(measured.micros_each(cpu)),
        first_100k_per_second: speed(turns.first()),
        last_100k_per_second: speed(turns.last()),
        ..measured
    })
}

/// Open all accounts of `setup` in the store of `bed`.
///
/// # Errors
/// Any failure of the store.
pub async fn open(setup: &Setup, bed: &Bed) -> Result<(), Failure> {
    let store = Open::new(1, setup, bed).await?;
    store.submit(|_| vec![setup.work().accounts()]).await?;
    store.close().await
}

/// Make the payments of `setup` in the store of `bed`, unmeasured.
///
/// # Errors
/// Any failure of the store.
pub async fn fill(setup: &Setup, bed: &Bed, bar: &ProgressBar) -> Result<(), Failure> {
    bar.set_length(setup.payments);
    open(setup, bed).await?;
    let store = Open::new(1, setup, bed).await?;
    let mut work = setup.work();
    while bar.position() < setup.payments {
        let count = TURN.min(setup.payments - bar.position());
        let commands: Vec<Command> = (0..count).map(|_| work.command()).collect();
        let mut batches = commands.chunks(FILL).map(<[_]>::to_vec).collect();
        store.submit(|_| std::mem::take(&mut batches)).await?;
        bar.inc(count);
    }
    store.close().await
}

/// The part of `count` that the one at `at` of `all` gets.
fn share(count: u64, all: u64, at: u64) -> u64 {
    count / all + u64::from(at < count % all)
}

/// With what became of all payments: the first of `twins` tells the limit.
fn counted(mut measured: Measured, twins: &[Twin], setup: &Setup) -> Measured {
    for (at, twin) in twins.iter().enumerate() {
        let mut work = setup.work();
        let sent = sent(setup.payments, twins.len() as u64, at as u64);
        let keys = (0..sent).map(|_| work.payment().key);
        measured = match at {
            0 => measured.beside(twin, "", keys),
            _ => measured.counted(twin, "", keys),
        };
    }
    measured
}

/// What the one at `at` of `all` got in all turns.
fn sent(payments: u64, all: u64, at: u64) -> u64 {
    payments / TURN * share(TURN, all, at) + share(payments % TURN, all, at)
}

/// A store with a door for each of its ledgers.
struct Open {
    store: Store,
    doors: Vec<(u32, Door, JoinHandle<()>)>,
}

impl Open {
    async fn new(ledgers: u32, setup: &Setup, bed: &Bed) -> Result<Open, Failure> {
        let store = Store::open_in(&bed.place(), setup.form, None).await?;
        let capacity = ROOM.max(2 * CALLERS * setup.batch.max(FILL));
        let mut doors = Vec::new();
        for number in 1..=ledgers {
            let name = if number == 1 { "main".to_owned() } else { format!("main-{number}") };
            let no = store.ledger(&name).await?.no;
            let (meters, alarm) = (Meters::new().door("main"), watch::channel(None).0);
            let (door, task) = Door::open(store.door(no), capacity, meters, alarm);
            doors.push((no, door, tokio::spawn(task)));
        }
        Ok(Open { store, doors })
    }

    /// One for each ledger; the first writes the rows too. They have seen what is there.
    async fn twins(&self, bed: &Bed) -> Result<Vec<Twin>, Failure> {
        let mut twins = Vec::new();
        for (no, ..) in &self.doors {
            let reader = Reader::open(&bed.place()).await?;
            let mut twin = match twins.is_empty() {
                true => Twin::of(reader, *no, &bed.twin_place()).await?,
                false => Twin::counting(reader, *no),
            };
            twin.follow().await?;
            twins.push(twin);
        }
        Ok(twins)
    }

    /// Pass all batches through their doors, and write what is left to be written later; how long
    /// that took from when it had `begun`.
    async fn turn(
        &self,
        batches: impl FnMut(usize) -> Vec<Vec<Command>>,
        begun: Instant,
    ) -> Result<(Latencies, Duration), Failure> {
        let latencies = self.submit(batches).await?;
        self.store.settle().await;
        Ok((latencies, begun.elapsed()))
    }

    async fn submit(
        &self,
        mut batches: impl FnMut(usize) -> Vec<Vec<Command>>,
    ) -> Result<Latencies, Failure> {
        let doors = self.doors.iter().enumerate();
        let all = try_join_all(doors.map(|(at, (_, door, _))| submit(door, batches(at)))).await?;
        let mut latencies = Latencies::new();
        all.iter().for_each(|one| latencies.add(one));
        Ok(latencies)
    }

    async fn close(self) -> Result<(), Failure> {
        for (_, door, task) in self.doors {
            drop(door);
            task.await.map_err(|error| broken(error.to_string()))?;
        }
        self.store.close().await;
        Ok(())
    }
}

async fn submit(door: &Door, batches: Vec<Vec<Command>>) -> Result<Latencies, Failure> {
    let queue = Arc::new(std::sync::Mutex::new(batches));
    let calls = (0..CALLERS).map(|_| {
        let (door, queue) = (door.clone(), queue.clone());
        async move {
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
        }
    });
    let mut callers: JoinSet<Result<Latencies, Failure>> = calls.collect();
    let mut latencies = Latencies::new();
    while let Some(caller) = callers.join_next().await {
        latencies.add(&caller.map_err(|error| broken(error.to_string()))??);
    }
    Ok(latencies)
}

fn shut(shut: Shut) -> Failure {
    match shut {
        Shut::Full => broken("the bench's own door is full"),
        Shut::Failed(failure) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledgers_share_all_payments() {
        for (payments, all) in [(1_000, 1), (1_001, 2), (200_003, 4), (350_000, 3)] {
            assert_eq!((0..all).map(|at| sent(payments, all, at)).sum::<u64>(), payments);
        }
    }
}
