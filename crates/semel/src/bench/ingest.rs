//! The stage `ingest`: a topic full of messages, taken by a server of its own, to events in the
//! ledger.

use super::bed::{Bed, Setup};
use super::kafka::{MAPPING, Spent, fill};
use super::{Measured, audit};
use crate::rig::Server;
use crate::rig::kafka::{Scrap, named, until};
use crate::wiring::WireSettings;
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use std::time::Instant;

/// The namespace of its keys.
const INGEST: &str = "bench";

/// Measure the messages of `setup`.
///
/// # Errors
/// What the brokers say; a server that does not start.
pub async fn run(
    wire: &WireSettings,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    bar.set_length(setup.payments);
    let taken = Scrap::during(wire, async |scrap| take(wire, scrap, setup, bed).await).await;
    let (measured, keys) = taken?;
    let (measured, twin) = audit::of(measured, bed, INGEST, keys.into_iter()).await?;
    Ok(measured.latencies(twin.intervals()))
}

/// What is measured, and the keys of what was taken.
async fn take(
    wire: &WireSettings,
    scrap: &Scrap,
    setup: &Setup,
    bed: &mut Bed,
) -> Result<(Measured, Vec<String>), Failure> {
    let (messages, name) = (setup.payments, &scrap.name);
    let keys = fill(scrap, messages, setup.work()).await?;
    let config = format!(
        "roles = [\"ingest\"]\n{}\n[[ingest]]\nname = \"{INGEST}\"\ntopic = \"{name}\"\n{MAPPING}",
        named(wire)
    );
    let server = Server::start_with(bed.place(), &config).await?;
    let (spent, begun) = (Spent::begin(&server, wire), Instant::now());
    let wanted = format!(r#""read":{messages},"#);
    let path = format!("/v1/ingests/{INGEST}");
    bed.gauge.during(until(&server, &path, |said| said.contains(&wanted))).await?;
    let (took, ([own, broker], memory)) = (begun.elapsed(), spent.told());
    drop(server);
    let measured = Measured::new("ingest", messages, took);
    let measured = Measured {
        client_cpu_us: own.map(|time| measured.micros_each(time)),
        broker_cpu_us: broker.map(|time| measured.micros_each(time)),
        peak_memory_bytes: memory,
        ..measured
    };
    Ok((measured, keys))
}
