//! A strict reader: the rule of the contract, told again and by somebody else.

use crate::broker::Broker;
use semel_core::wire::{Link, Record, Stamp};

/// What a reader sees that begins now: for each partition the seqs of ledger `main` that it takes.
pub fn strict(broker: &Broker) -> Vec<Vec<u64>> {
    let partitions = broker.state().logs.len();
    (0..partitions).map(|partition| Reader::default().read(broker, partition)).collect()
}

/// The records of a partition, with their offsets.
pub fn records(broker: &Broker, partition: usize) -> Vec<Record> {
    let state = broker.state();
    let records = state.logs[partition].records.iter();
    records.map(|(&offset, raw)| Record { offset, timestamp: 0, raw: raw.clone() }).collect()
}

/// A reader's place in a partition.
#[derive(Default)]
pub struct Reader {
    last: Option<Link>,
}

impl Reader {
    /// What it takes when it reads all that is there, again where it had read it before.
    pub fn read(&mut self, broker: &Broker, partition: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        for record in records(broker, partition) {
            let Some(stamp) = Stamp::read(&record.raw.headers) else { continue };
            let last = self.last.unwrap_or(Link::NONE);
            if &*stamp.ledger != "main" || stamp.this.seq <= last.seq {
                continue;
            }
            if stamp.prev == last {
                taken.push(stamp.this.seq);
                self.last = Some(stamp.this);
            } else {
                assert!(stamp.prev.seq > last.seq, "a fork: {stamp:?} after {last:?}");
            }
        }
        taken
    }
}
