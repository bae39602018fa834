//! What writes to a topic: librdkafka's idempotent producer, given up at the first doubt; or, where
//! something goes to another topic beside it, the producer in `atomic`.
//!
//! An acknowledgement is heard for one thing only, to notice that one is missing: what the log
//! really holds is found out by reading it. Order holds within a producer's life; whoever goes on
//! after a doubt does so with a new one, from behind what was read.
//! Deliberately absent: choosing partitions, and trying again.

mod atomic;

use crate::client::Listener;
use crate::settings::Settings;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_core::wire::{Message, Producer};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

pub(crate) use atomic::Atomic;

type Client = ThreadedProducer<Deliveries>;

/// A producer of one topic.
pub enum KafkaProducer {
    /// Of that alone.
    Plain(Plain),
    /// Of that, and of another beside it.
    Atomic(Atomic),
}

impl Producer for KafkaProducer {
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        match self {
            KafkaProducer::Plain(producer) => producer.send(messages).await,
            KafkaProducer::Atomic(producer) => producer.send(messages).await,
        }
    }
}

/// A producer of one topic alone.
pub struct Plain {
    topic: String,
    /// What it is made with, or why it could not be made.
    client: Result<Arc<Client>, Stop>,
    heard: Arc<Heard>,
}

/// What is heard of deliveries.
#[derive(Default)]
struct Heard {
    failed: Mutex<Option<String>>,
    /// Something was delivered, or failed.
    news: Notify,
}

/// Hears of deliveries.
struct Deliveries(Arc<Heard>, Listener);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.1.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.1.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.fail(&error.to_string());
        }
        self.0.news.notify_one();
    }
}

impl Heard {
    fn fail(&self, why: &str) {
        let mut failed = self.failed.lock().expect("nobody panics while holding it");
        failed.get_or_insert_with(|| why.to_owned());
    }

    fn failure(&self) -> Option<Failure> {
        let failed = self.failed.lock().expect("nobody panics while holding it");
        failed.as_ref().map(|why| Failure::Unknown(format!("a delivery failed: {why}")))
    }
}

impl Plain {
    /// A producer of the topic named `topic`.
    pub(crate) fn new(settings: &Settings, topic: &str) -> Plain {
        let heard = Arc::<Heard>::default();
        let made =
            settings.writing().create_with_context(Deliveries(heard.clone(), Listener::default()));
        let client = made.map(Arc::new).map_err(|error: KafkaError| refused(topic, &error));
        Plain { topic: topic.to_owned(), client, heard }
    }
}

impl Producer for Plain {
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        let client = self.client.as_ref().map_err(Stop::clone)?;
        for message in messages {
            loop {
                if let Some(failure) = self.heard.failure() {
                    return Err(failure);
                }
                match enqueue(client, &self.topic, &message) {
                    Ok(()) => break,
                    Err(error) if is_full(&error) => self.heard.news.notified().await,
                    Err(error) => {
                        self.heard.fail(&error.to_string());
                        return Err(Failure::Unknown(format!("a message is refused: {error}")));
                    }
                }
            }
        }
        self.heard.failure().map_or(Ok(()), Err)
    }
}

/// What is on its way is forgotten; that may take a moment, in which nobody else has to wait.
impl Drop for Plain {
    fn drop(&mut self) {
        if let Ok(client) = std::mem::replace(&mut self.client, Err(over())) {
            forget(client);
        }
    }
}

/// librdkafka makes no producer of `topic`, most often because settings do not go together.
fn refused(topic: &str, error: &KafkaError) -> Stop {
    Stop::new(Code::WireRefused, format!("a producer of topic {topic}: {error}"))
}

/// What a producer is when its client has gone.
fn over() -> Stop {
    Stop::new(Code::WireRefused, "the producer is over")
}

/// Let a client go that may have messages on their way.
fn forget(client: Arc<Client>) {
    // Where the system has no thread to give, what it was to do is dropped here.
    let _ended = std::thread::Builder::new().spawn(move || drop(client));
}

fn enqueue(client: &Client, topic: &str, message: &Message) -> Result<(), KafkaError> {
    let Message { partition, raw, .. } = message;
    let mut headers = OwnedHeaders::new_with_capacity(raw.headers.len());
    for (key, value) in &raw.headers {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let partition = i32::try_from(*partition).expect("a broker numbers partitions by 31 bits");
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).headers(headers);
    record.key = raw.key.as_deref();
    record.payload = raw.value.as_deref();
    client.send(record).map_err(|(error, _)| error)
}

fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}
