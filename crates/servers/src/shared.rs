//! The servers of `cargo xtask up`, which run on when it returns, and of whoever looks for them.
//!
//! Whether one runs is read from its data directory and its process, never from a note that could
//! have outlived it; `target/servers/up` is written for people and scripts alone.

use crate::place::{self, cannot};
use crate::postgres::{self, Binaries, Mode, Postgres};
use std::fs;
use std::path::PathBuf;

/// What `cargo xtask up` comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Up {
    /// Where PostgreSQL is.
    pub postgres: String,
    /// The process of PostgreSQL.
    pub pid: u32,
    /// It ran before.
    pub was_up: bool,
    /// Its log.
    pub log: PathBuf,
}

/// As `docs/postgres.md` advises, since this one is measured too.
const SETTINGS: [(&str, &str); 3] =
    [("max_wal_size", "4GB"), ("shared_buffers", "1GB"), ("wal_compression", "on")];

/// Installs what is missing and starts what does not run.
///
/// # Errors
/// What is missing on this machine, or why a server did not start.
pub fn up() -> Result<Up, String> {
    let place = place::servers()?;
    let binaries = postgres::install(&place)?;
    let _locked = place::lock(&place)?;
    let data = data()?;
    let (server, was_up) = match Postgres::running_on(&binaries, &data)? {
        Some(server) => (server, true),
        None => (Postgres::start(&binaries, &data, &SETTINGS)?, false),
    };
    let up = told(&server, was_up).ok_or("PostgreSQL ended just after its start")?;
    note(&up)?;
    server.detach();
    Ok(up)
}

/// Stops what runs; the processes that were stopped.
///
/// # Errors
/// A server that does not stop.
pub fn down() -> Result<Vec<u32>, String> {
    let place = place::servers()?;
    let Some(binaries) = Binaries::installed(&place) else { return Ok(Vec::new()) };
    let _locked = place::lock(&place)?;
    let server = Postgres::running_on(&binaries, &data()?)?;
    let pid = server.as_ref().and_then(Postgres::pid);
    if let Some(server) = server {
        server.stop(Mode::Fast)?;
    }
    let _absent = fs::remove_file(note_path());
    Ok(pid.into_iter().collect())
}

/// What runs, if it does.
///
/// # Errors
/// It cannot be found out.
pub fn running() -> Result<Option<Up>, String> {
    let place = place::servers()?;
    let Some(binaries) = Binaries::installed(&place) else { return Ok(None) };
    let server = Postgres::running_on(&binaries, &data()?)?;
    Ok(server.and_then(|server| told(&server, true)))
}

fn told(server: &Postgres, was_up: bool) -> Option<Up> {
    let (postgres, log) = (server.url("postgres"), server.log());
    Some(Up { postgres, pid: server.pid()?, was_up, log })
}

fn data() -> Result<PathBuf, String> {
    Ok(place::servers()?.join("postgres/data"))
}

fn note(up: &Up) -> Result<(), String> {
    let text = format!("postgres={}\npostgres_pid={}\n", up.postgres, up.pid);
    let path = note_path();
    fs::write(&path, text).map_err(|error| cannot("written", &path, &error))
}

fn note_path() -> PathBuf {
    place::project().join("target/servers/up")
}
