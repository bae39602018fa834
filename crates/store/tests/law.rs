//! The law on every database, with every fault of the suite.

use common::OnSqlite;
use common::postgres::OnPostgres;
use semel_core::exactly_once::conformance::{Bench, Subject, checks};
use semel_store::postgres::Form;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

async fn keeps_the_law<S: Subject>(bench: Bench<S>) {
    for check in checks() {
        assert_eq!(check.run(&bench).await, Ok(()));
        println!("kept: {}", check.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_law() {
    keeps_the_law(Bench::new(0..6, OnSqlite::empty)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_law() {
    let Some(server) = semel_servers::postgres_for_tests() else { return };
    for form in [Form::Plain, Form::Resident] {
        let server = server.clone();
        keeps_the_law(Bench::new(0..3, move || OnPostgres::empty(server.clone(), form))).await;
    }
}
