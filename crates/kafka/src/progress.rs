//! How far a topic is taken, for people: metrics, and the offsets of a group that dashboards read.
//!
//! Whoever reads on behind a record has taken it for good, since its own cursor stands behind it.
//! Deliberately absent: any decision by what is noted here. The store's cursors are the truth.

use crate::client::Consumer;
use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerContext as _};
use rdkafka::{Offset, TopicPartitionList};
use semel_core::wire::Fetched;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// How often a client's news are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often a group is told how far a topic is taken.
const TELL: Duration = Duration::from_secs(2);

/// How far a topic is taken, by partition.
#[derive(Debug, Default)]
pub struct Progress {
    partitions: Mutex<BTreeMap<u32, Taken>>,
}

/// How far a partition is taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The next offset that is not taken for good.
    pub next: u64,
    /// The offset behind what readers see.
    pub end: u64,
    /// How many offsets behind that open Kafka transactions hold back.
    pub held_back: u64,
    /// Since when they hold back something.
    pub held_since: Option<Instant>,
    /// The offset behind the last record that was brought.
    brought: u64,
    is_told: bool,
}

impl Progress {
    /// All partitions of which anything was read, by number.
    pub fn all(&self) -> BTreeMap<u32, Taken> {
        self.partitions.lock().expect("nobody panics while holding it").clone()
    }

    /// Somebody read on at `from`; `held_back` where the end was read.
    pub(crate) fn note(
        &self,
        partition: u32,
        from: u64,
        fetched: &Fetched,
        held_back: Option<u64>,
    ) {
        let mut partitions = self.partitions.lock().expect("nobody panics while holding it");
        let before = partitions.get(&partition);
        // A record that was brought before is asked for again by whoever stands behind it.
        let known = before.is_some_and(|before| from < before.brought);
        let again = known && fetched.records.first().is_some_and(|first| first.offset == from);
        let next = match again && fetched.records.len() == 1 {
            true => fetched.next,
            false => from,
        };
        let last = fetched.records.last().map(|last| last.offset + 1);
        // What readers see goes on where nothing is held back any more.
        let still = before.filter(|before| last.is_none_or(|last| last <= before.end));
        let held_back = held_back.or(still.map(|still| still.held_back)).unwrap_or(0);
        let held_since = (held_back > 0)
            .then(|| before.and_then(|before| before.held_since).unwrap_or_else(Instant::now));
        let is_told = before.is_some_and(|before| before.is_told && before.next == next);
        let brought = last.max(before.map(|before| before.brought)).unwrap_or(0);
        let taken = Taken { next, end: fetched.end, held_back, held_since, brought, is_told };
        partitions.insert(partition, taken);
    }

    /// Look after `consumer` until it is gone: its logs and, if it has a group, what that is told.
    pub(crate) fn tell(self: &Arc<Progress>, consumer: &Arc<Consumer>, topic: &str, group: bool) {
        let (progress, consumer) = (self.clone(), Arc::downgrade(consumer));
        let topic = topic.to_owned();
        let look_after = move || progress.look_after(&consumer, &topic, group);
        let thread = std::thread::Builder::new().name("kafka".into()).spawn(look_after);
        thread.expect("the system has threads");
    }

    fn look_after(&self, consumer: &Weak<Consumer>, topic: &str, has_group: bool) {
        let mut told = Instant::now();
        while let Some(consumer) = consumer.upgrade() {
            // Records have queues of their own: what comes here is news of the client itself.
            if let Some(Err(error)) = consumer.poll(LOOK) {
                tracing::debug!(%error, topic, "a client's news");
            }
            if has_group && told.elapsed() >= TELL {
                told = Instant::now();
                self.commit(&consumer, topic);
            }
        }
    }

    fn commit(&self, consumer: &Consumer, topic: &str) {
        let mut partitions = self.partitions.lock().expect("nobody panics while holding it");
        let mut offsets = TopicPartitionList::new();
        let again = consumer.context().is_untold();
        for (partition, taken) in partitions.iter_mut().filter(|it| again || !it.1.is_told) {
            let (number, offset) = (i32::try_from(*partition), i64::try_from(taken.next));
            let (Ok(number), Ok(offset)) = (number, offset) else { continue };
            let added = offsets.add_partition_offset(topic, number, Offset::Offset(offset));
            taken.is_told = added.is_ok();
        }
        if offsets.count() > 0
            && let Err(error) = consumer.commit(&offsets, CommitMode::Async)
        {
            consumer.context().commit_callback(Err(error), &offsets);
        }
    }
}
