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

/// Between what failed and what a client said of it.
const SAYS: &str = "; the client says: ";

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
        let with = |why: String| match &*last {
            Some(last) if !why.contains(SAYS) => format!("{why}{SAYS}{last}"),
            _ => why,
        };
        match failure {
            Failure::Retryable(why) => Failure::Retryable(with(why)),
            Failure::Permanent(stop) => Stop::new(stop.code, with(stop.detail)).into(),
            other => other,
        }
    }

    /// Nothing fails any more.
    pub fn forget(&self) {
        *self.last.lock().expect("nobody panics while holding it") = None;
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // That all are away is known without it, and would hide why.
        if facility == "FAIL" || facility == "ERROR" && !message.ends_with("brokers are down") {
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
