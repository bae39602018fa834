//! A store's twin: the same rows in the same steps, written by the plainest loop there is, and what
//! is counted on the way. The time it takes is the store's own limit.
//!
//! Deliberately absent: any thought about what is written; the real store has had it.

use super::measured::rate;
use super::meter::Latencies;
use crate::place::Place;
use crate::wiring::{Bare, Reader};
use futures_util::future::try_join_all;
use semel_core::account::{Account, Overdraft};
use semel_core::event::{Event, Kind};
use semel_core::failure::Failure;
use semel_core::ledger::{Effect, Position};
use semel_core::movement::Movement;
use semel_core::payment::Identity;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many events are read at once.
const PAGE: usize = 100_000;
/// Payments that are written at most, or somewhat more: their rows are there three times, and would
/// push those of a large store out of memory.
const MOST: u64 = 1_000_000;
/// Ledgers that take the same rows: one alone, and two at once.
const LEDGERS: u32 = 3;

/// Follows a ledger of another store row by row.
pub struct Twin {
    /// The first is written alone, the others at once; none where rows are only counted.
    bare: Vec<Bare>,
    reader: Reader,
    ledger: u32,
    seen: u64,
    accounts: HashMap<u64, Account>,
    /// How many events carry a key, by the key's hash.
    keys: HashMap<i64, u64>,
    steps: u64,
    /// Payments that were written.
    payments: u64,
    took: Duration,
    took_at_once: Duration,
    /// From a step to the next, by the real store's clock.
    intervals: Latencies,
    last_at: Option<i64>,
}

/// What is written together.
struct Step {
    at: i64,
    effects: Vec<Effect>,
    /// How many keys it has.
    keys: u64,
}

impl Twin {
    /// Of the ledger numbered `ledger`, at a `place` of its own.
    ///
    /// # Errors
    /// Any failure there.
    pub async fn of(reader: Reader, ledger: u32, place: &Place) -> Result<Twin, Failure> {
        let bare = Bare::open(place, LEDGERS).await?;
        Ok(Twin { bare, ..Twin::counting(reader, ledger) })
    }

    /// The same, which writes nothing.
    pub fn counting(reader: Reader, ledger: u32) -> Twin {
        Twin {
            bare: Vec::new(),
            reader,
            ledger,
            seen: 0,
            accounts: HashMap::new(),
            keys: HashMap::new(),
            steps: 0,
            payments: 0,
            took: Duration::ZERO,
            took_at_once: Duration::ZERO,
            intervals: Latencies::new(),
            last_at: None,
        }
    }

    /// Write what the real store has written since, in the same steps; of more than a million
    /// payments the first. What carries no key only prepares the payments: it is written at once
    /// and not timed.
    ///
    /// # Errors
    /// Any failure of either store.
    pub async fn follow(&mut self) -> Result<(), Failure> {
        loop {
            let events = self.reader.events(self.ledger, self.seen, PAGE)?;
            let Some(last) = events.last() else { return Ok(()) };
            self.seen = last.seq;
            let keyless = |event: &Event| event.key.is_none();
            // All events of a step have its time, and no other step has.
            let steps =
                events.chunk_by(|one, next| one.at == next.at || keyless(one) && keyless(next));
            let steps: Vec<Step> = steps.map(|step| self.step(step)).collect();
            steps.iter().filter(|step| step.keys > 0).for_each(|step| self.count(step));
            let is_written = self.payments < MOST;
            if let Some((alone, at_once)) = self.bare.split_first_mut().filter(|_| is_written) {
                self.payments += steps.iter().map(|step| step.keys).sum::<u64>();
                self.took += write(std::slice::from_mut(alone), &steps).await?;
                self.took_at_once += write(at_once, &steps).await?;
            }
        }
    }

    /// Events so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Steps with payments so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Payments a second of a ledger that is written alone, and of those at once, together.
    #[expect(clippy::float_arithmetic, reason = "a measurement, not money")]
    pub fn limits(&self) -> (f64, Option<f64>) {
        let at_once = self.bare.len().saturating_sub(1) as f64;
        let together = at_once * rate(self.payments, self.took_at_once);
        (rate(self.payments, self.took), (at_once > 0.0).then_some(together))
    }

    /// From a step with payments to the next, in the real store.
    pub fn intervals(&self) -> &Latencies {
        &self.intervals
    }

    fn count(&mut self, step: &Step) {
        self.steps += 1;
        if let Some(before) = self.last_at.replace(step.at) {
            self.intervals.record(Duration::from_micros(step.at.abs_diff(before)));
        }
    }

    /// How many of the keys `sent` in `namespace` no event carries.
    pub fn lost(&self, namespace: &str, sent: impl Iterator<Item = String>) -> u64 {
        let lost = |key: &String| !self.keys.contains_key(&Identity::hash(namespace, key));
        sent.filter(lost).count() as u64
    }

    /// How many events carry a key that another carries too.
    pub fn doubled(&self) -> u64 {
        self.keys.values().map(|count| count - 1).sum()
    }

    fn step(&mut self, events: &[Event]) -> Step {
        let (mut effects, mut keys, mut touched) = (Vec::new(), 0, BTreeSet::new());
        for event in events {
            effects.push(Effect::Append(Arc::new(event.clone())));
            if let Some(key) = &event.key {
                *self.keys.entry(Identity::hash(&event.namespace, key)).or_default() += 1;
                keys += 1;
            }
            let (Some(debit), credit) = (&event.debit, &event.credit) else { continue };
            if event.kind == Kind::AccountOpened {
                let (id, currency) = (debit.id.clone(), event.currency);
                let account = Account::open(debit.no, id, currency, Overdraft::Unlimited);
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
        Step { at: events.first().map_or(0, |event| event.at), effects, keys }
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

/// Write `steps` by each of `all`, at once; how long the slowest took for those with keys.
async fn write(all: &mut [Bare], steps: &[Step]) -> Result<Duration, Failure> {
    let mut ready = Vec::new();
    for bare in all {
        let mut rows = Vec::with_capacity(steps.len());
        for step in steps {
            rows.push((bare.prepare(&step.effects).await?, step.keys > 0));
        }
        ready.push((bare, rows));
    }
    let each = ready.into_iter().map(async |(bare, rows)| {
        let mut took = Duration::ZERO;
        for (rows, is_timed) in rows {
            let begun = Instant::now();
            bare.write(&rows).await?;
            took += if is_timed { begun.elapsed() } else { Duration::ZERO };
        }
        Ok::<_, Failure>(took)
    });
    Ok(try_join_all(each).await?.into_iter().max().unwrap_or_default())
}
