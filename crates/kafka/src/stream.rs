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
use crate::native::{Described, Partition, Pulled, describe};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use semel_core::Text;
use semel_core::failure::Failure;
use semel_core::wire::{Fetched, Record};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a fetch waits for news where there are none.
const NEWS: Duration = Duration::from_millis(500);
/// How long a broker may take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A partition that is being read.
pub struct Stream {
    topic: String,
    number: u32,
    consumer: Arc<Consumer>,
    partition: Partition,
    /// What is read: the topic's id, from when on nothing broke.
    open: Option<Open>,
    /// The last epoch of which anything was read, before it broke too.
    epoch: i32,
    /// What was taken from the partition and not told yet.
    pulled: VecDeque<Pulled>,
    /// How long to wait for more once something is there.
    gather: Duration,
}

/// An unbroken reading.
struct Open {
    topic_id: Text,
    /// The next offset that it tells of.
    next: u64,
    /// The record that was told last.
    last: Option<Record>,
    /// Where readers see nothing more, if nothing came since.
    end: Option<u64>,
    /// Whether anything came at all.
    is_live: bool,
}

/// What ended a pull before it brought enough.
enum Broken {
    /// A leader wrote after what was told: that has to be read again.
    OtherLeader,
    /// The offset is not in the partition, or not what it was.
    Elsewhere,
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
            epoch: -1,
            pulled: VecDeque::new(),
            gather,
        }
    }

    /// The high watermark less what readers see: what open Kafka transactions hold back.
    pub fn held_back(&self) -> u64 {
        let end = self.open.as_ref().and_then(|open| open.end);
        let high = self.partition.told().map(|(_, high)| high);
        end.zip(high).map_or(0, |(end, high)| high.saturating_sub(end))
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
                None => self.begin(admin, from).await?,
            };
            let told = open.last.as_ref().filter(|last| last.offset == from);
            let mut records: Vec<Record> = told.cloned().into_iter().collect();
            match self.pull(&mut open, limit, &mut records).await? {
                Ok(()) => return self.checked(admin, open, records).await,
                Err(Broken::OtherLeader) => {}
                Err(Broken::Elsewhere) => {
                    let bounds = bounds(&self.consumer, &self.topic, self.number).await?;
                    if !(bounds.0..=bounds.1).contains(&from) {
                        return nothing(self.described(admin).await?.id, bounds, from);
                    }
                }
            }
        }
        Err(Failure::Retryable(format!("{}: its leader changes all the time", self.what())))
    }

    /// Begin to read at `from`, whatever was read before.
    async fn begin(&mut self, admin: &Admin, from: u64) -> Result<Open, Failure> {
        self.pulled.clear();
        let topic_id = self.described(admin).await?.id;
        self.partition.start(from).map_err(|error| classify(&self.what(), &error))?;
        Ok(Open { topic_id, next: from, last: None, end: None, is_live: false })
    }

    /// Take what comes until there is enough, or nothing more for now.
    async fn pull(
        &mut self,
        open: &mut Open,
        limit: usize,
        records: &mut Vec<Record>,
    ) -> Result<Result<(), Broken>, Failure> {
        let known = records.len();
        // A reading that has just begun brings something, be it that there is nothing.
        let was_live = open.is_live;
        let mut until = Instant::now() + if was_live { NEWS } else { PATIENCE };
        let mut is_gathering = false;
        loop {
            self.refill(limit.saturating_sub(records.len()));
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
                        if open.is_live && self.epoch < epoch {
                            self.epoch = epoch;
                            return Ok(Err(Broken::OtherLeader));
                        }
                        self.epoch = self.epoch.max(epoch);
                        open.tells(&record);
                        records.push(record);
                    }
                }
            }
            let has_some = records.len() > known;
            open.is_live |= has_some || open.end.is_some();
            let is_done = match has_some {
                true => until <= Instant::now(),
                false => open.end.is_some() && !was_live,
            };
            if is_done || records.len() >= limit {
                return Ok(Ok(()));
            }
            if has_some && !is_gathering {
                (is_gathering, until) = (true, Instant::now() + self.gather);
            }
            if timeout_at(until, self.partition.ready()).await.is_err() {
                return match open.is_live {
                    true => Ok(Ok(())),
                    false => Err(Failure::Retryable(format!("{}: no answer", self.what()))),
                };
            }
        }
    }

    fn refill(&mut self, limit: usize) {
        if self.pulled.is_empty() {
            let mut pulled = Vec::from(std::mem::take(&mut self.pulled));
            self.partition.take(limit, &mut pulled);
            self.pulled = pulled.into();
        }
    }

    /// What was read, if the topic still is the one that it was read from.
    async fn checked(
        &mut self,
        admin: &Admin,
        mut open: Open,
        records: Vec<Record>,
    ) -> Result<Fetched, Failure> {
        let (start, high) = self.partition.told().unwrap_or((0, 0));
        let topic = self.described(admin).await?.id;
        if topic != open.topic_id {
            return nothing(topic, (start, high), open.next);
        }
        let next = open.next;
        // Nothing before it is gone for this reading, whatever has expired meanwhile.
        let first = records.first().map_or(next, |record| record.offset);
        let (start, end) = (start.min(first), open.end.unwrap_or(high.max(next)));
        open.last = records.last().cloned().or(open.last);
        self.open = Some(open);
        Ok(Fetched { topic, start, end, records, next })
    }

    async fn described(&self, admin: &Admin) -> Result<Described, Failure> {
        let described = describe(admin, &self.topic, PATIENCE).await;
        described.map_err(|code| of_code(&format!("topic {}", self.topic), code))
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
        (self.next, self.end, self.is_live) = (record.offset + 1, None, true);
    }

    fn ends_at(&mut self, offset: u64) {
        (self.next, self.end) = (self.next.max(offset), Some(offset));
    }
}

/// No records, since the partition has none at `from`, or is another one.
fn nothing(topic: Text, (start, end): (u64, u64), from: u64) -> Result<Fetched, Failure> {
    Ok(Fetched { topic, start, end, records: Vec::new(), next: from })
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
