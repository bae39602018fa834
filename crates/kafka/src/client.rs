//! The clients of librdkafka, and what they say while they work.

use rdkafka::ClientContext;
use rdkafka::admin::AdminClient;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;

/// What reads.
pub type Consumer = BaseConsumer<Listener>;
/// What asks.
pub type Admin = AdminClient<Listener>;

/// Hears what a client says, and logs it.
#[derive(Debug)]
pub struct Listener;

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            // On settings that belong to other clients than this.
            _ if facility == "CONFWARN" => tracing::debug!(facility, "{message}"),
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(facility, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, "{reason}");
    }
}

impl ConsumerContext for Listener {}
