//! Plans that were made on empty tables stay right: every statement of a step finds its rows by an
//! index, however large the log has become since.

use super::{Shop, binding, store, take};
use crate::load::knock;
use semel_core::exactly_once::Target;
use semel_servers::private;
use semel_store::rows::LetterFilter;

/// Every plan goes to the server's log, and nothing tells the planner what has become of a table.
const SETTINGS: [(&str, &str); 4] = [
    ("session_preload_libraries", "auto_explain"),
    ("auto_explain.log_min_duration", "0"),
    ("auto_explain.log_level", "LOG"),
    ("autovacuum", "off"),
];
const STEPS: u32 = 20;
const KEYS: u32 = 5_000;

/// What no plan of a step may hold: it grows with the table.
const SLOW: [&str; 6] = ["Seq Scan", "Bitmap", "Hash", "Merge", "Materialize", "Disabled"];
/// Whose plans are looked at.
const TABLES: [&str; 6] = ["ledger", "event", "account", "anchor", "leg", "dead_letter"];
/// What shows that the plans were seen.
const SEEN: [&str; 6] = [
    "using ledger_pkey on ledger",
    "using event_slot on event",
    "using account_id on account",
    "using account_pkey on account",
    "using leg_pkey on leg",
    "Insert on event",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_was_made_on_an_empty_table_stays_right() {
    let Some(server) = private(&SETTINGS) else { return };
    let shop = Shop::on(&server.url("postgres")).await;
    let store = store(&shop.url).await;
    let names = |from: u32, to: u32| -> Vec<String> {
        (from..to).map(|number| format!("key-{number}")).collect()
    };
    let leg = store.leg(shop.ledger, binding("source")).await.unwrap();
    let mut claim = take(leg.claim().await.unwrap(), &["first"]).await.unwrap();
    for step in 0..STEPS {
        knock(&store, shop.ledger, &names(step * KEYS, (step + 1) * KEYS), 2).await.unwrap();
    }
    let before = std::fs::read_to_string(server.log()).unwrap().len();
    // Old keys and new ones, few and many, at the door and by the leg.
    for (from, to) in [(0, 100), (KEYS, KEYS + 1_000), (STEPS * KEYS - 500, STEPS * KEYS + 500)] {
        knock(&store, shop.ledger, &names(from, to), 2).await.unwrap();
    }
    claim = take(claim, &["last", "key-7"]).await.unwrap();
    drop((claim, leg.claim().await.unwrap()));
    // Another process reads what it does not know; then this one does.
    let other = super::store(&shop.url).await;
    knock(&other, shop.ledger, &names(1, 3), 2).await.unwrap();
    knock(&other, shop.ledger, &names(900_000, 900_003), 2).await.unwrap();
    knock(&store, shop.ledger, &names(900_001, 900_005), 2).await.unwrap();
    store.close().await;
    let log = std::fs::read_to_string(server.log()).unwrap();
    let plans = plans(&log[before..]);
    for plan in &plans {
        let slow = SLOW.iter().find(|slow| plan.contains(**slow));
        assert_eq!(slow, None, "{plan}");
    }
    for seen in SEEN {
        assert!(plans.iter().any(|plan| plan.contains(seen)), "no plan has {seen}");
    }
}

/// The plans in a log that are about the store's tables.
fn plans(log: &str) -> Vec<&str> {
    let ours = |plan: &&str| TABLES.iter().any(|table| plan.contains(&format!(" on {table}")));
    log.split("LOG:  duration: ").filter(ours).collect()
}

/// A ledger's three dead letters beside another's many.
const LETTERS: &str = "
    INSERT INTO dead_letter (source, line, reason, detail, headers, masked, first_failed_at,
        last_failed_at, attempts, digest)
    SELECT CASE WHEN n <= 50000 THEN 'many' ELSE 'few' END, n, 'empty', '', '[]', false, 0, 0, 1,
        sha256('')
    FROM generate_series(1, 50003) AS all_of_them (n);
    ANALYZE;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_of_one_ledger_are_found_beside_those_of_another() {
    let Some(server) = private(&SETTINGS) else { return };
    let shop = Shop::on(&server.url("postgres")).await;
    let store = store(&shop.url).await;
    let other = store.ledger("other").await.unwrap().no;
    store.leg(shop.ledger, binding("many")).await.unwrap();
    store.leg(other, binding("few")).await.unwrap();
    shop.by_hand(LETTERS).await;
    let before = std::fs::read_to_string(server.log()).unwrap().len();
    let all = LetterFilter::default();
    for (ledger, after, found) in [(other, 0, 3), (shop.ledger, 0, 500), (shop.ledger, 49_990, 10)]
    {
        let page = store.reader().letters(ledger, &all, after, 500).unwrap();
        assert_eq!(page.rows.len(), found);
    }
    assert_eq!(store.reader().letter_reasons(other, &all, None).unwrap().len(), 1);
    let log = std::fs::read_to_string(server.log()).unwrap();
    let plans = plans(&log[before..]);
    let plans: Vec<&&str> = plans.iter().filter(|plan| plan.contains(" on dead_letter")).collect();
    assert_eq!(plans.len(), 4);
    for plan in plans {
        assert!(plan.contains("using dead_letter_source on dead_letter"), "{plan}");
    }
}
