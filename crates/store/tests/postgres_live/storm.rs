//! Many processes on the same ledgers, with the same keys and accounts, in every order: no step is
//! in another's way for longer than it lasts, and none fails but by the fence.

use super::load::{Feed, carry, knock};
use super::{Shop, binding, command, store, store_of};
use semel_core::exactly_once::conformance::Rng;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Command, Keys, decide};
use semel_core::mapping::OpenAccounts;
use semel_store::postgres::{Form, Postgres, Reader};
use semel_store::rows::Binding;
use std::collections::BTreeSet;

const HANDLES: u64 = 6;
const LEDGERS: [&str; 3] = ["main", "second", "third"];
const STEPS: u64 = 25;
const KEYS: u64 = 1_500;
const ACCOUNTS: u64 = 12;
const LINES: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_ends_in_no_deadlock_and_voids_no_step() {
    let Some(shop) = Shop::open().await else { return };
    let mut tasks = Vec::new();
    for handle in 0..HANDLES {
        let form = if handle % 2 == 0 { Form::Resident } else { Form::Plain };
        let store = store_of(&shop.url, form).await;
        let mut ledgers = Vec::new();
        for name in LEDGERS {
            ledgers.push(store.ledger(name).await.unwrap().no);
        }
        for (at, ledger) in (0..).zip(ledgers) {
            let seed = handle * 10 + at;
            tasks.push(tokio::spawn(call(store.clone(), ledger, seed)));
            tasks.push(tokio::spawn(own(store.clone(), ledger)));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    const ENDED: &str = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(shop.shell.query_one(ENDED, &[]).await.unwrap().get::<_, i64>(0), 0);
    shop.proved().await;
    let reader = Reader::open(&shop.url).await.unwrap();
    for ledger in reader.ledgers().unwrap() {
        let events = reader.events(ledger.no, 0, usize::MAX).unwrap();
        let keys: Vec<_> = events.iter().filter_map(|event| event.key.as_deref()).collect();
        assert!(keys.len() > Feed(LINES).keys() + 500);
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }
    let ask = "SELECT count(*) FROM leg WHERE read = $1";
    assert_eq!(shop.shell.query_one(ask, &[&(LINES as i64)]).await.unwrap().get::<_, i64>(0), 3);
}

/// Steps of many sizes, each of keys and accounts that the others use at the same time.
async fn call(store: Postgres, ledger: u32, seed: u64) {
    let mut rng = Rng::new(seed);
    for _ in 0..STEPS {
        let most = if rng.below(8) == 0 { 700 } else { 50 };
        let size = 1 + rng.below(most);
        let keys: BTreeSet<u64> = (0..size).map(|_| rng.below(KEYS)).collect();
        let mut commands: Vec<Command> = keys.into_iter().map(between).collect();
        for last in (1..commands.len()).rev() {
            commands.swap(last, rng.below(last as u64 + 1) as usize);
        }
        while let Err(failure) = step(&store, ledger, &commands).await {
            assert!(is_to_be_looked_up(&failure), "{failure}");
        }
    }
}

/// A payment whose accounts its key decides.
fn between(key: u64) -> Command {
    let Command::Pay(identity, mut pay) = command(&format!("key-{key}")) else { unreachable!() };
    let other = (key / ACCOUNTS) % ACCOUNTS;
    pay.debit_account = format!("account:{}", key % ACCOUNTS).into();
    pay.credit_account =
        format!("account:{}", if other == key % ACCOUNTS { 99 } else { other }).into();
    let any = Some(semel_core::account::Overdraft::Unlimited);
    pay.open = OpenAccounts { debit: any, credit: any };
    Command::Pay(identity, pay)
}

async fn step(store: &Postgres, ledger: u32, commands: &[Command]) -> Result<(), Failure> {
    let step = store.door(ledger).claim().await?.begin(Keys::of(commands)).await?;
    let effects = decide(commands, step.snapshot()).effects;
    step.commit(effects, Cursor::START).await.map(drop)
}

/// The one refusal that belongs to a process that keeps recent keys in mind, and no others.
fn is_to_be_looked_up(failure: &Failure) -> bool {
    matches!(failure, Failure::Retryable(why) if why.starts_with("a key has to be looked up"))
}

async fn own(store: Postgres, ledger: u32) {
    // Another source for each ledger, and one namespace for all.
    let source = format!("source:{ledger}");
    let binding = Binding { ingest: "source".into(), ..binding(&source) };
    let leg = store.leg(ledger, binding).await.unwrap();
    let failed = |failure: &Failure| panic!("{failure}");
    carry(&leg, &source, &mut Feed(LINES), failed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_older_than_those_remembered_is_refused_once_and_looked_up_then() {
    let Some(shop) = Shop::open().await else { return };
    let names = |keys: std::ops::Range<u32>| -> Vec<String> {
        keys.map(|number| format!("key-{number}")).collect()
    };
    let elder = store(&shop.url).await;
    knock(&elder, shop.ledger, &names(0..2_000), 1).await.unwrap();
    elder.close().await;
    let young = store(&shop.url).await;
    // Steps that look every key up, as a new process's first ones do.
    for at in 0..20 {
        knock(&young, shop.ledger, &names(10_000 + at..10_001 + at), 1).await.unwrap();
    }
    let mixed = names(1_500..2_500);
    let commands: Vec<Command> = mixed.iter().map(|key| command(key)).collect();
    let refused = step(&young, shop.ledger, &commands).await.unwrap_err();
    assert!(is_to_be_looked_up(&refused), "{refused}");
    assert_eq!(young.stopped(), None);
    let replayed = knock(&young, shop.ledger, &mixed, 1).await.unwrap();
    assert_eq!(replayed.iter().filter(|replayed| **replayed).count(), 500);
    assert_eq!(shop.keys().await.len(), 2_500 + 20);
}
