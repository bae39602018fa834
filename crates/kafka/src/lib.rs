//! Semel on Apache Kafka: topics to take payments from, and the wire that events go out on.
//!
//! Kafka and its client are trusted with nothing but what readers can check: what was written is
//! known by reading it back ([`semel_core::publish`]), and how far was read is kept in the store.
//! Deliberately absent: groups that share partitions out (the store does), and Kafka transactions
//! around money.

mod admin;
mod classify;
mod client;
mod cluster;
mod inspect;
mod native;
mod producer;
mod progress;
mod settings;
mod stream;
mod topic;

pub use admin::{Made, Wanted};
pub use cluster::Cluster;
pub use inspect::{Inspected, Right};
pub use producer::KafkaProducer;
pub use progress::{Progress, Taken};
pub use settings::Settings;
pub use topic::{Beside, KafkaTopic};
