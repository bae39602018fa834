//! A store's twin: the same rows in the same steps, written by the plainest loop there is, and what
//! is counted on the way. The time it takes is the store's own limit.
//!
//! Deliberately absent: any thought about what is written; the real store has had it.

use super::meter::Latencies;
use crate::rig::broken;
use crate::wiring::{Bare, Reader};
use semel_core::account::{Account, Overdraft};
use semel_core::event::{Event, Kind};
use semel_core::failure::Failure;
use semel_core::ledger::{Effect, Position};
use semel_core::movement::Movement;
use semel_core::payment::Identity;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How many events are read at once.
const PAGE: usize = 100_000;

/// Follows a ledger of another store row by row.
pub struct Twin {
    bare: Bare,
    reader: Reader,
    ledger: u32,
    seen: u64,
    accounts: HashMap<u64, Account>,
    /// How many events carry a key, by the key's hash.
    keys: HashMap<i64, u64>,
    steps: u64,
    took: Duration,
    /// From a step to the next, by the real store's clock.
    intervals: Latencies,
    last_at: Option<i64>,
    _dir: TempDir,
}

impl Twin {
    /// Of the ledger numbered `ledger`, in a file of its own.
    ///
    /// # Errors
    /// Any failure of the file.
    pub fn of(reader: Reader, ledger: u32) -> Result<Twin, Failure> {
        let dir = tempfile::Builder::new().prefix("semel-twin-").tempdir();
        let dir = dir.map_err(|error| broken(format!("no directory: {error}")))?;
        Ok(Twin {
            bare: Bare::open(&dir.path().join("semel.db"))?,
            reader,
            ledger,
            seen: 0,
            accounts: HashMap::new(),
            keys: HashMap::new(),
            steps: 0,
            took: Duration::ZERO,
            intervals: Latencies::new(),
            last_at: None,
            _dir: dir,
        })
    }

    /// Write what the real store has written since, in the same steps. What carries no key only
    /// prepares the payments: it is written at once and not timed.
    ///
    /// # Errors
    /// Any failure of either store.
    pub fn follow(&mut self) -> Result<(), Failure> {
        loop {
            let events = self.reader.events(self.ledger, self.seen, PAGE)?;
            let Some(last) = events.last() else { return Ok(()) };
            self.seen = last.seq;
            let keyless = |event: &Event| event.key.is_none();
            // All events of a step have its time, and no other step has.
            let steps = events
                .chunk_by(|one, next| one.at == next.at || keyless(one) && keyless(next))
                .map(|step| (step[0].at, self.step(step)));
            let steps: Vec<_> = steps.collect();
            for (at, (effects, keys)) in steps {
                let begun = Instant::now();
                self.bare.write(&effects, &keys)?;
                if !keys.is_empty() {
                    self.count(begun.elapsed(), at);
                }
            }
        }
    }

    /// Steps with payments so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// How long writing those took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// From a step with payments to the next, in the real store.
    pub fn intervals(&self) -> &Latencies {
        &self.intervals
    }

    fn count(&mut self, took: Duration, at: i64) {
        self.steps += 1;
        self.took += took;
        if let Some(before) = self.last_at.replace(at) {
            self.intervals.record(Duration::from_micros(at.abs_diff(before)));
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

    fn step(&mut self, events: &[Event]) -> (Vec<Effect>, Vec<(i64, u64)>) {
        let (mut effects, mut keys, mut touched) = (Vec::new(), Vec::new(), BTreeSet::new());
        for event in events {
            effects.push(Effect::Append(Arc::new(event.clone())));
            if let Some(key) = &event.key {
                *self.keys.entry(Identity::hash(&event.namespace, key)).or_default() += 1;
                keys.extend(Bare::key_row(event));
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
