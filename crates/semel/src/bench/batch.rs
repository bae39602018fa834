//! The stage `batch`: batches of 1,000 payments through a door in this process, in turn with the
//! same rows written by the plainest loop, so that both meet the same machine.

use super::meter::{self, Latencies};
use super::work::Work;
use super::{Measured, rate};
use crate::doors::{Door, Shut};
use crate::meters::DoorMeters;
use crate::rig::broken;
use crate::wiring::{Bare, Reader, Store};
use indicatif::ProgressBar;
use semel_core::account::Account;
use semel_core::event::{Event, Kind};
use semel_core::failure::Failure;
use semel_core::ledger::{Command, Effect, Outcome, Position};
use semel_core::movement::Movement;
use semel_core::payment::Identity;
use std::collections::{BTreeSet, HashMap, HashSet};
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
    let (real, bare) = (dir.join("real"), dir.join("bare"));
    for dir in [&real, &bare] {
        std::fs::create_dir(dir).map_err(|error| broken(format!("no directory: {error}")))?;
    }
    bar.set_length(payments);
    let store = Store::open(&real.join("semel.db"))?;
    let ledger = store.ledger("main").await?.no;
    let (alarm, _) = watch::channel(None);
    let capacity = 2 * CALLERS * BATCH;
    let (door, task) = Door::open(store.door(ledger), capacity, DoorMeters::unheard(), alarm);
    let task = tokio::spawn(task);
    let mut twin = Twin::open(&bare.join("semel.db"), store.reader().clone(), ledger)?;
    let mut work = Work::new();
    submit(&door, vec![work.accounts()]).await?;
    twin.follow()?;

    let (mut turns, mut latencies, mut cpu) = (Vec::new(), Latencies::new(), Duration::ZERO);
    let commits = store.watch();
    let commits_before = commits.borrow().count;
    while bar.position() < payments {
        let count = TURN.min(payments - bar.position());
        let commands: Vec<Command> = (0..count).map(|_| work.command()).collect();
        let batches = commands.chunks(BATCH).map(<[_]>::to_vec).collect();
        let (cpu_before, begun) = (meter::cpu_time("self"), Instant::now());
        latencies.add(&submit(&door, batches).await?);
        let took = begun.elapsed();
        cpu += meter::cpu_time("self").zip(cpu_before).map_or(Duration::ZERO, |(a, b)| a - b);
        turns.push((count, took, twin.follow()?));
        bar.inc(count);
    }
    let commits = commits.borrow().count - commits_before;
    drop(door);
    task.await.map_err(|error| broken(error.to_string()))?;
    store.close().await;

    let applied = twin.keys.len() as u64;
    let measured = Measured::new("batch", payments, turns.iter().map(|turn| turn.1).sum())
        .limit(turns.iter().map(|turn| turn.2).sum())
        .latencies(&latencies)
        .disk(meter::bytes_on_disk(&real), commits)
        .audited(payments.saturating_sub(applied), twin.repeats);
    let speed = |turn: Option<&(u64, Duration, Duration)>| turn.map(|turn| rate(turn.0, turn.1));
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

/// The plainest loop, following the real store row by row.
struct Twin {
    bare: Bare,
    reader: Reader,
    ledger: u32,
    seen: u64,
    accounts: HashMap<u64, Account>,
    keys: HashSet<i64>,
    repeats: u64,
}

impl Twin {
    fn open(path: &Path, reader: Reader, ledger: u32) -> Result<Twin, Failure> {
        Ok(Twin {
            bare: Bare::open(path)?,
            reader,
            ledger,
            seen: 0,
            accounts: HashMap::new(),
            keys: HashSet::new(),
            repeats: 0,
        })
    }

    /// Write what the real store has written since, in the same steps; how long the writing took.
    fn follow(&mut self) -> Result<Duration, Failure> {
        let events = self.reader.events(self.ledger, self.seen, usize::MAX)?;
        self.seen = events.last().map_or(self.seen, |event| event.seq);
        // All events of a step have its time.
        let steps = events.chunk_by(|one, next| one.at == next.at);
        let steps: Vec<_> = steps.map(|step| self.step(step)).collect();
        let begun = Instant::now();
        for (effects, keys) in steps {
            self.bare.write(&effects, &keys)?;
        }
        Ok(begun.elapsed())
    }

    fn step(&mut self, events: &[Event]) -> (Vec<Effect>, Vec<(i64, u64)>) {
        let (mut effects, mut keys, mut touched) = (Vec::new(), Vec::new(), BTreeSet::new());
        for event in events {
            effects.push(Effect::Append(Arc::new(event.clone())));
            if let Some(key) = &event.key {
                let first = self.keys.insert(Identity::hash(&event.namespace, key));
                self.repeats += u64::from(!first);
                keys.extend(Bare::key_row(event));
            }
            let (Some(debit), credit) = (&event.debit, &event.credit) else { continue };
            if event.kind == Kind::AccountOpened {
                let overdraft = semel_core::account::Overdraft::Unlimited;
                let account = Account::open(debit.no, debit.id.clone(), event.currency, overdraft);
                effects.push(Effect::Open(account.clone()));
                self.accounts.insert(debit.no, account);
            }
            if let Some(credit) = credit {
                self.apply(event, [debit.no, credit.no]);
                touched.extend([debit.no, credit.no]);
            }
        }
        effects.extend(touched.iter().map(|no| Effect::Update(self.accounts[no].clone())));
        let next_seq = events.last().map_or(1, |event| event.seq + 1);
        effects.push(Effect::Move(Position { next_seq, ..Position::start("main") }));
        (effects, keys)
    }

    fn apply(&mut self, event: &Event, nos: [u64; 2]) {
        let accounts = self.accounts.get_disjoint_mut([&nos[0], &nos[1]]);
        let [Some(debit), Some(credit)] = accounts else { return };
        if let Some(movement) = Movement::of(event.kind, event.amount, 0) {
            movement.apply(debit, credit).expect("the real store has applied it");
        }
        debit.last_seq = event.seq;
        credit.last_seq = event.seq;
    }
}
