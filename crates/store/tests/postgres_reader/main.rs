//! What readers and the auditor tell of a store on PostgreSQL, each test in a database of its own.

use common::postgres::{database, session};
use common::{binding, command};
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Step, Target};
use semel_core::id::EventId;
use semel_core::ledger::{Command, Decision, Keys, Outcome, decide};
use semel_core::payment::{Capture, Identity, Operation};
use semel_store::postgres::{Postgres, Reader};
use tokio_postgres::Client;

mod audit;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../common/mod.rs"]
mod common;
mod letters;
mod reads;

/// A new store with one ledger, and a session beside it, as somebody with a database shell has it.
struct Shop {
    url: String,
    store: Postgres,
    ledger: u32,
    shell: Client,
}

impl Shop {
    /// `None` where there is no server.
    async fn open() -> Option<Shop> {
        let url = database(&semel_servers::postgres_for_tests()?).await;
        let store = Postgres::open(&url).await.unwrap();
        let ledger = store.ledger("main").await.unwrap().no;
        let shell = session(&url).await;
        Some(Shop { url, store, ledger, shell })
    }

    fn reader(&self) -> &Reader {
        self.store.reader()
    }

    /// One step at the door.
    async fn ask(&self, commands: &[Command]) -> Vec<Outcome> {
        let claim = self.store.door(self.ledger).claim().await.unwrap();
        let step = claim.begin(Keys::of(commands)).await.unwrap();
        let Decision { outcomes, effects } = decide(commands, step.snapshot());
        step.commit(effects, Cursor::START).await.unwrap();
        outcomes
    }

    async fn pay(&self, key: &str, amount: i64, capture: Capture) -> Event {
        let Command::Pay(identity, mut pay) = command(key) else { unreachable!() };
        (pay.amount, pay.capture) = (amount, capture);
        recorded(&self.ask(&[Command::Pay(identity, pay)]).await[0])
    }

    async fn operate(&self, key: &str, on: EventId, what: Operation) -> Event {
        let identity = Identity { namespace: "".into(), key: key.into() };
        recorded(&self.ask(&[Command::Operate(identity, on, what)]).await[0])
    }

    /// Change rows, or what holds them.
    async fn alter(&self, sql: &str) {
        self.shell.batch_execute(sql).await.unwrap();
    }
}

fn recorded(outcome: &Outcome) -> Event {
    match outcome {
        Outcome::Recorded { event, .. } => (**event).clone(),
        other => panic!("not recorded: {other:?}"),
    }
}
