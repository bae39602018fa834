//! The servers a test asks for: the one it is given, or one of its own.
//!
//! Where there is none, a test says on the terminal that it was skipped and what to do, past the
//! harness, which keeps the output of tests that pass; where `CI` is set it fails instead.

use crate::postgres::{Binaries, Postgres};
use crate::user::User;
use crate::{TEST_POSTGRES, place, shared};
use std::io::Write;

/// The URL of the server that the environment names.
pub fn named() -> Option<String> {
    std::env::var(TEST_POSTGRES).ok().filter(|url| !url.is_empty())
}

/// The URL of a server that every test may use, in databases of its own.
///
/// # Panics
/// There is none, and `CI` is set; or it cannot be found out whether there is one.
pub fn postgres_for_tests() -> Option<String> {
    if let Some(url) = named() {
        return Some(url);
    }
    let running = shared::running().unwrap_or_else(|cause| panic!("{cause}"));
    let url = running.map(|up| up.postgres);
    if url.is_none() {
        skip("no PostgreSQL server runs and SEMEL_TEST_POSTGRES names none", "cargo xtask up");
    }
    url
}

/// A new server of the test's own, which goes away with its data when the value is dropped.
///
/// # Panics
/// PostgreSQL is not installed, and `CI` is set; or it does not start.
pub fn private(settings: &[(&str, &str)]) -> Option<Postgres> {
    let place = place::servers().unwrap_or_else(|cause| panic!("{cause}"));
    let Some(binaries) = Binaries::installed(&place) else {
        skip("PostgreSQL is not installed for servers of the test's own", "cargo xtask up");
        return None;
    };
    Some(start(&binaries, settings).unwrap_or_else(|cause| panic!("{cause}")))
}

/// A new server in a temporary directory that goes away with it.
///
/// # Errors
/// As [`Postgres::start`].
pub fn start(binaries: &Binaries, settings: &[(&str, &str)]) -> Result<Postgres, String> {
    let home = place::temporary(&User::of_servers()?)?;
    let prepared = Postgres::prepare(binaries, &home.join("data"), settings);
    let mut postgres = prepared.inspect_err(|_| {
        let _left_over = std::fs::remove_dir_all(&home);
    })?;
    postgres.remove_at_end(home);
    postgres.start_again()?;
    Ok(postgres)
}

fn skip(cause: &str, remedy: &str) {
    assert!(std::env::var_os("CI").is_none(), "{cause}; remedy: `{remedy}`");
    let current = std::thread::current();
    let test = current.name().unwrap_or("a test");
    let line = format!("SKIPPED {test}: {cause}; remedy: `{remedy}`\n");
    // What cannot be said on a closed terminal need not be.
    let _closed = std::io::stderr().write_all(line.as_bytes());
}
