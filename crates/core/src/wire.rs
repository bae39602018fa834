//! The wire: what carries events to others. Its records, the links between them, and the reader's
//! rule.
//!
//! A wire may repeat, reorder, lose and be wiped; it carries only committed messages, unaltered. So
//! every message names the one before it in its partition, and a reader that goes by the names
//! alone sees all of them, in order: promise P5. Headers as in the contract, all text.
//! Deliberately absent: a broker's client, and offsets as a measure of anything. An offset only
//! says where to look.

mod murmur2;

use crate::Text;
use crate::chain::Hash;
use crate::dead_letter::Raw;
use crate::failure::Failure;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::Future;

/// A message as others name it: the seq of its event, and the ledger's chain after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The event's number in its ledger.
    pub seq: u64,
    /// The ledger's chain hash after that event.
    pub hash: Hash,
}

impl Link {
    /// What the first message of a partition names as the one before it.
    pub const NONE: Link = Link { seq: 0, hash: Hash::ZERO };
}

/// What a message says of its own place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The ledger's id.
    pub ledger: Text,
    /// The message itself.
    pub this: Link,
    /// The message before it in this partition and ledger.
    pub prev: Link,
}

/// What a reader does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It follows the last one: take it.
    Take,
    /// It was taken before: skip it.
    Repeat,
    /// Something before it is not there yet: skip it, it will come again.
    Hole,
    /// It belongs to another history: stop.
    Fork,
}

impl Stamp {
    /// What a reader that took `last` last does with this message.
    pub fn verdict(&self, last: &Link) -> Verdict {
        if self.this.seq <= last.seq {
            Verdict::Repeat
        } else if self.prev == *last {
            Verdict::Take
        } else if self.prev.seq > last.seq {
            Verdict::Hole
        } else {
            Verdict::Fork
        }
    }

    /// The headers that say it.
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let texts = [
            (LEDGER, self.ledger.to_string()),
            (SEQ, self.this.seq.to_string()),
            (HASH, self.this.hash.hex()),
            (PREV, self.prev.seq.to_string()),
            (PREV_HASH, self.prev.hash.hex()),
        ];
        texts.into_iter().map(|(name, text)| (name.into(), text.into_bytes())).collect()
    }

    /// What a record's headers say; `None` when it is not one of ours, or says it wrongly.
    pub fn read(headers: &[(String, Vec<u8>)]) -> Option<Stamp> {
        let text = |name: &str| {
            let mut named = headers.iter().filter(|header| header.0 == name);
            let one = named.next().filter(|_| named.next().is_none())?;
            core::str::from_utf8(&one.1).ok()
        };
        let link = |seq, hash| {
            let seq = text(seq)?;
            let canonical = |number: &u64| number.to_string() == seq;
            let seq = seq.parse().ok().filter(canonical)?;
            Some(Link { seq, hash: Hash::from_hex(text(hash)?)? })
        };
        let stamp = Stamp {
            ledger: text(LEDGER)?.into(),
            this: link(SEQ, HASH)?,
            prev: link(PREV, PREV_HASH)?,
        };
        (stamp.prev.seq < stamp.this.seq).then_some(stamp)
    }
}

const LEDGER: &str = "semel-ledger";
const SEQ: &str = "semel-seq";
const HASH: &str = "semel-hash";
const PREV: &str = "semel-prev";
const PREV_HASH: &str = "semel-prev-hash";

/// The partition, of `count`, for records with `key`: as the Java client's default partitioner
/// chooses it (murmur2, made positive).
///
/// # Panics
/// When `count` is 0: a topic has partitions.
pub fn partition(key: &[u8], count: u32) -> u32 {
    (murmur2::hash(key) & 0x7fff_ffff) % count
}

/// A message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which partition it goes to.
    pub partition: u32,
    /// Key, value and headers.
    pub raw: Raw,
    /// The value of a record beside it, on another topic: both are there, or neither.
    pub beside: Option<Vec<u8>>,
}

/// A record as a partition holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands in its partition.
    pub offset: u64,
    /// When it was written, as the broker tells it. What was lost and is written again, word for
    /// word and at the same offset, was written at another time.
    pub timestamp: i64,
    /// Key, value and headers.
    pub raw: Raw,
}

impl Record {
    /// Its place, its time and everything in it, in one hash (SHA-256). Every part has its length
    /// before it.
    pub fn digest(&self) -> Hash {
        crate::dead_letter::digest("", self.offset, &self.raw, false, self.timestamp)
    }
}

/// What a broker says of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its id as the broker prints it: another one for a topic that was made again.
    pub id: Text,
    /// How many partitions it has.
    pub partitions: u32,
    /// Whether the broker removes records that later ones replace.
    pub compacted: bool,
}

/// What a fetch brings: committed records only, markers and aborted ones left out.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The id of the topic that it comes from.
    pub topic: Text,
    /// The first offset that the partition still has.
    pub start: u64,
    /// The offset behind the last one that readers may see.
    pub end: u64,
    /// In the order of their offsets, none below the one that was asked for.
    pub records: Vec<Record>,
    /// Where to fetch next; the same as asked for when there is nothing more yet.
    pub next: u64,
}

/// A topic: what is read from and written to.
pub trait Topic: Sync {
    /// What writes to it.
    type Producer: Producer;

    /// What the broker says of it.
    ///
    /// # Errors
    /// `Retryable` while the broker is away or there is no such topic.
    fn about(&self) -> impl Future<Output = Result<About, Failure>> + Send;

    /// The first offset that a partition still has, and the one behind the last that readers may
    /// see.
    ///
    /// # Errors
    /// As [`Topic::about`].
    fn bounds(&self, partition: u32) -> impl Future<Output = Result<(u64, u64), Failure>> + Send {
        async move {
            let fetched = self.fetch(partition, 0, 1).await?;
            Ok((fetched.start, fetched.end))
        }
    }

    /// Records of a partition from the offset `from` on, about `limit` of them. An offset that the
    /// partition does not have brings none, and `start` and `end` say so; where there is something
    /// before `end`, each fetch brings records or comes further. `end` goes back only when records
    /// were lost: a client that has just been sent to another leader waits until it is up to date.
    ///
    /// # Errors
    /// `Retryable` while the broker is away or there is no such topic.
    fn fetch(
        &self,
        partition: u32,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Fetched, Failure>> + Send;

    /// A new producer, of which nothing is known to be lost.
    fn producer(&self) -> Self::Producer;
}

/// What writes to a topic. Dropped, it forgets what it has not delivered, which may arrive all the
/// same, late.
pub trait Producer: Send {
    /// Take `messages` to be delivered, in order in each partition; waits while too many are on
    /// their way.
    ///
    /// # Errors
    /// `Unknown` when the delivery of any message, also of an earlier call, failed: it may have
    /// arrived, and later ones may have arrived without it. `Fenced` when somebody else writes
    /// under this producer's name. Nothing more may be sent here.
    fn send(&mut self, messages: Vec<Message>) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Where somebody reads on in a partition.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The next offset to read.
    pub next: u64,
    /// The record that was read last: its offset and digest.
    pub seen: Option<(u64, Hash)>,
}

/// What reading on brings.
#[derive(Debug)]
pub enum Read {
    /// What stands behind the place; maybe nothing yet.
    On(Fetched),
    /// The topic was made again: nothing is known of its records.
    OtherTopic,
    /// Records behind the place were deleted: the first one that is there has this offset.
    Gap(u64),
    /// At this offset stands not what was read there.
    Changed(u64),
}

/// Read on in a partition of the topic whose id is `topic_id`.
///
/// The record that was read last is fetched again with what follows it, so that whatever took its
/// place in the meantime is noticed; one that has expired was read.
///
/// # Errors
/// As [`Topic::fetch`].
pub async fn read_on<T: Topic>(
    (topic, topic_id, partition): (&T, &str, u32),
    place: &Place,
    limit: usize,
) -> Result<Read, Failure> {
    let from = place.seen.map_or(place.next, |(offset, _)| offset);
    let again = usize::from(place.seen.is_some());
    let mut fetched = topic.fetch(partition, from, limit.saturating_add(again)).await?;
    let expired = from < fetched.start && fetched.start <= place.next;
    if expired {
        // Nothing that was read can stand there any more.
        fetched = topic.fetch(partition, fetched.start, limit).await?;
    }
    if &*fetched.topic != topic_id {
        return Ok(Read::OtherTopic);
    }
    let least = if expired { place.next } else { from };
    if least < fetched.start {
        return Ok(Read::Gap(fetched.start));
    }
    match place.seen.filter(|_| !expired) {
        Some((offset, digest)) => {
            let same = |record: &Record| record.offset == offset && record.digest() == digest;
            if !fetched.records.first().is_some_and(same) {
                return Ok(Read::Changed(offset));
            }
            fetched.records.remove(0);
        }
        // What was read has expired, and markers behind it may be lost: that changes nothing.
        None if !expired && fetched.end < place.next => return Ok(Read::Changed(fetched.end)),
        None => {}
    }
    let is_short = fetched.next <= place.next && fetched.next < fetched.end;
    if fetched.records.is_empty() && is_short {
        // What was found empty before is too long for one fetch.
        return beyond((topic, topic_id, partition), place, limit, fetched).await;
    }
    Ok(Read::On(fetched))
}

/// Read on at the place itself, if the log still goes so far; else what is `near`.
async fn beyond<T: Topic>(
    (topic, topic_id, partition): (&T, &str, u32),
    place: &Place,
    limit: usize,
    near: Fetched,
) -> Result<Read, Failure> {
    let far = topic.fetch(partition, place.next, limit).await?;
    if &*far.topic != topic_id {
        return Ok(Read::OtherTopic);
    }
    Ok(Read::On(if (far.start..=far.end).contains(&place.next) { far } else { near }))
}

#[cfg(test)]
mod tests;
