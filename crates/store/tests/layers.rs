//! Each layer against doing it twice, alone: somebody changes a row by hand, at the one moment that
//! the layer is there for, and the step that it would have spoilt does not happen.
//!
//! Under the lock nobody else can write, so a trigger does: it fires in the step's own SQL
//! transaction, after the snapshot and before the commit.

use common::hand::{ask, number, pay, proved, sql, stop, take};
use common::{binding, command, open};
use semel_core::event::Kind;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Effect, Keys, decide};
use semel_core::problem::Code;
use semel_store::sqlite::{Sqlite, SqliteTarget};
use std::path::PathBuf;
use tempfile::TempDir;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

/// A ledger with one payment, and a leg that has taken one more.
struct Shop {
    store: Sqlite,
    ledger: u32,
    leg: SqliteTarget,
    path: PathBuf,
    _dir: TempDir,
}

impl Shop {
    async fn open() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("semel.db");
        let store = open(&path).unwrap();
        let ledger = store.ledger("main").await.unwrap().no;
        let leg = store.leg(ledger, binding("source")).await.unwrap();
        pay(&store, ledger, "at the door").await.unwrap();
        Shop { store, ledger, leg, path, _dir: dir }
    }

    fn by_hand(&self, statements: &str) {
        sql(&self.path).execute_batch(statements).unwrap();
    }

    /// The keys in the log, which is proved.
    fn keys(&self) -> Vec<String> {
        let events = proved(self.store.reader(), self.ledger);
        events.iter().filter_map(|event| event.key.as_deref().map(String::from)).collect()
    }
}

#[tokio::test]
async fn a_cursor_that_was_moved_lets_no_step_begin() {
    let shop = Shop::open().await;
    for moved in ["next = next + 1", "tail = randomblob(32)", "claim = randomblob(16)"] {
        let claim = shop.leg.claim().await.unwrap();
        shop.by_hand(&format!("UPDATE leg SET {moved}"));
        let begun = claim.begin(Keys::default()).await;
        assert!(matches!(begun, Err(Failure::Fenced)), "{moved}");
        shop.by_hand("UPDATE leg SET until = 0");
    }
    assert_eq!(shop.store.stopped(), None);
}

#[tokio::test]
async fn a_cursor_that_moves_under_the_lock_is_compared_before_it_is_set() {
    let shop = Shop::open().await;
    for moved in ["next = next + 1", "tail = randomblob(32)", "claim = randomblob(16)"] {
        let claim = shop.leg.claim().await.unwrap();
        shop.by_hand(&format!(
            "CREATE TRIGGER meanwhile AFTER INSERT ON event BEGIN UPDATE leg SET {moved}; END"
        ));
        let failed = take(claim, &["item"]).await;
        assert!(matches!(failed, Err(Failure::Fenced)), "{moved}");
        assert_eq!(shop.keys(), ["at the door"], "{moved}");
        shop.by_hand("DROP TRIGGER meanwhile; UPDATE leg SET until = 0");
    }
    // With nobody in between, the same step goes through: that was all that was in its way.
    let claim = take(shop.leg.claim().await.unwrap(), &["item"]).await.unwrap();
    assert_eq!(claim.cursor().next, 1);
    assert_eq!(shop.keys(), ["at the door", "item"]);
}

#[tokio::test]
async fn a_ledger_that_moves_under_its_lock_is_a_named_stop() {
    for moved in ["next_seq = next_seq + 1", "tail = randomblob(32)"] {
        let shop = Shop::open().await;
        shop.by_hand(&format!(
            "CREATE TRIGGER meanwhile AFTER INSERT ON event BEGIN UPDATE ledger SET {moved}; END"
        ));
        assert_eq!(stop(pay(&shop.store, shop.ledger, "more").await), Code::StoreDefect);
        assert_eq!(shop.keys(), ["at the door"], "{moved}");
    }
}

#[tokio::test]
async fn identity_stands_behind_a_decision_that_did_not_ask() {
    let shop = Shop::open().await;
    let again = [command("at the door")];
    let step = shop.store.door(shop.ledger).claim().await.unwrap();
    let step = step.begin(Keys::of(&again)).await.unwrap();
    let mut snapshot = step.snapshot().clone();
    assert!(snapshot.recorded[0].take().is_some());
    let twice = decide(&again, &snapshot).effects;
    assert!(twice.iter().any(|effect| matches!(effect, Effect::Append(_))));
    assert_eq!(stop(step.commit(twice, Cursor::START).await), Code::IdentityBroken);
    assert_eq!(shop.keys(), ["at the door"]);
}

#[tokio::test]
async fn a_key_that_stands_in_the_log_twice_is_a_named_stop() {
    // Behind what the index holds: only the memory of keys can see it.
    const TWICE: &str = "INSERT INTO event (pos, at, kind, format, namespace, key, debit, credit,
            amount, currency, code, ref, debit_prev, credit_prev, extra)
        SELECT pos + 1, at, kind, format, namespace, key, debit, credit, amount, currency, code,
            ref, debit_prev, credit_prev, extra FROM event WHERE key = 'at the door';
        UPDATE ledger SET next_seq = next_seq + 1;";
    let Shop { store, ledger, path, _dir, .. } = Shop::open().await;
    sql(&path).execute_batch(TWICE).unwrap();
    // The log moved, so it is read anew under the next step.
    assert_eq!(stop(pay(&store, ledger, "more").await), Code::IdentityBroken);
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(stop(store.ledger("main").await), Code::IdentityBroken);
    assert_eq!(number(&path, "SELECT count(*) FROM event WHERE key IS NOT NULL"), 2);
}

#[tokio::test]
async fn effects_of_another_snapshot_are_not_written() {
    let shop = Shop::open().await;
    let commands = [command("late")];
    let claim = shop.store.door(shop.ledger).claim().await.unwrap();
    let step = claim.begin(Keys::of(&commands)).await.unwrap();
    let effects = decide(&commands, step.snapshot()).effects;
    drop(step);
    pay(&shop.store, shop.ledger, "in between").await.unwrap();
    let claim = shop.store.door(shop.ledger).claim().await.unwrap();
    let step = claim.begin(Keys::of(&commands)).await.unwrap();
    assert_eq!(stop(step.commit(effects, Cursor::START).await), Code::StoreDefect);
    assert_eq!(shop.keys(), ["at the door", "in between"]);
}

#[tokio::test]
async fn a_log_and_its_end_move_together_or_not_at_all() {
    let appends = |effect: &Effect| !matches!(effect, Effect::Append(_));
    let moves = |effect: &Effect| !matches!(effect, Effect::Move(_));
    for keep in [appends as fn(&Effect) -> bool, moves] {
        let shop = Shop::open().await;
        let commands = [command("more")];
        let claim = shop.store.door(shop.ledger).claim().await.unwrap();
        let step = claim.begin(Keys::of(&commands)).await.unwrap();
        let mut effects = decide(&commands, step.snapshot()).effects;
        effects.retain(keep);
        assert_eq!(stop(step.commit(effects, Cursor::START).await), Code::StoreDefect);
        assert_eq!(shop.keys(), ["at the door"]);
    }
}

#[tokio::test]
async fn a_row_that_is_gone_is_a_named_stop() {
    let shop = Shop::open().await;
    shop.by_hand("DELETE FROM account WHERE id = 'merchant:1'");
    assert_eq!(stop(pay(&shop.store, shop.ledger, "more").await), Code::StoreDefect);
    assert_eq!(number(&shop.path, "SELECT count(*) FROM event WHERE key IS NOT NULL"), 1);
}

#[tokio::test]
async fn a_log_that_moved_by_hand_is_read_anew() {
    let shop = Shop::open().await;
    // As after a restore: the newest event is gone, and with it all that was remembered of it.
    let before = shop.store.reader().ledgers().unwrap()[0].position;
    let backup = shop.path.with_extension("backup");
    sql(&shop.path).execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    pay(&shop.store, shop.ledger, "lost").await.unwrap();
    sql(&shop.path)
        .execute_batch(&format!(
            "ATTACH '{}' AS was; BEGIN IMMEDIATE;
             DELETE FROM event WHERE pos NOT IN (SELECT pos FROM was.event);
             DELETE FROM key_index; INSERT INTO key_index SELECT * FROM was.key_index;
             DELETE FROM account; INSERT INTO account SELECT * FROM was.account;
             DELETE FROM ledger; INSERT INTO ledger SELECT * FROM was.ledger; COMMIT",
            backup.display()
        ))
        .unwrap();
    assert_eq!(shop.store.reader().ledgers().unwrap()[0].position, before);
    let (event, replayed) = pay(&shop.store, shop.ledger, "lost").await.unwrap();
    assert_eq!((event.seq, replayed), (before.next_seq, false));
    assert!(pay(&shop.store, shop.ledger, "at the door").await.unwrap().1);
    assert_eq!(shop.keys(), ["at the door", "lost"]);
}

#[tokio::test]
async fn two_equal_requests_of_one_step_are_one_payment() {
    let shop = Shop::open().await;
    let commands = [command("twin"), command("other"), command("twin")];
    let outcomes = ask(&shop.store, shop.ledger, &commands).await.unwrap();
    let told: Vec<_> = outcomes.iter().map(common::hand::recorded).collect();
    assert_eq!((told[0].0.seq, told[0].1), (told[2].0.seq, false));
    assert!(told[2].1);
    assert_eq!(told[0].0.kind, Kind::PaymentSucceeded);
    assert_eq!(shop.keys(), ["at the door", "twin", "other"]);
}
