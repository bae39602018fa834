//! `cargo xtask up` and `down`, and the server that `cargo xtask test` finds or starts.
//!
//! How a server is installed, started and stopped stands in `crates/servers`; here is what a person
//! at the terminal is told of it.

use crate::shell::Outcome;
use semel_servers::postgres::{self, VERSION};
use semel_servers::{Binaries, Postgres, for_tests, place, shared};

/// Starts the servers and leaves them running.
pub fn up() -> Outcome {
    install()?;
    let up = shared::up()?;
    let shared::Up { postgres, pid, was_up, log } = up;
    let state = if was_up { "runs already" } else { "is up" };
    println!("PostgreSQL {VERSION} {state}: {postgres}");
    println!("  process  {pid}");
    println!("  log      {}", log.display());
    println!("  tests    cargo xtask test (finds it by itself)");
    println!("  serve    semel serve --store {postgres}");
    println!("  stop     cargo xtask down");
    Ok(())
}

/// Stops what `up` started.
pub fn down() -> Outcome {
    let stopped = shared::down()?;
    match stopped.as_slice() {
        [] => println!("no server runs"),
        pids => pids.iter().for_each(|pid| println!("PostgreSQL is down (process {pid})")),
    }
    Ok(())
}

/// The server that the tests run against.
pub enum ForTests {
    /// It ran before, and it goes on running.
    Found(String),
    /// It is stopped, and its data goes away, when this value is dropped or `xtask` is interrupted.
    Started(Postgres),
}

impl ForTests {
    /// The server that the environment names, else that of `cargo xtask up`, else a new one.
    pub fn find() -> Result<ForTests, String> {
        if let Some(url) = for_tests::named() {
            eprintln!("\nTests use PostgreSQL at {}.", without_password(&url));
            // A test that needs a server of its own would fail there for want of its programs.
            if std::env::var_os("CI").is_some() {
                install()?;
            }
            return Ok(ForTests::Found(url));
        }
        let binaries = install()?;
        if let Some(up) = shared::running()? {
            eprintln!("\nTests use PostgreSQL at {}, which is up.", up.postgres);
            return Ok(ForTests::Found(up.postgres));
        }
        let server = for_tests::start(&binaries, &[])?;
        eprintln!("\nTests use PostgreSQL at {}, until they end.", server.url("postgres"));
        Ok(ForTests::Started(server))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        match self {
            ForTests::Found(url) => url.clone(),
            ForTests::Started(server) => server.url("postgres"),
        }
    }
}

/// Installs what is missing; it takes a while, so it is said before.
fn install() -> Result<Binaries, String> {
    let place = place::servers()?;
    if Binaries::installed(&place).is_none() {
        eprintln!("\nPostgreSQL {VERSION} is fetched through Maven, to {} …", place.display());
    }
    postgres::install(&place)
}

/// A URL as it may be shown: what stands before the last `@`, or behind a `?`, may be a password.
fn without_password(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (Some(_), None) => url.into(),
        _ => "what SEMEL_TEST_POSTGRES names".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn no_password_is_shown() {
        let table = [
            ("postgres://a:b@c:5432/d", "postgres://…@c:5432/d"),
            ("postgres://a:b@b@c/d", "postgres://…@c/d"),
            ("postgres://c/d?password=e", "postgres://c/d"),
            ("host=c password=d", "what SEMEL_TEST_POSTGRES names"),
        ];
        for (url, shown) in table {
            assert_eq!(without_password(url), shown);
        }
    }
}
