//! What a store's database is, besides what it keeps: for people who look after it.
//!
//! Deliberately absent: whether what it keeps is right, which takes the whole log, and settings
//! that durability rests on, without which no session begins.

use super::columns::{Columns, damaged};
use super::migrate;
use super::rights;
use super::row::{all, one};
use crate::rows::{About, Database, Home, Read, Setting, Table};
use deadpool_postgres::ClientWrapper;
use semel_core::failure::Failure;

/// Settings that only make a server slow: name, when it does, why.
const SLOW: [(&str, &str, &str); 6] = [
    (
        "max_wal_size",
        "pg_size_bytes(current_setting('max_wal_size')) < pg_size_bytes('2GB')",
        "checkpoints come so often that whole pages are logged again and again; 2GB or more",
    ),
    (
        "wal_compression",
        "current_setting('wal_compression') = 'off'",
        "pages are logged as they are, which fills the log; lz4, or on, which costs time",
    ),
    (
        "checkpoint_timeout",
        "current_setting('checkpoint_timeout')::interval < '5min'",
        "after each checkpoint every page is logged whole again; 5min or more",
    ),
    (
        "shared_buffers",
        "pg_size_bytes(current_setting('shared_buffers')) < pg_size_bytes('128MB')",
        "the indexes of the log do not stay in memory; a quarter of the machine's",
    ),
    (
        "autovacuum",
        "current_setting('autovacuum') = 'off'",
        "nothing clears away old versions of accounts and ledgers; on",
    ),
    (
        "track_counts",
        "current_setting('track_counts') = 'off'",
        "the server cannot tell which tables want clearing; on",
    ),
];

/// The database that `client` reads, as it is now.
pub(super) async fn about(client: &ClientWrapper) -> Result<About, Failure> {
    // Whoever holds an old snapshot: a session, a replica's slot, a commit in two phases.
    const WHOLE: &str = "SELECT current_setting('server_version'),
            pg_database_size(current_database()),
            (SELECT coalesce(max(age(xmin)), 0)::bigint FROM (
                SELECT backend_xmin FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                UNION ALL SELECT xmin FROM pg_replication_slots
                UNION ALL SELECT prepared.xid FROM pg_prepared_xact() AS prepared (xid)
            ) AS held (xmin))";
    const TABLES: &str = "SELECT c.relname::text, greatest(c.reltuples, 0)::bigint,
            pg_table_size(c.oid), pg_indexes_size(c.oid), coalesce(s.n_dead_tup, 0)
        FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
        WHERE c.oid IN ('ledger'::regclass, 'event'::regclass, 'account'::regclass,
            'anchor'::regclass, 'leg'::regclass, 'dead_letter'::regclass)
        ORDER BY c.relname";
    let whole = |row: Columns<'_>| Ok((row.text(0)?.to_owned(), row.natural(1)?, row.natural(2)?));
    let whole = one(client, WHOLE, &[], whole).await?;
    let (server, bytes, oldest_snapshot) =
        whole.ok_or_else(|| damaged("the server says nothing".into()))?;
    let tables = all(client, TABLES, &[], table).await?;
    let settings = slow(client).await?;
    let schema = migrate::applied(client).await?.unwrap_or(0);
    let lacking = rights::lacking(client).await?;
    let database = Database { server, bytes, oldest_snapshot, tables, settings, lacking };
    Ok(About { schema, home: Home::Database(database) })
}

fn table(row: Columns<'_>) -> Read<Table> {
    Ok(Table {
        name: row.text(0)?.to_owned(),
        rows: row.natural(1)?,
        bytes: row.natural(2)?,
        index_bytes: row.natural(3)?,
        dead_rows: row.natural(4)?,
    })
}

async fn slow(client: &ClientWrapper) -> Result<Vec<Setting>, Failure> {
    let asks: Vec<String> = SLOW
        .iter()
        .map(|(name, slow, _)| format!("SELECT '{name}', current_setting('{name}'), {slow}"))
        .collect();
    let told = all(client, &asks.join(" UNION ALL "), &[], |row| {
        Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.flag(2)?))
    })
    .await?;
    let slow = told.into_iter().filter(|(_, _, slow)| *slow);
    let setting = |(name, value, _): (String, String, bool)| {
        let (_, _, why) = SLOW.iter().find(|(known, _, _)| *known == name)?;
        Some(Setting { name, value, why })
    };
    Ok(slow.filter_map(setting).collect())
}
