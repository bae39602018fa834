//! The way to the broker: the core's view of a topic, over a network that loses requests.

use super::Broker;
use super::producer::ModelProducer;
use crate::faults::Fault;
use crate::net::Net;
use semel_core::failure::Failure;
use semel_core::wire::{About, Fetched, Topic};
use std::time::Duration;

/// How long a client waits for the broker.
const PATIENCE: Duration = Duration::from_secs(2);
/// One fetch in so many brings less than was asked for.
const SHORT_ONE_IN: u64 = 4;

/// A topic as a process sees it. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    broker: Broker,
    name: String,
    net: Net,
}

impl Client {
    /// The topic named `name`.
    pub fn new(broker: &Broker, name: &str, net: &Net) -> Client {
        Client { broker: broker.clone(), name: name.into(), net: net.clone() }
    }

    async fn ask<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Broker, &str) -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let (broker, name) = (self.broker.clone(), self.name.clone());
        let ask = async move { (!broker.is_away()).then(|| work(&broker, &name)) };
        let lost = [Fault::WireRequestLost, Fault::WireRequestLost];
        let answer = self.net.call(lost, PATIENCE, ask).await;
        answer.ok().flatten().ok_or_else(|| Failure::Retryable("the broker is away".into()))
    }
}

impl Topic for Client {
    type Producer = ModelProducer;

    async fn about(&self) -> Result<About, Failure> {
        self.ask(|broker, name| broker.about(name)).await
    }

    async fn fetch(&self, partition: u32, from: u64, limit: usize) -> Result<Fetched, Failure> {
        let limit = match self.net.world.one_in(SHORT_ONE_IN) {
            true => limit.min(2 + self.net.world.below(10) as usize),
            false => limit,
        };
        let fetch = move |broker: &Broker, name: &str| {
            let is_there = partition < broker.about(name).partitions;
            is_there.then(|| broker.fetch(name, partition, from, limit))
        };
        let nowhere = || Failure::Retryable("there is no such partition".into());
        self.ask(fetch).await?.ok_or_else(nowhere)
    }

    fn producer(&self) -> ModelProducer {
        ModelProducer::open(&self.broker, &self.name, &self.net)
    }
}
