//! What somebody took who followed the topic all along, also while things went wrong.
//!
//! Promise P5 as its readers see it: each event of each ledger, exactly once, in order, in the
//! partition of its key, with the chain's hash. A ledger that lost events in a rewind may have told
//! them before; whoever took one is led astray in that partition.

use super::keys::Keys;
use crate::audit::chain::hex;
use crate::audit::index::{Index, Indexes};
use crate::audit::lost::Lost;
use crate::audit::report::Report;
use crate::evidence::{Evidence, Followed};

/// Check a ledger; `is_whole`: whether all of its events had to be published.
pub(super) fn check(
    evidence: &Evidence,
    index: &Index<'_>,
    (keys, lost, is_whole): (&Keys, &Lost, bool),
    report: &mut Report,
) {
    let mut ledger = Ledger { index, keys, lost, taken: vec![None; index.ledger.events.len()] };
    let followed = evidence.followed.iter().filter(|it| it.ledger == index.name());
    let astray: Vec<usize> = followed
        .filter_map(|followed| ledger.follow(followed, report).then_some(followed.partition))
        .collect();
    if is_whole {
        ledger.complete(&astray, report);
    }
}

/// What was taken of ledgers that are not there.
pub(super) fn strangers(evidence: &Evidence, indexes: &Indexes<'_>, report: &mut Report) {
    for followed in evidence.followed.iter().filter(|it| indexes.place(&it.ledger).is_none()) {
        report.tell("reader_stranger", || format!("{}: there is no such ledger", followed.ledger));
    }
}

struct Ledger<'a> {
    index: &'a Index<'a>,
    keys: &'a Keys,
    lost: &'a Lost,
    /// By place of the event, the partition in which it was taken.
    taken: Vec<Option<usize>>,
}

impl Ledger<'_> {
    /// What was taken in a partition; whether that led into a history that was lost.
    fn follow(&mut self, followed: &Followed, report: &mut Report) -> bool {
        let Followed { partition, taken, has_stopped, .. } = followed;
        let (name, no) = (self.index.name(), self.index.ledger.no);
        let mut is_astray = *has_stopped && self.lost.any(no);
        if *has_stopped && !is_astray {
            report.tell("reader_fork", || {
                let last = taken.last().map(|(seq, hash)| (seq, hex(hash)));
                format!("{name}: partition {partition}: nothing follows {last:?}")
            });
        }
        let mut last = 0;
        for (seq, hash) in taken {
            if *seq <= last {
                let detail = || format!("{name}: partition {partition}: {seq} follows {last}");
                report.tell("reader_order", detail);
            }
            last = *seq;
            let is_known = self.index.hash(*seq) == Some(hash);
            match self.index.at(*seq).filter(|_| is_known) {
                Some(place) => self.take(place, *partition, report),
                None if self.lost.holds(no, *seq) => is_astray = true,
                None => report.tell("reader_stranger", || {
                    format!("{name}: partition {partition}: taken {seq} ({})", hex(hash))
                }),
            }
        }
        is_astray
    }

    fn take(&mut self, place: usize, partition: usize, report: &mut Report) {
        let row = &self.index.ledger.events[place];
        let (name, seq) = (self.index.name(), row.seq);
        if let Some(before) = self.taken[place].replace(partition) {
            report.tell("reader_twice", || {
                format!("{name}: event {seq}: taken in partitions {before} and {partition}")
            });
        }
        let expected = self.keys.place(self.index, row);
        if expected != Some(partition) {
            report.tell("reader_partition", || {
                format!("{name}: event {seq}: taken in partition {partition}, not {expected:?}")
            });
        }
    }

    fn complete(&self, astray: &[usize], report: &mut Report) {
        let events = self.index.ledger.events.iter().zip(&self.taken);
        for (row, _) in events.filter(|(_, taken)| taken.is_none()) {
            let partition = self.keys.place(self.index, row);
            if partition.is_none_or(|partition| !astray.contains(&partition)) {
                report.tell("reader_incomplete", || {
                    let (name, seq) = (self.index.name(), row.seq);
                    format!("{name}: event {seq}: not taken in partition {partition:?}")
                });
            }
        }
    }
}
