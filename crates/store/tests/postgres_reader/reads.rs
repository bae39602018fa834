//! Payments, entries, events, and what publishing reads, beside a writer that writes.

use super::{Shop, database};
use crate::common::command;
use crate::common::hand::stop;
use semel_core::account::Account;
use semel_core::event::Kind;
use semel_core::failure::Failure;
use semel_core::id::{EventId, SEQ_MAX};
use semel_core::ledger::{Command, Position};
use semel_core::payment::{Capture, Operation, State};
use semel_core::problem::Code;
use semel_store::postgres::{Postgres, Reader};
use semel_store::rows::{Entry, Home};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_are_what_later_events_say_of_them() {
    let Some(shop) = Shop::open().await else { return };
    let mut ids = Vec::new();
    for (key, capture) in [("a", Capture::Now), ("b", Capture::Later), ("c", Capture::Later)] {
        ids.push(shop.pay(key, 100, capture).await.id(shop.ledger));
    }
    shop.operate("r", ids[0], Operation::Refund(Some(30))).await;
    shop.operate("c1", ids[1], Operation::Capture(Some(60))).await;
    shop.operate("v", ids[2], Operation::Void).await;
    let stands = |id| {
        let payment = shop.reader().payment(shop.ledger, id).unwrap().unwrap();
        (payment.state, payment.moved, payment.refunded)
    };
    assert_eq!(stands(ids[0]), (State::Succeeded, 100, 30));
    assert_eq!(stands(ids[1]), (State::Captured, 60, 0));
    assert_eq!(stands(ids[2]), (State::Voided, 0, 0));
    let [a, b, c] = [ids[0].seq, ids[1].seq, ids[2].seq];
    for (before, limit, expected) in [
        (None, 9, vec![(c, 0), (b, 0), (a, 30)]),
        (None, 2, vec![(c, 0), (b, 0)]),
        (Some(b), 9, vec![(a, 30)]),
        (Some(a), 9, vec![]),
        (Some(u64::MAX), 9, vec![(c, 0), (b, 0), (a, 30)]),
        (None, 0, vec![]),
    ] {
        let payments = shop.reader().payments(shop.ledger, before, limit).unwrap();
        let told = payments.iter().map(|payment| (payment.event.seq, payment.refunded));
        assert_eq!(told.collect::<Vec<_>>(), expected, "before {before:?}, at most {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_from_before_a_rewind_finds_nothing() {
    let Some(shop) = Shop::open().await else { return };
    let id = shop.pay("a", 1, Capture::Now).await.id(shop.ledger);
    assert!(shop.reader().payment(shop.ledger, id).unwrap().is_some());
    for stranger in [
        EventId { at: id.at - 1, ..id },
        EventId { ledger: shop.ledger + 1, ..id },
        EventId { seq: id.seq + 1, ..id },
        // The event is there, but it opened an account.
        EventId { seq: 1, ..id },
    ] {
        assert_eq!(shop.reader().payment(shop.ledger, stranger), Ok(None), "{stranger:?}");
    }
}

/// What comes after `entry` on the account's statement.
fn behind(entry: &Entry, account: &str) -> (u64, i128) {
    let sides = [&entry.event.debit, &entry.event.credit];
    let own = sides.into_iter().flatten().find(|side| &*side.id == account).unwrap();
    (own.prev, entry.balance - i128::from(entry.posted))
}

fn told(entries: &[Entry]) -> Vec<(u64, i64, i128)> {
    entries.iter().map(|entry| (entry.event.seq, entry.posted, entry.balance)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_run_backwards_with_their_balance_page_by_page() {
    let Some(shop) = Shop::open().await else { return };
    let (mut expected, mut balance) = (Vec::new(), 0);
    for amount in [5, 7, 11] {
        let event = shop.pay(&amount.to_string(), amount, Capture::Now).await;
        balance += i128::from(amount);
        expected.push((event.seq, amount, balance));
        // Holds that are voided are linked, and post nothing: more than are fetched at once.
        for at in 0..10 {
            let hold = shop.pay(&format!("h{amount}-{at}"), 1, Capture::Later).await;
            let hold = hold.id(shop.ledger);
            shop.operate(&format!("v{amount}-{at}"), hold, Operation::Void).await;
        }
        let back = Operation::Refund(Some(2));
        let refund = shop.operate(&format!("r{amount}"), event.id(shop.ledger), back).await;
        balance -= 2;
        expected.push((refund.seq, -2, balance));
    }
    expected.reverse();
    let entries = |from, size| shop.reader().entries(shop.ledger, "merchant:1", from, size);
    assert_eq!(told(&entries(None, 99).unwrap().unwrap()), expected);
    for size in 1..=4 {
        let (mut pages, mut from) = (Vec::new(), None);
        loop {
            let page = entries(from, size).unwrap().unwrap();
            let Some(last) = page.last() else { break };
            from = Some(behind(last, "merchant:1"));
            pages.extend(page);
        }
        assert_eq!(told(&pages), expected, "pages of {size}");
    }
    let debited = shop.reader().entries(shop.ledger, "customer:1", None, 99).unwrap().unwrap();
    assert_eq!(debited.first().map(|entry| entry.balance), Some(-balance));
    assert_eq!(shop.reader().entries(shop.ledger, "nobody", None, 9), Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_somebody_made_up_tells_nothing() {
    let Some(shop) = Shop::open().await else { return };
    let Command::Pay(identity, mut other) = command("other") else { unreachable!() };
    (other.debit_account, other.credit_account) = ("customer:2".into(), "merchant:2".into());
    let theirs = super::recorded(&shop.ask(&[Command::Pay(identity, other)]).await[0]).seq;
    shop.pay("ours", 1, Capture::Now).await;
    for seq in [0, theirs, theirs + 100, SEQ_MAX, SEQ_MAX + 1, u64::MAX] {
        for balance in [0, i128::MIN, i128::MAX] {
            let page = shop.reader().entries(shop.ledger, "merchant:1", Some((seq, balance)), 9);
            assert_eq!(page, Ok(Some(Vec::new())), "from {seq}");
        }
    }
    let own = shop.reader().account(shop.ledger, "merchant:1").unwrap().unwrap().last_seq;
    let page = shop.reader().entries(shop.ledger, "merchant:1", Some((own, i128::MIN)), 9);
    assert_eq!(page.unwrap().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leads_astray_is_damage() {
    let Some(shop) = Shop::open().await else { return };
    // The event numbered 1 opens the debit account.
    shop.pay("a", 1, Capture::Now).await;
    let last = shop.pay("b", 1, Capture::Now).await.seq;
    for (link, name) in [
        (last, "itself"),
        (last + 1, "forward"),
        (1, "a stranger"),
        (i64::MAX as u64, "beyond all seqs"),
    ] {
        shop.alter(&format!("UPDATE event SET credit_prev = {link} WHERE key = 'b'")).await;
        let page = shop.reader().entries(shop.ledger, "merchant:1", None, 9);
        assert_eq!(stop(page), Code::StoreCorrupt, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_order_behind_any_seq() {
    let Some(shop) = Shop::open().await else { return };
    for key in ["a", "b", "c"] {
        shop.pay(key, 1, Capture::Now).await;
    }
    let all = shop.reader().events(shop.ledger, 0, usize::MAX).unwrap();
    assert_eq!(all[0].kind, Kind::AccountOpened);
    for (after, limit, expected) in [
        (0, 99, vec![1, 2, 3, 4, 5]),
        (0, 2, vec![1, 2]),
        (3, 99, vec![4, 5]),
        (5, 99, vec![]),
        (u64::MAX, 99, vec![]),
    ] {
        let events = shop.reader().events(shop.ledger, after, limit).unwrap();
        let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, expected, "after {after}, at most {limit}");
    }
    assert_eq!(shop.reader().events(shop.ledger + 1, 0, 99), Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledgers_accounts_and_the_chain_are_told() {
    let Some(shop) = Shop::open().await else { return };
    let (reader, ledger) = (shop.reader(), shop.ledger);
    let start = reader.anchor(ledger, SEQ_MAX).unwrap().unwrap();
    assert_eq!((start.seq, start.hash), (0, Position::start("main").tail));
    let keys = (0..1_100).map(|at| command(&at.to_string()));
    shop.ask(&keys.collect::<Vec<Command>>()).await;
    let known = reader.ledger("main").unwrap().unwrap();
    assert_eq!(reader.ledgers(), Ok(vec![known.clone()]));
    assert_eq!(reader.ledger("nobody's"), Ok(None));
    let head = reader.head(ledger).unwrap().unwrap();
    assert_eq!((head.seq, head.hash), (1_102, known.position.tail));
    assert_eq!(reader.anchor(ledger, u64::MAX).unwrap().unwrap().seq, 1_024);
    assert_eq!(reader.anchor(ledger, 1_023).unwrap().unwrap(), start);
    assert_eq!(reader.anchor(ledger + 1, 9), Ok(None));
    assert_eq!(reader.head(ledger + 1), Ok(None));
    assert_eq!(reader.cursor("nobody's"), Ok(None));
    let ids = |after, limit| -> Vec<String> {
        let accounts: Vec<Account> = reader.accounts(ledger, after, limit).unwrap();
        accounts.iter().map(|account| account.id.to_string()).collect()
    };
    assert_eq!(ids(None, 9), ["customer:1", "merchant:1"]);
    assert_eq!(ids(None, 1), ["customer:1"]);
    assert_eq!(ids(Some("customer:1"), 9), ["merchant:1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_steps_while_the_writer_writes() {
    let Some(shop) = Shop::open().await else { return };
    // A reader of its own, as another process has it.
    let reader = Reader::open(&shop.url).await.unwrap();
    let ledger = shop.ledger;
    let writing = tokio::spawn(async move {
        for batch in 0..60 {
            let keys = (0..7).map(|at| command(&format!("{batch}-{at}")));
            shop.ask(&keys.collect::<Vec<Command>>()).await;
        }
    });
    let mut looks = 0;
    while !writing.is_finished() {
        let entries = reader.entries(ledger, "merchant:1", None, usize::MAX).unwrap();
        let entries = entries.unwrap_or_default();
        assert_eq!(entries.len() % 7, 0, "half a step was seen");
        assert_eq!(entries.first().map_or(0, |entry| entry.balance), entries.len() as i128);
        looks += 1;
    }
    assert!(looks > 3, "the writer was done before anybody looked");
    writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_session_that_broke_is_replaced_unseen() {
    let Some(shop) = Shop::open().await else { return };
    const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut ended = 0;
    for _ in 0..20 {
        assert!(shop.reader().ledger("main").unwrap().is_some());
        ended += shop.shell.query(END, &[]).await.unwrap().len();
    }
    assert!(ended >= 10, "{ended} sessions were idle");
    // Also from where blocking is what a thread is for.
    let reader = shop.reader().clone();
    let ledgers = tokio::task::spawn_blocking(move || reader.ledgers()).await.unwrap();
    assert_eq!(ledgers.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_store_is_refused() {
    let Some(server) = semel_servers::postgres_for_tests() else { return };
    let url = database(&server).await;
    match Reader::open(&url).await.err() {
        Some(Failure::Permanent(stop)) => {
            assert_eq!(stop.code, Code::DataUnusable);
            assert!(stop.detail.contains("`semel serve` makes one"), "{stop}");
        }
        other => panic!("{other:?}"),
    }
    Postgres::open(&url).await.unwrap();
    assert!(Reader::open(&url).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_tells_how_large_it_is_and_what_slows_it_down() {
    let Some(shop) = Shop::open().await else { return };
    shop.pay("a", 1, Capture::Now).await;
    let about = shop.reader().about().unwrap();
    let Home::Database(database) = about.home else { panic!("{about:?}") };
    assert_eq!(about.schema, 1);
    assert!(database.server.starts_with("1") || database.server.starts_with("2"));
    let names: Vec<&str> = database.tables.iter().map(|table| &*table.name).collect();
    assert_eq!(names, ["account", "anchor", "dead_letter", "event", "ledger", "leg"]);
    assert!(database.tables.iter().all(|table| table.index_bytes > 0), "{database:?}");
    assert!(database.bytes > database.tables.iter().map(|table| table.bytes).sum());
    shop.alter(
        "DO $$ BEGIN EXECUTE format(
        'ALTER DATABASE %I SET wal_compression = off', current_database()); END $$",
    )
    .await;
    let reader = Reader::open(&shop.url).await.unwrap();
    let Home::Database(database) = reader.about().unwrap().home else { unreachable!() };
    let slow = database.settings.iter().find(|setting| setting.name == "wal_compression");
    assert_eq!(slow.map(|setting| &*setting.value), Some("off"));
}
