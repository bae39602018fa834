//! A topic on a real broker: what the core reads and writes.

use crate::classify::of_code;
use crate::client::{Admin, Consumer, Listener};
use crate::inspect::configured;
use crate::native::{Described, describe, hear};
use crate::producer::{Atomic, KafkaProducer, Plain};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::stream::{PATIENCE, Stream, bounds};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_core::wire::{About, Fetched, Topic};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;

/// How long a topic's name may be, in bytes.
const NAME_MAX: usize = 249;

/// A topic. Cheap to clone.
#[derive(Clone)]
pub struct KafkaTopic {
    name: String,
    settings: Arc<Settings>,
    admin: Arc<Admin>,
    consumer: Arc<Consumer>,
    streams: Arc<Mutex<BTreeMap<u32, Arc<AsyncMutex<Stream>>>>>,
    progress: Arc<Progress>,
    trouble: Arc<Mutex<Option<String>>>,
    beside: Option<Beside>,
    gather: Duration,
}

/// What is written together with a topic.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The other topic.
    pub topic: String,
    /// The transactional id: one writes under it at a time.
    pub name: String,
}

impl KafkaTopic {
    /// The same topic, whose fetches wait for so long for more once something is there: fewer and
    /// larger.
    #[must_use]
    pub fn gathering(mut self, gather: Duration) -> KafkaTopic {
        self.gather = gather;
        self
    }

    /// The same topic, whose producers write what is beside each message to another one.
    #[must_use]
    pub fn with(mut self, beside: Beside) -> KafkaTopic {
        self.beside = Some(beside);
        self
    }

    /// The topic named `name`; how far it is taken is told to the group named `group`, for people.
    ///
    /// # Errors
    /// `WireRefused` when librdkafka cannot work with the settings here.
    pub(crate) fn new(
        (settings, admin): (&Arc<Settings>, &Arc<Admin>),
        name: &str,
        group: Option<&str>,
    ) -> Result<KafkaTopic, Stop> {
        let refused = |why: String| Stop::new(Code::WireRefused, format!("topic {name:?}: {why}"));
        if !(1..=NAME_MAX).contains(&name.len()) || name.contains('\0') {
            return Err(refused(format!("a name has 1 to {NAME_MAX} bytes, and none is zero")));
        }
        let mut config = settings.reading();
        if let Some(group) = group {
            config.set("group.id", group);
        }
        let made: Result<Consumer, KafkaError> = config.create_with_context(Listener::default());
        let consumer = Arc::new(made.map_err(|error| refused(error.to_string()))?);
        let progress = Arc::<Progress>::default();
        progress.tell(&consumer, name, group.is_some());
        Ok(KafkaTopic {
            name: name.to_owned(),
            settings: settings.clone(),
            admin: admin.clone(),
            consumer,
            streams: Arc::default(),
            progress,
            trouble: Arc::default(),
            beside: None,
            gather: Duration::ZERO,
        })
    }

    /// How far each partition is taken.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Why the broker did not do what it was asked last, if it did not.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().expect("nobody panics while holding it").clone()
    }

    /// What the broker answered, noted; a failure with what the clients have heard of it.
    fn noted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        hear(&self.admin);
        let listeners = [self.consumer.context(), self.admin.inner().context()];
        let answer = match answer {
            Ok(answer) => {
                listeners.iter().for_each(|listener| listener.forget());
                Ok(answer)
            }
            Err(failure) => {
                Err(listeners.iter().fold(failure, |failure, listener| listener.explain(failure)))
            }
        };
        let mut trouble = self.trouble.lock().expect("nobody panics while holding it");
        *trouble = answer.as_ref().err().map(Failure::to_string);
        answer
    }

    fn stream(&self, partition: u32) -> Arc<AsyncMutex<Stream>> {
        let mut streams = self.streams.lock().expect("nobody panics while holding it");
        let stream = || Stream::new(&self.consumer, &self.name, partition, self.gather);
        let new = || Arc::new(AsyncMutex::new(stream()));
        streams.entry(partition).or_insert_with(new).clone()
    }

    async fn is_compacted(&self) -> Result<bool, Failure> {
        let told = configured(&self.admin, &self.name).await?;
        let policy = told.get("cleanup.policy").and_then(|entry| entry.value.as_deref());
        Ok(policy.is_some_and(|policy| policy.contains("compact")))
    }
}

impl Topic for KafkaTopic {
    type Producer = KafkaProducer;

    async fn about(&self) -> Result<About, Failure> {
        let asked = async {
            let described = describe(&self.admin, &self.name, false, PATIENCE).await;
            let Described { id, partitions, .. } =
                described.map_err(|code| of_code(&format!("topic {}", self.name), code))?;
            let compacted = self.is_compacted().await?;
            Ok(About { id, partitions, compacted })
        };
        self.noted(asked.await)
    }

    async fn bounds(&self, partition: u32) -> Result<(u64, u64), Failure> {
        self.noted(bounds(&self.consumer, &self.name, partition).await)
    }

    async fn fetch(&self, partition: u32, from: u64, limit: usize) -> Result<Fetched, Failure> {
        let stream = self.stream(partition);
        let mut stream = stream.lock().await;
        let fetched = self.noted(stream.fetch(&self.admin, from, limit).await)?;
        self.progress.note(partition, from, &fetched, stream.held_back());
        Ok(fetched)
    }

    fn producer(&self) -> KafkaProducer {
        let (settings, main) = (&self.settings, &self.name);
        match &self.beside {
            None => KafkaProducer::Plain(Plain::new(settings, main)),
            Some(Beside { topic, name }) => {
                KafkaProducer::Atomic(Atomic::new(settings, main, topic, name))
            }
        }
    }
}
