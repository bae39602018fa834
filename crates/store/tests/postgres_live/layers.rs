//! Each layer against doing it twice, alone: somebody changes a row by hand, at the one moment that
//! the layer is there for, and the step that it would have spoilt does not happen.
//!
//! Under the lock nobody else can write, so a trigger does: it fires in the step's own SQL
//! transaction, after the snapshot and before the commit.

use super::{Code, Shop, ask, binding, command, pay, recorded, stop, store, store_of, take};
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Effect, Keys, decide};
use semel_core::payment::Identity;
use semel_store::places::first_slot;
use semel_store::postgres::{Form, Postgres};

/// A ledger with one payment.
async fn shop() -> Option<(Shop, Postgres)> {
    let shop = Shop::open().await?;
    let store = store(&shop.url).await;
    pay(&store, shop.ledger, "at-the-door").await.unwrap();
    Some((shop, store))
}

/// Let a step's new event do `statement` behind the step's back.
async fn meanwhile(shop: &Shop, statement: &str) {
    shop.by_hand(&format!(
        "CREATE OR REPLACE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN {statement}; RETURN NULL; END$$;
         CREATE OR REPLACE TRIGGER meanwhile AFTER INSERT ON event
            FOR EACH STATEMENT EXECUTE FUNCTION meanwhile()"
    ))
    .await;
}

const AT_EASE: &str = "DROP TRIGGER meanwhile ON event";
const MOVED: [&str; 3] =
    ["next = next + 1", "tail = sha256('')", "claim = substr(claim, 2) || '.'"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_was_moved_lets_no_step_begin() {
    let Some((shop, store)) = shop().await else { return };
    let leg = store.leg(shop.ledger, binding("source")).await.unwrap();
    for moved in MOVED {
        let claim = leg.claim().await.unwrap();
        shop.by_hand(&format!("UPDATE leg SET {moved}")).await;
        let begun = claim.begin(Keys::default()).await;
        assert!(matches!(begun, Err(Failure::Fenced)), "{moved}");
    }
    assert_eq!(store.stopped(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_moves_under_the_lock_is_compared_before_it_is_set() {
    let Some((shop, store)) = shop().await else { return };
    let leg = store.leg(shop.ledger, binding("source")).await.unwrap();
    for moved in MOVED {
        let claim = leg.claim().await.unwrap();
        meanwhile(&shop, &format!("UPDATE leg SET {moved}")).await;
        let failed = take(claim, &["item"]).await.map(drop);
        assert!(matches!(failed, Err(Failure::Fenced)), "{moved}: {failed:?}");
        shop.by_hand(AT_EASE).await;
        assert_eq!(shop.keys().await, ["at-the-door"], "{moved}");
    }
    // With nobody in between, the same step goes through: that was all that was in its way.
    let claim = take(leg.claim().await.unwrap(), &["item"]).await.unwrap();
    assert_eq!(claim.cursor().next, 1);
    assert_eq!(shop.keys().await, ["at-the-door", "item"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_moves_under_its_lock_is_a_named_stop() {
    for moved in ["next_seq = next_seq + 1", "tail = sha256('')"] {
        let Some((shop, store)) = shop().await else { return };
        meanwhile(&shop, &format!("UPDATE ledger SET {moved}")).await;
        assert_eq!(stop(pay(&store, shop.ledger, "more").await), Code::StoreDefect);
        shop.by_hand(AT_EASE).await;
        assert_eq!(shop.keys().await, ["at-the-door"], "{moved}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity_stands_behind_a_decision_that_did_not_ask() {
    let Some((shop, store)) = shop().await else { return };
    let again = [command("at-the-door")];
    let step = store.door(shop.ledger).claim().await.unwrap();
    let step = step.begin(Keys::of(&again)).await.unwrap();
    let mut snapshot = step.snapshot().clone();
    assert!(snapshot.recorded[0].take().is_some());
    let twice = decide(&again, &snapshot).effects;
    assert!(twice.iter().any(|effect| matches!(effect, Effect::Append(_))));
    assert_eq!(stop(step.commit(twice, Cursor::START).await), Code::IdentityBroken);
    assert_eq!(shop.keys().await, ["at-the-door"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_stands_behind_a_look_up_that_saw_nothing() {
    let Some((shop, store)) = shop().await else { return };
    let new = [command("new")];
    let step = store.door(shop.ledger).claim().await.unwrap();
    let step = step.begin(Keys::of(&new)).await.unwrap();
    let effects = decide(&new, step.snapshot()).effects;
    // Somebody who takes no lock puts the same key into the log of a ledger that is none.
    let slot = first_slot(shop.ledger, Identity::hash("", "new"));
    shop.by_hand(&format!(
        "INSERT INTO event SELECT 9::bigint << 40, at, {slot}, debit, credit, amount, 0, 0, ref,
            kind, format, code, currency, namespace, 'new', extra FROM event WHERE key IS NOT NULL"
    ))
    .await;
    assert_eq!(stop(step.commit(effects, Cursor::START).await), Code::IdentityBroken);
    shop.by_hand("DELETE FROM event WHERE pos = 9::bigint << 40").await;
    assert_eq!(shop.keys().await, ["at-the-door"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_of_another_snapshot_are_not_written() {
    let Some((shop, store)) = shop().await else { return };
    let commands = [command("late")];
    let claim = store.door(shop.ledger).claim().await.unwrap();
    let step = claim.begin(Keys::of(&commands)).await.unwrap();
    let effects = decide(&commands, step.snapshot()).effects;
    drop(step);
    pay(&store, shop.ledger, "in-between").await.unwrap();
    let claim = store.door(shop.ledger).claim().await.unwrap();
    let step = claim.begin(Keys::of(&commands)).await.unwrap();
    assert_eq!(stop(step.commit(effects, Cursor::START).await), Code::StoreDefect);
    assert_eq!(shop.keys().await, ["at-the-door", "in-between"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_and_its_end_move_together_or_not_at_all() {
    let appends = |effect: &Effect| !matches!(effect, Effect::Append(_));
    let moves = |effect: &Effect| !matches!(effect, Effect::Move(_));
    for keep in [appends as fn(&Effect) -> bool, moves] {
        let Some((shop, store)) = shop().await else { return };
        let commands = [command("more")];
        let claim = store.door(shop.ledger).claim().await.unwrap();
        let step = claim.begin(Keys::of(&commands)).await.unwrap();
        let mut effects = decide(&commands, step.snapshot()).effects;
        effects.retain(keep);
        assert_eq!(stop(step.commit(effects, Cursor::START).await), Code::StoreDefect);
        assert_eq!(shop.keys().await, ["at-the-door"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_gone_is_a_named_stop() {
    let Some((shop, _)) = shop().await else { return };
    let plain = store_of(&shop.url, Form::Plain).await;
    pay(&plain, shop.ledger, "written").await.unwrap();
    shop.by_hand("DELETE FROM account WHERE id = 'merchant:1'").await;
    assert_eq!(stop(pay(&plain, shop.ledger, "more").await), Code::StoreDefect);
    assert_eq!(shop.shell_keys().await, ["at-the-door", "written"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_forgot_stops_whoever_saw_it() {
    const TABLES: [&str; 3] = ["event", "account", "ledger"];
    let Some((shop, store)) = shop().await else { return };
    // As after a restore: the newest event is gone.
    shop.by_hand("CREATE SCHEMA kept").await;
    for table in TABLES {
        shop.by_hand(&format!("CREATE TABLE kept.{table} AS TABLE {table}")).await;
    }
    let lost = pay(&store, shop.ledger, "lost").await.unwrap().0;
    let back =
        TABLES.map(|table| format!("TRUNCATE {table}; INSERT INTO {table} TABLE kept.{table};"));
    shop.by_hand(&format!("BEGIN; {} COMMIT", back.concat())).await;
    assert_eq!(stop(pay(&store, shop.ledger, "lost").await), Code::StoreRewound);
    // Who saw nothing of it takes the log as it is.
    let fresh = store_of(&shop.url, Form::Resident).await;
    let (event, replayed) = pay(&fresh, shop.ledger, "lost").await.unwrap();
    assert_eq!((event.seq, replayed), (lost.seq, false));
    assert!(pay(&fresh, shop.ledger, "at-the-door").await.unwrap().1);
    assert_eq!(shop.keys().await, ["at-the-door", "lost"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_equal_requests_of_one_step_are_one_payment() {
    let Some((shop, store)) = shop().await else { return };
    let commands = [command("twin"), command("other"), command("twin")];
    let outcomes = ask(&store, shop.ledger, &commands).await.unwrap();
    let told: Vec<_> = outcomes.iter().map(recorded).collect();
    assert_eq!((told[0].0.seq, told[0].1), (told[2].0.seq, false));
    assert!(told[2].1);
    assert_eq!(shop.keys().await, ["at-the-door", "twin", "other"]);
}
