//! The stage `import`: JSON Lines of about 180 bytes from a file, imported by a process of its own.

use super::meter;
use super::work::{Payment, Work};
use super::{Measured, audit};
use crate::rig::{self, broken};
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
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

/// Measure `payments` lines, in files below `dir`.
///
/// # Errors
/// An import that fails, or a file that cannot be written.
pub async fn run(payments: u64, dir: &Path, bar: &ProgressBar) -> Result<Measured, Failure> {
    bar.set_length(payments);
    write_lines(payments, dir).map_err(|error| broken(format!("no file: {error}")))?;
    let begun = Instant::now();
    let child = spawn(dir).map_err(|error| broken(format!("no import: {error}")))?;
    let pid = child.id();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    let (mut peak, mut cpu) = (None, None);
    while !ended.is_finished() {
        peak = meter::peak_memory(pid).or(peak);
        cpu = meter::cpu_time(&pid.to_string()).or(cpu);
        tokio::time::sleep(LOOK).await;
    }
    let took = begun.elapsed();
    let output = ended.await.map_err(|error| broken(error.to_string()))?;
    let output = output.map_err(|error| broken(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(broken(format!("the import failed: {}", said.trim())));
    }
    let mut work = Work::new();
    let keys = (0..payments).map(|_| work.payment().key);
    let measured = Measured::new("import", payments, took);
    let (measured, twin) = audit::of(measured, &dir.join("data"), INGEST, keys).await?;
    let measured = measured.latencies(twin.intervals());
    Ok(Measured {
        client_cpu_us: cpu.map(|time| measured.micros_each(time)),
        peak_memory_bytes: peak,
        ..measured
    })
}

fn write_lines(payments: u64, dir: &Path) -> std::io::Result<()> {
    std::fs::write(dir.join("mapping.toml"), MAPPING)?;
    let mut lines = BufWriter::new(std::fs::File::create(dir.join("lines.jsonl"))?);
    let mut work = Work::new();
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

fn spawn(dir: &Path) -> std::io::Result<Child> {
    rig::command(dir)?
        .args(["--json", "--data", "data", "import", "lines.jsonl", "--mapping", "mapping.toml"])
        .args(["--ingest", INGEST])
        .stderr(Stdio::piped())
        .spawn()
}
