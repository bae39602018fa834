//! After a store came back older than it was: does the wire tell of what the store forgot?
//!
//! Until that is known, nothing may be written: a new event would take the place of one that others
//! have already read.

use super::Publication;
use super::walk::{Log, hold};
use crate::failure::Failure;
use crate::wire::{Fetched, Stamp, Topic};

/// How many records are read at once.
const PAGE: usize = 1_000;

/// Read all that the wire still holds and hold it against the store.
///
/// # Errors
/// `WireFork` when the wire holds what the store does not; else as the reads of both.
pub async fn compare<T: Topic, L: Log>(
    publication: &Publication,
    topic: &T,
    log: &L,
) -> Result<(), Failure> {
    for partition in 0..topic.about().await?.partitions {
        let mut offset = 0;
        loop {
            let fetched = topic.fetch(partition, offset, PAGE).await?;
            if let Some(last) = newest(publication, &fetched) {
                hold(publication, log, None, last.this).await?;
            }
            let from = offset.max(fetched.start);
            offset = fetched.next.max(fetched.start);
            if offset == from || offset >= fetched.end {
                break;
            }
        }
    }
    Ok(())
}

/// The youngest message of the ledger in a fetch; the chain in it speaks for all before it.
fn newest(publication: &Publication, fetched: &Fetched) -> Option<Stamp> {
    let stamps = fetched.records.iter().filter_map(|record| Stamp::read(&record.raw.headers));
    stamps.filter(|stamp| stamp.ledger == publication.name).max_by_key(|stamp| stamp.this.seq)
}
