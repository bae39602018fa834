//! A data directory copied while its server may be running, as a backup begins.
//!
//! Deliberately absent: `pg_backup_start`, `pg_backup_stop` and the archive of the write-ahead log,
//! which make a backup of it and are said over SQL by whoever takes one.

use crate::place::cannot;
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

/// What belongs to the running server, and not to its data.
const OF_THE_PROCESS: [&str; 3] = ["postmaster.pid", "postmaster.opts", super::LOG];

/// The write-ahead log, which a backup takes from the archive.
const WRITE_AHEAD_LOG: &str = "pg_wal";

/// Copies `from` to the new directory `to`, with owners and modes.
pub fn data(from: &Path, to: &Path) -> Result<(), String> {
    directory(from, to, &|name| !OF_THE_PROCESS.iter().any(|left_out| name == *left_out))
        .map_err(|error| cannot("copied", from, &error))
}

fn directory(
    from: &Path,
    to: &Path,
    takes: &dyn Fn(&std::ffi::OsStr) -> bool,
) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let (from, to) = (entry.path(), to.join(&name));
        let copied = match entry.file_type() {
            _ if !takes(&name) => Ok(()),
            Ok(kind) if kind.is_dir() => {
                let is_log = name == WRITE_AHEAD_LOG;
                directory(&from, &to, &|_| !is_log)
            }
            Ok(kind) if kind.is_symlink() => fs::read_link(&from).and_then(|at| symlink(at, &to)),
            Ok(_) => file(&from, &to),
            Err(error) => Err(error),
        };
        copied.or_else(unless_vanished)?;
    }
    like(from, to)
}

fn file(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    like(from, to)
}

/// Gives `to` the owner and the mode of `from`.
fn like(from: &Path, to: &Path) -> std::io::Result<()> {
    let found = fs::metadata(from)?;
    chown(to, Some(found.uid()), Some(found.gid()))?;
    fs::set_permissions(to, found.permissions())
}

/// A running server removes files; what is in the write-ahead log says so too.
fn unless_vanished(error: Error) -> std::io::Result<()> {
    match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
