//! A model of Kafka: topics with ids, partitions with offsets, Kafka transactions with markers, and
//! everything that may happen to records that were acknowledged.
//!
//! Kept by a mutex, since a broker's own decisions are quick; what takes time is the way to it
//! ([`client`]).
//! Deliberately absent: replicas, groups and leaders. What clients can see of them is here: records
//! that are gone, and a broker that is away.

pub mod client;
pub mod producer;

use semel_core::Text;
use semel_core::dead_letter::Raw;
use semel_core::wire::{About, Fetched, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// A broker. Cheap to clone.
#[derive(Clone, Default)]
pub struct Broker {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Topic>,
    /// Ids are never used again.
    last_id: u64,
    /// Kafka transactions, likewise.
    last_kafka_transaction: u64,
    is_away: bool,
    /// Records so far: their time, since no two are written at once.
    appended: i64,
}

struct Topic {
    id: Text,
    compacted: bool,
    partitions: Vec<Partition>,
}

#[derive(Default)]
struct Partition {
    /// The first offset that is still there.
    start: u64,
    /// From `start` on.
    entries: Vec<Entry>,
    /// What was there before, for the books.
    expired: Vec<Record>,
    open: BTreeMap<u64, u64>,
    aborted: BTreeSet<u64>,
    /// Behind the last record that anybody fetched.
    fetched: u64,
}

enum Entry {
    Data {
        raw: Raw,
        timestamp: i64,
        kafka_transaction: Option<u64>,
    },
    /// The end of a Kafka transaction: an offset without a record.
    Marker,
}

impl Partition {
    fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    /// Up to where committed readers see: the first record of an open Kafka transaction.
    fn stable_end(&self) -> u64 {
        self.open.values().copied().min().unwrap_or_else(|| self.end())
    }

    fn push(&mut self, entry: Entry) -> u64 {
        self.entries.push(entry);
        self.end() - 1
    }

    fn fetch(&self, from: u64, limit: usize) -> (Vec<Record>, u64) {
        let (mut records, end) = (Vec::new(), self.stable_end());
        if from < self.start || end <= from {
            return (records, from);
        }
        for offset in from..end {
            if records.len() == limit {
                return (records, offset);
            }
            let Entry::Data { raw, timestamp, kafka_transaction } =
                &self.entries[(offset - self.start) as usize]
            else {
                continue;
            };
            if kafka_transaction.is_none_or(|number| !self.aborted.contains(&number)) {
                records.push(Record { offset, timestamp: *timestamp, raw: raw.clone() });
            }
        }
        (records, end)
    }
}

impl Broker {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Make a topic, or make it again: empty, under another id.
    pub fn create(&self, name: &str, partitions: u32) {
        let mut state = self.lock();
        state.last_id += 1;
        let id = format!("T{:03}", state.last_id).into();
        let partitions = (0..partitions).map(|_| Partition::default()).collect();
        state.topics.insert(name.into(), Topic { id, compacted: false, partitions });
    }

    /// From now on nobody reaches it, or everybody again.
    pub fn set_away(&self, is_away: bool) {
        self.lock().is_away = is_away;
    }

    fn is_away(&self) -> bool {
        self.lock().is_away
    }

    /// Make a topic compacted. Nothing is compacted yet.
    pub fn compact(&self, topic: &str) {
        self.with(topic, |topic| topic.compacted = true);
    }

    /// What it says of a topic.
    pub fn about(&self, topic: &str) -> About {
        self.with(topic, |topic| About {
            id: topic.id.clone(),
            partitions: topic.partitions.len() as u32,
            compacted: topic.compacted,
        })
    }

    /// Committed records of a partition.
    pub fn fetch(&self, topic: &str, partition: u32, from: u64, limit: usize) -> Fetched {
        self.with(topic, |topic| {
            let partition = &mut topic.partitions[partition as usize];
            let (records, next) = partition.fetch(from, limit);
            if let Some(record) = records.last() {
                partition.fetched = partition.fetched.max(record.offset + 1);
            }
            let (start, end) = (partition.start, partition.stable_end());
            Fetched { topic: topic.id.clone(), start, end, records, next }
        })
    }

    /// Append a record, perhaps within a Kafka transaction; its offset.
    pub fn append(
        &self,
        topic: &str,
        partition: u32,
        raw: Raw,
        kafka_transaction: Option<u64>,
    ) -> u64 {
        let mut state = self.lock();
        state.appended += 1;
        let timestamp = state.appended;
        drop(state);
        self.with(topic, |topic| {
            let partition = &mut topic.partitions[partition as usize];
            let offset = partition.push(Entry::Data { raw, timestamp, kafka_transaction });
            if let Some(number) = kafka_transaction {
                partition.open.entry(number).or_insert(offset);
            }
            offset
        })
    }

    /// A number for a Kafka transaction.
    pub fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.last_kafka_transaction += 1;
        state.last_kafka_transaction
    }

    /// End a Kafka transaction: committed or aborted, with a marker in each partition.
    pub fn end(&self, topic: &str, number: u64, committed: bool) {
        self.with(topic, |topic| {
            for partition in &mut topic.partitions {
                if partition.open.remove(&number).is_some() {
                    partition.push(Entry::Marker);
                    if !committed {
                        partition.aborted.insert(number);
                    }
                }
            }
        });
    }

    /// Whether a Kafka transaction is open in a partition.
    pub fn is_open(&self, topic: &str, partition: u32) -> bool {
        self.with(topic, |topic| !topic.partitions[partition as usize].open.is_empty())
    }

    /// Behind the last record of a partition that anybody fetched.
    pub fn fetched(&self, topic: &str, partition: u32) -> u64 {
        self.with(topic, |topic| topic.partitions[partition as usize].fetched)
    }

    /// The last records of a partition are lost: all from the offset `from` on.
    pub fn truncate(&self, topic: &str, partition: u32, from: u64) {
        self.with(topic, |topic| {
            let partition = &mut topic.partitions[partition as usize];
            let keep = from.saturating_sub(partition.start) as usize;
            partition.entries.truncate(keep);
            partition.fetched = partition.fetched.min(from);
            partition.open.retain(|_, first| *first < from);
        });
    }

    /// The first records of a partition are deleted: all below the offset `below`.
    pub fn expire(&self, topic: &str, partition: u32, below: u64) {
        self.with(topic, |topic| {
            let partition = &mut topic.partitions[partition as usize];
            let below = below.clamp(partition.start, partition.stable_end());
            let (records, _) = partition.fetch(partition.start, usize::MAX);
            partition.expired.extend(records.into_iter().filter(|record| record.offset < below));
            partition.entries.drain(..(below - partition.start) as usize);
            partition.start = below;
        });
    }

    /// What was readable in a partition before it expired.
    pub fn expired(&self, topic: &str, partition: u32) -> Vec<Record> {
        self.with(topic, |topic| topic.partitions[partition as usize].expired.clone())
    }

    /// Where a partition begins and where it ends for readers.
    pub fn bounds(&self, topic: &str, partition: u32) -> (u64, u64) {
        self.with(topic, |topic| {
            let partition = &topic.partitions[partition as usize];
            (partition.start, partition.stable_end())
        })
    }

    fn with<R>(&self, topic: &str, work: impl FnOnce(&mut Topic) -> R) -> R {
        work(self.lock().topics.get_mut(topic).expect("every topic is made before it is used"))
    }
}
