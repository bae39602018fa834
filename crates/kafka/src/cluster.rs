//! A Kafka cluster: where topics are.

use crate::client::{Admin, Listener};
use crate::native::hear;
use crate::settings::Settings;
use crate::topic::KafkaTopic;
use rdkafka::error::KafkaError;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::sync::Arc;

/// A cluster, connected to as needed. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    settings: Arc<Settings>,
    admin: Arc<Admin>,
}

impl Cluster {
    /// The cluster that `settings` name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// `WireRefused` when librdkafka cannot work with the settings here.
    pub fn new(settings: Settings) -> Result<Cluster, Stop> {
        let made: Result<Admin, KafkaError> =
            settings.asking().create_with_context(Listener::default());
        let admin = made.map_err(|error| Stop::new(Code::WireRefused, error.to_string()))?;
        Ok(Cluster { settings: Arc::new(settings), admin: Arc::new(admin) })
    }

    /// The topic named `name`; how far it is taken is told to the group named `group`.
    ///
    /// # Errors
    /// As [`Cluster::new`].
    pub fn topic(&self, name: &str, group: Option<&str>) -> Result<KafkaTopic, Stop> {
        KafkaTopic::new((&self.settings, &self.admin), name, group)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the brokers answered; a failure with what the client has heard of it.
    pub(crate) fn heard<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        hear(&self.admin);
        answer.map_err(|failure| self.admin.inner().context().explain(failure))
    }

    pub(crate) fn admin(&self) -> &Arc<Admin> {
        &self.admin
    }
}
