//! A partition as it is read on, from fetch to fetch, without asking for anything twice.
//!
//! Law 5 needs that what was read stays what it was. A log changes behind a reader's back only with
//! a new leader, and every record carries the epoch of the leader that wrote it. So as long as no
//! record of a later epoch comes, what was read last may be told again from memory; when one comes,
//! it is read anew, behind the change, before anything that follows it. The topic's id is asked
//! after every fetch: a topic that was made again begins with the same epochs.
//! Deliberately absent: what is done about a change. Who reads decides by what it finds.

use crate::classify::{classify, of_code};
use crate::client::{Admin, Consumer};
use crate::native::{Partition, Pulled, describe};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use semel_core::Text;
use semel_core::failure::Failure;
use semel_core::wire::{Fetched, Record};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a fetch waits for news where there are none.
const NEWS: Duration = Duration::from_millis(500);
/// How long a broker may take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How old the end of a partition may be that is told before the end is read.
const OLD: Duration = Duration::from_secs(1);

/// A partition that is being read.
pub struct Stream {
    topic: String,
    number: u32,
    consumer: Arc<Consumer>,
    partition: Partition,
    /// What is read: the topic's id, from when on nothing broke.
    open: Option<Open>,
    /// The last epoch of which anything was read, before it broke too, and the id of the topic
    /// that it is one of: another topic begins to count anew.
    epoch: (Option<Text>, i32),
    /// What was taken from the partition and not told yet.
    pulled: VecDeque<Pulled>,
    /// How long to wait for more once something is there.
    gather: Duration,
}

/// An unbroken reading.
struct Open {
    topic_id: Text,
    /// The first offset that the partition had when it began.
    start: u64,
    /// The next offset that it tells of.
    next: u64,
    /// The record that was told last.
    last: Option<Record>,
    /// Where readers see nothing more, as far as that is known, and since when it is.
    end: (u64, Instant),
    /// Whether it came to the end, and nothing since.
    is_at_end: bool,
    /// Whether anything came at all.
    is_live: bool,
}

/// What ended a pull before it brought enough.
enum Broken {
    /// A leader wrote after what was told: that has to be read again.
    OtherLeader,
    /// The offset is not in the partition, or not what it was.
    Elsewhere,
    /// Nothing came, be it that this is the end: a slow broker, or much that no reader sees.
    Silent,
}

impl Stream {
    /// The partition numbered `number` of the topic named `topic`, where fetches wait for so long
    /// for more once something is there.
    pub fn new(consumer: &Arc<Consumer>, topic: &str, number: u32, gather: Duration) -> Stream {
        let partition = Partition::new(consumer, topic, number);
        let (topic, consumer) = (topic.to_owned(), consumer.clone());
        Stream {
            topic,
            number,
            consumer,
            partition,
            open: None,
            epoch: (None, -1),
            pulled: VecDeque::new(),
            gather,
        }
    }

    /// The high watermark less what readers see: what open Kafka transactions hold back. `None`
    /// while the end is not read.
    pub fn held_back(&self) -> Option<u64> {
        let open = self.open.as_ref().filter(|open| open.is_at_end)?;
        let (_, high) = self.partition.told()?;
        Some(high.saturating_sub(open.end.0))
    }

    /// As `Topic::fetch` of the core.
    pub async fn fetch(
        &mut self,
        admin: &Admin,
        from: u64,
        limit: usize,
    ) -> Result<Fetched, Failure> {
        for _ in 0..3 {
            let mut open = match self.open.take().filter(|open| open.leads_to(from)) {
                Some(open) => open,
                None => match self.begin(admin, from).await? {
                    Ok(open) => open,
                    Err(nothing) => return Ok(nothing),
                },
            };
            let told = open.last.as_ref().filter(|last| last.offset == from);
            let mut records: Vec<Record> = told.cloned().into_iter().collect();
            match self.pull(&mut open, limit.max(1), &mut records).await? {
                Ok(()) => return self.checked(admin, from, open, records).await,
                Err(Broken::OtherLeader | Broken::Elsewhere) => {}
                Err(Broken::Silent) => {
                    // What no reader sees may take long to pass, and is not passed twice.
                    self.open = (self.id(admin).await? == open.topic_id).then_some(open);
                    return Err(Failure::Retryable(format!("{}: no answer", self.what())));
                }
            }
        }
        Err(Failure::Retryable(format!("{}: its leader changes all the time", self.what())))
    }

    /// Begin to read at `from`, whatever was read before, if the partition has that offset.
    async fn begin(&mut self, admin: &Admin, from: u64) -> Result<Result<Open, Fetched>, Failure> {
        self.pulled.clear();
        let asked = Instant::now();
        let (topic_id, (start, end)) = self.asked(admin).await?;
        if !(start..=end).contains(&from) {
            return Ok(Err(nothing(topic_id, (start, end), from)));
        }
        if self.epoch.0.as_ref() != Some(&topic_id) {
            self.epoch = (Some(topic_id.clone()), -1);
        }
        self.partition.start(from).map_err(|error| classify(&self.what(), &error))?;
        Ok(Ok(Open {
            topic_id,
            start,
            next: from,
            last: None,
            end: (end, asked),
            is_at_end: false,
            is_live: false,
        }))
    }

    /// Take what comes until there is enough, or nothing more for now.
    async fn pull(
        &mut self,
        open: &mut Open,
        limit: usize,
        records: &mut Vec<Record>,
    ) -> Result<Result<(), Broken>, Failure> {
        let (known, began) = (records.len(), Instant::now());
        let mut gather = self.gather;
        while records.len() < limit {
            let is_all = self.refill(limit - records.len());
            while records.len() < limit {
                match self.pulled.pop_front() {
                    None => break,
                    Some(Pulled::End(offset)) => open.ends_at(offset),
                    Some(Pulled::Failed(code, _)) if is_elsewhere(code) => {
                        return Ok(Err(Broken::Elsewhere));
                    }
                    Some(Pulled::Failed(code, why)) => {
                        return Err(of_code(&format!("{}: {why}", self.what()), code));
                    }
                    Some(Pulled::Record(record, epoch)) => {
                        let is_later = self.epoch.1 < epoch;
                        self.epoch.1 = self.epoch.1.max(epoch);
                        if open.is_live && is_later {
                            return Ok(Err(Broken::OtherLeader));
                        }
                        open.tells(&record);
                        records.push(record);
                    }
                }
            }
            // A reading that has just begun brings something, be it that there is nothing.
            let is_done = records.len() > known || open.is_at_end && !open.is_live;
            open.is_live |= is_done;
            if is_done && records.len() > known && !gather.is_zero() {
                sleep(std::mem::take(&mut gather)).await;
                continue;
            }
            if is_done {
                break;
            }
            let until = began + if open.is_at_end { NEWS } else { PATIENCE };
            if is_all && timeout_at(until, self.partition.ready()).await.is_err() {
                return Ok(if open.is_at_end { Ok(()) } else { Err(Broken::Silent) });
            }
        }
        Ok(Ok(()))
    }

    /// Have something to tell, if there is anything; whether that is all there is.
    fn refill(&mut self, limit: usize) -> bool {
        if !self.pulled.is_empty() {
            return false;
        }
        let mut pulled = Vec::from(std::mem::take(&mut self.pulled));
        let is_all = self.partition.take(limit, &mut pulled);
        self.pulled = pulled.into();
        is_all
    }

    /// What was read, if the topic still is the one that it was read from.
    async fn checked(
        &mut self,
        admin: &Admin,
        from: u64,
        mut open: Open,
        records: Vec<Record>,
    ) -> Result<Fetched, Failure> {
        if !open.is_at_end && OLD <= open.end.1.elapsed() {
            let asked = Instant::now();
            open.end = (self.bounds().await?.1, asked);
        }
        if self.id(admin).await? != open.topic_id {
            let (topic, bounds) = self.asked(admin).await?;
            return Ok(nothing(topic, bounds, from));
        }
        let next = open.next;
        open.end.0 = open.end.0.max(next);
        let start = self.partition.told().map_or(open.start, |(start, _)| start);
        // Nothing before it is gone for this reading, whatever has expired meanwhile.
        let start = start.min(records.first().map_or(next, |record| record.offset));
        open.last = records.last().cloned().or(open.last);
        let (topic, end) = (open.topic_id.clone(), open.end.0);
        self.open = Some(open);
        Ok(Fetched { topic, start, end, records, next })
    }

    /// The topic's id and where the partition begins and ends. The id is asked last, so that
    /// nobody takes the bounds of a new topic for those of the one that it replaced.
    async fn asked(&self, admin: &Admin) -> Result<(Text, (u64, u64)), Failure> {
        let bounds = self.bounds().await?;
        Ok((self.id(admin).await?, bounds))
    }

    async fn bounds(&self) -> Result<(u64, u64), Failure> {
        bounds(&self.consumer, &self.topic, self.number).await
    }

    async fn id(&self, admin: &Admin) -> Result<Text, Failure> {
        let described = describe(admin, &self.topic, false, PATIENCE).await;
        let described = described.map_err(|code| of_code(&format!("topic {}", self.topic), code));
        described.map(|described| described.id)
    }

    fn what(&self) -> String {
        format!("topic {}, partition {}", self.topic, self.number)
    }
}

impl Open {
    /// Whether it goes on at `from`, or told the record there last.
    fn leads_to(&self, from: u64) -> bool {
        self.next == from || self.last.as_ref().is_some_and(|last| last.offset == from)
    }

    fn tells(&mut self, record: &Record) {
        (self.next, self.is_at_end, self.is_live) = (record.offset + 1, false, true);
    }

    fn ends_at(&mut self, offset: u64) {
        self.next = self.next.max(offset);
        self.end = (offset, Instant::now());
        self.is_at_end = true;
    }
}

/// No records, since the partition has none at `from`, or is another one.
fn nothing(topic: Text, (start, end): (u64, u64), from: u64) -> Fetched {
    Fetched { topic, start, end, records: Vec::new(), next: from }
}

/// Whether the offset that was asked for is not there, or not where it was.
fn is_elsewhere(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{AutoOffsetReset, LogTruncation, OffsetOutOfRange};
    matches!(code, AutoOffsetReset | LogTruncation | OffsetOutOfRange)
}

/// Where a partition begins and where it ends for readers, asked now.
pub async fn bounds(
    consumer: &Arc<Consumer>,
    topic: &str,
    partition: u32,
) -> Result<(u64, u64), Failure> {
    let (consumer, name) = (consumer.clone(), topic.to_owned());
    let number = i32::try_from(partition).expect("a broker numbers partitions by 31 bits");
    let ask = move || consumer.fetch_watermarks(&name, number, PATIENCE);
    let told = tokio::task::spawn_blocking(ask).await.expect("asking does not panic");
    let what = || format!("topic {topic}, partition {partition}");
    let (low, high) = told.map_err(|error| classify(&what(), &error))?;
    Ok((low.max(0).unsigned_abs(), high.max(0).unsigned_abs()))
}
