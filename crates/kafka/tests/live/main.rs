//! The adapter on real brokers: what it reads of what others write, and what it does while brokers
//! are killed, paused and robbed of their logs.
//!
//! Others are librdkafka's own producers, set up as people do. Tests share a broker, in topics of
//! their own, unless the broker itself has to suffer.

mod changes;
mod clusters;
mod fetching;
mod foreign;
mod groups;
mod law;
mod remade;
mod secured;
mod sending;
mod tokens;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::wire::{Fetched, Record, Topic as _};
use semel_kafka::{Cluster, KafkaTopic, Made, Settings, Wanted};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use tokio::time::Instant;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that tests work on.
pub struct Broker {
    /// Where it is.
    pub servers: String,
    /// What Semel knows it by.
    pub cluster: Cluster,
}

impl Broker {
    /// The one that all tests share.
    pub fn shared() -> Option<Broker> {
        Some(Broker::at(&semel_servers::for_tests::kafka_for_tests()?, &[]))
    }

    /// The one at `servers`, with settings.
    pub fn at(servers: &str, settings: &[(&str, &str)]) -> Broker {
        let given = [settings, &[("bootstrap.servers", servers)]].concat();
        let given = given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::new(given.collect()).unwrap();
        Broker { servers: servers.to_owned(), cluster: Cluster::new(settings).unwrap() }
    }

    /// A new topic, and its name.
    pub async fn topic(&self, partitions: u32) -> (String, KafkaTopic) {
        let name = unused("live");
        self.make(&name, partitions).await;
        let topic = self.cluster.topic(&name, None).unwrap();
        (name, topic)
    }

    /// Make the topic named `name`.
    pub async fn make(&self, name: &str, partitions: u32) {
        let wanted = Wanted { name, partitions, replication: None, settings: Vec::new() };
        assert_eq!(self.cluster.create(&wanted).await, Ok(Made::New(1)));
        let topic = self.cluster.topic(name, None).unwrap();
        let until = Instant::now() + PATIENCE;
        for partition in 0..partitions {
            while topic.bounds(partition).await.is_err() {
                assert!(Instant::now() < until, "it has no leader");
            }
        }
    }

    /// Delete the topic named `name` and make it anew.
    pub async fn make_again(&self, name: &str, topic: &KafkaTopic) {
        let before = topic.about().await.unwrap().id;
        self.cluster.delete(name).await.unwrap();
        let wanted = Wanted { name, partitions: 1, replication: None, settings: Vec::new() };
        // Until the broker has done it.
        let until = Instant::now() + PATIENCE;
        while self.cluster.create(&wanted).await != Ok(Made::New(1)) {
            assert!(Instant::now() < until, "it is not made again");
        }
        while !topic.about().await.is_ok_and(|about| about.id != before) {
            assert!(Instant::now() < until, "it gets no other id");
        }
    }

    /// Delete the records of a topic's first partition below an offset.
    pub async fn delete_below(&self, name: &str, offset: i64) {
        let admin: AdminClient<DefaultClientContext> = self.config(&[]).create().unwrap();
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(name, 0, Offset::Offset(offset)).unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let deleted = admin.delete_records(&offsets, &options).await.unwrap();
        assert_eq!(deleted.elements()[0].error(), Ok(()));
    }

    /// Somebody else's settings.
    pub fn config(&self, settings: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers);
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config
    }

    /// Somebody else's producer.
    pub fn foreign(&self, settings: &[(&str, &str)]) -> BaseProducer {
        self.config(settings).create().unwrap()
    }

    /// Somebody else's producer, ready for Kafka transactions.
    pub fn transactional(&self) -> BaseProducer {
        let producer = self.foreign(&[("transactional.id", &unused("others"))]);
        producer.init_transactions(PATIENCE).unwrap();
        producer
    }
}

/// A name that nobody has used.
pub fn unused(what: &str) -> String {
    format!("{what}-{:016x}", RandomState::new().hash_one(what))
}

/// Write to the first partition, and wait until all is there.
pub fn put(producer: &BaseProducer, topic: &str, all: &[Raw]) {
    for raw in all {
        queue(producer, topic, raw);
    }
    producer.flush(PATIENCE).unwrap();
}

fn queue(producer: &BaseProducer, topic: &str, raw: &Raw) {
    let mut headers = OwnedHeaders::new();
    for (key, value) in &raw.headers {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).headers(headers);
    record.key = raw.key.as_deref();
    record.payload = raw.value.as_deref();
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull));
        producer.poll(Duration::from_millis(10));
        record = back;
    }
}

/// Contents that say which they are.
pub fn numbered(numbers: std::ops::Range<u64>) -> Vec<Raw> {
    let raw = |number: u64| Raw {
        key: Some(format!("key {number}").into()),
        value: Some(format!("value {number}").into()),
        headers: Vec::new(),
    };
    numbers.map(raw).collect()
}

/// What they hold.
pub fn contents(records: &[Record]) -> Vec<Raw> {
    records.iter().map(|record| record.raw.clone()).collect()
}

/// Where they stand.
pub fn offsets(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.offset).collect()
}

/// All from an offset on, some at a time.
pub async fn read(topic: &KafkaTopic, from: u64, limit: usize) -> Vec<Record> {
    let (mut next, mut all) = (from, Vec::new());
    loop {
        let fetched = topic.fetch(0, next, limit).await.unwrap();
        assert!(fetched.records.len() <= limit);
        assert!(fetched.records.iter().all(|record| next <= record.offset), "from {next}");
        assert!(next < fetched.next || fetched.next == fetched.end, "stuck at {next}");
        if fetched.next == next {
            return all;
        }
        next = fetched.next;
        all.extend(fetched.records);
    }
}

/// What a fetch brings when the broker is there again.
pub async fn fetched(topic: &KafkaTopic, from: u64, limit: usize) -> Fetched {
    let until = Instant::now() + PATIENCE;
    loop {
        match topic.fetch(0, from, limit).await {
            Ok(fetched) => return fetched,
            Err(Failure::Retryable(why)) => assert!(Instant::now() < until, "{why}"),
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
}
