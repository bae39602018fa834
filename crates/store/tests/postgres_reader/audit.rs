//! What the auditor is told: all of a log that is right, and whatever somebody altered.

use super::letters::ingest;
use super::{Shop, binding};
use crate::common::audit::found;
use crate::common::command;
use semel_core::ledger::Command;
use semel_core::payment::{Capture, Operation};
use semel_core::problem::Code::{self, *};
use semel_core::reason::Reason;
use semel_store::postgres::Postgres;

/// A store with something of everything.
async fn full() -> Option<Shop> {
    let shop = Shop::open().await?;
    let paid = shop.pay("a", 100, Capture::Now).await.id(shop.ledger);
    let held = shop.pay("b", 100, Capture::Later).await.id(shop.ledger);
    shop.operate("r", paid, Operation::Refund(Some(30))).await;
    shop.operate("c", held, Operation::Capture(Some(60))).await;
    let leg = shop.store.leg(shop.ledger, binding("file:1")).await.unwrap();
    ingest(&leg, ["file:1"; 2], &["x", "y"], &[(Reason::Empty, 9), (Reason::MissingField, 9)])
        .await;
    let keys = (0..1_100).map(|at| command(&format!("many-{at}")));
    shop.ask(&keys.collect::<Vec<Command>>()).await;
    Some(shop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_fits() {
    let Some(shop) = full().await else { return };
    let other = shop.store.ledger("other").await.unwrap();
    assert_eq!(found(&shop.reader().audit().unwrap()), []);
    let audit = shop.reader().audit().unwrap();
    let mut rows = Vec::new();
    audit.log(shop.ledger, |row| rows.push((row.seq, row.payment.map(|to| to.seq)))).unwrap();
    assert_eq!(rows.len(), 8 + 1_100);
    let to: Vec<_> = rows.iter().filter_map(|(seq, to)| to.map(|to| (*seq, to))).collect();
    assert_eq!(to, [(5, 3), (6, 4)]);
    audit.log(other.no, |row| panic!("{row:?}")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_meanwhile_is_left_out() {
    let Some(shop) = full().await else { return };
    let audit = shop.reader().audit().unwrap();
    let another = Postgres::open(&shop.url).await.unwrap();
    let paid = shop.pay("later", 5, Capture::Now).await.id(shop.ledger);
    shop.operate("later-back", paid, Operation::Refund(None)).await;
    let keys = (0..1_100).map(|at| command(&format!("later-{at}")));
    shop.ask(&keys.collect::<Vec<Command>>()).await;
    another.ledger("made later").await.unwrap();
    assert_eq!(found(&audit), []);
    assert_eq!(found(&shop.reader().audit().unwrap()), []);
}

/// An alteration, and what is found then, among other things.
#[rustfmt::skip]
const ALTERED: [(&str, Code); 57] = [
    ("UPDATE account SET pos = pos + 5000 WHERE id = 'merchant:1'", AccountDiffers),
    ("UPDATE account SET ledger = 2 WHERE id = 'merchant:1'", RowUnreadable),
    ("UPDATE account SET id = 'mallory' WHERE id = 'merchant:1'", AccountDiffers),
    ("UPDATE account SET currency = 'EUR'", AccountDiffers),
    ("UPDATE account SET currency = 'euro'", RowUnreadable),
    ("UPDATE account SET overdraft = 5", AccountDiffers),
    ("UPDATE account SET closed = true", AccountDiffers),
    ("UPDATE account SET debits = debits + 1", AccountDiffers),
    ("UPDATE account SET credits = credits + 1", Unbalanced),
    ("UPDATE account SET pending_debits = 1", AccountDiffers),
    ("UPDATE account SET last_seq = last_seq - 1", AccountDiffers),
    ("DELETE FROM account WHERE id = 'merchant:1'", AccountDiffers),
    ("UPDATE anchor SET pos = pos + 1", AnchorDiffers),
    ("UPDATE anchor SET hash = sha256('')", AnchorDiffers),
    ("DELETE FROM anchor", AnchorDiffers),
    ("INSERT INTO anchor SELECT (9::bigint << 40) + 1024, hash FROM anchor", RowUnreadable),
    ("UPDATE dead_letter SET source = 'file:other'", RowUnreadable),
    ("UPDATE dead_letter SET line = line + 1", RowUnreadable),
    ("UPDATE dead_letter SET reason = 'conflict'", CountsDiffer),
    ("UPDATE dead_letter SET reason = 'mood'", RowUnreadable),
    ("UPDATE dead_letter SET value = '\\x00'", RowUnreadable),
    ("UPDATE dead_letter SET headers = 'none'", RowUnreadable),
    ("UPDATE dead_letter SET masked = NOT masked", RowUnreadable),
    ("UPDATE dead_letter SET attempts = 0", RowUnreadable),
    ("UPDATE dead_letter SET digest = sha256('')", RowUnreadable),
    ("DELETE FROM dead_letter WHERE id = 1", CountsDiffer),
    ("UPDATE event SET pos = pos + 5000 WHERE key = 'a'", LogGap),
    ("UPDATE event SET at = at + 1 WHERE key = 'a'", ChainBroken),
    ("UPDATE event SET kind = 77 WHERE key = 'a'", RowUnreadable),
    ("UPDATE event SET namespace = 'shop' WHERE key = 'a'", KeyIndexDiffers),
    ("UPDATE event SET key = 'other' WHERE key = 'a'", KeyIndexDiffers),
    ("UPDATE event SET debit = credit WHERE key = 'a'", LinkBroken),
    ("UPDATE event SET debit = -1 WHERE key = 'a'", RowUnreadable),
    ("UPDATE event SET amount = amount + 1 WHERE key = 'a'", AccountDiffers),
    ("UPDATE event SET currency = 'EUR' WHERE key = 'a'", Unbalanced),
    ("UPDATE event SET ref = ref + 1 WHERE key = 'r'", PaymentBroken),
    ("UPDATE event SET ref = 2000 WHERE key = 'r'", LinkBroken),
    ("UPDATE event SET ref = -5 WHERE key = 'r'", RowUnreadable),
    ("UPDATE event SET debit_prev = 1 WHERE key = 'many-7'", LinkBroken),
    ("UPDATE event SET extra = 'none' WHERE key = 'a'", ChainBroken),
    ("UPDATE event SET slot = slot - 1 WHERE key = 'a'", KeyIndexDiffers),
    ("UPDATE event SET slot = (9::bigint << 41) + 7 WHERE key = 'a'", RowUnreadable),
    ("UPDATE event SET slot = (2::bigint << 41) + 7 WHERE key = 'a'", RowUnreadable),
    ("UPDATE event SET slot = NULL, key = NULL WHERE key = 'a'", ChainBroken),
    ("DELETE FROM event WHERE key = 'a'", LogGap),
    ("DELETE FROM event WHERE pos = (SELECT max(pos) FROM event)", LogGap),
    ("INSERT INTO event SELECT max(pos) + 1, 1, NULL, NULL, NULL, 0, 0, 0, NULL, 1, 1, 0, 'USD', ''
        FROM event", LogGap),
    ("INSERT INTO event VALUES (9::bigint << 40, 1, NULL, NULL, NULL, 0, 0, 0, NULL, 1, 1, 0, 'USD',
        '')", RowUnreadable),
    ("UPDATE ledger SET no = 3 WHERE id = 'other'; DELETE FROM ledger WHERE id = 'main'",
        RowUnreadable),
    ("UPDATE ledger SET id = 'another' WHERE id = 'main'", ChainBroken),
    ("UPDATE ledger SET next_seq = next_seq + 1 WHERE id = 'main'", LogGap),
    ("UPDATE ledger SET next_seq = next_seq - 1, accounts_seq = 0 WHERE id = 'main'", LogGap),
    ("UPDATE ledger SET tail = sha256('') WHERE id = 'main'", ChainBroken),
    ("UPDATE leg SET source = 'file:other'", RowUnreadable),
    ("UPDATE leg SET read = read + 1, accepted = accepted + 1", CountsDiffer),
    ("UPDATE leg SET dead_letters = dead_letters - 1, read = read - 1", CountsDiffer),
    ("UPDATE leg SET next = -1", RowUnreadable),
];

/// What stands between the rows and whoever reads them, and how it is mended again.
#[rustfmt::skip]
const TABLES: [(&str, &str, &str); 6] = [
    ("DROP INDEX event_slot",
        "CREATE UNIQUE INDEX event_slot ON event (slot) WHERE slot IS NOT NULL",
        "the index event_slot is missing"),
    ("DROP INDEX event_slot; CREATE INDEX event_slot ON event (slot)",
        "DROP INDEX event_slot;
         CREATE UNIQUE INDEX event_slot ON event (slot) WHERE slot IS NOT NULL",
        "the index event_slot lets values repeat"),
    ("ALTER TABLE event DROP CONSTRAINT event_named",
        "ALTER TABLE event ADD CONSTRAINT event_named
            CHECK ((slot IS NULL) = (key IS NULL)) NOT VALID",
        "the constraint event_named is missing"),
    ("SELECT 1", "ALTER TABLE event VALIDATE CONSTRAINT event_named",
        "event: the constraint event_named was never checked"),
    ("CREATE RULE quiet AS ON DELETE TO leg DO INSTEAD NOTHING", "DROP RULE quiet ON leg",
        "leg: the rule quiet is none of ours"),
    ("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER quiet BEFORE INSERT ON leg FOR EACH ROW EXECUTE FUNCTION nothing()",
        "DROP TRIGGER quiet ON leg", "leg: the trigger quiet is none of ours"),
];

const KEPT: [&str; 6] = ["ledger", "event", "account", "anchor", "leg", "dead_letter"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_is_found() {
    let Some(shop) = full().await else { return };
    shop.store.ledger("other").await.unwrap();
    // Rows of accounts come up to the log: what of them lags behind would be made good.
    shop.store.clone().close().await;
    shop.alter("CREATE SCHEMA kept").await;
    for table in KEPT {
        shop.alter(&format!("CREATE TABLE kept.{table} AS TABLE public.{table}")).await;
    }
    for (alteration, expected) in ALTERED {
        shop.alter(alteration).await;
        let found = found(&shop.reader().audit().unwrap());
        assert!(found.iter().any(|(code, _)| *code == expected), "{alteration}: {found:?}");
        for table in KEPT {
            shop.alter(&format!(
                "TRUNCATE {table};
                 INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept.{table}"
            ))
            .await;
        }
    }
    assert_eq!(found(&shop.reader().audit().unwrap()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_not_as_they_were_made_are_told() {
    let Some(shop) = full().await else { return };
    for (change, mend, expected) in TABLES {
        shop.alter(change).await;
        let told = shop.reader().audit().unwrap().small_tables().unwrap();
        assert_eq!(told, [expected], "{change}");
        shop.alter(mend).await;
    }
    assert_eq!(found(&shop.reader().audit().unwrap()), []);
}
