//! After a store came back older than it was: does the wire tell of what the store forgot?
//!
//! Until that is known, nothing may be written: a new event would take the place of one that others
//! have already read.

use super::Publication;
use super::walk::{Log, hold};
use crate::failure::Failure;
use crate::wire::{Fetched, Link, Stamp, Topic};
use alloc::vec::Vec;

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
    let about = topic.about().await?;
    for partition in 0..about.partitions {
        let mut offset = 0;
        loop {
            let fetched = topic.fetch(partition, offset, PAGE).await?;
            if fetched.topic != about.id || fetched.end < offset {
                return Err(Failure::Retryable("the topic has changed meanwhile".into()));
            }
            if offset < fetched.start {
                offset = fetched.start;
                continue;
            }
            let mut near = None;
            for found in told(publication, &fetched) {
                hold(publication, log, near, found).await?;
                near = Some(found);
            }
            if fetched.next == offset {
                break;
            }
            offset = fetched.next;
        }
    }
    Ok(())
}

/// The messages of the ledger in a fetch, in the order of the log.
fn told(publication: &Publication, fetched: &Fetched) -> Vec<Link> {
    let stamps = fetched.records.iter().filter_map(|record| Stamp::read(&record.raw.headers));
    let own = stamps.filter(|stamp| stamp.ledger == publication.name);
    let mut told: Vec<Link> = own.map(|stamp| stamp.this).collect();
    told.sort_unstable_by_key(|link| link.seq);
    told
}
