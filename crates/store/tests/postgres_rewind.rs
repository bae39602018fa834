//! A server that goes back in time: a real base backup, restored to a point before the last
//! commits.

use common::command;
use common::postgres::session;
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::failure::Stop;
use semel_core::ledger::{Decision, Keys, Outcome, decide};
use semel_core::problem::Code;
use semel_servers::{Binaries, Mode, Postgres as Server, place};
use semel_store::postgres::Postgres;
use std::time::{Duration, Instant};

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

/// Longer than any server takes to come back.
const PATIENCE: Duration = Duration::from_secs(60);
const ARCHIVE: (&str, &str) = ("archive_command", "test ! -f ../archive/%f && cp %p ../archive/%f");

/// One payment at the door: its event, and whether it was there before.
async fn pay(store: &Postgres, ledger: u32, key: &str) -> Result<(Event, bool), Failure> {
    let commands = [command(key)];
    let step = store.door(ledger).claim().await?.begin(Keys::of(&commands)).await?;
    let Decision { outcomes, effects } = decide(&commands, step.snapshot());
    step.commit(effects, Cursor::START).await?;
    match &outcomes[0] {
        Outcome::Recorded { event, replayed } => Ok(((**event).clone(), *replayed)),
        other => panic!("not recorded: {other:?}"),
    }
}

/// A payment after the server was away: tried again until it is one or the process stops by name.
async fn pay_again(store: &Postgres, ledger: u32, key: &str) -> Result<(Event, bool), Stop> {
    let begun = Instant::now();
    loop {
        match pay(store, ledger, key).await {
            Ok(paid) => return Ok(paid),
            Err(Failure::Permanent(stop)) => return Err(stop),
            Err(failure) => assert!(begun.elapsed() < PATIENCE, "{failure}"),
        }
    }
}

/// A copy of the server's data as it is now, to be restored later: its label is written into it.
async fn back_up(server: &Server) -> (std::path::PathBuf, String) {
    let shell = session(&server.url("postgres")).await;
    shell.execute("SELECT pg_backup_start('before', true)", &[]).await.unwrap();
    let copy = server.data().with_file_name("restored");
    server.copy_data(&copy).unwrap();
    let stopped = shell.query_one("SELECT labelfile FROM pg_backup_stop()", &[]).await.unwrap();
    (copy, stopped.get(0))
}

/// The server as it was when it was backed up, on the same port.
fn restore(copy: &std::path::Path, label: &str) -> Server {
    let binaries = Binaries::installed(&place::servers().unwrap()).unwrap();
    let settings = [
        ("restore_command", "cp ../archive/%f %p"),
        ("recovery_target", "immediate"),
        ("recovery_target_action", "promote"),
        ("archive_mode", "off"),
    ];
    let mut restored = Server::prepare(&binaries, copy, &settings).unwrap();
    restored.write("backup_label", label).unwrap();
    restored.write("recovery.signal", "").unwrap();
    restored.start_again().unwrap();
    restored
}

async fn timeline(url: &str) -> String {
    let row = session(url).await.query_one("SELECT timeline FROM ledger", &[]).await.unwrap();
    row.get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_a_restore_forgot_stop_whoever_saw_them() {
    let settings = [("archive_mode", "on"), ("wal_level", "replica"), ARCHIVE];
    let Some(server) = semel_servers::private(&settings) else { return };
    server.directory("archive").unwrap();
    let url = server.url("postgres");
    let (lived, idle) = (Postgres::open(&url).await.unwrap(), Postgres::open(&url).await.unwrap());
    let ledger = lived.ledger("main").await.unwrap().no;
    let (kept, _) = pay(&lived, ledger, "kept").await.unwrap();
    // It has seen what is kept, and nothing behind that.
    assert!(pay(&idle, ledger, "kept").await.unwrap().1);
    let before = timeline(&url).await;
    let (copy, label) = back_up(&server).await;
    let (lost, _) = pay(&lived, ledger, "lost").await.unwrap();
    server.stop(Mode::Immediate).unwrap();
    let restored = restore(&copy, &label);
    assert_eq!(restored.url("postgres"), url, "who lived through it comes back to it");

    let stop = pay_again(&lived, ledger, "more").await.unwrap_err();
    assert_eq!(stop.code, Code::StoreRewound);
    let told = format!("event {} was committed", lost.seq);
    assert!(stop.detail.contains(&told), "{stop}");
    assert_eq!(lived.stopped(), Some(stop));
    assert_eq!(timeline(&url).await, before, "nothing was written");

    // Who saw nothing of what is gone goes on, and says in which history.
    let (event, replayed) = pay_again(&idle, ledger, "other").await.unwrap();
    assert_eq!((event.seq, replayed), (lost.seq, false));
    assert_ne!(timeline(&url).await, before);
    let fresh = Postgres::open(&url).await.unwrap();
    let (again, replayed) = pay(&fresh, ledger, "kept").await.unwrap();
    assert_eq!((again, replayed), (kept, true), "what was kept is as it was");
    assert!(!pay(&fresh, ledger, "lost").await.unwrap().1, "what is gone can be asked for again");
    assert_eq!(fresh.stopped(), None);
}
