//! Real servers for tests: installed from Maven artifacts, started on loopback, stopped for sure.
//!
//! One file a server ([`postgres`], [`kafka`]); the rest is what every server needs: where it lies
//! ([`place`]), who it runs as (`user`), what becomes of it when its starter dies (`guard`).
//! `cargo xtask up`, `down` and `test` and the tests of several crates start the same ones.
//! Deliberately absent: any knowledge of Semel, any SQL, any client, async, and every dependency,
//! because `xtask` has to build in a second.

pub mod certificates;
pub mod for_tests;
mod guard;
pub mod kafka;
mod maven;
pub mod place;
mod port;
pub mod postgres;
mod process;
pub mod shared;
mod user;

pub use certificates::Certificates;
pub use for_tests::{kafka_for_tests, postgres_for_tests, private, private_kafka};
pub use kafka::{Jars, Kafka};
pub use postgres::{Binaries, Mode, Postgres};

/// The URL of a PostgreSQL server for the tests; set by `cargo xtask test`, or by a person who has
/// a server.
pub const TEST_POSTGRES: &str = "SEMEL_TEST_POSTGRES";

/// The bootstrap servers of a Kafka for the tests, `host:port`; set as [`TEST_POSTGRES`] is.
pub const TEST_KAFKA: &str = "SEMEL_TEST_KAFKA";

/// What to do where a server cannot be installed.
pub const THREE_WAYS: &str = "\
The tests need a PostgreSQL and a Kafka server. There are three ways to have them:
  install Java (17 or newer) and Maven, and `cargo xtask test` fetches and starts both by itself;
  with Docker, `docker compose up -d`,
    SEMEL_TEST_POSTGRES=postgres://semel@127.0.0.1:5432/postgres and
    SEMEL_TEST_KAFKA=127.0.0.1:9092;
  or name servers of your own, which may lose everything: in SEMEL_TEST_POSTGRES a superuser's URL,
    in SEMEL_TEST_KAFKA the bootstrap servers.";
