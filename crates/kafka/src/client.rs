//! The clients of librdkafka, and what they say while they work.

use crate::classify::remedy;
use rdkafka::admin::AdminClient;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, TopicPartitionList};
use semel_core::failure::{Failure, Stop};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What reads.
pub type Consumer = BaseConsumer<Listener>;
/// What asks.
pub type Admin = AdminClient<Listener>;

/// Between what failed and what a client said of it.
const SAYS: &str = "; the client says: ";
/// Before what a client says once more, without the address, of a token that it did not get.
const NO_TOKEN: &str = "Failed to acquire SASL OAUTHBEARER token: ";

/// Hears what a client says, and logs it.
#[derive(Debug, Default)]
pub struct Listener {
    /// The last error that it spoke of: what fails for that reason often says less.
    last: Mutex<Option<String>>,
    /// Whether a group was not told what it was to be told last.
    is_untold: AtomicBool,
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

    /// Whether a group was not told what it was to be told last.
    pub fn is_untold(&self) -> bool {
        self.is_untold.load(Ordering::Relaxed)
    }

    fn note(&self, message: &str) {
        let mut last = self.last.lock().expect("nobody panics while holding it");
        let is_known = |why| last.as_ref().is_some_and(|last| last.contains(why));
        if !message.split_once(NO_TOKEN).is_some_and(|(_, why)| is_known(why)) {
            *last = Some(message.to_owned());
        }
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // That all are away is known without it, and would hide why.
        let is_away = message.ends_with("brokers are down");
        if matches!(facility, "FAIL" | "ERROR" | "JWT" | "OIDC") && !is_away {
            self.note(message);
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
        if reason.contains(NO_TOKEN) {
            self.note(reason);
        }
        tracing::warn!(%error, "{reason}");
    }
}

impl ConsumerContext for Listener {
    fn commit_callback(&self, told: KafkaResult<()>, _: &TopicPartitionList) {
        let was_untold = self.is_untold.swap(told.is_err(), Ordering::Relaxed);
        if let Some(error) = told.err().filter(|_| !was_untold) {
            let remedy = error.rdkafka_error_code().and_then(remedy).unwrap_or("it is told again");
            tracing::warn!(%error, "a group is not told how far its topic is taken; {remedy}");
        }
    }
}
