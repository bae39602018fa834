//! Kafka, and what publishing reads of the store.

use super::store::Reader;
use semel_core::event::Event;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::publish::Log;
use semel_core::wire::Link;

pub use semel_kafka::KafkaTopic as WireTopic;
pub use semel_kafka::Settings as WireSettings;
pub use semel_kafka::{Beside, Cluster, Inspected, Made, Right, Wanted};

/// A ledger's log, as publishing reads it. All reads block the thread for as long as they take.
#[derive(Clone)]
pub struct StoreLog {
    reader: Reader,
    ledger: u32,
}

impl StoreLog {
    /// The log of the ledger numbered `ledger`.
    pub fn new(reader: &Reader, ledger: u32) -> StoreLog {
        StoreLog { reader: reader.clone(), ledger }
    }
}

impl Log for StoreLog {
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        self.reader.events(self.ledger, after, limit)
    }

    async fn anchor(&self, at_most: u64) -> Result<Link, Failure> {
        self.reader.anchor(self.ledger, at_most)?.ok_or_else(gone)
    }

    async fn head(&self) -> Result<Link, Failure> {
        self.reader.head(self.ledger)?.ok_or_else(gone)
    }

    async fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        self.reader.cursor(source)
    }
}

/// A ledger is there before anything is published of it, so its store was rewound.
fn gone() -> Failure {
    Failure::Retryable("the ledger is not in the store any more".into())
}
