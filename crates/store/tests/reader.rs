//! What readers tell of payments, entries and events, beside a writer that writes.

use common::command;
use common::hand::{ask, pay, proved, recorded, shop, sql};
use semel_core::event::{Event, Kind};
use semel_core::id::{EventId, SEQ_MAX};
use semel_core::ledger::Command;
use semel_core::payment::{Capture, Identity, Operation, State};
use semel_core::problem::Code;
use semel_store::rows::Entry;
use semel_store::sqlite::{Reader, Sqlite};

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

async fn operate(store: &Sqlite, ledger: u32, key: &str, on: EventId, what: Operation) -> Event {
    let identity = Identity { namespace: "".into(), key: key.into() };
    let outcomes = ask(store, ledger, &[Command::Operate(identity, on, what)]).await.unwrap();
    recorded(&outcomes[0]).0
}

async fn paid(store: &Sqlite, ledger: u32, key: &str, amount: i64, capture: Capture) -> Event {
    let Command::Pay(identity, mut pay) = command(key) else { unreachable!() };
    (pay.amount, pay.capture) = (amount, capture);
    let outcomes = ask(store, ledger, &[Command::Pay(identity, pay)]).await.unwrap();
    recorded(&outcomes[0]).0
}

#[tokio::test]
async fn payments_are_what_later_events_say_of_them() {
    let (_dir, _path, store, ledger) = shop().await;
    let mut ids = Vec::new();
    for (key, capture) in [("a", Capture::Now), ("b", Capture::Later), ("c", Capture::Later)] {
        ids.push(paid(&store, ledger, key, 100, capture).await.id(ledger));
    }
    operate(&store, ledger, "r", ids[0], Operation::Refund(Some(30))).await;
    operate(&store, ledger, "c1", ids[1], Operation::Capture(Some(60))).await;
    operate(&store, ledger, "v", ids[2], Operation::Void).await;
    let reader = store.reader();
    let stands = |id| {
        let payment = reader.payment(ledger, id).unwrap().unwrap();
        (payment.state, payment.moved, payment.refunded)
    };
    assert_eq!(stands(ids[0]), (State::Succeeded, 100, 30));
    assert_eq!(stands(ids[1]), (State::Captured, 60, 0));
    assert_eq!(stands(ids[2]), (State::Voided, 0, 0));
    let seqs = |before, limit| -> Vec<u64> {
        let payments = reader.payments(ledger, before, limit).unwrap();
        payments.iter().map(|payment| payment.event.seq).collect()
    };
    let [a, b, c] = [ids[0].seq, ids[1].seq, ids[2].seq];
    for (before, limit, expected) in [
        (None, 9, vec![c, b, a]),
        (None, 2, vec![c, b]),
        (Some(b), 9, vec![a]),
        (Some(a), 9, vec![]),
        (Some(u64::MAX), 9, vec![c, b, a]),
        (None, 0, vec![]),
    ] {
        assert_eq!(seqs(before, limit), expected, "before {before:?}, at most {limit}");
    }
}

#[tokio::test]
async fn an_id_from_before_a_rewind_finds_nothing() {
    let (_dir, _path, store, ledger) = shop().await;
    let id = pay(&store, ledger, "a").await.unwrap().0.id(ledger);
    let reader = store.reader();
    assert!(reader.payment(ledger, id).unwrap().is_some());
    for stranger in [
        EventId { at: id.at - 1, ..id },
        EventId { ledger: ledger + 1, ..id },
        EventId { seq: id.seq + 1, ..id },
        // The event is there, but it opened an account.
        EventId { seq: 1, ..id },
    ] {
        assert_eq!(reader.payment(ledger, stranger), Ok(None), "{stranger:?}");
        let identity = Identity { namespace: "".into(), key: "refund".into() };
        let refund = Command::Operate(identity, stranger, Operation::Refund(None));
        let outcomes = ask(&store, ledger, &[refund]).await.unwrap();
        assert!(format!("{:?}", outcomes[0]).contains("UnknownPayment"), "{stranger:?}");
    }
}

/// What comes after `entry` on the account's statement.
fn behind(entry: &Entry, account: &str) -> (u64, i128) {
    let sides = [&entry.event.debit, &entry.event.credit];
    let own = sides.into_iter().flatten().find(|side| &*side.id == account).unwrap();
    (own.prev, entry.balance - i128::from(entry.posted))
}

#[tokio::test]
async fn entries_run_backwards_with_their_balance_page_by_page() {
    let (_dir, _path, store, ledger) = shop().await;
    let mut expected = Vec::new();
    let mut balance = 0;
    for amount in [5, 7, 11] {
        let event = paid(&store, ledger, &amount.to_string(), amount, Capture::Now).await;
        balance += i128::from(amount);
        expected.push((event.seq, amount, balance));
        // A hold that is voided is linked, and posts nothing.
        let hold = paid(&store, ledger, &format!("h{amount}"), 1, Capture::Later).await;
        let (void, refund) = (format!("v{amount}"), format!("r{amount}"));
        operate(&store, ledger, &void, hold.id(ledger), Operation::Void).await;
        let back = Operation::Refund(Some(2));
        let refund = operate(&store, ledger, &refund, event.id(ledger), back).await;
        balance -= 2;
        expected.push((refund.seq, -2, balance));
    }
    expected.reverse();
    let reader = store.reader();
    let told = |entries: &[Entry]| -> Vec<(u64, i64, i128)> {
        entries.iter().map(|entry| (entry.event.seq, entry.posted, entry.balance)).collect()
    };
    let all = reader.entries(ledger, "merchant:1", None, 99).unwrap().unwrap();
    assert_eq!(told(&all), expected);
    for size in 1..=4 {
        let (mut pages, mut from) = (Vec::new(), None);
        loop {
            let page = reader.entries(ledger, "merchant:1", from, size).unwrap().unwrap();
            let Some(last) = page.last() else { break };
            from = Some(behind(last, "merchant:1"));
            pages.extend(page);
        }
        assert_eq!(told(&pages), expected, "pages of {size}");
    }
    let debited = reader.entries(ledger, "customer:1", None, 99).unwrap().unwrap();
    assert_eq!(debited.first().map(|entry| entry.balance), Some(-balance));
    assert_eq!(reader.entries(ledger, "nobody", None, 9), Ok(None));
}

#[tokio::test]
async fn a_page_that_somebody_made_up_tells_nothing() {
    let (_dir, _path, store, ledger) = shop().await;
    let Command::Pay(identity, mut other) = command("other") else { unreachable!() };
    (other.debit_account, other.credit_account) = ("customer:2".into(), "merchant:2".into());
    let theirs = ask(&store, ledger, &[Command::Pay(identity, other)]).await.unwrap();
    let theirs = recorded(&theirs[0]).0.seq;
    pay(&store, ledger, "ours").await.unwrap();
    for seq in [0, theirs, theirs + 100, SEQ_MAX, SEQ_MAX + 1, u64::MAX] {
        for balance in [0, i128::MIN, i128::MAX] {
            let page = store.reader().entries(ledger, "merchant:1", Some((seq, balance)), 9);
            assert_eq!(page, Ok(Some(Vec::new())), "from {seq}");
        }
    }
    let own = store.reader().account(ledger, "merchant:1").unwrap().unwrap().last_seq;
    let page = store.reader().entries(ledger, "merchant:1", Some((own, i128::MIN)), 9);
    assert_eq!(page.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_that_leads_astray_is_damage() {
    for (link, name) in [("seq", "itself"), ("seq + 1", "forward"), ("1", "a stranger")] {
        let (_dir, path, store, ledger) = shop().await;
        // The event numbered 1 opens the debit account.
        pay(&store, ledger, "a").await.unwrap();
        pay(&store, ledger, "b").await.unwrap();
        let last = format!("UPDATE event SET credit_prev = {link} WHERE key = 'b'");
        assert_eq!(sql(&path).execute(&last, []), Ok(1));
        let page = store.reader().entries(ledger, "merchant:1", None, 9);
        assert_eq!(common::hand::stop(page), Code::StoreCorrupt, "{name}");
    }
}

#[tokio::test]
async fn events_come_in_order_behind_any_seq() {
    let (_dir, _path, store, ledger) = shop().await;
    for key in ["a", "b", "c"] {
        pay(&store, ledger, key).await.unwrap();
    }
    let all = proved(store.reader(), ledger);
    assert_eq!(all[0].kind, Kind::AccountOpened);
    let seqs = |after, limit| -> Vec<u64> {
        let events = store.reader().events(ledger, after, limit).unwrap();
        events.iter().map(|event| event.seq).collect()
    };
    for (after, limit, expected) in [
        (0, 99, vec![1, 2, 3, 4, 5]),
        (0, 2, vec![1, 2]),
        (3, 99, vec![4, 5]),
        (5, 99, vec![]),
        (u64::MAX, 99, vec![]),
    ] {
        assert_eq!(seqs(after, limit), expected, "after {after}, at most {limit}");
    }
    assert_eq!(store.reader().events(ledger + 1, 0, 99), Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_steps_while_the_writer_writes() {
    let (_dir, path, store, ledger) = shop().await;
    let writing = tokio::spawn(async move {
        for batch in 0..150 {
            let keys = (0..7).map(|at| format!("{batch}-{at}"));
            let commands: Vec<Command> = keys.map(|key| command(&key)).collect();
            ask(&store, ledger, &commands).await.unwrap();
        }
        store
    });
    // A reader of its own, as another process has it.
    let reader = Reader::open(&path).unwrap();
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
    assert_eq!(proved(&reader, ledger).len(), 2 + 150 * 7);
}
