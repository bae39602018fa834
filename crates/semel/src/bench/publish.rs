//! The stages `publish` and `pipeline`: a ledger's events sent and confirmed, those that are there
//! already, and those of batches that come in over HTTP meanwhile.

use super::bed::{Bed, Setup};
use super::http::{Request, send};
use super::kafka::Spent;
use super::work::Payment;
use super::{Measured, audit, batch};
use crate::rig::Server;
use crate::rig::kafka::{Scrap, settled};
use crate::wiring::WireSettings;
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use std::time::{Duration, Instant};

/// Payments of a request.
const BATCH: usize = 1_000;
/// Connections, each with one request at a time.
const CALLERS: usize = 8;

/// Measure how fast the events of the payments of `setup` are sent and confirmed.
///
/// # Errors
/// What the brokers say; a server that does not start.
pub async fn publish(
    wire: &WireSettings,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    batch::fill(setup, bed, bar).await?;
    Scrap::during(wire, async |scrap| {
        let server = Server::start_with(bed.place(), &scrap.published()).await?;
        let (spent, begun) = (Spent::begin(&server, wire), Instant::now());
        let events = bed.gauge.during(settled(&server)).await?;
        let (took, spent) = (begun.elapsed(), spent.told());
        drop(server);
        let measured = Measured::new("publish", events, took);
        followed(scrap, measured, events, spent).await
    })
    .await
}

/// Measure batches over HTTP, until their events are confirmed.
///
/// # Errors
/// As [`publish`]; any other answer than 200.
pub async fn pipeline(
    wire: &WireSettings,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    bar.set_length(setup.payments);
    batch::open(setup, bed).await?;
    let (keys, requests) = requests(setup);
    let sent = Scrap::during(wire, async |scrap| {
        let server = Server::start_with(bed.place(), &scrap.published()).await?;
        settled(&server).await?;
        let (spent, begun) = (Spent::begin(&server, wire), Instant::now());
        let work = async {
            let latencies = send(server.address(), requests, CALLERS, None, bar).await?;
            Ok((latencies, settled(&server).await?))
        };
        let (latencies, events) = bed.gauge.during(work).await?;
        let (took, spent) = (begun.elapsed(), spent.told());
        drop(server);
        let measured = Measured::new("pipeline", setup.payments, took).latencies(&latencies);
        followed(scrap, measured, events, spent).await
    });
    let (measured, _) = audit::of(sent.await?, bed, "", keys.into_iter()).await?;
    Ok(measured)
}

/// `measured`, with what a strict reader takes of `events`, and what was spent.
async fn followed(
    scrap: &Scrap,
    measured: Measured,
    events: u64,
    ([own, broker], memory): ([Option<Duration>; 2], Option<u64>),
) -> Result<Measured, Failure> {
    let (lost, doubled) = scrap.followed(events).await?;
    Ok(Measured {
        server_cpu_us: own.map(|time| measured.micros_each(time)),
        broker_cpu_us: broker.map(|time| measured.micros_each(time)),
        peak_memory_bytes: memory,
        lost: measured.lost + lost,
        doubled: measured.doubled + doubled,
        ..measured
    })
}

/// Every payment's key, and requests of many payments each.
fn requests(setup: &Setup) -> (Vec<String>, Vec<Request>) {
    let mut work = setup.work();
    let payments: Vec<Payment> = (0..setup.payments).map(|_| work.payment()).collect();
    let item = |payment: &Payment| {
        format!(r#"{{"idempotency_key":"{}",{}}}"#, payment.key, payment.members())
    };
    let requests = payments.chunks(BATCH).map(|chunk| {
        let items: Vec<String> = chunk.iter().map(item).collect();
        let body = format!(r#"{{"payments":[{}]}}"#, items.join(","));
        let (path, payments) = ("/v1/payments:batch", chunk.len() as u64);
        Request { path, key: None, body, status: 200, payments }
    });
    let requests = requests.collect();
    (payments.into_iter().map(|payment| payment.key).collect(), requests)
}
