//! Confirm: a partition of the wire, read by the reader's own rule, as a source whose items are
//! what a reader takes.
//!
//! Its effects are none; only the cursor moves. What is taken is held against the store: a message
//! that the store does not know comes from another history (a store that was rewound), and stops
//! the leg by name. Law 5 holds for as long as the wire keeps what it took; where it lost something
//! that was confirmed, the cursor is set back to where a reader that begins now would come to, so
//! that it is sent again.

use super::Publication;
use super::walk::{self, Log};
use crate::Text;
use crate::chain::Hash;
use crate::exactly_once::{Batch, Claim, Cursor, Decide, Failure, Source, Step, StepOf, Target};
use crate::ledger::{Effect, Keys, Snapshot};
use crate::wire::{Fetched, Link, Record, Stamp, Topic, Verdict};
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

/// What was found on the wire, counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Messages that a reader takes.
    pub taken: AtomicU64,
    /// Messages that came again.
    pub repeats: AtomicU64,
    /// Messages behind a hole.
    pub holes: AtomicU64,
    /// Records that no Semel wrote, or that cannot be read.
    pub foreign: AtomicU64,
    /// How often something that was confirmed was no longer there.
    pub losses: AtomicU64,
}

/// Where a reader has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken(pub Link);

/// A partition of the wire, on its way to being confirmed.
pub struct Confirm<'a, T, L> {
    publication: &'a Publication,
    topic_id: Text,
    partition: u32,
    topic: &'a T,
    log: &'a L,
    tally: &'a Tally,
    scan: Option<Scan>,
    /// Whether what was taken last has to be looked at again: at first, and after each pause.
    in_doubt: bool,
}

/// A reader's place.
#[derive(Clone, Copy, Debug)]
struct Scan {
    /// The message that was taken last, and its offset.
    last: Link,
    last_offset: u64,
    /// Where to fetch next.
    offset: u64,
    /// The record that was read last, taken or not.
    seen: Option<(u64, Hash)>,
    /// Whether it began anew because something was lost: then it goes to the end before it tells.
    anew: bool,
}

impl<'a, T: Topic, L: Log> Confirm<'a, T, L> {
    /// The partition numbered `partition` of `topic`, whose id is `topic_id`.
    pub fn new(
        publication: &'a Publication,
        topic_id: Text,
        partition: u32,
        (topic, log): (&'a T, &'a L),
        tally: &'a Tally,
    ) -> Confirm<'a, T, L> {
        Confirm { publication, topic_id, partition, topic, log, tally, scan: None, in_doubt: true }
    }

    /// Read on from `scan` to where something is taken or the wire ends; `None`: the topic is
    /// another one now. A loss on the way makes the scan begin anew.
    async fn read_on(&self, mut scan: Scan, limit: usize) -> Result<Option<Scan>, Failure> {
        loop {
            let fetched = self.topic.fetch(self.partition, scan.offset, limit).await?;
            if fetched.topic != self.topic_id {
                return Ok(None);
            }
            if scan.offset < fetched.start || fetched.end < scan.offset {
                scan = Scan {
                    anew: scan.anew || scan.last != Link::NONE,
                    ..Scan::from(fetched.start)
                };
                continue;
            }
            let before = scan.last;
            self.take(&mut scan, &fetched)?;
            let seen = fetched.records.last().map(|record| (record.offset, record.digest()));
            scan.seen = seen.or(scan.seen);
            if scan.last != before {
                let near = (before != Link::NONE).then_some(before);
                walk::hold(self.publication, self.log, near, scan.last).await?;
            }
            let is_end = fetched.next >= fetched.end || fetched.next == scan.offset;
            scan.offset = fetched.next;
            if is_end || scan.last != before && !scan.anew {
                return Ok(Some(scan));
            }
        }
    }

    fn take(&self, scan: &mut Scan, fetched: &Fetched) -> Result<(), Failure> {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        for Record { offset, raw } in &fetched.records {
            let Some(stamp) = Stamp::read(&raw.headers) else {
                count(&self.tally.foreign);
                continue;
            };
            if stamp.ledger != self.publication.name {
                continue;
            }
            match stamp.verdict(&scan.last) {
                Verdict::Take => {
                    count(&self.tally.taken);
                    (scan.last, scan.last_offset) = (stamp.this, *offset);
                }
                Verdict::Repeat => drop(count(&self.tally.repeats)),
                Verdict::Hole => drop(count(&self.tally.holes)),
                Verdict::Fork => {
                    let what = "does not follow what was taken";
                    return Err(walk::fork(self.publication, &stamp.this, what));
                }
            }
        }
        Ok(())
    }

    /// Whether the record that was read last is still there, or has expired: what stands before it
    /// need not be read again.
    async fn is_unchanged(&self, scan: &Scan) -> Result<bool, Failure> {
        let Some((offset, digest)) = scan.seen else { return Ok(false) };
        let fetched = self.topic.fetch(self.partition, offset, 1).await?;
        let same = |record: &Record| record.offset == offset && record.digest() == digest;
        let is_there = offset < fetched.start || fetched.records.first().is_some_and(same);
        Ok(fetched.topic == self.topic_id && is_there)
    }

    /// Where to read on behind `from`; `None`: the topic is another one now.
    async fn find(&self, from: &Cursor) -> Result<Option<Scan>, Failure> {
        let last = link(from);
        if last == Link::NONE {
            return Ok(Some(Scan::from(0)));
        }
        let behind = Scan {
            last,
            last_offset: from.hint,
            offset: from.hint.saturating_add(1),
            ..Scan::from(0)
        };
        let fetched = self.topic.fetch(self.partition, from.hint, 1).await?;
        if fetched.topic != self.topic_id {
            return Ok(None);
        }
        let there = || {
            let record = fetched.records.first().filter(|record| record.offset == from.hint)?;
            Stamp::read(&record.raw.headers).filter(|stamp| stamp.this == last)
        };
        // What was confirmed may expire; what was not must not.
        let expired = fetched.start == behind.offset && behind.offset <= fetched.end;
        Ok(Some(match expired || there().is_some() {
            true => behind,
            false => Scan { anew: true, ..Scan::from(fetched.start) },
        }))
    }
}

impl Scan {
    /// A reader that has taken nothing yet.
    fn from(offset: u64) -> Scan {
        Scan { last: Link::NONE, last_offset: 0, offset, seen: None, anew: false }
    }
}

/// The message behind which a cursor stands.
pub(super) fn link(cursor: &Cursor) -> Link {
    Link { seq: cursor.next.saturating_sub(1), hash: cursor.tail }
}

impl<T: Topic, L: Log> Source for Confirm<'_, T, L> {
    type Item = Taken;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Taken>>, Failure> {
        let known = self.scan.take().filter(|scan| scan.last == link(from));
        let scan = match known {
            Some(known) if !self.in_doubt || self.is_unchanged(&known).await? => Some(known),
            _ => self.find(from).await?,
        };
        let Some(scan) = scan else { return Ok(None) };
        let Some(scan) = self.read_on(scan, limit).await? else { return Ok(None) };
        self.scan = Some(Scan { anew: false, ..scan });
        self.in_doubt = scan.last == link(from);
        if self.in_doubt {
            return Ok(None);
        }
        if scan.last.seq < link(from).seq {
            self.tally.losses.fetch_add(1, Ordering::Relaxed);
        }
        let next = if scan.last == Link::NONE { 0 } else { scan.last.seq + 1 };
        let to = Cursor { next, tail: scan.last.hash, hint: scan.last_offset };
        Ok(Some(Batch { items: vec![Taken(scan.last)], to }))
    }
}

/// What confirming does to a store: nothing but move the cursor.
#[derive(Clone, Copy, Debug)]
pub struct Note;

impl<T> Decide<Taken, T> for Note
where
    T: Target,
    T::Claim: Claim<Keys = Keys>,
    StepOf<T>: Step<Snapshot = Snapshot, Effect = Effect>,
{
    fn keys(&self, _: &[Taken]) -> Keys {
        Keys::default()
    }

    fn decide(&self, _: &[Taken], _: &Snapshot) -> Vec<Effect> {
        Vec::new()
    }
}
