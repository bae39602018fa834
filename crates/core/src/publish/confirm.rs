//! Confirm: a partition of the wire, read by the reader's own rule, as a source whose items are
//! what a reader takes.
//!
//! Its effects are none; only the cursor moves. What is taken is held against the store: a message
//! that the store does not know comes from another history (a store that was rewound), and stops
//! the leg by name. Law 5 holds for as long as the wire keeps what it took; where it lost something
//! that was confirmed, the cursor is set back to where a reader that wants everything would come
//! to now, so that it is sent again.

use super::Publication;
use super::walk::{self, Log};
use crate::chain::Hash;
use crate::exactly_once::{Batch, Cursor, Decide, Failure, Source};
use crate::ledger::door::LedgerTarget;
use crate::ledger::{Effect, Keys, Snapshot};
use crate::leg::{LOOK, Pace};
use crate::wire::{Fetched, Link, Place, Read, Record, Stamp, Topic, Verdict, read_on};
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What was found on the wire, counted, and what was not found yet.
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
    /// Messages on their way, not confirmed yet.
    pub unconfirmed: AtomicU64,
    /// Up to which event everything is confirmed or on its way.
    pub walked: AtomicU64,
    /// Up to which event everything is confirmed.
    pub settled: AtomicU64,
}

/// Where a reader has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken(pub Link);

/// A partition of the wire, on its way to being confirmed.
pub struct Confirm<'a, T, L, P> {
    publication: &'a Publication,
    topic_id: &'a str,
    partition: u32,
    topic: &'a T,
    log: &'a L,
    tally: &'a Tally,
    pace: &'a P,
    /// Whether it is on the way to the wire's end and lacks nothing; told to who sends, and who
    /// sends waits for it at first.
    looking: &'a AtomicBool,
    /// Where reading stands, and the message behind which the cursor stood then.
    scan: Option<(Link, Scan)>,
}

/// A reader's place.
#[derive(Clone, Copy, Debug)]
struct Scan {
    /// The message that was taken last.
    last: Link,
    /// Its offset and, if it was read here, its record's digest.
    found: (u64, Option<Hash>),
    place: Place,
    /// Whether it began anew because something was lost and has not come to the end yet: until
    /// then it tells nothing.
    anew: bool,
    /// Whether what is missing has been passed: messages behind a hole.
    lacks: bool,
}

impl<'a, T: Topic, L: Log, P: Pace> Confirm<'a, T, L, P> {
    /// The partition numbered `partition` of `topic`, whose id is `topic_id`.
    pub fn new(
        publication: &'a Publication,
        (topic_id, partition): (&'a str, u32),
        (topic, log, pace): (&'a T, &'a L, &'a P),
        (tally, looking): (&'a Tally, &'a AtomicBool),
    ) -> Confirm<'a, T, L, P> {
        let scan = None;
        Confirm { publication, topic_id, partition, topic, log, tally, pace, looking, scan }
    }

    /// Read on behind the message `behind`, which was found at the offset `hint`; where that leads
    /// to is kept.
    async fn look(&mut self, behind: Link, hint: u64, limit: usize) -> Result<(), Failure> {
        let kept = self.scan.take().filter(|(known, _)| *known == behind);
        let scan = match kept {
            Some((_, scan)) => Some(scan),
            None => self.find(behind, (hint, None)).await?,
        };
        match scan {
            Some(scan) => self.read_on(behind, scan, limit).await,
            None => Ok(()),
        }
    }

    /// Read on to where something is taken or the wire ends, or for long enough. A loss on the way
    /// makes the scan begin anew. The last whole fetch counts, whatever happens then.
    async fn read_on(&mut self, behind: Link, mut scan: Scan, limit: usize) -> Result<(), Failure> {
        let until = self.pace.now() + LOOK;
        loop {
            self.scan = Some((behind, scan));
            let by = (self.topic, self.topic_id, self.partition);
            let fetched = match read_on(by, &scan.place, limit).await? {
                Read::On(fetched) => fetched,
                Read::OtherTopic => return Ok(()),
                Read::Gap(start) if scan.last == Link::NONE => {
                    scan.place = Place { next: start, seen: None };
                    continue;
                }
                Read::Gap(_) | Read::Changed(_) => {
                    let Some(found) = self.find(scan.last, scan.found).await? else {
                        return Ok(());
                    };
                    scan = Scan { anew: found.anew || scan.anew, ..found };
                    continue;
                }
            };
            let before = scan.last;
            self.take(&mut scan, &fetched)?;
            if scan.last != before {
                let near = (before != Link::NONE).then_some(before);
                walk::hold(self.publication, self.log, near, scan.last).await?;
            }
            let is_end = fetched.next >= fetched.end || fetched.next <= scan.place.next;
            let seen = fetched.records.last().map(|record| (record.offset, record.digest()));
            let next =
                if seen.is_some() { fetched.next } else { fetched.next.max(scan.place.next) };
            scan.place = Place { next, seen: seen.or(scan.place.seen) };
            scan.anew &= !is_end;
            self.looking.store(!is_end && !scan.lacks, Ordering::Relaxed);
            if is_end || scan.last != before && !scan.anew || until <= self.pace.now() {
                self.scan = Some((behind, scan));
                return Ok(());
            }
        }
    }

    fn take(&self, scan: &mut Scan, fetched: &Fetched) -> Result<(), Failure> {
        let mut taken = None;
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        for record in &fetched.records {
            let Some(stamp) = Stamp::read(&record.raw.headers) else {
                count(&self.tally.foreign);
                continue;
            };
            if stamp.ledger != self.publication.name {
                continue;
            }
            match stamp.verdict(&scan.last) {
                Verdict::Take => {
                    count(&self.tally.taken);
                    scan.last = stamp.this;
                    taken = Some(record);
                    scan.lacks = false;
                }
                Verdict::Repeat => drop(count(&self.tally.repeats)),
                Verdict::Hole => {
                    count(&self.tally.holes);
                    scan.lacks = true;
                }
                Verdict::Fork => {
                    let what = "does not follow what was taken";
                    return Err(walk::fork(self.publication, &stamp.this, what));
                }
            }
        }
        if let Some(record) = taken {
            scan.found = (record.offset, Some(record.digest()));
        }
        Ok(())
    }

    /// Where to read on behind the message `last`, which was taken at that offset, in a record of
    /// that digest if it is known; `None`: the topic is another one now.
    async fn find(
        &self,
        last: Link,
        (offset, digest): (u64, Option<Hash>),
    ) -> Result<Option<Scan>, Failure> {
        if last == Link::NONE {
            return Ok(Some(Scan::from(0)));
        }
        let fetched = self.topic.fetch(self.partition, offset, 1).await?;
        if &*fetched.topic != self.topic_id {
            return Ok(None);
        }
        let next = offset.saturating_add(1);
        let record = fetched.records.first().filter(|record| record.offset == offset);
        let is_it = |record: &&Record| {
            let stamp = Stamp::read(&record.raw.headers);
            stamp.is_some_and(|stamp| stamp.this == last)
                && digest.is_none_or(|digest| digest == record.digest())
        };
        let seen = record.filter(is_it).map(|record| (offset, record.digest()));
        // What was confirmed may expire; what was not must not.
        let expired = fetched.start == next && next <= fetched.end;
        Ok(Some(match expired || seen.is_some() {
            true => {
                let found = (offset, seen.map(|(_, digest)| digest));
                Scan { last, found, place: Place { next, seen }, anew: false, lacks: false }
            }
            false => Scan { anew: true, ..Scan::from(fetched.start) },
        }))
    }
}

impl Scan {
    /// A reader that has taken nothing yet.
    fn from(offset: u64) -> Scan {
        let place = Place { next: offset, seen: None };
        Scan { last: Link::NONE, found: (0, None), place, anew: false, lacks: false }
    }
}

/// The message behind which a cursor stands.
pub(super) fn link(cursor: &Cursor) -> Link {
    Link { seq: cursor.next.saturating_sub(1), hash: cursor.tail }
}

impl<T: Topic, L: Log, P: Pace> Source for Confirm<'_, T, L, P> {
    type Item = Taken;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Taken>>, Failure> {
        let behind = link(from);
        if let Err(failure) = self.look(behind, from.hint, limit).await {
            // Who found another history lets nobody send any more.
            let is_stop = matches!(failure, Failure::Permanent(_));
            self.looking.store(is_stop, Ordering::Relaxed);
            return Err(failure);
        }
        let Some((_, scan)) = self.scan.filter(|(_, scan)| !scan.anew && scan.last != behind)
        else {
            return Ok(None);
        };
        self.scan = Some((scan.last, scan));
        if scan.last.seq < behind.seq {
            self.tally.losses.fetch_add(1, Ordering::Relaxed);
        }
        let next = if scan.last == Link::NONE { 0 } else { scan.last.seq + 1 };
        let to = Cursor { next, tail: scan.last.hash, hint: scan.found.0 };
        Ok(Some(Batch { items: vec![Taken(scan.last)], to }))
    }
}

/// What confirming does to a store: nothing but move the cursor.
#[derive(Clone, Copy, Debug)]
pub struct Note;

impl<T: LedgerTarget> Decide<Taken, T> for Note {
    fn keys(&self, _: &[Taken]) -> Keys {
        Keys::default()
    }

    fn decide(&self, _: &[Taken], _: &Snapshot) -> Vec<Effect> {
        Vec::new()
    }
}
