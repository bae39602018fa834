//! Opening a store's file: settings, schema. Every refusal is a named stop.
//!
//! Keeps P2's assumption of a store that keeps its acknowledged commits: WAL mode with
//! `synchronous=FULL`, asserted. Deliberately absent: who may write it (`lock`).

use super::classify::classify;
use super::lock::write_ahead_log;
use crate::rows::Version;
use refinery_core::{Migration, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::path::Path;
use std::time::Duration;

/// Every migration, in order: its name and what it does. They are listed rather than embedded by
/// `refinery`'s macro, which would build the library and all below it a second time.
const MIGRATIONS: [(&str, &str); 1] =
    [("V1__ledgers", include_str!("../../schema/sqlite/V1__ledgers.sql"))];

/// `SEML`, in the header of the file.
const APPLICATION_ID: i32 = 0x5345_4d4c;
/// Kibibytes of pages that the writer keeps in memory.
const WRITER_CACHE_KIB: u32 = 64 * 1_024;
/// Pages of 4 KiB that the write-ahead log may hold before it is brought into the file.
const CHECKPOINT_PAGES: u32 = 8_192;
/// How long a statement waits for another process's lock.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Open the store at `path` for writing, making and migrating it as needed.
pub(super) fn writer(path: &Path) -> Result<Connection, Stop> {
    let mut conn = Connection::open(path).map_err(|error| stop(&error, path))?;
    prepare(&mut conn).map_err(|failure| at(failure, path))?;
    Ok(conn)
}

/// Open the store at `path` for reading, beside a writer or on a copy.
pub(super) fn reader(path: &Path) -> Result<Connection, Stop> {
    let missing = || Stop::new(Code::DataUnusable, format!("{} does not exist", path.display()));
    if !path.exists() {
        return Err(missing());
    }
    // Reading a write-ahead log needs its shared-memory file, which a reader may have to make.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let beside = Connection::open_with_flags(path, flags)
        .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|error| classify(&error))
        .and_then(reading);
    // A copy without a log, in a place that takes no files: nobody writes it meanwhile.
    let conn = beside.or_else(|failure| match unwritten(path) {
        Some(uri) => immutable(&uri).and_then(reading).map_err(|_| failure),
        None => Err(failure),
    });
    conn.map_err(|failure| at(failure, path))
}

/// The name of a file that has no write-ahead log, as one that does not change.
fn unwritten(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let escaped = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    (!write_ahead_log(&path).exists()).then(|| format!("file:{escaped}?immutable=1"))
}

fn immutable(uri: &str) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(|error| classify(&error))
}

/// `conn`, if it reads a store of ours.
fn reading(conn: Connection) -> Result<Connection, Failure> {
    let sql = |error: rusqlite::Error| classify(&error);
    conn.busy_timeout(BUSY_WAIT).map_err(sql)?;
    conn.pragma_update(None, "query_only", true).map_err(sql)?;
    // The last to close a file would otherwise bring its log into it: the writer's to do.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sql)?;
    identify(&conn)?;
    match applied(&conn)? {
        Some(version) => not_newer(version)?,
        None => return Err(Stop::new(Code::StoreCorrupt, "it has no schema").into()),
    }
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn prepare(conn: &mut Connection) -> Result<(), Failure> {
    let run = |conn: &Connection, name: &str, value: &dyn rusqlite::ToSql| {
        conn.pragma_update(None, name, value).map_err(|error| classify(&error))
    };
    conn.busy_timeout(BUSY_WAIT).map_err(|error| classify(&error))?;
    // SQLite opens what it may not write all the same; the first payment is too late to tell.
    if conn.is_readonly("main").map_err(|error| classify(&error))? {
        return Err(Stop::new(Code::StoreReadOnly, "it may be read, not written").into());
    }
    identify(conn)?;
    if let Some(version) = applied(conn)? {
        not_newer(version)?;
    }
    run(conn, "synchronous", &"full")?;
    run(conn, "fullfsync", &true)?;
    run(conn, "checkpoint_fullfsync", &true)?;
    if pragma::<i32>(conn, "application_id")? != APPLICATION_ID {
        // Before anything else is in the file, or a crash here would make it a stranger's.
        run(conn, "application_id", &APPLICATION_ID)?;
    }
    run(conn, "journal_mode", &"wal")?;
    run(conn, "cache_size", &-i64::from(WRITER_CACHE_KIB))?;
    run(conn, "wal_autocheckpoint", &CHECKPOINT_PAGES)?;
    run(conn, "temp_store", &"memory")?;
    migrate(conn)?;
    assert_settings(conn)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// An empty file or one of ours; anything else is not touched.
fn identify(conn: &Connection) -> Result<(), Failure> {
    let id: i32 = pragma(conn, "application_id")?;
    let pages: i64 = pragma(conn, "page_count")?;
    match (id, pages) {
        (APPLICATION_ID, _) | (_, 0) => Ok(()),
        _ => Err(Stop::new(Code::StoreCorrupt, "it is a database of another program").into()),
    }
}

/// The newest migration that the file has.
fn applied(conn: &Connection) -> Result<Option<i64>, Failure> {
    const KNOWN: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    const NEWEST: &str = "SELECT max(version) FROM refinery_schema_history";
    let ask = |sql| conn.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    match ask(KNOWN).map_err(|error| classify(&error))? {
        Some(0) => Ok(None),
        _ => ask(NEWEST).map_err(|error| classify(&error)),
    }
}

/// The versions of the schema that this program knows, and which of them the file at `path` has.
pub(super) fn versions(path: &Path) -> Result<Vec<Version>, Stop> {
    let read = || -> Result<Vec<Version>, Failure> {
        let applied = if path.exists() { applied(&reader(path)?)? } else { None };
        let version = |migration: &Migration| {
            let (number, name) = (i64::from(migration.version()), migration.name().to_owned());
            Version { number, name, is_applied: applied.is_some_and(|applied| number <= applied) }
        };
        Ok(runner()?.get_migrations().iter().map(version).collect())
    };
    read().map_err(|failure| at(failure, path))
}

fn not_newer(version: i64) -> Result<(), Failure> {
    let runner = runner()?;
    let newest = runner.get_migrations().iter().map(|m| i64::from(m.version())).max();
    let newest = newest.unwrap_or(0);
    if version <= newest {
        return Ok(());
    }
    let detail = format!("its schema is version {version}, this program knows up to {newest}");
    Err(Stop::new(Code::StoreNewer, detail).into())
}

fn runner() -> Result<Runner, Failure> {
    let migrations = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql));
    let migrations: Result<Vec<Migration>, _> = migrations.collect();
    let named = |error: refinery_core::Error| Stop::new(Code::StoreDefect, error.to_string());
    Ok(Runner::new(&migrations.map_err(named)?))
}

fn migrate(conn: &mut Connection) -> Result<(), Failure> {
    // Grouped: a migration and the record of it are in one SQL transaction, or a crash between the
    // two would leave a store that can never be opened again.
    let runner = runner()?.set_abort_divergent(true).set_grouped(true);
    let migrated = runner.run(conn);
    migrated.map(drop).map_err(|error| {
        use std::error::Error;
        let cause = error.source().and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
        cause.map_or_else(|| Stop::new(Code::StoreCorrupt, error.to_string()).into(), classify)
    })
}

fn assert_settings(conn: &Connection) -> Result<(), Failure> {
    const FULL: i64 = 2;
    let mode: String = pragma(conn, "journal_mode")?;
    let synchronous: i64 = pragma(conn, "synchronous")?;
    if mode == "wal" && synchronous == FULL {
        return Ok(());
    }
    let detail = format!(
        "journal_mode is {mode}, synchronous is {synchronous}; the file system \
        must allow a write-ahead log with shared memory"
    );
    Err(Stop::new(Code::StoreSettings, detail).into())
}

/// A setting as the connection really has it.
pub(super) fn pragma<T: rusqlite::types::FromSql>(
    conn: &Connection,
    name: &str,
) -> Result<T, Failure> {
    conn.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| classify(&error))
}

/// An error while opening the store at `path`.
pub(super) fn stop(error: &rusqlite::Error, path: &Path) -> Stop {
    at(classify(error), path)
}

/// A failure to open is final, whatever its class.
fn at(failure: Failure, path: &Path) -> Stop {
    match failure {
        Failure::Permanent(stop) => {
            Stop::new(stop.code, format!("{}: {}", path.display(), stop.detail))
        }
        failure => Stop::new(Code::StoreLocked, format!("{}: {failure}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_commits_to_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let conn = writer(&dir.path().join("semel.db")).unwrap();
        assert_eq!(pragma(&conn, "journal_mode"), Ok("wal".to_owned()));
        assert_eq!(pragma(&conn, "synchronous"), Ok(2));
        assert_eq!(pragma(&conn, "application_id"), Ok(APPLICATION_ID));
    }

    #[test]
    fn without_a_write_ahead_log_there_is_no_store() {
        // A database in memory can have none.
        let refused = prepare(&mut Connection::open_in_memory().unwrap());
        assert!(
            matches!(refused, Err(Failure::Permanent(stop)) if stop.code == Code::StoreSettings)
        );
    }

    #[test]
    fn a_connection_that_forgets_the_disk_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let conn = writer(&dir.path().join("semel.db")).unwrap();
        assert_eq!(assert_settings(&conn), Ok(()));
        conn.pragma_update(None, "synchronous", "normal").unwrap();
        let refused = assert_settings(&conn);
        assert!(
            matches!(refused, Err(Failure::Permanent(stop)) if stop.code == Code::StoreSettings)
        );
    }
}
