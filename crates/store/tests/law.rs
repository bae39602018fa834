//! The law on SQLite, with every fault of the suite.

use common::OnSqlite;
use semel_core::exactly_once::conformance::{Bench, checks};

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_law() {
    let bench = Bench::new(0..6, OnSqlite::empty);
    for check in checks() {
        assert_eq!(check.run(&bench).await, Ok(()));
        println!("kept: {}", check.name);
    }
}
