//! Real servers for tests: installed from Maven artifacts, started on loopback, stopped for sure.
//!
//! One file a server ([`postgres`]); the rest is what every server needs: where it lies
//! ([`place`]), who it runs as (`user`), what becomes of it when its starter dies (`guard`).
//! `cargo xtask up`, `down` and `test` and the tests of several crates start the same ones.
//! Deliberately absent: any knowledge of Semel, any SQL, async, and every dependency, because
//! `xtask` has to build in a second.

pub mod for_tests;
mod guard;
mod maven;
pub mod place;
pub mod postgres;
mod process;
pub mod shared;
mod user;

pub use for_tests::{named, postgres_for_tests, private};
pub use postgres::{Binaries, Mode, Postgres};

/// The URL of a PostgreSQL server for the tests; set by `cargo xtask test`, or by a person who has
/// a server.
pub const TEST_POSTGRES: &str = "SEMEL_TEST_POSTGRES";

/// What to do where a server cannot be installed.
pub const THREE_WAYS: &str = "\
The tests need a PostgreSQL server. There are three ways to have one:
  install Java and Maven, and `cargo xtask test` fetches and starts PostgreSQL by itself;
  with Docker, `docker compose up -d` and
    SEMEL_TEST_POSTGRES=postgres://semel@127.0.0.1:5432/postgres;
  or name a server of your own in SEMEL_TEST_POSTGRES: a superuser's URL, on a server that may lose
    everything.";
