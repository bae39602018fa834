//! The servers a test asks for: the one it is given, or one of its own.
//!
//! Where there is none, a test says on the terminal that it was skipped and what to do, past the
//! harness, which keeps the output of tests that pass; where `CI` is set it fails instead.

use crate::certificates::Certificates;
use crate::kafka::{Jars, Kafka};
use crate::postgres::{Binaries, Postgres};
use crate::user::User;
use crate::{TEST_KAFKA, TEST_POSTGRES, place, shared};
use std::io::Write;

/// Where the server is that the environment names in `variable`.
pub fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|at| !at.is_empty())
}

/// The URL of a server that every test may use, in databases of its own.
///
/// # Panics
/// There is none, and `CI` is set; or it cannot be found out whether there is one.
pub fn postgres_for_tests() -> Option<String> {
    if let Some(url) = named(TEST_POSTGRES) {
        return Some(url);
    }
    let running = shared::running_postgres().unwrap_or_else(|cause| panic!("{cause}"));
    if running.is_none() {
        skip("no PostgreSQL server runs and SEMEL_TEST_POSTGRES names none", "cargo xtask up");
    }
    running.map(|up| up.at)
}

/// The bootstrap servers of a Kafka that every test may use, in topics of its own.
///
/// # Panics
/// As [`postgres_for_tests`].
pub fn kafka_for_tests() -> Option<String> {
    if let Some(bootstrap) = named(TEST_KAFKA) {
        return Some(bootstrap);
    }
    let running = shared::running_kafka().unwrap_or_else(|cause| panic!("{cause}"));
    if running.is_none() {
        skip("no Kafka server runs and SEMEL_TEST_KAFKA names none", "cargo xtask up");
    }
    running.map(|up| up.at)
}

/// A new PostgreSQL of the test's own, which goes away with its data when the value is dropped.
///
/// # Panics
/// PostgreSQL is not installed, and `CI` is set; or it does not start.
pub fn private(settings: &[(&str, &str)]) -> Option<Postgres> {
    let place = place::servers().unwrap_or_else(|cause| panic!("{cause}"));
    let Some(binaries) = Binaries::installed(&place) else {
        skip("PostgreSQL is not installed for servers of the test's own", "cargo xtask up");
        return None;
    };
    Some(start_postgres(&binaries, settings).unwrap_or_else(|cause| panic!("{cause}")))
}

/// A new Kafka of the test's own, which goes away with its data when the value is dropped.
///
/// # Panics
/// Kafka is not installed, and `CI` is set; or it does not start.
pub fn private_kafka(settings: &[(&str, &str)]) -> Option<Kafka> {
    let place = place::servers().unwrap_or_else(|cause| panic!("{cause}"));
    let Some(jars) = Jars::installed(&place) else {
        skip("Kafka is not installed for servers of the test's own", "cargo xtask up");
        return None;
    };
    Some(start_kafka(&jars, settings).unwrap_or_else(|cause| panic!("{cause}")))
}

/// Certificates of the test's own, see [`Certificates::make`].
///
/// # Panics
/// `openssl` could make none, and `CI` is set.
pub fn certificates(server: &str, client: &str) -> Option<Certificates> {
    let made = Certificates::make(server, client);
    made.inspect_err(|cause| skip(cause, "install openssl")).ok()
}

/// A new PostgreSQL in a temporary directory that goes away with it.
///
/// # Errors
/// As [`Postgres::start`].
pub fn start_postgres(binaries: &Binaries, settings: &[(&str, &str)]) -> Result<Postgres, String> {
    let home = place::temporary(&User::of_servers()?)?;
    let prepared = Postgres::prepare(binaries, &home.join("data"), settings);
    let mut postgres = prepared.inspect_err(|_| {
        let _left_over = std::fs::remove_dir_all(&home);
    })?;
    postgres.remove_at_end(home);
    postgres.start_again()?;
    Ok(postgres)
}

/// A new Kafka in a temporary directory that goes away with it.
///
/// # Errors
/// As [`Kafka::start`].
pub fn start_kafka(jars: &Jars, settings: &[(&str, &str)]) -> Result<Kafka, String> {
    let home = place::temporary(&User::of_servers()?)?;
    let prepared = Kafka::prepare(jars, &home, settings);
    let mut kafka = prepared.inspect_err(|_| {
        let _left_over = std::fs::remove_dir_all(&home);
    })?;
    kafka.remove_at_end();
    kafka.start_again()?;
    Ok(kafka)
}

pub(crate) fn skip(cause: &str, remedy: &str) {
    assert!(std::env::var_os("CI").is_none(), "{cause}; remedy: `{remedy}`");
    let current = std::thread::current();
    let test = current.name().unwrap_or("a test");
    let line = format!("SKIPPED {test}: {cause}; remedy: `{remedy}`\n");
    // What cannot be said on a closed terminal need not be.
    let _closed = std::io::stderr().write_all(line.as_bytes());
}
