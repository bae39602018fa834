//! The first time that an ingest meets a topic: where its partitions begin.
//!
//! `from = "latest"` counts then and never again, so a row of its own remembers that it has been,
//! bound behind all partitions: partitions that come later, and a topic that is made again under
//! the name, are taken from their beginning.

use super::bound::Bound;
use crate::wiring::WireTopic;
use semel_core::chain::Hash;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::ingest::topic::Intake;
use semel_core::wire::{About, Topic};

/// See to it that `topic`, as it is now, is attached; what is new `from_latest` begins at its end.
///
/// # Errors
/// As the topic's and the store's.
pub async fn attach(
    bound: &Bound,
    (topic, about): (&WireTopic, &About),
    from_latest: bool,
) -> Result<(), Failure> {
    let reader = bound.store().reader();
    let (name, ingest) = (bound.file(), bound.ingest());
    let mark = format!("attach:{ingest}:{name}");
    if reader.cursor(&mark)?.is_some() {
        if reader.cursor(&Intake::source(&about.id, 0))?.is_none() {
            tracing::warn!(
                topic = name, id = %about.id, ingest,
                "the topic was made again; it is taken from its beginning"
            );
        }
        return Ok(());
    }
    if from_latest {
        for partition in 0..about.partitions {
            let (_, end) = topic.bounds(partition).await?;
            let start = Cursor { next: end, tail: Hash::ZERO, hint: end };
            bound.target(Intake::source(&about.id, partition), start).await?;
        }
    }
    bound.target(mark.into(), Cursor::START).await.map(drop)
}
