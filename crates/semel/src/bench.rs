//! `semel bench`: what this machine makes of payments, and what its limit is.
//!
//! Every stage counts at the end what was lost or doubled; a figure with either is no figure.
//! The store's own limit is measured in the same run: the same rows in the same steps, written by
//! the plainest loop; for the stage `batch` in turn with it, so that both meet the same machine.
//! That loop writes every row of the key index as it comes, while the real path keeps new keys in
//! memory and writes many at once, in the order of the index. Random keys then touch far fewer
//! pages, so the ratio of the two may be above 1.
//! Deliberately absent: a pass mark. Timings are reported, never asserted.

mod audit;
mod batch;
mod http;
mod import;
mod meter;
mod twin;
mod work;

use crate::cli::{Bench, Global, Stage};
use crate::exit::Exit;
use crate::output::{note, progress, say, table};
use crate::rig::broken;
use meter::Latencies;
use semel_core::failure::Failure;
use serde::Serialize;
use std::time::Duration;
use twin::Twin;

const PROGRESS: &str = "{msg} {bar:40} {human_pos}/{human_len}";

/// A stage's figures. What it does not measure is left out.
#[derive(Debug, Default, Serialize)]
struct Measured {
    stage: &'static str,
    payments: u64,
    payments_per_second: f64,
    limit_per_second: f64,
    ratio: f64,
    /// Of a request or a batch, the time until its answer; of the stage `import`, which nobody
    /// waits for, the time from a commit to the next.
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of the client's half where client and server are two processes, of the whole
    /// process otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cpu_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu_us: Option<f64>,
    /// The data directory after the last close, its write-ahead log in the file; the accounts are
    /// in it too, and weigh much where payments are few.
    bytes_per_payment: f64,
    /// Commits that hold payments, each of which waits for the disk once. Checkpoints, which wait
    /// twice and come once in many commits, are not counted: SQLite does not tell of them.
    fsyncs_per_payment: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_100k_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_100k_per_second: Option<f64>,
    lost: u64,
    doubled: u64,
}

#[expect(clippy::float_arithmetic, reason = "measurements, not money")]
impl Measured {
    fn new(stage: &'static str, payments: u64, took: Duration) -> Measured {
        let payments_per_second = rate(payments, took);
        Measured { stage, payments, payments_per_second, ..Measured::default() }
    }

    fn latencies(mut self, latencies: &Latencies) -> Measured {
        self.p50_ms = latencies.percentile_ms(50.0);
        self.p99_ms = latencies.percentile_ms(99.0);
        self
    }

    fn micros_each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.payments as f64
    }

    fn each(&self, count: u64) -> f64 {
        count as f64 / self.payments as f64
    }

    fn disk(mut self, bytes: u64, commits: u64) -> Measured {
        self.bytes_per_payment = self.each(bytes);
        self.fsyncs_per_payment = self.each(commits);
        self
    }

    /// What the store's `twin` tells of it: the limit, and what became of the keys `sent`.
    fn beside(
        mut self,
        twin: &Twin,
        namespace: &str,
        sent: impl Iterator<Item = String>,
    ) -> Measured {
        let limit = rate(self.payments, twin.took());
        self.limit_per_second = limit;
        self.ratio = self.payments_per_second / limit;
        (self.lost, self.doubled) = (twin.lost(namespace, sent), twin.doubled());
        self
    }
}

#[expect(clippy::float_arithmetic, reason = "a measurement, not money")]
fn rate(payments: u64, took: Duration) -> f64 {
    payments as f64 / took.as_secs_f64()
}

/// Run `semel bench`.
///
/// # Errors
/// Any stop of a store; a server that does not start.
pub async fn run(global: &Global, args: &Bench) -> Result<Exit, Failure> {
    let all = [Stage::Batch, Stage::Http, Stage::Alone, Stage::Import];
    let stages = if args.stages.is_empty() { &all[..] } else { &args.stages };
    let payments = u64::from(args.payments);
    let mut measured = Vec::new();
    for stage in stages {
        let dir = tempfile::Builder::new().prefix("semel-bench-").tempdir();
        let dir = dir.map_err(|error| broken(format!("no directory: {error}")))?;
        let bar = progress(0, PROGRESS).with_message(format!("{stage:?}").to_lowercase());
        measured.push(match stage {
            Stage::Batch => batch::run(payments, dir.path(), &bar).await?,
            Stage::Http => {
                http::run("http", (payments / 10).max(1), http::CONNECTIONS, &bar).await?
            }
            Stage::Alone => http::run("alone", (payments / 200).max(1), 1, &bar).await?,
            Stage::Import => import::run(payments, dir.path(), &bar).await?,
        });
        bar.finish_and_clear();
    }
    match global.json {
        true => {
            say(&serde_json::json!({"machine": meter::machine(), "stages": measured}).to_string())?
        }
        false => say(&shown(&measured))?,
    }
    let clean = measured.iter().all(|stage| stage.lost + stage.doubled == 0);
    if !clean {
        note("something was lost or doubled");
    }
    Ok(if clean { Exit::Done } else { Exit::Found })
}

fn shown(stages: &[Measured]) -> String {
    let header = [
        "stage",
        "payments",
        "per second",
        "limit",
        "ratio",
        "p50 ms",
        "p99 ms",
        "cpu us",
        "bytes",
        "fsyncs",
        "lost",
        "doubled",
    ];
    let mut table = table(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    for one in stages {
        table.add_row([
            one.stage.to_owned(),
            one.payments.to_string(),
            number(Some(one.payments_per_second), 0),
            number(Some(one.limit_per_second), 0),
            number(Some(one.ratio), 2),
            number(Some(one.p50_ms), 2),
            number(Some(one.p99_ms), 2),
            number(one.server_cpu_us.or(one.client_cpu_us), 1),
            number(Some(one.bytes_per_payment), 0),
            number(Some(one.fsyncs_per_payment), 4),
            one.lost.to_string(),
            one.doubled.to_string(),
        ]);
    }
    let growth = stages.iter().filter_map(|stage| {
        let (first, last) = (stage.first_100k_per_second?, stage.last_100k_per_second?);
        Some(format!("\n{}: first 100,000 {first:.0}/s, last {last:.0}/s", stage.stage))
    });
    table.to_string() + &growth.collect::<String>()
}
