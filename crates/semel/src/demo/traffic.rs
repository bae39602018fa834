//! The payments of the demo, and the many connections that send them until they are answered.
//!
//! 4.7 % are sent twice, half of these at the same moment over another connection. What gets no
//! answer is sent again with the same key; that is the whole of the client's caution.

use crate::doors::pause;
use crate::rig::{Answer, Client, broken};
use hyper::StatusCode;
use hyper::body::Bytes;
use indicatif::ProgressBar;
use semel_core::failure::Failure;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many connections send at once.
const CONNECTIONS: usize = 32;
/// How many of a thousand payments are sent twice.
const REPEATS_PER_MILLE: u64 = 47;
/// How far behind its payment a late repeat comes, at most, in payments.
const LATE: u64 = 500;
/// How long one payment is tried.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many accounts are debited.
pub const CUSTOMERS: u64 = 100;
/// How many accounts are credited.
pub const MERCHANTS: u64 = 10;

/// Which payments are made, and in which order they and their repeats are sent.
pub struct Plan {
    dice: RandomState,
    payments: u32,
    order: Vec<u32>,
}

/// What one payment says.
#[derive(Debug, PartialEq, Eq)]
pub struct Payment {
    /// In cents.
    pub amount: i64,
    /// A number below [`CUSTOMERS`].
    pub customer: u64,
    /// A number below [`MERCHANTS`].
    pub merchant: u64,
}

impl Plan {
    /// So many payments, no two plans alike.
    pub fn random(payments: u32) -> Plan {
        let dice = RandomState::new();
        let mut moments = Vec::with_capacity(payments as usize);
        for payment in 0..payments {
            let at = u64::from(payment) * 2;
            moments.push((at, payment));
            let roll = dice.hash_one(("repeat", payment));
            if roll % 1_000 < REPEATS_PER_MILLE {
                let at_once = (roll >> 32).is_multiple_of(2);
                let later = if at_once { 0 } else { 2 * ((roll >> 33) % LATE) };
                moments.push((at + 1 + later, payment));
            }
        }
        moments.sort_unstable();
        let order = moments.into_iter().map(|(_, payment)| payment).collect();
        Plan { dice, payments, order }
    }

    /// How many payments there are.
    pub fn payments(&self) -> u32 {
        self.payments
    }

    /// How many requests that makes, if each is sent once.
    pub fn requests(&self) -> u64 {
        self.order.len() as u64
    }

    /// What the payment numbered `number` says.
    pub fn payment(&self, number: u32) -> Payment {
        let roll = self.dice.hash_one(("payment", number));
        let amount = i64::from((roll >> 40) as u32) % 10_000 + 1;
        Payment { amount, customer: roll % CUSTOMERS, merchant: (roll >> 20) % MERCHANTS }
    }
}

impl Payment {
    fn body(&self) -> String {
        let Payment { amount, customer, merchant } = self;
        format!(
            concat!(
                r#"{{"amount":{},"currency":"USD","debit_account":"customer:{}","#,
                r#""credit_account":"merchant:{}"}}"#
            ),
            amount, customer, merchant
        )
    }
}

/// The key of the payment numbered `number`.
pub fn key(number: u32) -> String {
    format!("demo-{number}")
}

/// Open every account that the payments name.
///
/// # Errors
/// When the server does not open one.
pub async fn open_accounts(address: SocketAddr) -> Result<(), Failure> {
    let failed = |error| broken(format!("an account was not opened: {error}"));
    let mut client = Client::connect(address).await.map_err(failed)?;
    let customers = (0..CUSTOMERS).map(|number| ("customer", number, "unlimited"));
    let merchants = (0..MERCHANTS).map(|number| ("merchant", number, "none"));
    for (side, number, overdraft) in customers.chain(merchants) {
        let body =
            format!(r#"{{"id":"{side}:{number}","currency":"USD","overdraft":"{overdraft}"}}"#);
        let answer = client.post("/v1/accounts", None, body).await.map_err(failed)?;
        if answer.status != StatusCode::CREATED {
            return Err(strange("an account", &answer));
        }
    }
    Ok(())
}

/// Payments on their way.
pub struct Traffic {
    shared: Arc<Shared>,
    senders: JoinSet<Result<Vec<Told>, Failure>>,
}

struct Shared {
    plan: Arc<Plan>,
    next: AtomicUsize,
    sent: AtomicU64,
    answered: watch::Sender<u64>,
    address: watch::Receiver<SocketAddr>,
    progress: ProgressBar,
}

/// What somebody was told of a payment.
pub struct Told {
    /// Which payment.
    pub number: u32,
    /// Whether the answer came from memory.
    pub replayed: bool,
    /// The answer's bytes.
    pub body: Bytes,
}

/// What the client knows when every request has been answered.
pub struct Seen {
    /// How many requests were sent.
    pub sent: u64,
    /// How many were answered from memory.
    pub replayed: u64,
    /// Every answer.
    pub told: Vec<Told>,
}

impl Traffic {
    /// Send what `plan` says to whatever `address` says.
    pub fn start(
        plan: Arc<Plan>,
        address: watch::Receiver<SocketAddr>,
        progress: &ProgressBar,
    ) -> Traffic {
        let shared = Arc::new(Shared {
            plan,
            next: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            answered: watch::Sender::new(0),
            address,
            progress: progress.clone(),
        });
        let mut senders = JoinSet::new();
        for _ in 0..CONNECTIONS {
            senders.spawn(send(shared.clone()));
        }
        Traffic { shared, senders }
    }

    /// How many requests there are, if each is sent once.
    pub fn requests(&self) -> u64 {
        self.shared.plan.requests()
    }

    /// Ready when `count` requests have been answered, or when there are no more answers to come.
    pub async fn answered(&self, count: u64) {
        let mut answered = self.shared.answered.subscribe();
        // This value holds the sender, so there is no error.
        let _reached = answered.wait_for(|answered| *answered >= count).await;
    }

    /// Ready when every request has been answered.
    ///
    /// # Errors
    /// An answer that nobody asked for, or none for too long.
    pub async fn end(mut self) -> Result<(Arc<Plan>, Seen), Failure> {
        let mut told = Vec::new();
        while let Some(sender) = self.senders.join_next().await {
            told.extend(sender.map_err(|ended| broken(ended.to_string()))??);
        }
        let sent = self.shared.sent.load(Ordering::Relaxed);
        let replayed = told.iter().filter(|told| told.replayed).count() as u64;
        Ok((self.shared.plan.clone(), Seen { sent, replayed, told }))
    }
}

/// Send requests over one connection at a time, until there are no more.
async fn send(shared: Arc<Shared>) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::new();
    let mut client = None;
    let mut failure = Ok(());
    while let Some(&number) = shared.plan.order.get(shared.next.fetch_add(1, Ordering::Relaxed)) {
        match pay(&shared, &mut client, number).await {
            Ok(answer) => told.push(answer),
            Err(error) => failure = Err(error),
        }
        // Failed ones too, so that whoever waits for a count does not wait for ever.
        shared.answered.send_modify(|answered| *answered += 1);
        shared.progress.inc(1);
    }
    failure.map(|()| told)
}

/// Send one payment until it is answered.
async fn pay(shared: &Shared, client: &mut Option<Client>, number: u32) -> Result<Told, Failure> {
    let (key, body) = (key(number), shared.plan.payment(number).body());
    let begun = Instant::now();
    let mut failed = 0;
    while begun.elapsed() < PATIENCE {
        if failed > 0 {
            pause(failed - 1).await;
        }
        failed += 1;
        let address = *shared.address.borrow();
        let mut connected = match client.take() {
            Some(client) => client,
            None => match Client::connect(address).await {
                Ok(client) => client,
                Err(_) => continue,
            },
        };
        shared.sent.fetch_add(1, Ordering::Relaxed);
        // No answer: it may have happened, and the same key makes asking again safe.
        let Ok(answer) = connected.post("/v1/payments", Some(&key), body.clone()).await else {
            continue;
        };
        *client = Some(connected);
        match answer.status {
            StatusCode::CREATED => return Ok(told(number, answer)),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {}
            _ => return Err(strange(&key, &answer)),
        }
    }
    Err(broken(format!("{key} got no answer in {} s", PATIENCE.as_secs())))
}

fn told(number: u32, answer: Answer) -> Told {
    let replayed = answer.headers.get("idempotent-replayed");
    let replayed = replayed.is_some_and(|value| value == "true");
    Told { number, replayed, body: answer.body }
}

fn strange(what: &str, answer: &Answer) -> Failure {
    let body = String::from_utf8_lossy(&answer.body);
    broken(format!("{what} was answered {}: {body}", answer.status))
}
