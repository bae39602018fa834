//! The broker of a test, and records of ours as a test writes them.

use krafka::admin::{CreateTopicsOptions, NewTopic};
use krafka::producer::{Producer, TransactionalProducer};
use krafka::{Kafka, Record};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A topic of the test's own.
pub struct Topic {
    pub bootstrap: String,
    pub name: String,
    pub kafka: Kafka,
}

impl Topic {
    /// A new topic with `partitions` partitions; `None` where there is no broker.
    pub async fn new(partitions: i32) -> Option<Topic> {
        let bootstrap = bootstrap()?;
        let kafka = Kafka::builder(&bootstrap).connect().await.expect("the broker answers");
        let name = format!("checker-{}", unique());
        let topic = NewTopic::new(&name, partitions, 1).expect("the name is one");
        let created = kafka.admin().create_topics([topic], CreateTopicsOptions::default()).await;
        created.expect("the broker answers").remove(&name).expect("it tells of it").expect("made");
        Some(Topic { bootstrap, name, kafka })
    }

    pub async fn producer(&self) -> Producer {
        self.kafka.producer().build().await.expect("the broker answers")
    }

    pub async fn kafka_transaction(&self) -> TransactionalProducer {
        let id = format!("checker-{}", unique());
        let producer = self.kafka.producer().build_transactional(id).await;
        producer.expect("the broker gives it a producer id")
    }

    /// A record of the ledger `main` without key and value.
    pub fn record(&self, partition: i32, prev: u64, seq: u64) -> Record {
        let hash = |seq: u64| format!("{seq:064x}");
        Record::new(&*self.name, "{}")
            .partition(partition)
            .header("semel-ledger", "main")
            .header("semel-seq", seq.to_string())
            .header("semel-hash", hash(seq))
            .header("semel-prev", prev.to_string())
            .header("semel-prev-hash", hash(prev))
    }

    /// What follows it to its end.
    pub fn options(&self) -> semel_checker::Options {
        semel_checker::Options {
            bootstrap: self.bootstrap.clone(),
            topic: self.name.clone(),
            ledgers: Vec::new(),
            uncommitted: false,
            until: semel_checker::Until::End,
            patience: Duration::from_secs(20),
            may_begin_late: false,
        }
    }
}

/// Write a record, and wait until it is.
pub async fn write(producer: &Producer, record: Record) {
    let written = producer.send(record).await.expect("the broker takes it");
    assert!(written.is_persisted());
}

/// Write a record within the open Kafka transaction, and wait until it is.
pub async fn write_within(producer: &TransactionalProducer, record: Record) {
    let written = producer.send(record).await.expect("the broker takes it");
    assert!(written.is_persisted());
}

/// The broker that tests share.
pub fn bootstrap() -> Option<String> {
    semel_servers::for_tests::kafka_for_tests()
}

/// A number that nobody else has drawn.
fn unique() -> u64 {
    RandomState::new().hash_one("a topic")
}
