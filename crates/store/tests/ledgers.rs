//! Several ledgers in one store, sources that belong to one of them, and a writer that stops.

use common::hand::{ask, pay, proved, sql, stop, take};
use common::{binding, command, open};
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Keys, decide};
use semel_core::problem::Code;
use semel_store::clock;
use semel_store::rows::Binding;
use semel_store::sqlite::{Options, Sqlite};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::time::Duration;
use tempfile::TempDir;

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("semel.db");
    (dir, path)
}

#[tokio::test]
async fn ledgers_share_a_file_and_nothing_else() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let mut ledgers = Vec::new();
    for name in ["shop", "bank", "shop"] {
        ledgers.push(store.ledger(name).await.unwrap().no);
    }
    assert_eq!(ledgers, [1, 2, 1], "a name is one ledger");
    for number in 0..40 {
        // The same keys and accounts in both; now one, now the other.
        for ledger in [1, 2] {
            let (event, replayed) = pay(&store, ledger, &number.to_string()).await.unwrap();
            assert_eq!((event.seq, replayed), (number + 3, false));
        }
        let one = store.recorded(1, "", &number.to_string()).await.unwrap().unwrap();
        assert_eq!(one.seq, number + 3);
        assert!(store.reader().payment(1, one.id(1)).unwrap().is_some());
        assert_eq!(store.reader().payment(2, one.id(1)), Ok(None), "its id is of one ledger");
    }
    pay(&store, 2, "again").await.unwrap();
    assert_eq!(store.recorded(1, "", "again").await, Ok(None));
    let [one, two] = [1, 2].map(|ledger| proved(store.reader(), ledger).len());
    assert_eq!((one, two), (42, 43));
    let rows = store.reader().ledgers().unwrap();
    assert_ne!(rows[0].position.tail, rows[1].position.tail);
    store.close().await;
    let store = open(&path).unwrap();
    assert!(pay(&store, 1, "39").await.unwrap().1);
    assert!(pay(&store, 2, "again").await.unwrap().1);
    assert!(!pay(&store, 1, "again").await.unwrap().1);
}

#[tokio::test]
async fn an_open_step_of_one_ledger_keeps_the_writer_until_it_ends() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let [one, two] = [store.ledger("1").await.unwrap().no, store.ledger("2").await.unwrap().no];
    let commands = [command("a")];
    let claim = store.door(one).claim().await.unwrap();
    let step = claim.begin(Keys::of(&commands)).await.unwrap();
    let effects = decide(&commands, step.snapshot()).effects;
    let other = pay(&store, two, "b");
    let mut other = std::pin::pin!(other);
    assert!(polled(other.as_mut()).is_none(), "one file has one writer");
    step.commit(effects, Cursor::START).await.map(drop).unwrap();
    other.await.unwrap();
    assert_eq!((proved(store.reader(), one).len(), proved(store.reader(), two).len()), (3, 3));
}

/// Poll once.
fn polled<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_step_that_lies_open_is_given_up_and_the_store_goes_on() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    let commands = [command("slow")];
    let claim = store.door(ledger).claim().await.unwrap();
    let step = claim.begin(Keys::of(&commands)).await.unwrap();
    let effects = decide(&commands, step.snapshot()).effects;
    // Answered only once the step that lies open has been given up.
    pay(&store, ledger, "quick").await.unwrap();
    let late = step.commit(effects, Cursor::START).await.map(drop);
    assert!(matches!(late, Err(Failure::Retryable(_) | Failure::Unknown(_))), "{late:?}");
    let keys = proved(store.reader(), ledger);
    assert_eq!(keys.iter().filter_map(|event| event.key.as_deref()).collect::<Vec<_>>(), ["quick"]);
}

#[tokio::test]
async fn a_source_belongs_to_its_first_ingest_and_ledger() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let [one, two] = [store.ledger("1").await.unwrap().no, store.ledger("2").await.unwrap().no];
    let leg = store.leg(one, binding("source")).await.unwrap();
    let claim = take(leg.claim().await.unwrap(), &["a"]).await.unwrap();
    let renamed = Binding { ingest: "another".into(), ..binding("source") };
    for (ledger, binding) in [(one, renamed), (two, binding("source"))] {
        let Err(Failure::Permanent(bound)) = store.leg(ledger, binding).await else {
            panic!("it was bound twice")
        };
        assert_eq!(bound.code, Code::SourceBound);
        assert!(bound.detail.contains("source"), "{bound}");
    }
    assert_eq!(store.stopped(), None);
    // Where it belongs it may be named again, with what has changed about it.
    let moved = Binding { file: "moved".into(), mapping: "new".into(), ..binding("source") };
    store.leg(one, moved).await.unwrap();
    let mapping: String =
        sql(&path).query_row("SELECT mapping FROM leg", [], |row| row.get(0)).unwrap();
    assert_eq!(mapping, "new");
    assert_eq!(take(claim, &["b"]).await.unwrap().cursor().next, 2);
}

#[tokio::test]
async fn a_claim_holds_until_its_deadline_and_each_commit_renews_it() {
    let (_dir, path) = place();
    let now = Arc::new(AtomicI64::new(1_000_000));
    let told = now.clone();
    let options = Options {
        clock: Arc::new(move || told.load(SeqCst)),
        leg_deadline: Duration::from_secs(10),
        ..Options::default()
    };
    let store = Sqlite::open_with(&path, options).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    let leg = store.leg(ledger, binding("source")).await.unwrap();
    let other = store.leg(ledger, binding("source")).await.unwrap();
    leg.claim().await.unwrap();
    let first = leg.claim().await.expect("what one owns, one may claim again");
    now.fetch_add(9_999_999, SeqCst);
    assert!(matches!(other.claim().await, Err(Failure::Fenced)));
    let first = take(first, &["a"]).await.unwrap();
    now.fetch_add(9_999_999, SeqCst);
    assert!(matches!(other.claim().await, Err(Failure::Fenced)), "the commit renewed it");
    now.fetch_add(1, SeqCst);
    let second = other.claim().await.unwrap();
    assert!(matches!(take(first, &["b"]).await, Err(Failure::Fenced)));
    assert_eq!(take(second, &["b"]).await.unwrap().cursor().next, 2);
    assert!(matches!(leg.claim().await, Err(Failure::Fenced)));
    now.fetch_sub(1_000_000, SeqCst);
    assert!(leg.claim().await.is_ok(), "no claim holds that long: the clock was set back");
}

#[tokio::test]
async fn a_commit_is_told_to_those_who_watch() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    let mut watch = store.watch();
    watch.mark_unchanged();
    let seen = watch.borrow().count;
    pay(&store, ledger, "a").await.unwrap();
    assert!(watch.has_changed().unwrap(), "before the one who paid is told");
    assert!(watch.borrow_and_update().count > seen);
    assert!(!watch.has_changed().unwrap());
    assert_eq!(proved(store.reader(), ledger).len(), 3, "what is told is committed");
}

#[tokio::test]
async fn after_a_stop_every_call_answers_it() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    let leg = store.leg(ledger, binding("source")).await.unwrap();
    let claim = leg.claim().await.unwrap();
    pay(&store, ledger, "a").await.unwrap();
    sql(&path).execute("DROP TABLE key_index", []).unwrap();
    assert_eq!(stop(pay(&store, ledger, "b").await), Code::StoreDefect);
    let stopped = store.stopped().expect("a reason");
    assert_eq!(stopped.code, Code::StoreDefect);
    let answers = [
        pay(&store, ledger, "c").await.map(drop),
        ask(&store, ledger, &[]).await.map(drop),
        store.ledger("main").await.map(drop),
        store.leg(ledger, binding("other")).await.map(drop),
        store.recorded(ledger, "", "a").await.map(drop),
        leg.claim().await.map(drop),
        take(claim, &["d"]).await.map(drop),
    ];
    for answer in answers {
        assert_eq!(answer, Err(Failure::Permanent(stopped.clone())));
    }
    let copy = store.clone();
    store.close().await;
    assert_eq!(copy.stopped(), Some(stopped));
}

/// The clock is asked on the writer's thread: a clock that panics is a defect there.
#[tokio::test]
async fn a_panic_of_the_writer_is_a_named_stop_for_everybody() {
    let (_dir, path) = place();
    let broken = Arc::new(AtomicBool::new(false));
    let ticks = broken.clone();
    let options = Options {
        clock: Arc::new(move || match ticks.load(SeqCst) {
            true => panic!("the clock is broken"),
            false => clock::system(),
        }),
        ..Options::default()
    };
    let store = Sqlite::open_with(&path, options).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    pay(&store, ledger, "a").await.unwrap();
    broken.store(true, SeqCst);
    // All three are in the queue when the first of them panics.
    let waiting = async {
        tokio::join!(pay(&store, ledger, "b"), pay(&store, ledger, "c"), pay(&store, ledger, "d"))
    };
    let patience = Duration::from_secs(9);
    let (b, c, d) = tokio::time::timeout(patience, waiting).await.expect("an answer for each");
    assert_eq!([b, c, d].map(stop), [Code::StoreDefect; 3]);
    let why = store.stopped().expect("a reason");
    assert!(why.detail.contains("the clock is broken"), "{why}");
    drop(store);
    // Nothing of it is left: the next start goes on.
    let store = open(&path).unwrap();
    assert!(pay(&store, ledger, "a").await.unwrap().1);
    assert!(!pay(&store, ledger, "b").await.unwrap().1);
    assert_eq!(proved(store.reader(), ledger).len(), 4);
}

#[tokio::test]
async fn a_panic_in_a_commit_is_a_named_stop_too() {
    let (_dir, path) = place();
    let asked = Arc::new(AtomicI64::new(0));
    let times = asked.clone();
    let options = Options {
        // Asked by the claim, by the snapshot and, third, by the commit that renews the claim.
        clock: Arc::new(move || match times.fetch_add(1, SeqCst) {
            2 => panic!("the clock is broken"),
            _ => clock::system(),
        }),
        ..Options::default()
    };
    let store = Sqlite::open_with(&path, options).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    let leg = store.leg(ledger, binding("source")).await.unwrap();
    let claim = leg.claim().await.unwrap();
    assert_eq!(stop(take(claim, &["a"]).await), Code::StoreDefect);
    assert_eq!(asked.load(SeqCst), 3);
    assert!(store.stopped().is_some());
    assert_eq!(proved(store.reader(), ledger), []);
}

#[tokio::test]
async fn more_ledgers_than_are_remembered_keep_their_keys() {
    const LEDGERS: u32 = 1_024 + 6;
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    for name in 1..=LEDGERS {
        let ledger = store.ledger(&name.to_string()).await.unwrap().no;
        assert!(!pay(&store, ledger, "a").await.unwrap().1);
    }
    for ledger in 1..=LEDGERS {
        assert!(pay(&store, ledger, "a").await.unwrap().1, "{ledger} has it");
    }
}

#[tokio::test]
async fn a_callers_mistake_is_refused_and_the_store_goes_on() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    for wrong in [0, ledger + 1, u32::MAX] {
        assert_eq!(stop(pay(&store, wrong, "a").await), Code::NotFound);
        assert_eq!(stop(store.recorded(wrong, "", "a").await), Code::NotFound);
        assert_eq!(stop(store.leg(wrong, binding("source")).await.map(drop)), Code::NotFound);
    }
    sql(&path)
        .execute_batch("INSERT INTO ledger VALUES (4194303, 'last', 1, zeroblob(32), 0)")
        .unwrap();
    assert_eq!(stop(store.ledger("one too many").await), Code::Configuration);
    assert_eq!(store.ledger("last").await.unwrap().no, 4_194_303);
    assert_eq!(store.stopped(), None);
    // No such source was bound, and the right one can be.
    store.leg(ledger, binding("source")).await.unwrap();
    assert!(!pay(&store, ledger, "a").await.unwrap().1);
}

#[tokio::test]
async fn a_store_that_cannot_be_tidied_up_leaves_nothing_open() {
    let (_dir, path) = place();
    let store = open(&path).unwrap();
    let ledger = store.ledger("main").await.unwrap().no;
    pay(&store, ledger, "a").await.unwrap();
    sql(&path)
        .execute_batch(
            "CREATE TRIGGER refused BEFORE INSERT ON key_index
             BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let copy = store.clone();
    store.close().await;
    assert_eq!(copy.stopped().map(|stop| stop.code), Some(Code::StoreDefect));
    let other = sql(&path);
    other.busy_timeout(Duration::ZERO).unwrap();
    other.execute_batch("DROP TRIGGER refused").expect("nobody holds the lock");
}
