//! One ledger as all partitions together tell of it: every event once, and no key twice.
//!
//! Deliberately absent: the database, which says how many events there have to be.

use crate::findings::Findings;
use crate::follow::Followed;
use crate::links::Place;
use crate::message::{self, Key, Message};
use crate::record::Link;
use std::collections::HashMap;

/// What the wire tells of a ledger.
#[derive(Debug, Default)]
pub struct OnWire {
    /// The ledger's id.
    pub ledger: String,
    /// What was taken, by seq: its link and its partition.
    pub taken: Vec<(Link, u32)>,
    /// What of it could be read, by seq.
    pub messages: Vec<Message>,
    /// How many records were repeats, and how many came early.
    pub repeats: u64,
    /// How many records came before what they follow.
    pub early: u64,
    /// In how many partitions it is.
    pub partitions: u64,
    /// Up to which seq events may have been deleted before the reader came.
    pub deleted_up_to: u64,
}

/// What was followed, ledger by ledger.
pub fn ledgers(followed: &Followed, key: Key, findings: &mut Findings) -> Vec<OnWire> {
    let mut places: HashMap<&str, Vec<&Place>> = HashMap::new();
    for ((ledger, _), place) in &followed.reader.places {
        places.entry(ledger).or_default().push(place);
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(ledger, _)| *ledger);
    let told = |(ledger, places): (&str, Vec<&Place>)| {
        let messages = message::read(ledger, &places, (key, followed.partitions), findings);
        OnWire::new(ledger, &places, messages)
    };
    places.into_iter().map(told).collect()
}

impl OnWire {
    fn new(ledger: &str, places: &[&Place], messages: Vec<Message>) -> OnWire {
        let taken = places.iter().flat_map(|place| &place.taken);
        let mut taken: Vec<_> = taken.map(|it| (it.link, it.record.partition)).collect();
        taken.sort_by_key(|(link, partition)| (link.seq, *partition));
        let behind = places.iter().filter_map(|place| place.began_behind);
        OnWire {
            ledger: ledger.into(),
            taken,
            messages,
            repeats: places.iter().map(|place| place.repeats).sum(),
            early: places.iter().map(|place| place.early).sum(),
            partitions: places.iter().filter(|place| !place.taken.is_empty()).count() as u64,
            deleted_up_to: behind.map(|link| link.seq).max().unwrap_or(0),
        }
    }

    /// Every event up to `written`, and up to the last that was taken, is taken once; no key stands
    /// in two of them. Says how many there have to be.
    pub fn check(&self, written: u64, findings: &mut Findings) -> u64 {
        let OnWire { ledger, .. } = self;
        let mut next = 1;
        for (link, partition) in &self.taken {
            self.missing(next..link.seq, findings);
            if link.seq < next {
                findings.doubled("taken_twice", || {
                    format!("{ledger}: event {} was taken once more, in {partition}", link.seq)
                });
            }
            next = next.max(link.seq + 1);
        }
        self.missing(next..written + 1, findings);
        let mut keys = HashMap::new();
        for message in &self.messages {
            let Some(identity) = message.identity() else { continue };
            let seq = message.link.seq;
            if let Some(first) = keys.insert(identity, seq)
                && first != seq
            {
                findings.doubled("key_twice", || {
                    format!("{ledger}: events {first} and {seq} on the wire have {identity:?}")
                });
            }
        }
        written.max(next - 1)
    }

    fn missing(&self, seqs: std::ops::Range<u64>, findings: &mut Findings) {
        for seq in seqs.start.max(self.deleted_up_to + 1)..seqs.end {
            findings.lost("missing", || {
                format!("{}: event {seq} was not taken in any partition", self.ledger)
            });
        }
    }

    /// Whether the event of that seq may have been deleted before the reader came.
    pub fn may_be_deleted(&self, seq: u64) -> bool {
        seq <= self.deleted_up_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::link;

    #[test]
    fn events_are_dense_over_all_partitions() {
        for (why, seqs, deleted_up_to, written, codes, lost) in [
            ("all", &[1, 2, 3][..], 0, 3, &[][..], 0),
            ("one in two partitions", &[1, 2, 2, 3], 0, 3, &["taken_twice"], 0),
            ("one in none", &[1, 3], 0, 3, &["missing"], 1),
            ("the end", &[1], 0, 3, &["missing"], 2),
            ("more than were written", &[1, 2, 3], 0, 2, &[], 0),
            ("a deleted beginning", &[3, 4], 2, 4, &[], 0),
            ("behind a deleted beginning", &[5], 2, 5, &["missing"], 2),
        ] {
            let taken = seqs.iter().map(|seq| (link(*seq), 0)).collect();
            let on_wire = OnWire { taken, deleted_up_to, ..OnWire::default() };
            let mut findings = Findings::default();
            on_wire.check(written, &mut findings);
            assert_eq!((findings.codes(), findings.lost), (codes.to_vec(), lost), "{why}");
        }
    }
}
