//! A reader: somebody outside who follows the published topic all along, also while things go
//! wrong, and notes what it takes.
//!
//! It goes by the links alone, as the contract tells others to. Where it cannot read on (the topic
//! is another one, what it wants is out of range, what it read last is not there any more) it reads
//! again from the log's beginning, and skips what it took. With another number of partitions it is
//! another topic, of which nothing was read.
//! Deliberately absent: the core's own reading, and any cursor but the last message taken.

use crate::broker::Broker;
use crate::broker::client::Client;
use crate::evidence::Followed;
use crate::links::{Link, NONE, Stamp, Verdict};
use crate::net::Net;
use crate::setup::{MOST_PARTITIONS, PUBLISHED};
use crate::world::OUTSIDE;
use semel_core::wire::{About, Fetched, Record, Topic};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How long it waits before it looks again, at most.
const AGAIN: Duration = Duration::from_secs(1);
/// How many records it fetches at once, at most.
const PAGE: u64 = 500;

/// A reader. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Vec<Mutex<Progress>>>);

/// How far it has come in a partition.
#[derive(Default)]
struct Progress {
    /// The id of the topic.
    topic: String,
    /// How many partitions that has.
    partitions: u32,
    /// Where it began to read, and the next offset to read.
    began: u64,
    next: u64,
    /// The record that was read last.
    last: Option<Record>,
    ledgers: BTreeMap<String, Own>,
}

/// A ledger, as a partition tells of it.
#[derive(Default)]
struct Own {
    taken: Vec<Link>,
    has_stopped: bool,
    /// Where the first record stands behind a hole that is still open.
    hole: Option<u64>,
}

impl Reader {
    /// A reader that has read nothing yet.
    pub fn new() -> Reader {
        Reader(Arc::new((0..MOST_PARTITIONS).map(|_| Mutex::default()).collect()))
    }

    /// Let it read.
    pub fn begin(&self, broker: &Broker, net: &Net) {
        for partition in 0..self.0.len() as u32 {
            let (reader, world) = (self.clone(), net.world.clone());
            let topic = Client::new(broker, PUBLISHED, net);
            net.world.spawn(OUTSIDE, async move {
                loop {
                    world.sleep(world.some_time(AGAIN)).await;
                    let from = reader.progress(partition).from();
                    let limit = 1 + world.below(PAGE) as usize;
                    let fetched = topic.fetch(partition, from, limit + 1).await;
                    if let (Ok(about), Ok(fetched)) = (topic.about().await, fetched) {
                        reader.progress(partition).read(&about, from, fetched);
                    }
                }
            });
        }
    }

    fn progress(&self, partition: u32) -> MutexGuard<'_, Progress> {
        self.0[partition as usize].lock().expect("nobody panics while holding it")
    }

    /// Below which offset a partition holds nothing that this reader still has to read.
    pub fn done_below(&self, broker: &Broker, partition: u32) -> u64 {
        let progress = self.progress(partition);
        let holes = progress.ledgers.values().filter(|own| !own.has_stopped);
        let hole = holes.filter_map(|own| own.hole).min();
        match progress.stands(broker, partition) {
            true => hole.map_or(progress.next, |hole| hole.min(progress.next)),
            false => 0,
        }
    }

    /// The first partition that is not read to its end.
    pub fn unread(&self, broker: &Broker) -> Option<u32> {
        let is_read = |partition: &u32| {
            let (_, end) = broker.bounds(PUBLISHED, *partition);
            let progress = self.progress(*partition);
            progress.stands(broker, *partition) && end <= progress.next
        };
        (0..broker.about(PUBLISHED).partitions).find(|partition| !is_read(partition))
    }

    /// All that it took.
    pub fn followed(&self, broker: &Broker) -> Vec<Followed> {
        let of = |partition: u32| {
            let progress = self.progress(partition);
            let told = |(ledger, own): (&String, &Own)| Followed {
                ledger: ledger.clone(),
                partition: partition as usize,
                taken: own.taken.iter().map(|link| (link.seq, link.hash)).collect(),
                has_stopped: own.has_stopped,
            };
            progress.ledgers.iter().map(told).collect::<Vec<_>>()
        };
        (0..broker.about(PUBLISHED).partitions).flat_map(of).collect()
    }
}

impl Progress {
    /// From where to fetch: what was read last comes again, and has to be the same. Without such a
    /// record nothing tells whether others have taken the place of what was there.
    fn from(&self) -> u64 {
        self.last.as_ref().map_or(self.began, |last| last.offset)
    }

    /// Whether the log still is the one that was read.
    fn stands(&self, broker: &Broker, partition: u32) -> bool {
        let from = self.from();
        let fetched = broker.fetch(PUBLISHED, partition, from, 1);
        *fetched.topic == *self.topic
            && (fetched.start..=fetched.end).contains(&from)
            && fetched.records.first() == self.last.as_ref()
    }

    /// Read what was fetched from the offset `from` on.
    fn read(&mut self, about: &About, from: u64, fetched: Fetched) {
        if about.id != fetched.topic {
            return;
        }
        if about.partitions != self.partitions {
            *self = Progress { partitions: about.partitions, ..Progress::default() };
        }
        let mut records = fetched.records.into_iter();
        let is_there = (fetched.start..=fetched.end).contains(&from);
        let is_same = self.last.as_ref().is_none_or(|last| records.next().as_ref() == Some(last));
        if *fetched.topic != *self.topic || !is_there || !is_same {
            (self.began, self.next) = (fetched.start, fetched.start);
            (self.topic, self.last) = (fetched.topic.to_string(), None);
            self.ledgers.values_mut().for_each(|own| own.hole = None);
            return;
        }
        for record in records {
            if let Some(stamp) = Stamp::read(&record.raw.headers) {
                let own = self.ledgers.entry(stamp.ledger.into()).or_default();
                own.read(record.offset, &stamp);
            }
            self.last = Some(record);
        }
        self.next = fetched.next;
    }
}

impl Own {
    fn read(&mut self, offset: u64, stamp: &Stamp<'_>) {
        if self.has_stopped {
            return;
        }
        match stamp.verdict(self.taken.last().copied().unwrap_or(NONE)) {
            Verdict::Take => {
                self.taken.push(stamp.this);
                // Whatever was behind a hole comes again behind this.
                self.hole = None;
            }
            Verdict::Skip => {}
            Verdict::Hole => {
                self.hole.get_or_insert(offset);
            }
            Verdict::Fork => self.has_stopped = true,
        }
    }
}
