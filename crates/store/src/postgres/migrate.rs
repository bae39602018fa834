//! The schema and its versions: shown, and applied by one process at a time.
//!
//! A migration only expands: what the version before reads and writes stays as it is, so binaries
//! of both work side by side while one replaces the other. What only that version needed is taken
//! away by a later one.

use super::classify::classify;
use crate::rows::Version;
use refinery_core::{Migration, Runner};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::error::Error;
use std::time::Duration;
use tokio_postgres::Client;

/// Every migration, in order: its name and what it does.
const MIGRATIONS: [(&str, &str); 1] =
    [("V1__ledgers", include_str!("../../schema/postgres/V1__ledgers.sql"))];

/// `SEML`: whoever changes the schema holds this lock.
const LOCK: i64 = 0x5345_4d4c;

/// How often the lock is asked for, and how often before somebody is told.
const TRY_AGAIN: Duration = Duration::from_millis(100);
const SILENT_TRIES: u32 = 20;

/// How much newer a schema may be than this program knows: the next version's, which only expands.
const AHEAD_MAX: i64 = 1;

/// All versions that this program knows, and whether the database has them.
///
/// # Errors
/// A `Failure` of the store.
pub(super) async fn versions(client: &Client) -> Result<Vec<Version>, Failure> {
    let applied = applied(client).await?.unwrap_or(0);
    let version = |migration: &Migration| {
        let number = i64::from(migration.version());
        let name = migration.name().to_owned();
        Version { number, name, is_applied: number <= applied }
    };
    Ok(runner()?.get_migrations().iter().map(version).collect())
}

/// Bring the schema up to what this program knows.
///
/// # Errors
/// `StoreNewer` when another program has brought it further than this one can work with; else a
/// `Failure` of the store.
pub(super) async fn migrate(client: &mut Client) -> Result<(), Failure> {
    let newest = newest()?;
    if is_usable(applied(client).await?, newest)? {
        return Ok(());
    }
    let sql = |error: tokio_postgres::Error| classify(&error);
    lock(client).await?;
    // Somebody else may have done it meanwhile.
    if !is_usable(applied(client).await?, newest)? {
        // Grouped: a migration and the record of it are in one SQL transaction.
        let runner = runner()?.set_abort_divergent(true).set_grouped(true);
        runner.run_async(client).await.map_err(failed)?;
    }
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.map_err(sql)?;
    Ok(())
}

/// Wait until nobody else changes the schema.
async fn lock(client: &Client) -> Result<(), Failure> {
    const TRY: &str = "SELECT pg_try_advisory_lock($1)";
    let mut tries: u32 = 0;
    loop {
        let row = client.query_one(TRY, &[&LOCK]).await.map_err(|error| classify(&error))?;
        if row.get(0) {
            return Ok(());
        }
        if tries == SILENT_TRIES {
            tracing::warn!("another process is changing the schema; this one waits for it");
        }
        tries = tries.saturating_add(1);
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

/// Whether there is a store, which this program can read.
///
/// # Errors
/// `StoreNewer`; else a `Failure` of the store.
pub(super) async fn is_there(client: &Client) -> Result<bool, Failure> {
    let applied = applied(client).await?;
    is_usable(applied, newest()?)?;
    Ok(applied.is_some())
}

/// The newest migration that the database has.
pub(super) async fn applied(client: &Client) -> Result<Option<i64>, Failure> {
    const KNOWN: &str = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    const NEWEST: &str = "SELECT max(version)::bigint FROM refinery_schema_history";
    let ask = async |ask| client.query_one(ask, &[]).await.map_err(|error| classify(&error));
    match ask(KNOWN).await?.get(0) {
        true => Ok(ask(NEWEST).await?.get(0)),
        false => Ok(None),
    }
}

/// Whether a schema of version `applied` is all that this program needs.
fn is_usable(applied: Option<i64>, newest: i64) -> Result<bool, Stop> {
    let Some(applied) = applied else { return Ok(false) };
    if applied > newest + AHEAD_MAX {
        let detail = format!("its schema is version {applied}, this program knows up to {newest}");
        return Err(Stop::new(Code::StoreNewer, detail));
    }
    Ok(newest <= applied)
}

fn newest() -> Result<i64, Stop> {
    Ok(runner()?.get_migrations().iter().map(|m| i64::from(m.version())).max().unwrap_or(0))
}

fn runner() -> Result<Runner, Stop> {
    let migrations = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql));
    let migrations: Result<Vec<Migration>, _> = migrations.collect();
    let named = |error: refinery_core::Error| Stop::new(Code::StoreDefect, error.to_string());
    Ok(Runner::new(&migrations.map_err(named)?))
}

fn failed(error: refinery_core::Error) -> Failure {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>());
    match cause.map(classify) {
        // A table of that name is there, and no record of who made it.
        Some(Failure::Permanent(stop)) if stop.code == Code::StoreDefect => {
            Stop::new(Code::StoreCorrupt, format!("it is not empty: {}", stop.detail)).into()
        }
        Some(failure) => failure,
        None => Stop::new(Code::StoreCorrupt, error.to_string()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_works_beside_this_one() {
        for (applied, newest, usable) in [
            (None, 3, Ok(false)),
            (Some(2), 3, Ok(false)),
            (Some(3), 3, Ok(true)),
            (Some(4), 3, Ok(true)),
            (Some(5), 3, Err(Code::StoreNewer)),
        ] {
            let told = is_usable(applied, newest).map_err(|stop| stop.code);
            assert_eq!(told, usable, "{applied:?} under {newest}");
        }
    }
}
