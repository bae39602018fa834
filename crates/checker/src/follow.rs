//! The published topic from the beginning of every partition to its end, by a client of its own.
//!
//! The client is krafka, for what the product's is not: pure Rust, of other authors, with no line
//! of librdkafka in it. Against Kafka 4.3 it leaves aborted records out, steps over control
//! records, tells both ends of a partition and can write in a Kafka transaction, which the tests
//! need; rskafka can neither choose the isolation level nor write so, and `kafka-protocol` would
//! have us write a client. What is read is held in memory: about a kilobyte a message.
//!
//! The end of a partition is its high watermark, never the last stable offset: behind that, records
//! may wait for a Kafka transaction to end, and a reader that trusts it misses them.
//! Deliberately absent: groups, committed offsets, and TLS; the broker is a test's own.

use crate::links::Reader;
use crate::record::Record;
use krafka::Kafka;
use krafka::admin::{ListOffsetsOptions, OffsetSpec, TopicPartition};
use krafka::consumer::{AutoOffsetReset, Consumer, ConsumerRecord, IsolationLevel};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// What to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The broker: `host:port`, or several behind commas.
    pub bootstrap: String,
    /// The published topic.
    pub topic: String,
    /// The ledgers to follow; all of them when there is none.
    pub ledgers: Vec<String>,
    /// Whether records of Kafka transactions that were aborted, or are still open, are read too.
    pub uncommitted: bool,
    /// Where to stop.
    pub until: Until,
    /// How long nothing may come while there is something to wait for.
    pub patience: Duration,
    /// Whether the beginning may have been deleted: then a reader begins at the first record.
    pub may_begin_late: bool,
}

/// Where to stop. The end that every partition had at the start is read in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// There.
    End,
    /// When nothing came for so long.
    Quiet(Duration),
    /// When of each of these ledgers every event up to that seq has been taken.
    Covered(BTreeMap<String, u64>),
}

/// What was read.
#[derive(Debug, Default)]
pub struct Followed {
    /// How many partitions the topic has.
    pub partitions: u32,
    /// What the strict reader made of it.
    pub reader: Reader,
}

/// Something that the check depends on is away, or does not answer as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// What: `broker` or `database`.
    pub what: &'static str,
    /// What it said.
    pub cause: String,
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} is away: {}", self.what, self.cause)
    }
}

impl std::error::Error for Away {}

/// Read the topic as `options` say.
///
/// A partition whose end is not reached, or a ledger that is not covered, while the broker answers
/// is a finding of the reader: `unread`, `uncovered`.
///
/// # Errors
/// The broker is away, has no such topic, or gives what the client cannot read.
pub async fn follow(options: &Options) -> Result<Followed, Away> {
    let topic = &*options.topic;
    let kafka = Kafka::builder(&options.bootstrap).client_id("semel-checker").connect();
    let kafka = within(options.patience, kafka).await?;
    let ends = ends(&kafka, options).await?;
    let isolation = match options.uncommitted {
        true => IsolationLevel::ReadUncommitted,
        false => IsolationLevel::ReadCommitted,
    };
    let consumer = kafka.consumer_without_group().isolation_level(isolation);
    // What is deleted while it is read is a hole, and the rule tells it.
    let consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build();
    let consumer = consumer.await.map_err(away)?;
    consumer.assign(topic, ends.keys().copied().collect()).await.map_err(away)?;
    let mut follower = Follower {
        reader: Reader::new(&options.ledgers, options.may_begin_late),
        cover: Cover::new(&options.until),
        options,
        consumer,
        ends,
    };
    follower.run().await?;
    let Follower { mut reader, ends, consumer, .. } = follower;
    reader.finish();
    // What was read is read, however the goodbye goes.
    let _goodbye = consumer.close().await;
    Ok(Followed { partitions: ends.len() as u32, reader })
}

/// The end of every partition, uncommitted records included.
async fn ends(kafka: &Kafka, options: &Options) -> Result<BTreeMap<i32, i64>, Away> {
    let (admin, topic) = (kafka.admin(), &options.topic);
    let described = admin.describe_topics([topic], <_>::default());
    let about = within(options.patience, described).await?.remove(topic);
    let about = about.ok_or_else(|| away("it does not tell of the topic"))?.map_err(away)?;
    let count = about.partitions.len() as i32;
    let latest = (0..count).map(|it| (TopicPartition::new(topic, it), OffsetSpec::Latest));
    let listed = admin.list_offsets(latest, ListOffsetsOptions::default());
    let mut ends = BTreeMap::new();
    for (place, end) in within(options.patience, listed).await? {
        ends.insert(place.partition, end.map_err(away)?.offset);
    }
    Ok(ends)
}

struct Follower<'a> {
    options: &'a Options,
    consumer: Consumer,
    /// The end of every partition as it was at the start.
    ends: BTreeMap<i32, i64>,
    reader: Reader,
    cover: Cover,
}

impl Follower<'_> {
    async fn run(&mut self) -> Result<(), Away> {
        let mut came = Instant::now();
        loop {
            let records = self.consumer.poll(Duration::from_millis(200)).await.map_err(away)?;
            if !records.is_empty() {
                came = Instant::now();
            }
            for record in records {
                if let Some((ledger, seq)) = self.reader.read(own(record)) {
                    self.cover.take(&ledger, seq);
                }
            }
            for ((ledger, _), place) in &self.reader.places {
                if let Some(behind) = place.began_behind {
                    self.cover.excuse(ledger, behind.seq);
                }
            }
            let unread = self.unread().await;
            let is_enough = match &self.options.until {
                Until::Quiet(long) => *long <= came.elapsed(),
                _ => self.cover.open().is_none(),
            };
            if unread.is_none() && is_enough {
                return Ok(());
            }
            if self.options.patience <= came.elapsed() {
                return self.give_up(unread).await;
            }
        }
    }

    /// A partition that is not read to its end: its number, how far it is read, its end.
    async fn unread(&self) -> Option<(i32, i64, i64)> {
        for (partition, end) in &self.ends {
            let position = self.consumer.position(&self.options.topic, *partition).await;
            let position = position.unwrap_or(0);
            if position < *end {
                return Some((*partition, position, *end));
            }
        }
        None
    }

    /// Nothing comes any more: a finding, unless the broker is away.
    async fn give_up(&mut self, unread: Option<(i32, i64, i64)>) -> Result<(), Away> {
        let place = unread.map_or(0, |(partition, ..)| partition);
        let asked = self.consumer.fetch_watermarks(&self.options.topic, place);
        within(self.options.patience, asked).await?;
        if let Some((partition, position, end)) = unread {
            self.reader.findings.tell("unread", || {
                format!(
                    "partition {partition}: read to offset {position} of {end}; most likely a \
                     Kafka transaction stays open"
                )
            });
        }
        if let Some((ledger, up_to, missing)) = self.cover.open() {
            self.reader.findings.tell("uncovered", || {
                format!("{ledger}: {missing} of the events up to {up_to} did not come")
            });
        }
        Ok(())
    }
}

/// What has to be covered, and how far it is.
struct Cover(BTreeMap<String, Covering>);

#[derive(Default)]
struct Covering {
    up_to: u64,
    /// What need not come, because it was deleted: up to there.
    excused: u64,
    /// What was taken of the rest.
    taken: HashSet<u64>,
}

impl Cover {
    fn new(until: &Until) -> Cover {
        let Until::Covered(ledgers) = until else { return Cover(BTreeMap::new()) };
        let open = |(ledger, up_to): (&String, &u64)| {
            (ledger.clone(), Covering { up_to: *up_to, ..Covering::default() })
        };
        Cover(ledgers.iter().map(open).collect())
    }

    fn take(&mut self, ledger: &str, seq: u64) {
        if let Some(covering) = self.0.get_mut(ledger)
            && (covering.excused + 1..=covering.up_to).contains(&seq)
        {
            covering.taken.insert(seq);
        }
    }

    fn excuse(&mut self, ledger: &str, up_to: u64) {
        if let Some(covering) = self.0.get_mut(ledger)
            && covering.excused < up_to
        {
            covering.excused = up_to;
            covering.taken.retain(|seq| up_to < *seq);
        }
    }

    /// A ledger that is not covered: its id, up to where it has to be, how many events are missing.
    fn open(&self) -> Option<(&str, u64, u64)> {
        let mut missing = self.0.iter().map(|(ledger, covering)| {
            let wanted = covering.up_to.saturating_sub(covering.excused);
            (&**ledger, covering.up_to, wanted - covering.taken.len() as u64)
        });
        missing.find(|(_, _, missing)| 0 < *missing)
    }
}

fn own(record: ConsumerRecord) -> Record {
    let ConsumerRecord { partition, offset, key, value, headers, .. } = record;
    Record { partition: partition as u32, offset: offset as u64, key, value, headers }
}

async fn within<T>(
    patience: Duration,
    asked: impl Future<Output = krafka::Result<T>>,
) -> Result<T, Away> {
    match tokio::time::timeout(patience, asked).await {
        Ok(answer) => answer.map_err(away),
        Err(_) => Err(away("it does not answer in time")),
    }
}

fn away(cause: impl fmt::Display) -> Away {
    Away { what: "broker", cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_covered_when_nothing_is_missing() {
        let until = Until::Covered([("a".into(), 2), ("b".into(), 0)].into());
        let mut cover = Cover::new(&until);
        for (ledger, seq, open) in [
            ("a", 1, Some(("a", 2, 1))),
            ("a", 3, Some(("a", 2, 1))),
            ("b", 1, Some(("a", 2, 1))),
            ("a", 1, Some(("a", 2, 1))),
            ("a", 2, None),
        ] {
            cover.take(ledger, seq);
            assert_eq!(cover.open(), open, "after {ledger} {seq}");
        }
        let mut cover = Cover::new(&Until::Covered([("a".into(), 4)].into()));
        cover.take("a", 2);
        cover.excuse("a", 3);
        assert_eq!(cover.open(), Some(("a", 4, 1)));
        cover.take("a", 4);
        assert_eq!(cover.open(), None);
        assert_eq!(Cover::new(&Until::End).open(), None);
    }
}
