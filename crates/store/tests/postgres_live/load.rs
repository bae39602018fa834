//! Those who pay: callers at a door, owners of a leg, and a book of what they were told.

use super::{Postgres, command, recorded};
use semel_core::dead_letter::Raw;
use semel_core::exactly_once::door::{GivenUp, pass};
use semel_core::exactly_once::pump::{Ended, pump};
use semel_core::exactly_once::{Batch, Cursor, Failure, Source};
use semel_core::failure::Stop;
use semel_core::ingest::{Ingest, Item};
use semel_core::ledger::{Command, Decision, Keys, decide};
use semel_core::payment::Identity;
use semel_store::postgres::PostgresTarget;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::timeout;

/// Between two tries; a server that is down is not asked a thousand times a second.
const PACE: Duration = Duration::from_millis(10);

/// The pace of those who try again.
pub async fn pace() {
    let _passed = timeout(PACE, pending::<()>()).await;
}

/// A key, and the seq of the event that answered it: what a caller was told holds for ever.
#[derive(Default)]
pub struct Book(Mutex<BTreeMap<String, u64>>);

impl Book {
    /// Somebody was told that `key` is the event `seq`.
    pub fn note(&self, key: &str, seq: u64) {
        let before = *self.0.lock().unwrap().entry(key.to_owned()).or_insert(seq);
        assert_eq!(before, seq, "{key} was answered with two events");
    }

    /// What everybody was told, together.
    pub fn told(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap().clone()
    }
}

/// Pay one cent under each of `keys`, in one step at the door, again while that may help.
pub async fn knock(
    store: &Postgres,
    ledger: u32,
    keys: &[String],
    tries: u32,
) -> Result<Vec<bool>, GivenUp> {
    knock_and_note(store, ledger, keys, tries, &Book::default()).await
}

/// As [`knock`], and note the answers. Whether each was there before.
pub async fn knock_and_note(
    store: &Postgres,
    ledger: u32,
    keys: &[String],
    tries: u32,
    book: &Book,
) -> Result<Vec<bool>, GivenUp> {
    let commands: Vec<Command> = keys.iter().map(|key| command(key)).collect();
    let decided = |snapshot: &_| {
        let Decision { outcomes, effects } = decide(&commands, snapshot);
        (outcomes, effects)
    };
    let door = store.door(ledger);
    let outcomes = pass(&door, || Keys::of(&commands), decided, tries, |_, _| pace()).await?;
    let answers = keys.iter().zip(&outcomes).map(|(key, outcome)| {
        let (event, replayed) = recorded(outcome);
        book.note(key, event.seq);
        replayed
    });
    Ok(answers.collect())
}

/// A source of so many payments, every fifth of which repeats the one before it.
pub struct Feed(pub u64);

impl Feed {
    /// The keys that its payments have.
    pub fn keys(&self) -> usize {
        (0..self.0).filter(|number| number % 5 != 4).count()
    }
}

impl Source for Feed {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Item>>, Failure> {
        let end = self.0.min(from.next + limit as u64);
        let items: Vec<Item> = (from.next..end).map(item).collect();
        let to = Cursor { next: end, ..*from };
        Ok((!items.is_empty()).then_some(Batch { items, to }))
    }
}

fn item(number: u64) -> Item {
    let key = if number % 5 == 4 { number - 1 } else { number };
    let Command::Pay(identity, pay) = command(&format!("line-{key}")) else { unreachable!() };
    let identity = Identity { namespace: "source".into(), ..identity };
    Item { line: number + 1, raw: Raw::default(), content: Ok(Command::Pay(identity, pay)) }
}

/// Carry `feed` by the source named `source` until it is empty, whoever else does so too; `failed`
/// is told of each step that did not go well.
pub async fn carry(
    leg: &PostgresTarget,
    source: &str,
    feed: &mut Feed,
    failed: impl Fn(&Failure),
) -> Result<(), Stop> {
    let logic = Ingest { source: source.into() };
    loop {
        let wait = |_, failure: &Failure| {
            failed(failure);
            pace()
        };
        match pump(feed, leg, &logic, 7, wait).await {
            Ended::Done => return Ok(()),
            Ended::Fenced => pace().await,
            Ended::Stopped(stop) => return Err(stop),
        }
    }
}
