//! The schema, made by many processes at once, and one that is newer than this program.

use super::{Shop, pay, stop};
use crate::common::postgres::database;
use semel_core::problem::Code;
use semel_store::postgres::{Postgres, Reader};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_make_one_schema_and_one_ledger() {
    let Some(server) = semel_servers::postgres_for_tests() else { return };
    for _ in 0..3 {
        let url = database(&server).await;
        let start = async || Postgres::open(&url).await.unwrap().ledger("main").await.unwrap().no;
        let ledgers = tokio::join!(start(), start(), start(), start());
        assert_eq!(ledgers, (1, 1, 1, 1));
        let shell = super::session(&url).await;
        let ask = "SELECT count(*) FROM refinery_schema_history";
        assert_eq!(shell.query_one(ask, &[]).await.unwrap().get::<_, i64>(0), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_version_is_worked_with_and_the_one_behind_it_is_refused() {
    const NEWER: &str = "INSERT INTO refinery_schema_history
        SELECT max(version) + 1, 'later', max(applied_on), '0' FROM refinery_schema_history";
    let Some(shop) = Shop::open().await else { return };
    let before = super::store(&shop.url).await;
    shop.by_hand(NEWER).await;
    let beside = Postgres::open(&shop.url).await.unwrap();
    assert!(!pay(&beside, shop.ledger, "a").await.unwrap().1);
    assert!(pay(&before, shop.ledger, "a").await.unwrap().1);
    assert_eq!(shop.keys().await, ["a"]);
    shop.by_hand(NEWER).await;
    assert_eq!(stop(Postgres::open(&shop.url).await), Code::StoreNewer);
    assert_eq!(stop(Reader::open(&shop.url).await), Code::StoreNewer);
    // What runs already has what it needs until somebody takes it away.
    assert!(pay(&before, shop.ledger, "a").await.unwrap().1);
}
