//! `semel demo`: a server is killed in the middle of payments, again and again; then the ledger is
//! counted.
//!
//! It plays the part of a client that only knows HTTP: what was not answered is sent again with the
//! same key, whatever happened to it. At the end it asks the ledger what became of everything, and
//! compares that with what it was told (promises P1 and P2, seen from outside).
//! Where Kafka is named, events are published meanwhile, and a reader that follows the links counts
//! those too.
//! The ledger is in a temporary directory, or in a schema of its own in the database that is named;
//! it is thrown away at the end.
//! Deliberately absent: the store. The server is another process of this same program.

mod audit;
mod traffic;

use crate::cli::{Demo, Global};
use crate::config;
use crate::exit::Exit;
use crate::output::{grouped, note, progress, say, table};
use crate::place::Place;
use crate::rig::Server;
use crate::rig::kafka::{Scrap, settled};
use crate::signals;
use crate::wiring::Scratch;
use audit::Audit;
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use traffic::{Plan, Traffic};

/// How often the server is killed while payments are on their way.
const KILLS: u64 = 5;
const PROGRESS: &str = "{bar:40} {human_pos}/{human_len} payments and repeats  {elapsed}  {msg}";

/// What came out.
#[derive(Debug, Serialize)]
struct Report {
    sent: u64,
    unique: u64,
    applied: u64,
    repeats: u64,
    kills: u64,
    lost: u64,
    doubled: u64,
    seconds: f64,
}

/// Run `semel demo`.
///
/// # Errors
/// When the server cannot be started, or answers in a way that no payment of this demo asks for.
pub async fn run(global: &Global, args: &Demo) -> Result<Exit, Failure> {
    let stopped = signals::end()?;
    let scratch = Scratch::new(config::server(global)?.as_deref()).await?;
    let scrap = match config::broker(global)? {
        Some(wire) => Some(Scrap::new(&wire).await?),
        None => None,
    };
    let report = tokio::select! {
        report = play(args.payments, scratch.place(), scrap.as_ref()) => Some(report),
        () = stopped => None,
    };
    // Whatever happened; what happened first is told.
    let removed = scratch.remove().await;
    let removed = match scrap {
        Some(scrap) => removed.and(scrap.remove().await),
        None => removed,
    };
    let Some(report) = report else {
        note("stopped before the end, so nothing was found out");
        return removed.map(|()| Exit::Stopped);
    };
    let report = report?;
    removed?;
    if global.json {
        say(&serde_json::to_string(&report).expect("a report is JSON"))?;
    } else {
        say(&report.table())?;
        note(report.verdict());
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::Found })
}

async fn play(payments: u32, place: Place, scrap: Option<&Scrap>) -> Result<Report, Failure> {
    let started = Instant::now();
    let plan = Plan::random(payments);
    let config = scrap.map(Scrap::published).unwrap_or_default();
    let server = Server::start_with(place, &config).await?;
    traffic::open_accounts(server.address()).await?;
    let (address, at) = watch::channel(server.address());
    let progress = progress(plan.requests(), PROGRESS);
    let traffic = Traffic::start(Arc::new(plan), at, &progress);
    let server = kill_in_the_middle(server, &traffic, &address, &progress).await?;
    let (plan, seen) = traffic.end().await?;
    progress.finish_and_clear();
    // What the audit reads has to have been on the disk.
    let server = server.restarted().await?;
    let Audit { applied, lost, doubled } = audit::run(server.address(), &plan, &seen).await?;
    let wire = match scrap {
        Some(scrap) => Some(scrap.followed(settled(&server).await?).await?),
        None => None,
    };
    let (untold, told_twice) = wire.unwrap_or_default();
    let (lost, doubled) = (lost + untold, doubled + told_twice);
    Ok(Report {
        sent: seen.sent,
        unique: u64::from(payments),
        applied,
        repeats: seen.replayed,
        kills: server.kills(),
        lost,
        doubled,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Kill and restart the server whenever another share of the requests has been answered.
async fn kill_in_the_middle(
    mut server: Server,
    traffic: &Traffic,
    address: &watch::Sender<std::net::SocketAddr>,
    progress: &ProgressBar,
) -> Result<Server, Failure> {
    for kill in 1..=KILLS {
        traffic.answered(traffic.requests() * kill / (KILLS + 1)).await;
        server = server.restarted().await?;
        progress.set_message(format!("killed {} times", server.kills()));
        // Nobody listens once every request has been answered.
        address.send_replace(server.address());
    }
    Ok(server)
}

impl Report {
    fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.applied == self.unique
    }

    fn verdict(&self) -> &'static str {
        match self.is_clean() {
            true => "Every payment was applied once, whatever was killed, repeated or sent again.",
            false => "This must not happen: please report it with the output of `semel --version`.",
        }
    }

    fn table(&self) -> String {
        let mut table = table(&["", "count", ""], &[1]);
        for (name, count, meaning) in [
            ("sent", self.sent, "requests to pay, repeats and retries among them"),
            ("unique", self.unique, "payments that were meant"),
            ("applied", self.applied, "payments in the ledger"),
            ("repeats", self.repeats, "requests answered from memory"),
            ("kills", self.kills, "times the server was killed with SIGKILL"),
            ("lost", self.lost, "payments answered and not in the ledger, events not on the wire"),
            ("doubled", self.doubled, "of either, what is there more than once"),
        ] {
            table.add_row([name.to_owned(), grouped(count), meaning.to_owned()]);
        }
        let seconds = format!("{:.1}", self.seconds);
        table.add_row(["seconds".to_owned(), seconds, String::new()]);
        table.to_string()
    }
}
