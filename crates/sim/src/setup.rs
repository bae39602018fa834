//! What is set up in a run: ledgers, ingests, processes, how much is asked. Drawn from the seed.

use crate::world::World;
use semel_core::ingest::topic::Intake;
use semel_core::publish::{Key, Publication};
use std::time::Duration;

/// The topic that events are published to.
pub const PUBLISHED: &str = "payments.event";

/// How many partitions it has at most.
pub const MOST_PARTITIONS: u32 = 4;

/// How messages of topics and lines of files are taken.
const MAPPING: &str = r#"
    idempotency_key = { at = "/id" }
    amount = { at = "/amount", unit = "minor" }
    currency = { at = "/currency" }
    debit_account = { at = "/from" }
    credit_account = { at = "/to" }
    open_accounts = { debit = "unlimited", credit = "none" }
"#;

/// A run's surroundings.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The ledgers' names; a ledger's number is its place, counted from 1.
    pub ledgers: Vec<String>,
    /// Topics and the ledgers that they are taken into.
    pub topics: Vec<Feed>,
    /// Files and the ledgers that they are taken into.
    pub files: Vec<Feed>,
    /// How many processes there are.
    pub processes: u64,
    /// How many clients ask them.
    pub clients: u64,
    /// How many partitions the published topic has.
    pub partitions: u32,
    /// What its records' keys are.
    pub key: Key,
    /// How many payments are wished for at doors.
    pub wishes: u64,
    /// For how long things go wrong.
    pub faulty: Duration,
}

/// Something that an ingest takes.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The ingest's name, and the topic's or the file's.
    pub name: String,
    /// The ledger's number.
    pub ledger: u32,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many payments are wished for there.
    pub wishes: u64,
}

impl Setup {
    /// What the seed of `world` sets up, for so many payments.
    pub fn draw(world: &World, payments: u64, max_processes: u64) -> Setup {
        let ledgers = 1 + world.below(3);
        let feeds = |kind: &str, share: u64| {
            let count = world.below(3);
            let feed = |number| Feed {
                name: format!("{kind}-{number}"),
                ledger: 1 + world.below(ledgers) as u32,
                partitions: if kind == "topic" { 1 + world.below(3) as u32 } else { 1 },
                wishes: share / count.max(1),
            };
            (0..count).map(feed).collect::<Vec<_>>()
        };
        let (topics, files) = (feeds("topic", payments / 4), feeds("file", payments / 6));
        let fed: u64 = topics.iter().chain(&files).map(|feed| feed.wishes).sum();
        Setup {
            ledgers: (0..ledgers).map(|number| format!("ledger-{number}")).collect(),
            topics,
            files,
            processes: 1 + world.below(max_processes),
            clients: 2 + world.below(10),
            partitions: 1 + world.below(u64::from(MOST_PARTITIONS)) as u32,
            key: [Key::DebitAccount, Key::CreditAccount, Key::Payment][world.below(3) as usize],
            wishes: payments - fed,
            faulty: Duration::from_secs(20 + world.below(40)),
        }
    }

    /// How a ledger is published.
    pub fn publication(&self, ledger: u32) -> Publication {
        let name = self.ledgers[ledger as usize - 1].as_str().into();
        Publication { ledger, name, topic: PUBLISHED.into(), key: self.key, beside: false }
    }
}

impl Feed {
    /// How it is taken.
    pub fn intake(&self, step: usize) -> Intake {
        let mapping = toml::from_str(MAPPING).expect("the mapping is a mapping");
        Intake { name: self.name.as_str().into(), mapping, step }
    }
}
