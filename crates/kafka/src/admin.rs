//! What is asked of a cluster and done to it by people: topics made on request, never silently.

use crate::classify::{classify, of_code};
use crate::cluster::Cluster;
use crate::native::describe;
use crate::stream::PATIENCE;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;

/// A topic that somebody wants.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// How many partitions.
    pub partitions: u32,
    /// On how many brokers each record is kept; as many as there are, up to 3, if nothing is said.
    pub replication: Option<u32>,
    /// Its settings, as Kafka names them. With three copies of a record two have to be written,
    /// unless they say otherwise.
    pub settings: Vec<(&'a str, &'a str)>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was made, with each record on so many brokers.
    New(u32),
    /// It was there before, and was left as it is, with so many partitions.
    There(u32),
}

/// On how many brokers records are kept if nothing else is said.
const REPLICATION: u32 = 3;

impl Cluster {
    /// Make a topic, unless it is there.
    ///
    /// # Errors
    /// `WireRefused` when the brokers do not; `Retryable` while they are away.
    pub async fn create(&self, wanted: &Wanted<'_>) -> Result<Made, Failure> {
        let made = self.made(wanted).await;
        self.heard(made)
    }

    async fn made(&self, wanted: &Wanted<'_>) -> Result<Made, Failure> {
        let what = format!("topic {}", wanted.name);
        match describe(self.admin(), wanted.name, false, PATIENCE).await {
            Ok(there) => return Ok(Made::There(there.partitions)),
            Err(RDKafkaErrorCode::UnknownTopicOrPartition) => {}
            Err(code) => return Err(of_code(&what, code)),
        }
        let replication = match wanted.replication {
            Some(replication) => replication,
            None => REPLICATION.min(self.brokers().await?),
        };
        let wrong = |what: &str| Stop::new(Code::Configuration, format!("{what}: too many"));
        let copies = i32::try_from(replication).map_err(|_| wrong("replication"))?;
        let partitions = i32::try_from(wanted.partitions).map_err(|_| wrong("partitions"))?;
        let mut topic = NewTopic::new(wanted.name, partitions, TopicReplication::Fixed(copies));
        let two = (copies > 2).then_some(("min.insync.replicas", "2"));
        for (name, value) in two.iter().chain(&wanted.settings) {
            topic = topic.set(name, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = self.admin().create_topics([&topic], &options).await;
        match made.map_err(|error| classify(&what, &error))?.pop() {
            Some(Ok(_)) => Ok(Made::New(replication)),
            Some(Err((_, code))) => Err(of_code(&what, code)),
            None => Err(Failure::Retryable(format!("{what}: no answer"))),
        }
    }

    /// Delete a topic.
    ///
    /// # Errors
    /// As [`Cluster::create`].
    pub async fn delete(&self, name: &str) -> Result<(), Failure> {
        let what = format!("topic {name}");
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let deleted = self.admin().delete_topics(&[name], &options).await;
        let deleted = deleted.map_err(|error| classify(&what, &error));
        self.heard(deleted.and_then(|mut deleted| match deleted.pop() {
            Some(Err((_, code))) => Err(of_code(&what, code)),
            _ => Ok(()),
        }))
    }

    /// How many brokers there are.
    ///
    /// # Errors
    /// `Retryable` while none answers.
    pub async fn brokers(&self) -> Result<u32, Failure> {
        let admin = self.admin().clone();
        let ask = move || admin.inner().fetch_metadata(Some("_"), PATIENCE).map(count);
        let told = tokio::task::spawn_blocking(ask).await.expect("asking does not panic");
        self.heard(told.map_err(|error| classify("the brokers", &error)))
    }
}

fn count(metadata: rdkafka::metadata::Metadata) -> u32 {
    u32::try_from(metadata.brokers().len()).unwrap_or(u32::MAX)
}
