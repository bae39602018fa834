//! The stage `import`: JSON Lines of about 180 bytes from a file, imported by a process of its own.

use super::bed::{Bed, Setup};
use super::meter;
use super::work::{Payment, Work};
use super::{Measured, audit};
use crate::place::Place;
use crate::rig::{self, Process, broken};
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const MAPPING: &str = r#"
idempotency_key = { at = "/order/id" }
amount = { at = "/amount", unit = "major" }
currency = { at = "/currency" }
debit_account = { at = "/customer" }
credit_account = { at = "/merchant" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;
/// The namespace of its keys.
const INGEST: &str = "bench";
/// How often the child's memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Measure the payments of `setup`, a line each.
///
/// # Errors
/// An import that fails, or a file that cannot be written.
pub async fn run(setup: &Setup, bed: &mut Bed, bar: &ProgressBar) -> Result<Measured, Failure> {
    let payments = setup.payments;
    bar.set_length(payments);
    let dir = tempfile::Builder::new().prefix("semel-bench-").tempdir();
    let dir = dir.map_err(|error| broken(format!("no directory: {error}")))?;
    write_lines(payments, setup.work(), dir.path())
        .map_err(|error| broken(format!("no file: {error}")))?;
    let importing = import(dir.path(), bed.place());
    let Imported { took, peak, cpu } = bed.gauge.during(importing).await?;
    let mut work = setup.work();
    let keys = (0..payments).map(|_| work.payment().key);
    let measured = Measured::new("import", payments, took);
    let (measured, twin) = audit::of(measured, bed, INGEST, keys).await?;
    let measured = measured.latencies(twin.intervals());
    Ok(Measured {
        client_cpu_us: cpu.map(|time| measured.micros_each(time)),
        peak_memory_bytes: peak,
        ..measured
    })
}

/// What an import took.
struct Imported {
    took: Duration,
    peak: Option<u64>,
    cpu: Option<Duration>,
}

async fn import(dir: &Path, place: Place) -> Result<Imported, Failure> {
    let failed = |error: std::io::Error| broken(format!("no import: {error}"));
    let begun = Instant::now();
    let mut child = spawn(dir, &place).map_err(failed)?;
    let pid = child.0.id();
    let (mut peak, mut cpu) = (None, None);
    // What it says is little: it never waits for somebody to read it.
    let status = loop {
        peak = meter::peak_memory(pid).or(peak);
        cpu = meter::cpu_time(&pid.to_string()).or(cpu);
        match child.0.try_wait().map_err(failed)? {
            Some(status) => break status,
            None => tokio::time::sleep(LOOK).await,
        }
    };
    let took = begun.elapsed();
    if !status.success() {
        let mut said = String::new();
        let stderr = child.0.stderr.as_mut().expect("stderr is piped");
        stderr.read_to_string(&mut said).map_err(failed)?;
        return Err(broken(format!("the import failed: {}", said.trim())));
    }
    Ok(Imported { took, peak, cpu })
}

fn write_lines(payments: u64, mut work: Work, dir: &Path) -> std::io::Result<()> {
    std::fs::write(dir.join("mapping.toml"), MAPPING)?;
    let mut lines = BufWriter::new(std::fs::File::create(dir.join("lines.jsonl"))?);
    for number in 0..payments {
        let Payment { key, amount, customer, merchant } = work.payment();
        let (units, cents) = (amount / 100, amount % 100);
        writeln!(
            lines,
            concat!(
                r#"{{"order":{{"id":"{}","number":{}}},"amount":"{}.{:02}","currency":"USD","#,
                r#""customer":"{}","merchant":"{}","channel":"web"}}"#
            ),
            key, number, units, cents, customer, merchant
        )?;
    }
    lines.flush()
}

fn spawn(dir: &Path, place: &Place) -> std::io::Result<Process> {
    rig::command(dir, place)?
        .args(["--json", "import", "lines.jsonl", "--mapping", "mapping.toml"])
        .args(["--ingest", INGEST])
        .stderr(Stdio::piped())
        .spawn()
        .map(Process)
}
