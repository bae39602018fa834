//! A topic of other people as a source: one partition of it, read as committed.
//!
//! The cursor is the offset behind all that was read; its tail is the last record's digest
//! and its hint that record's offset, so that a topic which was truncated or made again under its
//! name is found out before anything is taken from it. Offsets may have holes (markers, aborted
//! records). Law 5 is what a broker promises of committed records, as long as nobody deletes them:
//! unread ones that were deleted from a topic are a named stop, never a silent gap; expired ones
//! that were read are no fault. A topic that was made again begins at its own beginning; what was
//! unread of the former one went with it.

use super::Item;
use crate::Text;
use crate::chain::Hash;
use crate::exactly_once::{Batch, Cursor, Failure, Source};
use crate::failure::Stop;
use crate::ledger::door::LedgerTarget;
use crate::leg::{self, LOOK, Pace};
use crate::mapping::{self, Mapping};
use crate::problem::Code;
use crate::wire::{About, Place, Read, Record, Topic, read_on};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;
use futures_util::future::select_all;

/// What is taken from a topic, and how.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The ingest: the namespace of its keys.
    pub name: Text,
    /// Where a payment's fields stand.
    pub mapping: Mapping,
    /// How many records are one step at most.
    pub step: usize,
}

impl Intake {
    /// The name of the leg that takes `partition` of the topic whose id is `topic`.
    pub fn source(topic: &str, partition: u32) -> Text {
        format!("topic:{topic}/{partition}").into()
    }
}

/// Take payments from a topic for as long as it stays the same; why it ended.
///
/// Partitions are shared with other processes: one that is somebody else's is competed for.
/// `targets` binds the leg of that name to the ledger, at that cursor if it is new, and gives its
/// target. `Retryable` means that it is to be begun anew: the topic was made again, or has more
/// partitions.
pub async fn take<T, P, B, F>(
    intake: &Intake,
    (topic, pace): (&T, &P),
    targets: impl Fn(Text, Cursor) -> F + Sync,
) -> Failure
where
    T: Topic,
    P: Pace,
    B: LedgerTarget,
    F: Future<Output = Result<B, Failure>> + Send,
{
    let opened = match open(intake, topic).await {
        Ok(opened) => opened,
        Err(failure) => return failure,
    };
    let by = (topic, pace);
    let mut tasks: Vec<Pin<Box<dyn Future<Output = Failure> + Send + '_>>> = Vec::new();
    for partition in opened.partitions() {
        tasks.push(Box::pin(carry(intake, by, (&opened, partition), &targets)));
    }
    tasks.push(Box::pin(leg::changed(topic, &opened.about, pace)));
    select_all(tasks).await.0
}

/// A topic that can be taken.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the broker says of it.
    pub about: About,
    /// Where its partitions begin.
    starts: Vec<u64>,
}

impl Opened {
    /// The partitions, by number.
    pub fn partitions(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.about.partitions
    }
}

/// Look whether a topic can be taken.
///
/// # Errors
/// `TopicCompacted`; else as the topic's.
pub async fn open<T: Topic>(intake: &Intake, topic: &T) -> Result<Opened, Failure> {
    let about = topic.about().await?;
    if about.compacted {
        let detail = format!("ingest {}: topic {}", intake.name, about.id);
        return Err(Stop::new(Code::TopicCompacted, detail).into());
    }
    let mut starts = Vec::new();
    for partition in 0..about.partitions {
        starts.push(topic.bounds(partition).await?.0);
    }
    Ok(Opened { about, starts })
}

/// Take payments from one partition; why that ended. As [`take`], of which it is a part: whoever
/// has several processors runs the parts beside each other, and [`leg::changed`] with them.
///
/// # Panics
/// When the topic has no such partition.
pub async fn carry<T, P, B, F>(
    intake: &Intake,
    (topic, pace): (&T, &P),
    (opened, partition): (&Opened, u32),
    targets: &(impl Fn(Text, Cursor) -> F + Sync),
) -> Failure
where
    T: Topic,
    P: Pace,
    B: LedgerTarget,
    F: Future<Output = Result<B, Failure>> + Send,
{
    let (id, start) = (opened.about.id.clone(), opened.starts[partition as usize]);
    let name = Intake::source(&id, partition);
    let first = Cursor { next: start, tail: Hash::ZERO, hint: start };
    let mut source = Partition { intake, topic, id, partition, pace, passed: None };
    let logic = super::Ingest { source: name.clone() };
    let bind = || targets(name.clone(), first);
    leg::compete(&mut source, bind, &logic, intake.step, pace).await
}

/// One partition.
struct Partition<'a, T, P> {
    intake: &'a Intake,
    topic: &'a T,
    id: Text,
    partition: u32,
    pace: &'a P,
    /// How far was read behind that cursor without finding a record.
    passed: Option<(Cursor, Place)>,
}

impl<T: Topic, P: Pace> Source for Partition<'_, T, P> {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Item>>, Failure> {
        let mut place = match self.passed.take().filter(|(at, _)| at == from) {
            Some((_, place)) => place,
            None => {
                let seen = (from.tail != Hash::ZERO).then_some((from.hint, from.tail));
                Place { next: from.next, seen }
            }
        };
        let until = self.pace.now() + LOOK;
        loop {
            self.passed = Some((*from, place));
            let by = (self.topic, &*self.id, self.partition);
            let fetched = match read_on(by, &place, limit).await? {
                Read::On(fetched) => fetched,
                Read::OtherTopic => return Ok(None),
                Read::Gap(start) => {
                    let gone = format!("offsets {} to {} are gone", place.next, start - 1);
                    return Err(self.stop(Code::IngestGap, gone));
                }
                Read::Changed(offset) => {
                    let changed = format!("offset {offset} is not what was read there");
                    return Err(self.stop(Code::SourceChanged, changed));
                }
            };
            if let Some(last) = fetched.records.last() {
                let next = fetched.next.max(from.next);
                let to = Cursor { next, tail: last.digest(), hint: last.offset };
                let items = fetched.records.into_iter().map(|record| self.decode(record)).collect();
                return Ok(Some(Batch { items, to }));
            }
            let is_end = fetched.next <= place.next;
            // Nothing but markers and aborted records so far.
            place.next = place.next.max(fetched.next);
            if is_end || until <= self.pace.now() {
                self.passed = Some((*from, place));
                return Ok(None);
            }
        }
    }
}

impl<T: Topic, P: Pace> Partition<'_, T, P> {
    fn stop(&self, code: Code, detail: String) -> Failure {
        let name = &self.intake.name;
        let place = format!("ingest {name}: topic {}, partition {}", self.id, self.partition);
        Stop::new(code, format!("{place}: {detail}")).into()
    }

    fn decode(&self, record: Record) -> Item {
        let Record { offset, raw, .. } = record;
        let position = format!("{}/{}/{offset}", self.id, self.partition);
        let (key, value) = (raw.key.as_deref(), raw.value.as_deref());
        let record = mapping::Record { key, value, headers: &raw.headers, position: &position };
        let Intake { name, mapping, .. } = self.intake;
        let decoded = mapping::decode(mapping, &record);
        let content = decoded.map(|decoded| decoded.command(name, mapping.open_accounts));
        Item { line: offset, raw, content }
    }
}
