//! The built binary on a real Kafka, with SQLite and with PostgreSQL: topics in, events out, and
//! everything on the way broken now and then.
//!
//! Others write by librdkafka, and read by the strict reader of `semel-checker`, which shares no
//! code with the product. Deliberately absent: any speed.

mod beside;
mod broker;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../live/client.rs"]
mod client;
mod faults;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../cli/harness.rs"]
mod harness;
mod ingest;
mod letters;
mod payers;
mod publish;
mod rewind;
mod rights;
mod service;
mod sharing;
mod stops;

/// Each of these functions as a test of its own on each store.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(crate::service::Kind::Sqlite) })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(crate::service::Kind::Postgres) })*
        }
    };
}
pub(crate) use on_both;
