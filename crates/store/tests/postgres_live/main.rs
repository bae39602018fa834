//! The store on real PostgreSQL servers that are cut off, killed, stopped, full and set up wrongly.
//!
//! Each test has a database of its own; one that ends or fills a server has that to itself as well.
//! What lies between a store and its server is a [`proxy::Proxy`], which knows so much of the wire
//! that it can lose the one answer that matters.

use common::audit::found;
use common::postgres::{database, session};
use common::{binding, command};
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Command, Decision, Keys, Outcome, decide};
use semel_core::problem::Code;
use semel_store::postgres::{Form, Options, Postgres, PostgresClaim, Reader};
use std::time::Duration;
use tokio_postgres::Client;

mod answers;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../common/mod.rs"]
mod common;
mod defects;
mod ended;
mod full;
mod idle;
mod layers;
mod load;
mod migrating;
mod plans;
mod proxy;
mod refused;
mod stopped;
mod storm;
mod texts;
mod tls;

/// A new database with one ledger, and a session beside it, as somebody with a shell has it.
struct Shop {
    url: String,
    ledger: u32,
    shell: Client,
}

impl Shop {
    /// On the server at `server`, which names some other database.
    async fn on(server: &str) -> Shop {
        let url = database(server).await;
        let ledger = store(&url).await.ledger("main").await.unwrap().no;
        let shell = session(&url).await;
        Shop { url, ledger, shell }
    }

    /// `None` where there is no server.
    async fn open() -> Option<Shop> {
        Some(Shop::on(&semel_servers::postgres_for_tests()?).await)
    }

    async fn by_hand(&self, statements: &str) {
        self.shell.batch_execute(statements).await.unwrap();
    }

    /// The log, once it is proved: all that the auditor is told fits.
    async fn proved(&self) -> Vec<Event> {
        let reader = Reader::open(&self.url).await.unwrap();
        assert_eq!(found(&reader.audit().unwrap()), []);
        reader.events(self.ledger, 0, usize::MAX).unwrap()
    }

    /// The keys in the log, as somebody else sees them.
    async fn shell_keys(&self) -> Vec<String> {
        const ASK: &str = "SELECT key FROM event WHERE key IS NOT NULL ORDER BY pos";
        let rows = self.shell.query(ASK, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The keys in the log, which is proved.
    async fn keys(&self) -> Vec<String> {
        let events = self.proved().await;
        events.iter().filter_map(|event| event.key.as_deref().map(String::from)).collect()
    }
}

/// Another process's store, whose claims are granted at once.
async fn store(url: &str) -> Postgres {
    store_of(url, Form::Resident).await
}

async fn store_of(url: &str, form: Form) -> Postgres {
    let options = Options { leg_deadline: Duration::ZERO, form, ..Options::default() };
    Postgres::open_with(url, options).await.unwrap()
}

/// One step at the door of a ledger.
async fn ask(store: &Postgres, ledger: u32, commands: &[Command]) -> Result<Vec<Outcome>, Failure> {
    let step = store.door(ledger).claim().await?.begin(Keys::of(commands)).await?;
    let Decision { outcomes, effects } = decide(commands, step.snapshot());
    step.commit(effects, Cursor::START).await?;
    Ok(outcomes)
}

/// Pay one cent under `key`: the event, and whether it was there before.
async fn pay(store: &Postgres, ledger: u32, key: &str) -> Result<(Event, bool), Failure> {
    let outcomes = ask(store, ledger, &[command(key)]).await?;
    Ok(recorded(&outcomes[0]))
}

/// What a payment's outcome recorded, and whether before.
fn recorded(outcome: &Outcome) -> (Event, bool) {
    match outcome {
        Outcome::Recorded { event, replayed } => ((**event).clone(), *replayed),
        other => panic!("not recorded: {other:?}"),
    }
}

/// One step of a leg: a payment for each of `keys`, which are as many items of the source.
async fn take(claim: PostgresClaim, keys: &[&str]) -> Result<PostgresClaim, Failure> {
    let Cursor { next, tail, .. } = *claim.cursor();
    let to = Cursor { next: next + keys.len() as u64, tail, hint: next };
    let commands: Vec<Command> = keys.iter().map(|key| command(key)).collect();
    let step = claim.begin(Keys::of(&commands)).await?;
    let effects = decide(&commands, step.snapshot()).effects;
    step.commit(effects, to).await
}

/// The named stop that a call ended in.
fn stop<T>(result: Result<T, Failure>) -> Code {
    match result {
        Err(Failure::Permanent(stop)) => stop.code,
        Err(other) => panic!("no stop: {other}"),
        Ok(_) => panic!("no stop: it went well"),
    }
}

/// Say past the harness that a test did not run; where `CI` is set it fails instead.
fn skipped(cause: &str) {
    use std::io::Write;
    assert!(std::env::var_os("CI").is_none(), "{cause}");
    let current = std::thread::current();
    let line = format!("SKIPPED {}: {cause}\n", current.name().unwrap_or("a test"));
    // What cannot be said on a closed terminal need not be.
    let _closed = std::io::stderr().write_all(line.as_bytes());
}
