//! `semel migrate`: which versions the store's schema has gone through, and which are to come.
//!
//! Deliberately absent: the way back. A version only adds to the one before.

use crate::cli::{Global, Migrate};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{note, say, table};
use crate::place;
use crate::wiring::Store;
use semel_core::failure::Failure;
use semel_store::rows::Version;
use serde_json::{Value, json};

/// Run `semel migrate`.
///
/// # Errors
/// Every stop of a store.
pub async fn run(global: &Global, args: &Migrate) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    if args.yes {
        place::prepare(&config)?;
        Store::open(&config.store).await?.close().await;
    }
    let versions = Store::versions(&config.store).await?;
    if global.json {
        let version = |version: &Version| {
            let Version { number, name, is_applied } = version;
            json!({ "version": number, "name": name, "applied": is_applied })
        };
        let data: Vec<Value> = versions.iter().map(version).collect();
        say(&json!({ "data": data }).to_string())?;
        return Ok(Exit::Done);
    }
    let mut rows = table(&["version", "name", "applied"], &[0]);
    for Version { number, name, is_applied } in &versions {
        let applied = if *is_applied { "yes" } else { "no" };
        rows.add_row([&number.to_string(), name, applied]);
    }
    say(&rows.to_string())?;
    if versions.iter().any(|version| !version.is_applied) {
        note("--yes applies what is missing; so does the next server that starts");
    }
    Ok(Exit::Done)
}
