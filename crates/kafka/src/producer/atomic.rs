//! A producer of two topics in Kafka transactions: what stands in the one stands in the other, for
//! readers of committed records.
//!
//! Its name fences: whoever begins under it makes every earlier producer of that name unable to
//! commit. It is as strong as the broker's own protocol; what is in doubt is sent again, so readers
//! of the second topic may see a row twice, and go by its ledger and seq.
//! Deliberately absent: trying again. A failed one is given up like every producer.

use super::{Client, Deliveries, Heard, enqueue, forget, is_full, over, refused};
use crate::classify::classify;
use crate::client::Listener;
use crate::settings::Settings;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _};
use semel_core::failure::{Failure, Stop};
use semel_core::wire::{Message, Producer};
use std::sync::Arc;
use std::time::Duration;

/// How long a Kafka transaction may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait where a client has no more room.
const ROOM: Duration = Duration::from_millis(5);

/// A producer of two topics.
pub struct Atomic {
    topics: Arc<Topics>,
    /// What it is made with, or why it could not be made; whether it has said its name.
    client: Result<(Arc<Client>, bool), Stop>,
    heard: Arc<Heard>,
}

/// Where messages go, and where what is beside them.
struct Topics {
    main: String,
    beside: String,
}

impl Atomic {
    /// A producer of the topics `main` and `beside` under the transactional id `name`.
    pub(crate) fn new(settings: &Settings, main: &str, beside: &str, name: &str) -> Atomic {
        let heard = Arc::<Heard>::default();
        let mut config = settings.writing();
        config.set("transactional.id", name).set("partitioner", "murmur2_random");
        let made = config.create_with_context(Deliveries(heard.clone(), Listener::default()));
        let made = made.map(|client| (Arc::new(client), false));
        let client = made.map_err(|error: KafkaError| refused(main, &error));
        let topics = Topics { main: main.to_owned(), beside: beside.to_owned() };
        Atomic { topics: Arc::new(topics), client, heard }
    }
}

impl Producer for Atomic {
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        let (client, has_begun) = self.client.as_mut().map_err(|stop| stop.clone())?;
        if messages.is_empty() {
            return Ok(());
        }
        let (own, topics, heard) = (client.clone(), self.topics.clone(), self.heard.clone());
        let is_first = !std::mem::replace(has_begun, true);
        let work = move || {
            if is_first {
                own.init_transactions(PATIENCE).map_err(|error| failure(&error))?;
            }
            commit(&own, &topics, &heard, &messages)
        };
        tokio::task::spawn_blocking(work).await.expect("sending does not panic")
    }
}

impl Drop for Atomic {
    fn drop(&mut self) {
        if let Ok((client, _)) = std::mem::replace(&mut self.client, Err(over())) {
            forget(client);
        }
    }
}

/// Send all `messages` in one Kafka transaction.
fn commit(
    client: &Client,
    topics: &Topics,
    heard: &Heard,
    messages: &[Message],
) -> Result<(), Failure> {
    client.begin_transaction().map_err(|error| failure(&error))?;
    for message in messages {
        patient(|| enqueue(client, &topics.main, message))?;
        patient(|| enqueue_beside(client, &topics.beside, message))?;
    }
    let committed = client.commit_transaction(PATIENCE).map_err(|error| failure(&error));
    committed.and(heard.failure().map_or(Ok(()), Err))
}

/// Enqueue again while there is no room.
fn patient(enqueue: impl Fn() -> Result<(), KafkaError>) -> Result<(), Failure> {
    loop {
        match enqueue() {
            Err(error) if is_full(&error) => std::thread::sleep(ROOM),
            done => return done.map_err(|error| failure(&error)),
        }
    }
}

fn enqueue_beside(client: &Client, topic: &str, message: &Message) -> Result<(), KafkaError> {
    let Message { raw, beside, .. } = message;
    let Some(value) = beside else { return Ok(()) };
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).payload(value.as_slice());
    record.key = raw.key.as_deref();
    client.send(record).map_err(|(error, _)| error)
}

/// What it means that a Kafka transaction failed: whatever it was, it may have been committed,
/// unless there was no right to begin it.
fn failure(error: &KafkaError) -> Failure {
    use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
    use RDKafkaErrorCode::{TopicAuthorizationFailed, TransactionalIdAuthorizationFailed};
    match error.rdkafka_error_code() {
        Some(Fenced | InvalidProducerEpoch | ProducerFenced) => {
            tracing::warn!(%error, "another instance publishes under the same name; it goes on");
            Failure::Fenced
        }
        Some(TopicAuthorizationFailed | TransactionalIdAuthorizationFailed) => {
            classify("a Kafka transaction", error)
        }
        _ => Failure::Unknown(format!("a Kafka transaction failed: {error}")),
    }
}
