//! A broker as others use it: topics are made, cut and deleted, and producers of every kind write.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic};
use rdkafka::admin::{ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::service::wait;

/// Longer than a broker takes for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker.
pub struct Broker {
    pub at: String,
    admin: AdminClient<DefaultClientContext>,
}

/// A record to be written.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A record in that partition with that value.
pub fn record(partition: i32, value: impl Into<Vec<u8>>) -> Record {
    Record { partition, value: Some(value.into()), ..Record::default() }
}

/// The shared broker.
pub fn shared() -> Option<Broker> {
    semel_servers::kafka_for_tests().map(|at| Broker::at(&at))
}

/// A name that nobody else uses.
pub fn unique(what: &str) -> String {
    format!("{what}-{}-{:016x}", std::process::id(), RandomState::new().hash_one(what))
}

/// Wait for something that a client does.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

impl Broker {
    pub fn at(at: &str) -> Broker {
        Broker { at: at.to_owned(), admin: client(at).create().unwrap() }
    }

    /// A new topic with a name of its own.
    pub fn topic(&self, what: &str, partitions: i32) -> String {
        let name = unique(what);
        self.create(&name, partitions, &[]);
        name
    }

    /// Make a topic, also right after one of its name was deleted.
    pub fn create(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        wait(&format!("topic {name} is made"), || {
            let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
            topic.config = settings.to_vec();
            let made = block_on(self.admin.create_topics([&topic], &options())).unwrap();
            match made.into_iter().next().unwrap() {
                Ok(_) => Ok(()),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Err("one is there".to_owned()),
                Err((_, code)) => panic!("{name}: {code}"),
            }
        });
        self.ends(name, partitions);
    }

    pub fn delete(&self, name: &str) {
        let deleted = block_on(self.admin.delete_topics(&[name], &options())).unwrap();
        deleted.into_iter().next().unwrap().unwrap();
    }

    pub fn grow(&self, name: &str, partitions: usize) {
        let more = NewPartitions::new(name, partitions);
        let made = block_on(self.admin.create_partitions([&more], &options())).unwrap();
        made.into_iter().next().unwrap().unwrap();
    }

    pub fn set(&self, name: &str, setting: &str, value: &str) {
        let alter = AlterConfig::new(ResourceSpecifier::Topic(name)).set(setting, value);
        let done = block_on(self.admin.alter_configs([&alter], &options())).unwrap();
        done.into_iter().next().unwrap().unwrap();
    }

    /// Delete the records of a partition before `offset`; `None` deletes them all.
    pub fn cut(&self, name: &str, partition: i32, offset: Option<i64>) {
        let mut list = TopicPartitionList::new();
        let offset = offset.map_or(Offset::End, Offset::Offset);
        list.add_partition_offset(name, partition, offset).unwrap();
        let cut = block_on(self.admin.delete_records(&list, &options())).unwrap();
        cut.elements().iter().for_each(|it| it.error().unwrap());
    }

    /// Where each partition begins and ends.
    pub fn bounds(&self, name: &str, partitions: i32) -> Vec<(i64, i64)> {
        wait(&format!("the partitions of {name} have leaders"), || {
            // One that was told that there is no such topic says so for a while.
            let fresh: BaseConsumer = client(&self.at).create().unwrap();
            let ask = |partition| fresh.fetch_watermarks(name, partition, PATIENCE);
            (0..partitions).map(ask).collect::<Result<_, _>>().map_err(|error| error.to_string())
        })
    }

    pub fn ends(&self, name: &str, partitions: i32) -> Vec<i64> {
        self.bounds(name, partitions).into_iter().map(|(_, end)| end).collect()
    }

    /// All records of a topic, whoever wrote them, aborted ones left out.
    pub fn records(&self, name: &str, partitions: i32) -> Vec<Record> {
        let mut left = self.ends(name, partitions);
        let mut config = client(&self.at);
        config.set("group.id", "nobody").set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(name, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        while left.iter().any(|end| 0 < *end) {
            match consumer.poll(PATIENCE).expect("something comes in time") {
                Ok(message) => records.push(copy(&message)),
                Err(KafkaError::PartitionEOF(partition)) => left[partition as usize] = 0,
                Err(error) => panic!("{name}: {error}"),
            }
        }
        records
    }

    /// What a group was told.
    pub fn committed(&self, group: &str, name: &str, partitions: i32) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = client(&self.at).set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(name, 0, partitions - 1);
        let told = consumer.committed_offsets(list, PATIENCE).unwrap();
        let told: BTreeMap<i32, Option<i64>> = told
            .elements()
            .iter()
            .map(|it| (it.partition(), it.offset().to_raw().filter(|offset| 0 <= *offset)))
            .collect();
        told.into_values().collect()
    }

    /// A producer that repeats what it is not sure of.
    pub fn plain(&self) -> Writer {
        self.writer(&[("enable.idempotence", "false")])
    }

    pub fn idempotent(&self) -> Writer {
        self.writer(&[("enable.idempotence", "true")])
    }

    /// A producer whose records come in Kafka transactions.
    pub fn bracketed(&self) -> Writer {
        self.bracketed_as(&unique("foreign"))
    }

    /// One under that transactional id.
    pub fn bracketed_as(&self, name: &str) -> Writer {
        let writer = self.writer(&[("transactional.id", name)]);
        writer.producer.init_transactions(PATIENCE).unwrap();
        writer
    }

    fn writer(&self, settings: &[(&str, &str)]) -> Writer {
        let mut config = client(&self.at);
        for (name, value) in settings {
            config.set(*name, *value);
        }
        Writer { producer: config.set("linger.ms", "1").create().unwrap() }
    }
}

/// What writes.
pub struct Writer {
    producer: BaseProducer,
}

impl Writer {
    /// Write, and wait until it is written.
    pub fn send(&self, topic: &str, records: &[Record]) {
        for record in records {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let mut base = BaseRecord::<[u8], [u8]>::to(topic);
            base = base.partition(record.partition).headers(headers);
            (base.key, base.payload) = (record.key.as_deref(), record.value.as_deref());
            self.producer.send(base).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    pub fn begin(&self) {
        self.producer.begin_transaction().unwrap();
    }

    pub fn commit(&self) {
        self.producer.commit_transaction(PATIENCE).unwrap();
    }

    /// Whether another one has come under its transactional id, so that it cannot write `record`.
    pub fn is_fenced(&self, topic: &str, record: &Record) -> bool {
        use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
        self.begin();
        let base = BaseRecord::<[u8], [u8]>::to(topic).partition(record.partition);
        let sent = self.producer.send(base.payload(record.value.as_deref().unwrap_or_default()));
        sent.map_err(|(error, _)| error).unwrap();
        let refused = self.producer.commit_transaction(PATIENCE).unwrap_err();
        let code = refused.rdkafka_error_code();
        matches!(code, Some(Fenced | InvalidProducerEpoch | ProducerFenced))
    }

    pub fn abort(&self) {
        self.producer.abort_transaction(PATIENCE).unwrap();
    }
}

fn copy(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or(Vec::new(), |headers| {
        let copied = |header: Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
        };
        headers.iter().map(copied).collect()
    });
    let [key, value] = [message.key(), message.payload()].map(|bytes| bytes.map(<[u8]>::to_vec));
    Record { partition: message.partition(), key, value, headers }
}

fn client(at: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", at).set("message.max.bytes", "4000000");
    config.set("allow.auto.create.topics", "false").set("log_level", "2").clone()
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}
