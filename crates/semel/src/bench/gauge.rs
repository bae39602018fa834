//! What a database's server spends on a stage: WAL, rows, index entries, processor time, and the
//! sessions that wait for locks. Of a file nothing is told.
//!
//! WAL and processor time are the whole server's: nobody else should be asking anything of it.

use super::meter;
use crate::wiring::{Counters, Meter};
use semel_core::failure::Failure;
use serde::Serialize;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

/// How often it is looked who waits for a lock.
const LOOK: Duration = Duration::from_millis(50);

/// Beside a stage.
#[derive(Default)]
pub struct Gauge {
    meter: Option<Meter>,
    /// Before the first payment.
    base: Counters,
    wal: u64,
    cpu: Option<Duration>,
    looks: u64,
    waiting: u64,
}

/// What a server told of a stage.
#[derive(Debug, Serialize)]
pub struct OnServer {
    wal_bytes_per_payment: f64,
    /// Rows inserted and new versions of rows.
    rows_per_payment: f64,
    index_entries_per_payment: f64,
    /// Two a step: what opens it and what commits it. What is asked besides, where a key's slot is
    /// taken or another process has written, is not counted.
    round_trips_per_payment: f64,
    /// Where the server runs on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    database_cpu_us: Option<f64>,
    /// Sessions that waited for a lock, on average over the stage.
    lock_waiting: f64,
}

impl fmt::Display for OnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wal, rows) = (self.wal_bytes_per_payment, self.rows_per_payment);
        let entries = self.index_entries_per_payment;
        write!(f, "a payment {wal:.0} bytes of WAL, {rows:.2} rows, {entries:.2} index entries")?;
        if let Some(cpu) = self.database_cpu_us {
            write!(f, ", {cpu:.1} us of the database's processors")?;
        }
        write!(f, "; {:.2} sessions wait for locks", self.lock_waiting)
    }
}

impl Gauge {
    /// By `meter`, with no checkpoint due soon.
    pub async fn new(meter: Option<Meter>) -> Gauge {
        if let Some(meter) = &meter {
            meter.checkpoint().await;
        }
        Gauge { meter, ..Gauge::default() }
    }

    /// The payments come next; before them there were so many `events`, of sessions that ended.
    ///
    /// # Errors
    /// Any failure of the server, here and below.
    pub async fn begin(&mut self, events: u64) -> Result<(), Failure> {
        if let Some(meter) = &self.meter {
            self.base = meter.settled(events).await?;
        }
        Ok(())
    }

    /// Do `work`, and add what it costs the server.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let Some(meter) = &self.meter else { return work.await };
        let (mut work, mut looks) = (pin!(work), tokio::time::interval(LOOK));
        let (wal, cpu) = (meter.wal().await?, meter::family_cpu_time(meter.pid()));
        let done = loop {
            tokio::select! {
                done = &mut work => break done?,
                _ = looks.tick() => {
                    self.looks += 1;
                    self.waiting += meter.waiting().await?;
                }
            }
        };
        self.wal += meter.wal().await? - wal;
        let spent = meter::family_cpu_time(meter.pid()).zip(cpu);
        self.cpu = spent
            .map(|(after, before)| after.saturating_sub(before))
            .map(|spent| self.cpu.unwrap_or_default() + spent);
        Ok(done)
    }

    /// What was told of `payments` in so many `steps`, once those who wrote all `events` of the
    /// schema are gone; and the size of the schema.
    ///
    /// # Errors
    /// As [`Gauge::begin`].
    #[expect(clippy::float_arithmetic, reason = "measurements, not money")]
    pub async fn told(
        &self,
        payments: u64,
        steps: u64,
        events: u64,
    ) -> Result<Option<(OnServer, u64)>, Failure> {
        let Some(meter) = &self.meter else { return Ok(None) };
        let counters = meter.settled(events).await?;
        let each = |count: u64| count as f64 / payments as f64;
        let told = OnServer {
            wal_bytes_per_payment: each(self.wal),
            rows_per_payment: each(counters.rows - self.base.rows),
            index_entries_per_payment: each(counters.index_entries - self.base.index_entries),
            round_trips_per_payment: each(2 * steps),
            database_cpu_us: self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / payments as f64),
            lock_waiting: self.waiting as f64 / self.looks.max(1) as f64,
        };
        Ok(Some((told, counters.bytes)))
    }
}
