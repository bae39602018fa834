//! A topic of somebody else and the ingest that takes it.

use crate::books::Books;
use crate::broker::Broker;
use crate::time::Clock;
use semel_core::dead_letter::Raw;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_core::ingest::topic::{Intake, take};
use semel_core::leg::Pace;
use semel_core::problem::Code;
use std::collections::BTreeSet;
use std::future::ready;
use std::time::Duration;

/// By then everything that is going to happen has happened.
const LONG: Duration = Duration::from_secs(60);

const MAPPING: &str = r#"
idempotency_key = { at = "/id" }
amount = { value = "7", unit = "minor" }
currency = { value = "USD" }
debit_account = { value = "them" }
credit_account = { value = "us" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;

/// Somebody else's topic `t1`, what takes it, and where.
pub struct Shop {
    pub clock: Clock,
    pub broker: Broker,
    pub books: Books,
    intake: Intake,
}

impl Shop {
    pub fn new(partitions: u32, step: usize) -> Shop {
        let clock = Clock::default();
        let (broker, books) = (Broker::new("t1", partitions), Books::new(&clock));
        let mapping = toml::from_str(MAPPING).unwrap();
        Shop { clock, broker, books, intake: Intake { name: "shop".into(), mapping, step } }
    }

    /// Append the order `id`.
    pub fn order(&self, partition: usize, id: &str) {
        let value = Some(format!(r#"{{"id":"{id}"}}"#).into_bytes());
        self.broker.put(partition, Raw { value, ..Raw::default() });
    }

    /// Append the orders numbered `numbers`.
    pub fn orders(&self, partition: usize, numbers: std::ops::Range<u32>) {
        numbers.for_each(|number| self.order(partition, &number.to_string()));
    }

    /// A process takes the topic for as long as there is `more` to wait for; why it ended.
    pub fn take_while(&self, owner: u32, mut more: impl FnMut() -> bool) -> Option<Failure> {
        let end = self.clock.now() + LONG;
        let targets =
            |source: semel_core::Text, first| ready(Ok(self.books.leg(&source, first, owner)));
        let taken = take(&self.intake, (&self.broker, &self.clock), targets);
        self.clock.run(taken, || self.clock.now() < end && more())
    }

    /// A process takes the topic for a while.
    #[track_caller]
    pub fn takes(&self) {
        assert_eq!(self.take_while(1, || true), None);
    }

    /// The name of the stop that taking ends with.
    #[track_caller]
    pub fn stops(&self) -> Code {
        match self.take_while(1, || true) {
            Some(Failure::Permanent(stop)) => stop.code,
            other => panic!("no stop, but {other:?}"),
        }
    }

    /// The keys of all payments, in the order of the log. Read are as many as were paid.
    pub fn paid(&self) -> Vec<String> {
        let store = &self.books.state().store;
        let keys: Vec<String> =
            store.log.iter().filter_map(|event| event.key.as_deref()).map(String::from).collect();
        let distinct: BTreeSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "a key is paid once");
        keys
    }

    /// How many records were read of a partition, and how many of them were repeats.
    pub fn read(&self, topic: &str, partition: u32) -> (i64, i64) {
        let counts =
            self.books.state().store.counts.get(&Intake::source(topic, partition)).copied();
        let counts = counts.unwrap_or_default();
        (counts.read, counts.duplicates)
    }

    pub fn cursor(&self, topic: &str, partition: u32) -> Cursor {
        self.books.at(&Intake::source(topic, partition))
    }
}
