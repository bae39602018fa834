//! The published topic, read by its links alone, as the contract tells others to read it.
//!
//! Promises P3 and P5: whoever follows the links gets each event of a ledger once, in order, in one
//! partition, with the chain's hash; and nothing stands there that the store does not hold.
//! Three readers are held to it. One followed the topic while all happened ([`followed`]). One
//! reads now, what has expired since too: it has everything. The last comes now: it begins at the
//! first record that is still there, and again behind a hole whose records have expired.

mod content;
mod followed;
mod keys;
mod murmur2;

use super::chain::hex;
use super::index::{Index, Indexes};
use super::lost::Lost;
use super::report::Report;
use crate::evidence::{Evidence, Record, Row, Stop};
use crate::links::{Link, NONE, Stamp, Verdict};
use keys::Keys;
use std::collections::BTreeSet;

/// Read all partitions; with none, nothing is published.
pub(super) fn check(evidence: &Evidence, indexes: &Indexes<'_>, lost: &Lost, report: &mut Report) {
    if evidence.wire.is_empty() {
        return;
    }
    let allowed = |is: &dyn Fn(&Stop) -> bool| evidence.stops.iter().any(|s| s.is_allowed && is(s));
    // Nobody publishes any more until somebody decides which history counts.
    let is_shut = allowed(&|stop| stop.what == "process" && stop.name == "wire_fork");
    let publishing = |index: &Index<'_>| format!("publish of {}", index.name());
    let stopped = |index: &Index<'_>| is_shut || allowed(&|stop| stop.what == publishing(index));
    let found = |index: &Index<'_>| {
        let is_own = |stop: &Stop| stop.what == publishing(index) && stop.name == "wire_fork";
        lost.any(index.ledger.no) && (is_shut || allowed(&is_own))
    };
    let mut wire = Wire {
        indexes,
        lost,
        found: indexes.list.iter().map(found).collect(),
        faded: BTreeSet::new(),
        moved: evidence.respread && (is_shut || allowed(&is_of_publishing)),
        keys: Keys::of(evidence),
        taken: indexes.list.iter().map(|index| vec![None; index.ledger.events.len()]).collect(),
    };
    for (partition, records) in evidence.wire.iter().enumerate() {
        let expired = evidence.expired.get(partition).map_or(&[][..], Vec::as_slice);
        wire.read(partition, expired, records, report);
    }
    for (at, index) in indexes.list.iter().enumerate().filter(|_| !wire.moved) {
        let is_whole = !stopped(index);
        if is_whole {
            wire.complete(at, index, report);
        }
        followed::check(evidence, index, (&wire.keys, lost, is_whole), report);
    }
    followed::strangers(evidence, indexes, report);
}

/// A stop after which a topic with another number of partitions holds whatever was on its way.
fn is_of_publishing(stop: &Stop) -> bool {
    stop.name == "spread_changed" || stop.what.starts_with("publish of ")
}

struct Wire<'a> {
    indexes: &'a Indexes<'a>,
    lost: &'a Lost,
    /// By ledger, whether it lost events and whoever publishes it found a fork.
    found: Vec<bool>,
    /// Ledgers and partitions in which lost events have expired: nobody can find them any more, but
    /// whoever took them is led astray.
    faded: BTreeSet<(usize, usize)>,
    /// Whether the topic may have had another number of partitions.
    moved: bool,
    keys: Keys,
    /// By ledger and place of the event, the partition in which it was taken.
    taken: Vec<Vec<Option<usize>>>,
}

/// A reader of one ledger in one partition.
#[derive(Clone, Default)]
struct Reader {
    last: Option<Link>,
    stopped: bool,
    /// The first record behind a hole that is still open.
    hole: Option<usize>,
}

impl<'a> Wire<'a> {
    fn read(
        &mut self,
        partition: usize,
        expired: &'a [Record],
        records: &'a [Record],
        report: &mut Report,
    ) {
        let all: Vec<&Record> = expired.iter().chain(records).collect();
        for (place, record) in all.iter().enumerate() {
            let Some(stamp) = Stamp::read(&record.headers) else { continue };
            let index = self.indexes.named(stamp.ledger);
            match index.and_then(|index| Some((index, known(index, &stamp)?))) {
                Some((index, row)) => {
                    content::check(&self.keys, (partition, record), (index, row), report)
                }
                None => self.unknown(partition, (record, place < expired.len()), &stamp, report),
            }
            self.place(partition, record, &stamp, report);
        }
        for at in 0..self.indexes.list.len() {
            let mut reader = Reader { last: Some(NONE), ..Reader::default() };
            for (place, record) in all.iter().enumerate() {
                let Some(stamp) = self.stamp(at, record) else { continue };
                if self.follow(&mut reader, (partition, place), &stamp, report) {
                    self.take(partition, at, record.offset, &stamp, report);
                }
            }
            let mut from = Some(expired.len()).filter(|expired| *expired > 0);
            while let Some(begin) = from {
                from = self.come(partition, at, &all, begin, report);
            }
        }
    }

    /// Read one ledger's messages as somebody who begins at the record `begin`; where to begin
    /// again, if that is not all that can be read.
    fn come(
        &self,
        partition: usize,
        at: usize,
        records: &[&Record],
        begin: usize,
        report: &mut Report,
    ) -> Option<usize> {
        let mut reader = Reader::default();
        for (place, record) in records.iter().enumerate().skip(begin) {
            if let Some(stamp) = self.stamp(at, record) {
                self.follow(&mut reader, (partition, place), &stamp, report);
            }
        }
        reader.hole
    }

    /// What a record says, if it is one of that ledger.
    fn stamp<'r>(&self, at: usize, record: &'r Record) -> Option<Stamp<'r>> {
        let stamp = Stamp::read(&record.headers)?;
        (self.indexes.place(stamp.ledger) == Some(at)).then_some(stamp)
    }

    /// The reader's rule; whether the record is taken.
    fn follow(
        &self,
        reader: &mut Reader,
        (partition, place): (usize, usize),
        stamp: &Stamp<'_>,
        report: &mut Report,
    ) -> bool {
        if reader.stopped {
            return false;
        }
        let last = *reader.last.get_or_insert(stamp.prev);
        match stamp.verdict(last) {
            Verdict::Skip => return false,
            Verdict::Hole => {
                reader.hole.get_or_insert(place);
                return false;
            }
            Verdict::Take => {
                // Whatever was behind a hole comes again behind this.
                (reader.last, reader.hole) = (Some(stamp.this), None);
                return true;
            }
            Verdict::Fork => {}
        }
        reader.stopped = true;
        let at = self.indexes.place(stamp.ledger);
        if !self.moved && !at.is_some_and(|at| self.is_excused(at, partition)) {
            report.tell("wire_fork", || {
                let (ledger, this, prev) = (stamp.ledger, stamp.this.seq, stamp.prev.seq);
                let (said, last) = (hex(&stamp.prev.hash), (last.seq, hex(&last.hash)));
                format!(
                    "{ledger}: partition {partition}: event {this} follows {prev} ({said}), \
                     the last one was {last:?}"
                )
            });
        }
        false
    }

    /// Whether lost events may lead a reader of the ledger astray in the partition.
    fn is_excused(&self, at: usize, partition: usize) -> bool {
        self.found[at] || self.faded.contains(&(at, partition))
    }

    fn take(
        &mut self,
        partition: usize,
        at: usize,
        offset: u64,
        stamp: &Stamp<'_>,
        report: &mut Report,
    ) {
        let (ledger, seq) = (stamp.ledger, stamp.this.seq);
        let index = &self.indexes.list[at];
        let place = known(index, stamp).and_then(|row| index.at(row.seq));
        let Some(place) = place else {
            if !(self.is_excused(at, partition) && self.lost.holds(index.ledger.no, seq)) {
                report.tell("wire_stranger", || {
                    let hash = hex(&stamp.this.hash);
                    format!("{ledger}: partition {partition} at {offset}: taken {seq} ({hash})")
                });
            }
            return;
        };
        let before = self.taken[at][place].replace(partition);
        if let Some(before) = before.filter(|_| !self.moved) {
            report.tell("wire_twice", || {
                format!("{ledger}: event {seq}: taken in partitions {before} and {partition}")
            });
        }
    }

    /// A record that tells of no event of the store, if that was not lost in a rewind.
    fn unknown(
        &mut self,
        partition: usize,
        (record, has_expired): (&Record, bool),
        stamp: &Stamp<'_>,
        report: &mut Report,
    ) {
        let is_lost =
            |at: &usize| self.lost.holds(self.indexes.list[*at].ledger.no, stamp.this.seq);
        if let Some(at) = self.indexes.place(stamp.ledger).filter(is_lost) {
            if has_expired {
                self.faded.insert((at, partition));
            }
            return;
        }
        report.tell("wire_unknown_event", || {
            let (ledger, seq, hash) = (stamp.ledger, stamp.this.seq, hex(&stamp.this.hash));
            format!("{ledger}: partition {partition} at {}: event {seq} ({hash})", record.offset)
        });
    }

    /// The record stands in the partition of its key.
    fn place(&self, partition: usize, record: &Record, stamp: &Stamp<'_>, report: &mut Report) {
        let Some(key) = record.key.as_deref().filter(|_| !self.moved) else { return };
        let expected = self.keys.partition(key);
        if partition != expected {
            report.tell("wire_partition", || {
                let (ledger, seq, offset) = (stamp.ledger, stamp.this.seq, record.offset);
                let key = String::from_utf8_lossy(key);
                format!(
                    "{ledger}: partition {partition} at {offset}: event {seq}: \
                     its key {key} is of partition {expected}"
                )
            });
        }
    }

    /// Every event was taken.
    fn complete(&self, at: usize, index: &Index<'_>, report: &mut Report) {
        let events = index.ledger.events.iter().zip(&self.taken[at]);
        let faded = |row: &Row| {
            self.keys
                .place(index, row)
                .is_some_and(|partition| self.faded.contains(&(at, partition)))
        };
        for (row, _) in events.filter(|(row, taken)| taken.is_none() && !faded(row)) {
            report.tell("wire_incomplete", || {
                format!("{}: event {}: nobody can take it", index.name(), row.seq)
            });
        }
    }
}

/// The row that a message tells of, if the store holds it with that hash.
fn known<'a>(index: &Index<'a>, stamp: &Stamp<'_>) -> Option<&'a Row> {
    index.row(stamp.this.seq).filter(|row| index.hash(row.seq) == Some(&stamp.this.hash))
}
