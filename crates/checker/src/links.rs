//! The strict reader's rule over records, by section 3 of the contract: what is taken, what was
//! there before, what came too early, and where a partition tells of another history.
//!
//! It needs the headers only. A record behind a hole is not taken; it has to come again behind what
//! fills the hole, as the product's own confirming reader demands. Whatever is skipped is still
//! held against what was taken: a repeat with other content, or of something that was never taken,
//! is no repeat.
//! Deliberately absent: what a value says, and offsets as a measure of anything but the client's
//! own order.

use crate::findings::Findings;
use crate::record::{Link, Record, Stamp};
use std::collections::BTreeMap;

/// Somebody who reads records, partition by partition in the order of their offsets.
#[derive(Debug, Default)]
pub struct Reader {
    /// The ledgers that it reads; all of them when there is none.
    only: Vec<String>,
    may_begin_late: bool,
    /// What it knows of each ledger in each partition.
    pub places: BTreeMap<(String, u32), Place>,
    /// How many records were not ours, or could not be read.
    pub foreign: u64,
    last_offsets: BTreeMap<u32, u64>,
    /// What was wrong while reading.
    pub findings: Findings,
}

/// One ledger in one partition.
#[derive(Debug, Default)]
pub struct Place {
    /// What was taken, in order.
    pub taken: Vec<Taken>,
    /// How many records were there before.
    pub repeats: u64,
    /// How many records came before what they follow.
    pub early: u64,
    /// The message that the first one names as the one before it, where that had been deleted.
    pub began_behind: Option<Link>,
    /// Whether it met another history and stopped.
    pub has_stopped: bool,
    /// What came early, by seq: its link and its offset.
    waiting: BTreeMap<u64, (Link, u64)>,
}

/// A record that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its own link.
    pub link: Link,
    /// The record.
    pub record: Record,
}

impl Reader {
    /// A reader of the ledgers `only`, or of all when there is none. One that `may_begin_late` may
    /// begin at the first record that it finds, where older ones have been deleted.
    pub fn new(only: &[String], may_begin_late: bool) -> Reader {
        Reader { only: only.to_vec(), may_begin_late, ..Reader::default() }
    }

    /// Read the next record of its partition; the ledger and the seq when it was taken.
    pub fn read(&mut self, record: Record) -> Option<(String, u64)> {
        let (partition, offset) = (record.partition, record.offset);
        if let Some(last) = self.last_offsets.insert(partition, offset)
            && offset <= last
        {
            self.findings.tell("offset_order", || {
                format!("partition {partition}: the client gave offset {offset} after {last}")
            });
        }
        let Some(stamp) = record.stamp() else {
            self.foreign += 1;
            return None;
        };
        if !self.only.is_empty() && !self.only.contains(&stamp.ledger) {
            return None;
        }
        let (ledger, seq) = (stamp.ledger.clone(), stamp.this.seq);
        let place = self.places.entry((ledger.clone(), partition)).or_default();
        let is_taken = place.read(stamp, record, self.may_begin_late, &mut self.findings);
        is_taken.then_some((ledger, seq))
    }

    /// Tell of what stayed open: to be called when everything has been read.
    pub fn finish(&mut self) {
        for ((ledger, partition), place) in &self.places {
            place.finish(&format!("{ledger}: partition {partition}"), &mut self.findings);
        }
    }
}

impl Place {
    /// The link of the last one that was taken.
    fn last(&self) -> Link {
        self.taken.last().map_or(Link::NONE, |taken| taken.link)
    }

    fn read(
        &mut self,
        stamp: Stamp,
        record: Record,
        may_begin_late: bool,
        findings: &mut Findings,
    ) -> bool {
        if self.has_stopped {
            return false;
        }
        let (last, Stamp { ledger, this, prev }) = (self.last(), stamp);
        let begins_late = may_begin_late && self.taken.is_empty() && prev.seq > 0;
        if begins_late {
            self.began_behind = Some(prev);
        }
        if begins_late || prev == last {
            self.taken.push(Taken { link: this, record });
            return true;
        }
        if this.seq <= last.seq {
            self.repeats += 1;
            self.repeat(&ledger, this, &record, findings);
        } else if prev.seq > last.seq {
            self.early += 1;
            self.waiting.entry(this.seq).or_insert((this, record.offset));
        } else {
            self.has_stopped = true;
            findings.tell("fork", || {
                let Record { partition, offset, .. } = record;
                let place = format!("{ledger}: partition {partition} at {offset}");
                format!("{place}: {this:?} follows {prev:?}, but {last:?} was taken last")
            });
        }
        false
    }

    /// What is skipped as a repeat has to be one.
    fn repeat(&self, ledger: &str, this: Link, record: &Record, findings: &mut Findings) {
        let Record { partition, offset, .. } = record;
        let place = || format!("{ledger}: partition {partition} at {offset}: {this:?}");
        match self.at(this.seq) {
            Some(first) => {
                let is_same = first.link == this
                    && first.record.key == record.key
                    && first.record.value == record.value;
                if !is_same {
                    let at = first.record.offset;
                    findings.tell("repeat_differs", || format!("{}, unlike at {at}", place()));
                }
            }
            None if self.began_behind.is_some_and(|behind| this.seq <= behind.seq) => {}
            None => findings.tell("stray", || format!("{} was never taken", place())),
        }
    }

    fn at(&self, seq: u64) -> Option<&Taken> {
        let found = self.taken.binary_search_by_key(&seq, |taken| taken.link.seq);
        found.ok().map(|index| &self.taken[index])
    }

    fn finish(&self, place: &str, findings: &mut Findings) {
        if self.has_stopped {
            return;
        }
        let last = self.last();
        for (this, offset) in self.waiting.values() {
            let place = || format!("{place} at {offset}: {this:?}");
            match self.at(this.seq) {
                Some(taken) if taken.link == *this => {}
                _ if this.seq > last.seq => findings.tell("hole", || {
                    format!("{} waits for what it follows; {last:?} was taken last", place())
                }),
                _ => findings.tell("stray", || format!("{} was never taken", place())),
            }
        }
    }
}

#[cfg(test)]
mod tests;
