//! A producer: batches on their way, some of which fail, come twice, come late, or are lost after
//! they were acknowledged.

use super::Broker;
use crate::faults::Fault;
use crate::net::Net;
use crate::world::OUTSIDE;
use semel_core::failure::Failure;
use semel_core::wire::{Message, Producer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many calls' messages are on their way at most.
const IN_FLIGHT: usize = 4;
/// How long after its producer's end a batch may still arrive.
const LATE: Duration = Duration::from_secs(40);

/// A producer of one topic.
pub struct ModelProducer {
    batches: mpsc::Sender<Vec<Message>>,
    failed: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
}

/// What carries batches to the broker; it outlives the producer.
struct Carrier {
    broker: Broker,
    topic: String,
    net: Net,
    failed: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
}

impl ModelProducer {
    /// A producer of the topic named `topic`.
    pub fn open(broker: &Broker, topic: &str, net: &Net) -> ModelProducer {
        let (batches, mut queue) = mpsc::channel(IN_FLIGHT);
        let (failed, closed) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let carrier = Carrier {
            broker: broker.clone(),
            topic: topic.into(),
            net: net.clone(),
            failed: failed.clone(),
            closed: closed.clone(),
        };
        net.world.spawn(OUTSIDE, async move {
            while let Some(messages) = queue.recv().await {
                carrier.carry(messages).await;
            }
        });
        ModelProducer { batches, failed, closed }
    }
}

impl Producer for ModelProducer {
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        let lost = || Failure::Unknown("a delivery failed".into());
        if self.failed.load(Ordering::Relaxed) {
            return Err(lost());
        }
        self.batches.send(messages).await.map_err(|_| lost())
    }
}

impl Drop for ModelProducer {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl Carrier {
    /// Carry messages to their partitions, batch by batch, each with its own fate.
    async fn carry(&self, messages: Vec<Message>) {
        let mut messages = messages.into_iter().peekable();
        while messages.peek().is_some() {
            let size = 1 + self.net.world.below(40) as usize;
            let batch: Vec<Message> = messages.by_ref().take(size).collect();
            self.net.travel().await;
            self.deliver(batch).await;
        }
    }

    async fn deliver(&self, batch: Vec<Message>) {
        let faults = &self.net.faults;
        if self.closed.load(Ordering::Relaxed) {
            if faults.strikes(Fault::WireZombie) {
                self.append_later(batch);
            }
            return;
        }
        if self.broker.is_away() || faults.strikes(Fault::WireUndelivered) {
            return self.failed.store(true, Ordering::Relaxed);
        }
        if faults.strikes(Fault::WireDropped) {
            return;
        }
        if faults.strikes(Fault::WireRepeated) {
            self.append_later(batch.clone());
        }
        if faults.strikes(Fault::WireDoubtful) {
            self.failed.store(true, Ordering::Relaxed);
        }
        append(&self.broker, &self.topic, batch);
    }

    /// Append after a while, whatever has come in between.
    fn append_later(&self, batch: Vec<Message>) {
        let (broker, topic) = (self.broker.clone(), self.topic.clone());
        let wait = self.net.world.sleep(self.net.world.some_time(LATE));
        self.net.world.spawn(OUTSIDE, async move {
            wait.await;
            append(&broker, &topic, batch);
        });
    }
}

fn append(broker: &Broker, topic: &str, batch: Vec<Message>) {
    let partitions = broker.about(topic).partitions;
    for Message { partition, raw, .. } in batch.into_iter().filter(|it| it.partition < partitions) {
        broker.append(topic, partition, raw, None);
    }
}
