//! The stages `http` and `alone`: one payment a request over loopback, the server a process of its
//! own, the load from this one.

use super::Measured;
use super::audit::Audit;
use super::meter::{self, Latencies};
use super::work::{Payment, Work};
use crate::rig::{Client, Server, broken};
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use semel_core::ledger::Command;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Measure `payments` payments over `connections` connections, each with one request at a time.
///
/// # Errors
/// A server that does not start, or that answers anything but 201.
pub async fn run(
    stage: &'static str,
    payments: u64,
    connections: usize,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    bar.set_length(payments);
    let server = Server::start().await?;
    let mut work = Work::new();
    open_accounts(server.address(), &work).await?;
    let queue: Vec<Payment> = (0..payments).map(|_| work.payment()).collect();
    let keys: Vec<String> = queue.iter().map(|payment| payment.key.clone()).collect();
    let queue = Arc::new(Mutex::new(queue));

    let pid = server.pid().to_string();
    let before = (meter::cpu_time("self"), meter::cpu_time(&pid), Instant::now());
    let callers: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(call(server.address(), queue.clone(), bar.clone())))
        .collect();
    let mut latencies = Latencies::new();
    for caller in callers {
        latencies.add(&caller.await.map_err(|error| broken(error.to_string()))??);
    }
    let took = before.2.elapsed();
    let spent = |pid: &str, before: Option<Duration>| Some(meter::cpu_time(pid)? - before?);
    let (own, servers) = (spent("self", before.0), spent(&pid, before.1));

    let peak = meter::peak_memory(server.pid());
    let directory = server.killed();
    let audit = Audit::of(&directory.path().join("data"), keys.into_iter()).await?;
    let measured = audit.told(Measured::new(stage, payments, took).latencies(&latencies));
    Ok(Measured {
        client_cpu_us: own.map(|time| measured.micros_each(time)),
        server_cpu_us: servers.map(|time| measured.micros_each(time)),
        peak_memory_bytes: peak,
        ..measured
    })
}

async fn call(
    address: SocketAddr,
    queue: Arc<Mutex<Vec<Payment>>>,
    bar: ProgressBar,
) -> Result<Latencies, Failure> {
    let refused = |error| broken(format!("no answer: {error}"));
    let mut client = Client::connect(address).await.map_err(refused)?;
    let mut latencies = Latencies::new();
    loop {
        let next = queue.lock().expect("nobody panics while holding it").pop();
        let Some(Payment { key, amount, customer, merchant }) = next else { return Ok(latencies) };
        let body = format!(
            concat!(
                r#"{{"amount":{},"currency":"USD","#,
                r#""debit_account":"{}","credit_account":"{}"}}"#
            ),
            amount, customer, merchant
        );
        let begun = Instant::now();
        let answer = client.post("/v1/payments", Some(&key), body).await.map_err(refused)?;
        latencies.record(begun.elapsed());
        if answer.status != 201 {
            return Err(broken(format!("the server answered {}", answer.status)));
        }
        bar.inc(1);
    }
}

async fn open_accounts(address: SocketAddr, work: &Work) -> Result<(), Failure> {
    let refused = |error| broken(format!("no answer: {error}"));
    let mut client = Client::connect(address).await.map_err(refused)?;
    for command in work.accounts() {
        let Command::OpenAccount(request) = command else { continue };
        let body = format!(r#"{{"id":"{}","currency":"USD","overdraft":"unlimited"}}"#, request.id);
        let answer = client.post("/v1/accounts", None, body).await.map_err(refused)?;
        if answer.status != 201 {
            return Err(broken(format!("the server answered {}", answer.status)));
        }
    }
    Ok(())
}
