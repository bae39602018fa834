//! A stage's figures, and how they are shown.

use super::gauge::OnServer;
use super::meter::Latencies;
use super::twin::Twin;
use crate::output::table;
use serde::Serialize;
use std::time::Duration;

/// A stage's figures. What it does not measure is left out.
#[derive(Debug, Default, Serialize)]
pub struct Measured {
    /// Which stage.
    pub stage: &'static str,
    /// Ledgers that were written at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledgers: Option<u32>,
    /// Payments of one batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// How the store keeps accounts in mind, where it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<&'static str>,
    /// Payments, in all ledgers together.
    pub payments: u64,
    pub payments_per_second: f64,
    pub limit_per_second: f64,
    /// The limit of two sessions that write a ledger each, together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_2_per_second: Option<f64>,
    pub ratio: f64,
    /// Of a request or a batch, the time until its answer; of the stage `import`, which nobody
    /// waits for, the time from a commit to the next.
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the client's half where client and server are two processes, of the whole
    /// process otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cpu_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us: Option<f64>,
    /// Processor time of Kafka, where it runs on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_cpu_us: Option<f64>,
    /// Payments a second against those of the stage `batch` in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_batch: Option<f64>,
    /// The same without identity and cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least_once_per_second: Option<f64>,
    /// The data directory after the last close, its write-ahead log in the file, or the tables and
    /// indexes of a database; the accounts are in it too, and weigh much where payments are few.
    pub bytes_per_payment: f64,
    /// Commits that hold payments, each of which waits for the disk once. Checkpoints, which wait
    /// twice and come once in many commits, are not counted: SQLite does not tell of them.
    pub fsyncs_per_payment: f64,
    #[serde(flatten)]
    pub server: Option<OnServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_100k_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_100k_per_second: Option<f64>,
    pub lost: u64,
    pub doubled: u64,
}

#[expect(clippy::float_arithmetic, reason = "measurements, not money")]
impl Measured {
    /// Of `payments` that took so long.
    pub fn new(stage: &'static str, payments: u64, took: Duration) -> Measured {
        let payments_per_second = rate(payments, took);
        Measured { stage, payments, payments_per_second, ..Measured::default() }
    }

    /// With latencies.
    pub fn latencies(mut self, latencies: &Latencies) -> Measured {
        self.p50_ms = latencies.percentile_ms(50.0);
        self.p99_ms = latencies.percentile_ms(99.0);
        self
    }

    /// Microseconds of a payment, of so much time for all.
    pub fn micros_each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.payments as f64
    }

    fn each(&self, count: u64) -> f64 {
        count as f64 / self.payments as f64
    }

    /// Beside what the stage `batch` reached.
    pub fn against(mut self, batch: Option<&Measured>) -> Measured {
        self.of_batch = batch.map(|batch| self.payments_per_second / batch.payments_per_second);
        self
    }

    /// With what is on the disk, and in how many commits it came there.
    pub fn disk(mut self, bytes: u64, commits: u64) -> Measured {
        self.bytes_per_payment = self.each(bytes);
        self.fsyncs_per_payment = self.each(commits);
        self
    }

    /// With what the store's `twin` tells of it: the limit, and what became of the keys `sent`.
    pub fn beside(
        mut self,
        twin: &Twin,
        namespace: &str,
        sent: impl Iterator<Item = String>,
    ) -> Measured {
        (self.limit_per_second, self.limit_2_per_second) = twin.limits();
        self.ratio = self.payments_per_second / self.limit_per_second;
        self.counted(twin, namespace, sent)
    }

    /// With what became of the keys `sent` to the ledger that `twin` has read.
    pub fn counted(
        mut self,
        twin: &Twin,
        namespace: &str,
        sent: impl Iterator<Item = String>,
    ) -> Measured {
        self.lost += twin.lost(namespace, sent);
        self.doubled += twin.doubled();
        self
    }
}

/// Payments a second.
#[expect(clippy::float_arithmetic, reason = "a measurement, not money")]
pub fn rate(payments: u64, took: Duration) -> f64 {
    payments as f64 / took.as_secs_f64()
}

const HEADER: [&str; 12] = [
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

/// All stages, for people.
#[expect(clippy::float_arithmetic, reason = "measurements, not money")]
pub fn shown(stages: &[Measured]) -> String {
    let mut table = table(&HEADER, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    for one in stages {
        table.add_row([
            name(one),
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
        Some(format!("\n{}: first 100,000 {first:.0}/s, last {last:.0}/s", name(stage)))
    });
    let servers = stages.iter().filter_map(|stage| {
        let told = stage.server.as_ref()?.to_string();
        let broker = stage.broker_cpu_us.map(|cpu| format!("; the broker {cpu:.1} us"));
        let of_batch = stage.of_batch.map(|ratio| format!("; {ratio:.2} of the stage batch"));
        let told = [Some(told), broker, of_batch].into_iter().flatten().collect::<String>();
        let two = stage.limit_2_per_second.map(|limit| format!("; two sessions {limit:.0}/s"));
        Some(format!("\n{}: {told}{}", name(stage), two.unwrap_or_default()))
    });
    let loose = stages.iter().filter_map(|stage| {
        let loose = stage.at_least_once_per_second?;
        let cost = 100.0 - 100.0 * stage.payments_per_second / loose;
        Some(format!("\n{}: at least once {loose:.0}/s; once costs {cost:.1} %", name(stage)))
    });
    table.to_string() + &growth.chain(servers).chain(loose).collect::<String>()
}

fn name(stage: &Measured) -> String {
    match stage.ledgers {
        Some(ledgers) => format!("{} ({ledgers})", stage.stage),
        None => stage.stage.to_owned(),
    }
}
