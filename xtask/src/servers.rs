//! `cargo xtask up` and `down`, and the servers that `cargo xtask test` finds or starts.
//!
//! How a server is installed, started and stopped stands in `crates/servers`; here is what a person
//! at the terminal is told of it.

use crate::shell::Outcome;
use semel_servers::shared::{Down, Server, Up};
use semel_servers::{Binaries, Jars, Kafka, Postgres, TEST_KAFKA, TEST_POSTGRES};
use semel_servers::{for_tests, kafka, place, postgres, shared};
use std::process::Command;
use std::thread;

/// Starts the servers and leaves them running.
pub fn up() -> Outcome {
    install_postgres()?;
    install_kafka()?;
    let Up { postgres, kafka } = shared::up()?;
    tell("PostgreSQL", postgres::VERSION, &postgres);
    tell("Kafka", kafka::VERSION, &kafka);
    println!("  tests    cargo xtask test (finds both by itself)");
    println!("  serve    semel serve --store {} --wire kafka://{}", postgres.at, kafka.at);
    println!("  stop     cargo xtask down");
    Ok(())
}

fn tell(name: &str, version: &str, server: &Server) {
    let state = if server.was_up { "runs already" } else { "is up" };
    println!("{name} {version} {state}: {}", server.at);
    println!("  process  {}", server.pid);
    println!("  log      {}", server.log.display());
}

/// Stops what `up` started.
pub fn down() -> Outcome {
    let Down { postgres, kafka } = shared::down()?;
    for (name, pid) in [("PostgreSQL", postgres), ("Kafka", kafka)] {
        match pid {
            Some(pid) => println!("{name} is down (process {pid})"),
            None => println!("no {name} runs"),
        }
    }
    Ok(())
}

/// The servers that the tests run against.
pub struct ForTests {
    postgres: One<Postgres>,
    kafka: One<Kafka>,
}

/// One server, by where it is.
enum One<S> {
    /// It ran before, and it goes on running.
    Found(String),
    /// It is stopped, and its data goes away, when this value is dropped or `xtask` is interrupted.
    Started { at: String, _server: S },
}

impl ForTests {
    /// For each the server that the environment names, else that of `cargo xtask up`, else a new
    /// one.
    pub fn find() -> Result<ForTests, String> {
        // First both are fetched, so that what is missing here is said before anything runs.
        if is_wanted(TEST_POSTGRES) {
            install_postgres()?;
        }
        if is_wanted(TEST_KAFKA) {
            install_kafka()?;
        }
        let (postgres, kafka) = thread::scope(|scope| {
            let kafka = scope.spawn(find_kafka);
            (find_postgres(), kafka.join().expect("a start does not panic"))
        });
        let servers = ForTests { postgres: postgres?, kafka: kafka? };
        servers.postgres.tell("PostgreSQL", TEST_POSTGRES);
        servers.kafka.tell("Kafka", TEST_KAFKA);
        Ok(servers)
    }

    /// Tells `command` where they are.
    pub fn name_in(&self, command: &mut Command) {
        command.env(TEST_POSTGRES, self.postgres.at()).env(TEST_KAFKA, self.kafka.at());
    }
}

impl<S> One<S> {
    fn at(&self) -> &str {
        let (One::Found(at) | One::Started { at, .. }) = self;
        at
    }

    fn tell(&self, name: &str, variable: &str) {
        let at = without_password(self.at(), variable);
        match self {
            One::Found(_) => eprintln!("\nTests use {name} at {at}, which is up."),
            One::Started { .. } => eprintln!("\nTests use {name} at {at}, until they end."),
        }
    }
}

/// Whether a server has to be installed: there is none to be found, or, in continuous integration,
/// a test that needs one of its own would fail for want of it.
fn is_wanted(variable: &str) -> bool {
    for_tests::named(variable).is_none() || std::env::var_os("CI").is_some()
}

fn find_postgres() -> Result<One<Postgres>, String> {
    if let Some(url) = for_tests::named(TEST_POSTGRES) {
        return Ok(One::Found(url));
    }
    if let Some(up) = shared::running_postgres()? {
        return Ok(One::Found(up.at));
    }
    let server = for_tests::start_postgres(&install_postgres()?, &[])?;
    Ok(One::Started { at: server.url("postgres"), _server: server })
}

fn find_kafka() -> Result<One<Kafka>, String> {
    if let Some(bootstrap) = for_tests::named(TEST_KAFKA) {
        return Ok(One::Found(bootstrap));
    }
    if let Some(up) = shared::running_kafka()? {
        return Ok(One::Found(up.at));
    }
    let server = for_tests::start_kafka(&install_kafka()?, &[])?;
    Ok(One::Started { at: server.bootstrap(), _server: server })
}

/// Installs what is missing; it takes a while, so it is said before.
fn install_postgres() -> Result<Binaries, String> {
    let place = place::servers()?;
    if Binaries::installed(&place).is_none() {
        let version = postgres::VERSION;
        eprintln!("\nPostgreSQL {version} is fetched through Maven, to {} …", place.display());
    }
    postgres::install(&place)
}

/// As [`install_postgres`].
fn install_kafka() -> Result<Jars, String> {
    let place = place::servers()?;
    if Jars::installed(&place).is_none() {
        let version = kafka::VERSION;
        eprintln!("\nKafka {version} is fetched through Maven, to {} …", place.display());
    }
    kafka::install(&place)
}

/// A URL as it may be shown: what stands before the last `@`, or behind a `?`, may be a password;
/// of what is no URL any part, but for bootstrap servers, which hold none.
fn without_password(url: &str, variable: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (Some(_), None) => url.into(),
        _ if variable == TEST_KAFKA => url.into(),
        _ => format!("what {variable} names"),
    }
}

#[cfg(test)]
mod tests {
    use super::{TEST_KAFKA, TEST_POSTGRES, without_password};

    #[test]
    fn no_password_is_shown() {
        let table = [
            ("postgres://a:b@c:5432/d", TEST_POSTGRES, "postgres://…@c:5432/d"),
            ("postgres://a:b@b@c/d", TEST_POSTGRES, "postgres://…@c/d"),
            ("postgres://c/d?password=e", TEST_POSTGRES, "postgres://c/d"),
            ("host=c password=d", TEST_POSTGRES, "what SEMEL_TEST_POSTGRES names"),
            ("c:9092,d:9092", TEST_KAFKA, "c:9092,d:9092"),
        ];
        for (url, variable, shown) in table {
            assert_eq!(without_password(url, variable), shown);
        }
    }
}
