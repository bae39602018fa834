//! Rows of accounts that lag behind the log: written once nobody writes, and met by whoever takes a
//! ledger over.

use super::load::{knock, pace};
use super::proxy::Proxy;
use super::{Shop, pay, store};
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anybody idles before the accounts are written.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many events rows of accounts may lag behind.
async fn lag(shop: &Shop) -> i64 {
    const ASK: &str = "SELECT next_seq - 1 - accounts_seq FROM ledger";
    shop.shell.query_one(ASK, &[]).await.unwrap().get(0)
}

fn keys(from: u32, to: u32) -> Vec<String> {
    (from..to).map(|number| format!("key-{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_written_once_nobody_writes() {
    let Some(shop) = Shop::open().await else { return };
    let store = store(&shop.url).await;
    pay(&store, shop.ledger, "one").await.unwrap();
    let written = async {
        while lag(&shop).await > 0 {
            pace().await;
        }
    };
    timeout(PATIENCE, written).await.expect("rows come up with the log");
    assert_eq!(shop.keys().await, ["one"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_taken_over_far_behind_its_log() {
    let Some(shop) = Shop::open().await else { return };
    let first = store(&shop.url).await;
    knock(&first, shop.ledger, &keys(0, 3_000), 2).await.unwrap();
    let stale = store(&shop.url).await;
    assert!(pay(&stale, shop.ledger, "key-7").await.unwrap().1);
    knock(&first, shop.ledger, &keys(3_000, 7_000), 2).await.unwrap();
    drop(first);
    let fresh = store(&shop.url).await;
    // One that has fallen behind, once it has heard of it, and one that knows nothing.
    for (store, key) in [(&stale, "key-6999"), (&fresh, "key-3000")] {
        assert!(pay(store, shop.ledger, key).await.unwrap().1);
        let account = store.reader().account(shop.ledger, "merchant:1").unwrap().unwrap();
        assert_eq!(account.totals.credits, 7_000);
    }
    assert!(!pay(&stale, shop.ledger, "key-7000").await.unwrap().1);
    assert!(!pay(&fresh, shop.ledger, "key-7001").await.unwrap().1);
    assert_eq!(shop.keys().await.len(), 7_002);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_read_as_they_are_wherever_their_rows_have_come_to() {
    let Some(shop) = Shop::open().await else { return };
    let [first, behind, blank] =
        [store(&shop.url).await, store(&shop.url).await, store(&shop.url).await];
    pay(&behind, shop.ledger, "one").await.unwrap();
    knock(&first, shop.ledger, &keys(0, 5_000), 2).await.unwrap();
    for turn in 0..20 {
        let paid = 5_001 + turn;
        for reader in [behind.reader(), first.reader(), blank.reader()] {
            let account = reader.account(shop.ledger, "merchant:1").unwrap().unwrap();
            assert_eq!(account.totals.credits, paid, "turn {turn}");
            let all = reader.accounts(shop.ledger, None, 100).unwrap();
            assert!(all.contains(&account));
            assert_eq!(all.iter().map(|account| account.totals.debits).sum::<i64>(), paid);
            assert_eq!(reader.account(shop.ledger, "nobody").unwrap(), None);
            assert_eq!(reader.account(shop.ledger + 1, "merchant:1").unwrap(), None);
        }
        let payer = if turn % 2 == 0 { &first } else { &behind };
        pay(payer, shop.ledger, &format!("turn-{turn}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_account_lacks_is_read_once() {
    let Some(shop) = Shop::open().await else { return };
    let first = store(&shop.url).await;
    pay(&first, shop.ledger, "one").await.unwrap();
    knock(&first, shop.ledger, &keys(1, 10_000), 2).await.unwrap();
    // For as long as the log goes on nobody writes accounts.
    let ledger = shop.ledger;
    let payer = tokio::spawn(async move {
        for number in 0.. {
            pay(&first, ledger, &format!("more-{number}")).await.unwrap();
        }
    });
    let proxy = Proxy::before(&shop.url).await;
    let store = store(&proxy.url(&shop.url)).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let before = proxy.told();
        let account = store.reader().account(shop.ledger, "merchant:1").unwrap().unwrap();
        assert!(account.totals.credits >= 10_000);
        told.push(proxy.told() - before);
    }
    assert!(lag(&shop).await > 5_000, "rows lag");
    payer.abort();
    assert!(told[0] > 500_000 && told[1].max(told[2]) < 300_000, "bytes were told: {told:?}");
}
