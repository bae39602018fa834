//! The first time that an ingest meets a topic: where its partitions begin.
//!
//! `from = "latest"` counts then and never again, so a row of its own remembers that it has been,
//! bound behind all partitions: partitions that come later, and a topic that is made again under
//! the name, are taken from their beginning.

use crate::wiring::{Store, WireTopic};
use semel_core::chain::Hash;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::ingest::topic::Intake;
use semel_core::wire::Topic;
use semel_store::rows::{Binding, Ledger};

/// What attaches a topic.
pub struct Attach<'a> {
    /// Where to.
    pub store: &'a Store,
    /// Where to.
    pub ledger: &'a Ledger,
    /// How its sources are bound; their names and starts are filled in here.
    pub binding: &'a Binding,
    /// Whether it begins at its end.
    pub from_latest: bool,
}

impl Attach<'_> {
    /// See to it that `topic` is attached.
    ///
    /// # Errors
    /// As the topic's and the store's.
    pub async fn attach(&self, topic: &WireTopic) -> Result<(), Failure> {
        let name = &self.binding.file;
        let about = topic.about().await?;
        let reader = self.store.reader();
        let mark = format!("attach:{}:{name}", self.binding.ingest);
        if reader.cursor(&mark)?.is_some() {
            let first = Intake::source(&about.id, 0);
            if reader.cursor(&first)?.is_none() {
                tracing::warn!(
                    topic = %name, id = %about.id, ingest = %self.binding.ingest,
                    "the topic was made again; it is taken from its beginning"
                );
            }
            return Ok(());
        }
        if self.from_latest {
            for partition in 0..about.partitions {
                let (_, end) = topic.bounds(partition).await?;
                let start = Cursor { next: end, tail: Hash::ZERO, hint: end };
                self.bind(&Intake::source(&about.id, partition), start).await?;
            }
        }
        self.bind(&mark, Cursor::START).await
    }

    async fn bind(&self, source: &str, start: Cursor) -> Result<(), Failure> {
        let binding = Binding { source: source.into(), start, ..self.binding.clone() };
        self.store.leg(self.ledger.no, binding).await.map(drop)
    }
}
