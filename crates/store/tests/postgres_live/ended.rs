//! Sessions, backends and whole servers that end under load, in every way there is.

use super::load::{Book, knock_and_note, pace};
use super::{Postgres, Shop, store};
use semel_core::exactly_once::Failure;
use semel_servers::{Mode, private};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

/// How a session, or all of them, come to an end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// All sessions, by an administrator.
    Terminated,
    /// The process of one that is in a step; the server then begins anew by itself.
    BackendKilled,
    /// The whole server, by `pg_ctl`.
    Immediate,
    /// The whole server, by SIGKILL.
    Killed,
}

const ENDS: [End; 7] = [
    End::Terminated,
    End::BackendKilled,
    End::Killed,
    End::Terminated,
    End::Immediate,
    End::BackendKilled,
    End::Killed,
];

/// Longer than a server takes to recover.
const PATIENCE: Duration = Duration::from_secs(60);
const CALLERS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_outlives_every_end_and_the_store_heals_by_itself() {
    let Some(mut server) = private(&[]) else { return };
    let shop = Shop::on(&server.url("postgres")).await;
    let stores = [store(&shop.url).await, store(&shop.url).await];
    let book = Arc::new(Book::default());
    let (more, _) = watch::channel(true);
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let store = stores[caller as usize % stores.len()].clone();
        let (done, steps) = watch::channel(0);
        let call = call(store, shop.ledger, caller, book.clone(), done, more.subscribe());
        callers.push((tokio::spawn(call), steps));
    }
    for end in ENDS {
        match end {
            End::Terminated => terminate(&shop.url).await,
            End::BackendKilled => kill_backend(&shop.url).await,
            End::Immediate => block_in_place(|| server.stop(Mode::Immediate).unwrap()),
            End::Killed => block_in_place(|| server.kill().unwrap()),
        }
        block_in_place(|| server.start_again().unwrap());
        for (_, steps) in &mut callers {
            let reached = *steps.borrow_and_update() + 3;
            let healed = timeout(PATIENCE, steps.wait_for(|steps| *steps >= reached)).await;
            healed.unwrap_or_else(|_| panic!("{end:?}: no step for {PATIENCE:?}")).unwrap();
        }
    }
    more.send_replace(false);
    let mut refused = 0;
    for (caller, _) in callers {
        refused += caller.await.unwrap();
    }
    assert!(refused > 0, "no step was in the way of any end");
    let events = shop.proved().await;
    let told = book.told();
    for (key, seq) in &told {
        assert_eq!(events[*seq as usize - 1].key.as_deref(), Some(&**key), "was acknowledged");
    }
    let keys: Vec<&str> = events.iter().filter_map(|event| event.key.as_deref()).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a key is there twice");
    assert_eq!(keys.len(), told.len(), "everybody was answered in the end");
    assert_eq!(stores.map(|store| store.stopped()), [None, None]);
}

/// Pay without end, each step until it is answered; how often one was not.
async fn call(
    store: Postgres,
    ledger: u32,
    caller: u64,
    book: Arc<Book>,
    done: watch::Sender<u64>,
    more: watch::Receiver<bool>,
) -> u64 {
    let (mut step, mut refused) = (0_u64, 0);
    while *more.borrow() {
        // Steps overlap by half, and two callers bring the same ones.
        let keys = |at: u64| format!("caller-{}-{at}", caller / 2);
        let size = if step % 10 == 9 { 600 } else { 20 };
        let keys: Vec<String> = (step * 10..step * 10 + size).map(keys).collect();
        loop {
            match knock_and_note(&store, ledger, &keys, 1, &book).await {
                Ok(_) => break,
                Err(given_up) => {
                    let last = given_up.last;
                    assert!(!matches!(last, Failure::Permanent(_)), "{last}");
                    refused += 1;
                    pace().await;
                }
            }
        }
        step += 1;
        done.send_modify(|steps| *steps += 1);
    }
    refused
}

/// A session, once the server takes one.
async fn shell(url: &str) -> Client {
    loop {
        if let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        pace().await;
    }
}

async fn terminate(url: &str) {
    const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = 'semel'";
    let shell = shell(url).await;
    // The sessions that were ended before may not have come back yet.
    while shell.query_one(END, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        pace().await;
    }
}

/// One that holds a ledger's row at this very moment, or did just now.
async fn kill_backend(url: &str) {
    const IN_A_STEP: &str = "SELECT pid FROM pg_stat_activity
        WHERE application_name = 'semel' AND xact_start IS NOT NULL LIMIT 1";
    let shell = shell(url).await;
    let pid: i32 = loop {
        if let Some(row) = shell.query_opt(IN_A_STEP, &[]).await.unwrap() {
            break row.get(0);
        }
    };
    let killed = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
    assert!(killed.unwrap().success());
}
