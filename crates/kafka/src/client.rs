//! The clients of librdkafka, and what they say while they work.

use rdkafka::ClientContext;
use rdkafka::admin::AdminClient;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use semel_core::failure::{Failure, Stop};
use std::sync::Mutex;

/// What reads.
pub type Consumer = BaseConsumer<Listener>;
/// What asks.
pub type Admin = AdminClient<Listener>;

/// Hears what a client says, and logs it.
#[derive(Debug, Default)]
pub struct Listener {
    /// The last error that it spoke of: what fails for that reason often says less.
    last: Mutex<Option<String>>,
}

impl Listener {
    /// The failure of a client that this one heard, with what it heard.
    pub fn explain(&self, failure: Failure) -> Failure {
        let last = self.last.lock().expect("nobody panics while holding it");
        match (failure, &*last) {
            (Failure::Retryable(why), Some(last)) if !why.contains(last) => {
                Failure::Retryable(format!("{why}; the client says: {last}"))
            }
            (Failure::Permanent(stop), Some(last)) if !stop.detail.contains(last) => {
                let detail = format!("{}; the client says: {last}", stop.detail);
                Stop::new(stop.code, detail).into()
            }
            (failure, _) => failure,
        }
    }

    /// Nothing fails any more.
    pub fn forget(&self) {
        *self.last.lock().expect("nobody panics while holding it") = None;
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if matches!(
            level,
            RDKafkaLogLevel::Emerg
                | RDKafkaLogLevel::Alert
                | RDKafkaLogLevel::Critical
                | RDKafkaLogLevel::Error
        ) {
            let mut last = self.last.lock().expect("nobody panics while holding it");
            *last = Some(message.to_owned());
        }
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
