//! Killed at any moment, the store has what it acknowledged: once, in order, and found by its key.

use common::child::{self, Running};
use common::hand::{number, proved};
use common::{binding, open};
use semel_core::exactly_once::{Claim, Target};
use semel_store::sqlite::Sqlite;
use std::collections::BTreeSet;
use std::path::Path;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

const ROUNDS: u64 = 30;

/// What another process does, when this program is run as one.
#[tokio::test]
async fn in_a_child() {
    child::play().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("semel.db");
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut writer = Running::start("write", &path, round);
        let mut heard = Vec::new();
        // Any line may be the last: some come just before a commit, some just after.
        for _ in 0..=round * 37 % 61 {
            heard.push(writer.says().expect("a writer goes on until it is killed"));
        }
        heard.extend(writer.kill());
        let paid = heard.iter().filter_map(|line| line.strip_prefix("paid "));
        acknowledged.extend(paid.map(String::from));
        assert!(heard.iter().all(|line| !line.starts_with("stop")), "{heard:?}");
        let store = open(&path).expect("a killed store opens");
        holds(&store, &path, &acknowledged, round).await;
        if round % 3 == 0 {
            store.close().await;
            index_is_complete(&path);
        }
    }
    println!("{} acknowledged in {ROUNDS} rounds", acknowledged.len());
    assert!(acknowledged.len() > 200, "the kills came too early to prove anything");
}

async fn holds(store: &Sqlite, path: &Path, acknowledged: &BTreeSet<String>, round: u64) {
    let ledger = store.ledger("main").await.unwrap().no;
    let leg = store.leg(ledger, binding("leg")).await.unwrap();
    // What a killed process held never has to be waited for.
    let cursor = *leg.claim().await.expect("a claim at once").cursor();
    let events = proved(store.reader(), ledger);
    let keys: Vec<&str> = events.iter().filter_map(|event| event.key.as_deref()).collect();
    let once: BTreeSet<&str> = keys.iter().copied().collect();
    assert_eq!(keys.len(), once.len(), "round {round}: a key is there twice");
    for key in acknowledged {
        assert!(once.contains(key.as_str()), "round {round}: {key} is lost");
    }
    let of_leg = keys.iter().filter(|key| key.starts_with("leg-"));
    let expected: Vec<String> = (0..cursor.next).map(|at| format!("leg-{at}")).collect();
    assert!(of_leg.eq(&expected), "round {round}: the cursor is not where the items are");
    for event in events.iter().filter(|event| event.key.is_some()) {
        let key = event.key.as_deref().unwrap();
        let found = store.recorded(ledger, "", key).await.unwrap();
        assert_eq!(found.as_ref(), Some(event), "round {round}: {key} is not found");
    }
    assert_eq!(store.recorded(ledger, "", "never paid").await, Ok(None));
    let slots = number(path, "SELECT count(*) FROM key_index");
    assert!(slots <= keys.len() as i64, "round {round}: the index knows keys that are not there");
}

fn index_is_complete(path: &Path) {
    let behind = number(path, "SELECT sum(next_seq - 1 - indexed_seq) FROM ledger");
    let slots = number(path, "SELECT count(DISTINCT seq) FROM key_index");
    let keys = number(path, "SELECT count(*) FROM event WHERE key IS NOT NULL");
    assert_eq!((behind, slots), (0, keys));
}
