//! What a store's file is, besides what it keeps: for people who look after it.
//!
//! Deliberately absent: whether what it keeps is right. That takes the whole log.

use super::lock::{lock_path, write_ahead_log};
use crate::rows::{About, Home, StoreFile};
use rusqlite::{Connection, Result as SqlResult};
use std::fs::{File, TryLockError};
use std::path::Path;

/// The file at `path`, which `conn` reads, as it is now.
pub(super) fn about(conn: &Connection, path: &Path) -> SqlResult<About> {
    const NEWEST: &str = "SELECT max(version) FROM refinery_schema_history";
    let file = StoreFile {
        journal: conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
        file_bytes: bytes(path),
        log_bytes: bytes(&write_ahead_log(path)),
        is_written: is_written(path),
    };
    let schema = conn.query_row(NEWEST, [], |row| row.get(0))?;
    Ok(About { schema, home: Home::File(file) })
}

fn bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |meta| meta.len())
}

/// Whether a process holds the right to write. Asking takes a share of it for a moment, which a
/// writer that starts waits for.
fn is_written(path: &Path) -> bool {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let Ok(file) = File::open(lock_path(&path)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}
