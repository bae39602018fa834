//! Clients that stop in the middle of a step, and everybody else, who goes on.
//!
//! The server bounds how long one can hold a ledger's row; the step that was cut off so is refused
//! and has no effect, whenever its owner comes to again.

use super::proxy::Proxy;
use super::{Shop, command, pay, store, take};
use crate::common::binding;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Keys, decide};
use semel_core::leg::DEADLINE;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_between_two_statements_holds_up_nobody_for_long() {
    let Some(shop) = Shop::open().await else { return };
    let proxy = Proxy::before(&shop.url).await;
    let [near, other] = [store(&proxy.url(&shop.url)).await, store(&shop.url).await];
    for is_leg in [false, true] {
        let door = near.door(shop.ledger);
        let leg = near.leg(shop.ledger, binding("source")).await.unwrap();
        let target = if is_leg { &leg } else { &door };
        let slow = [command(&format!("slow-{is_leg}"))];
        let claim = target.claim().await.unwrap();
        let to = Cursor { next: 1, ..*claim.cursor() };
        let step = claim.begin(Keys::of(&slow)).await.unwrap();
        let effects = decide(&slow, step.snapshot()).effects;
        proxy.freeze();
        // In one step, without a second try: the lock is there before that would be given up.
        let key = format!("quick-{is_leg}");
        let paid = timeout(DEADLINE, pay(&other, shop.ledger, &key)).await.expect("in time");
        assert!(!paid.unwrap().1);
        proxy.thaw();
        let to = if is_leg { to } else { Cursor::START };
        let late = step.commit(effects, to).await.map(drop);
        assert!(matches!(late, Err(Failure::Retryable(_) | Failure::Unknown(_))), "{late:?}");
        // And goes on, by itself.
        let key = format!("again-{is_leg}");
        assert!(!pay(&near, shop.ledger, &key).await.unwrap().1);
        assert_eq!(leg.claim().await.unwrap().cursor().next, 0);
    }
    let keys = ["quick-false", "again-false", "quick-true", "again-true"];
    assert_eq!(shop.keys().await, keys);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_for_good_loses_its_source_too() {
    let Some(shop) = Shop::open().await else { return };
    let proxy = Proxy::before(&shop.url).await;
    let [near, other] = [store(&proxy.url(&shop.url)).await, store(&shop.url).await];
    let stopped = near.leg(shop.ledger, binding("source")).await.unwrap();
    let step = stopped.claim().await.unwrap().begin(Keys::default()).await.unwrap();
    proxy.freeze();
    // The claim waits for the step that is open, and no longer than the server lets it be.
    let leg = other.leg(shop.ledger, binding("source")).await.unwrap();
    let claim = timeout(DEADLINE, leg.claim()).await.expect("in time").unwrap();
    take(claim, &["a", "b"]).await.unwrap();
    // It never hears of it, and waits no longer than it has to.
    let late = timeout(DEADLINE, step.commit(Vec::new(), Cursor::START)).await;
    let late = late.expect("shorter than a leg's deadline").map(drop);
    assert!(matches!(late, Err(Failure::Retryable(_) | Failure::Unknown(_))), "{late:?}");
    assert_eq!(leg.claim().await.unwrap().cursor().next, 2);
    assert_eq!(shop.shell_keys().await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_never_idle_for_long_ends_all_the_same() {
    let Some(shop) = Shop::open().await else { return };
    let proxy = Proxy::before(&shop.url).await;
    let [near, other] = [store(&proxy.url(&shop.url)).await, store(&shop.url).await];
    pay(&near, shop.ledger, "before").await.unwrap();
    let slow = [command("slow")];
    let claim = near.door(shop.ledger).claim().await.unwrap();
    let step = claim.begin(Keys::of(&slow)).await.unwrap();
    let effects = decide(&slow, step.snapshot()).effects;
    proxy.trickle();
    // Waiting for the lock is a part of the other's step, which may be cut off for it too.
    let again = async {
        loop {
            match pay(&other, shop.ledger, "quick").await {
                Err(Failure::Retryable(_)) => {}
                paid => return paid,
            }
        }
    };
    let (late, paid) = tokio::join!(step.commit(effects, Cursor::START), timeout(DEADLINE, again));
    assert!(!paid.expect("in time").unwrap().1);
    let late = late.map(drop);
    assert!(matches!(late, Err(Failure::Retryable(_) | Failure::Unknown(_))), "{late:?}");
    assert_eq!(shop.keys().await, ["before", "quick"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_takes_connections_and_says_nothing_is_given_up() {
    let Some(shop) = Shop::open().await else { return };
    let proxy = Proxy::before(&shop.url).await;
    let near = store(&proxy.url(&shop.url)).await;
    pay(&near, shop.ledger, "before").await.unwrap();
    // Every session is gone, and no new one is answered.
    proxy.cut();
    proxy.freeze();
    let mut failed = 0;
    let tries = async {
        while failed < 2 {
            let refused = pay(&near, shop.ledger, "meanwhile").await;
            assert!(matches!(refused, Err(Failure::Retryable(_))), "{refused:?}");
            failed += 1;
        }
    };
    timeout(2 * DEADLINE, tries).await.expect("in time");
    proxy.thaw();
    assert!(!pay(&near, shop.ledger, "after").await.unwrap().1);
    assert_eq!(shop.keys().await, ["before", "after"]);
}
