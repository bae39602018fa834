//! `semel ledger`: make ledgers, list them.
//!
//! Deliberately absent: deleting one. Its log is a record of what happened.

use crate::cli::{Global, Ledger};
use crate::config::{self, Config};
use crate::exit::{Exit, misused};
use crate::output::{grouped, say, table};
use crate::place;
use crate::verify::Head;
use crate::wiring::{Reader, Store};
use semel_core::failure::Failure;
use semel_store::rows;
use serde_json::{Value, json};

/// Run `semel ledger`.
///
/// # Errors
/// `Configuration` for a name that is none; every stop of a store.
pub async fn run(global: &Global, args: &Ledger) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    match args {
        Ledger::Create { name } => create(global, &config, name).await,
        Ledger::List => list(global, &config).await,
    }
}

async fn create(global: &Global, config: &Config, name: &str) -> Result<Exit, Failure> {
    config::name("ledger", name).map_err(misused)?;
    place::prepare(config)?;
    let store = Store::open(&config.store).await?;
    let made = store.ledger(name).await;
    store.close().await;
    let ledger = made?;
    match global.json {
        true => say(&shown(&ledger).to_string())?,
        false => say(&format!("ledger {} is number {} of the store", ledger.id, ledger.no))?,
    }
    Ok(Exit::Done)
}

async fn list(global: &Global, config: &Config) -> Result<Exit, Failure> {
    let ledgers = Reader::open(place::existing(config)?).await?.ledgers()?;
    if global.json {
        let data: Vec<Value> = ledgers.iter().map(shown).collect();
        say(&json!({ "data": data }).to_string())?;
        return Ok(Exit::Done);
    }
    let mut table = table(&["ledger", "number", "events", "chain"], &[1, 2]);
    for ledger in &ledgers {
        let events = grouped(ledger.position.next_seq - 1);
        let chain = Head::of(&ledger.id, &ledger.position).to_string();
        table.add_row([ledger.id.to_string(), ledger.no.to_string(), events, chain]);
    }
    say(&table.to_string())?;
    Ok(Exit::Done)
}

/// A ledger as JSON.
pub fn shown(ledger: &rows::Ledger) -> Value {
    let (events, chain) = (ledger.position.next_seq - 1, ledger.position.tail.hex());
    let head = Head::of(&ledger.id, &ledger.position).to_string();
    json!({
        "id": &*ledger.id, "number": ledger.no, "events": events, "chain": chain, "head": head,
    })
}
