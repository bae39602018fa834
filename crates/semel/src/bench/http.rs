//! The stages `http`, `half` and `alone`: one payment a request over loopback, the server a process
//! of its own, the load from this one.

use super::bed::{Bed, Setup};
use super::meter::{self, Latencies};
use super::work::Payment;
use super::{Measured, audit};
use crate::rig::{Client, Server, broken};
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use semel_core::ledger::Command;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Connections of a crowd.
pub const CROWD: usize = 64;

/// What is asked of a server.
pub struct Load {
    pub payments: u64,
    /// Each with one request at a time.
    pub connections: usize,
    /// The time from one request to the next, if they do not come as fast as they can. A request
    /// that waits for a free connection is late, and its latency counts from when it was due.
    pub pace: Option<Duration>,
}

/// Measure `load`.
///
/// # Errors
/// A server that does not start, or that answers anything but 201.
pub async fn run(
    stage: &'static str,
    load: Load,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    let Load { connections, pace, .. } = load;
    let payments = load.payments.max(1);
    bar.set_length(payments);
    let mut server = Server::start(bed.place()).await?;
    let mut work = setup.work();
    let accounts: Vec<_> = work.accounts().into_iter().filter_map(Request::open).collect();
    let opened = accounts.len() as u64;
    send(server.address(), accounts, CROWD, None, &ProgressBar::hidden()).await?;
    if bed.place().file().is_none() {
        // Only then do its sessions tell what they wrote.
        server = server.restarted().await?;
        bed.gauge.begin(opened).await?;
    }
    let queue: Vec<Payment> = (0..payments).map(|_| work.payment()).collect();
    let keys: Vec<String> = queue.iter().map(|payment| payment.key.clone()).collect();
    let queue = queue.iter().map(Request::pay).collect();

    let pid = server.pid().to_string();
    let before = (meter::cpu_time("self"), meter::cpu_time(&pid), Instant::now());
    let latencies = bed.gauge.during(send(server.address(), queue, connections, pace, bar)).await?;
    let took = before.2.elapsed();
    let spent = |pid: &str, before: Option<Duration>| Some(meter::cpu_time(pid)? - before?);
    let (own, servers) = (spent("self", before.0), spent(&pid, before.1));

    let peak = meter::peak_memory(server.pid());
    drop(server);
    let measured = Measured::new(stage, payments, took).latencies(&latencies);
    let (measured, _) = audit::of(measured, bed, "", keys.into_iter()).await?;
    Ok(Measured {
        client_cpu_us: own.map(|time| measured.micros_each(time)),
        server_cpu_us: servers.map(|time| measured.micros_each(time)),
        peak_memory_bytes: peak,
        ..measured
    })
}

/// One request.
pub struct Request {
    pub path: &'static str,
    pub key: Option<String>,
    pub body: String,
    /// What the server has to answer.
    pub status: u16,
    /// How many payments it asks for.
    pub payments: u64,
}

impl Request {
    fn pay(payment: &Payment) -> Request {
        let (key, body) = (Some(payment.key.clone()), format!("{{{}}}", payment.members()));
        Request { path: "/v1/payments", key, body, status: 201, payments: 1 }
    }

    fn open(command: Command) -> Option<Request> {
        let Command::OpenAccount(account) = command else { return None };
        let body = format!(r#"{{"id":"{}","currency":"USD","overdraft":"unlimited"}}"#, account.id);
        Some(Request { path: "/v1/accounts", key: None, body, status: 201, payments: 0 })
    }
}

/// Requests that nobody has sent yet.
struct Queue {
    requests: Vec<Request>,
    pace: Option<Duration>,
    /// When the next one is.
    due: Instant,
}

impl Queue {
    /// The next request, and when it is due.
    fn next(&mut self) -> Option<(Request, Instant)> {
        let due = self.pace.map_or_else(Instant::now, |_| self.due);
        self.due = due + self.pace.unwrap_or_default();
        Some((self.requests.pop()?, due))
    }
}

/// Send all `requests` over `connections` connections; how long each took.
///
/// # Errors
/// No answer, or any other than what is expected.
pub async fn send(
    address: SocketAddr,
    requests: Vec<Request>,
    connections: usize,
    pace: Option<Duration>,
    bar: &ProgressBar,
) -> Result<Latencies, Failure> {
    let queue = Arc::new(Mutex::new(Queue { requests, pace, due: Instant::now() }));
    let mut callers: JoinSet<_> =
        (0..connections).map(|_| call(address, queue.clone(), bar.clone())).collect();
    let mut latencies = Latencies::new();
    while let Some(caller) = callers.join_next().await {
        latencies.add(&caller.map_err(|error| broken(error.to_string()))??);
    }
    Ok(latencies)
}

async fn call(
    address: SocketAddr,
    queue: Arc<Mutex<Queue>>,
    bar: ProgressBar,
) -> Result<Latencies, Failure> {
    let refused = |error| broken(format!("no answer: {error}"));
    let mut client = Client::connect(address).await.map_err(refused)?;
    let mut latencies = Latencies::new();
    loop {
        let next = queue.lock().expect("nobody panics while holding it").next();
        let Some((request, begun)) = next else { return Ok(latencies) };
        if Instant::now() < begun {
            sleep_until(begun.into()).await;
        }
        let Request { path, key, body, status, payments } = request;
        let answer = client.post(path, key.as_deref(), body).await.map_err(refused)?;
        latencies.record(begun.elapsed());
        if answer.status != status {
            return Err(broken(format!("the server answered {}", answer.status)));
        }
        bar.inc(payments);
    }
}
