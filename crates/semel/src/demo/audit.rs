//! The count at the end: what the ledger holds against what was meant and what was told.
//!
//! Three witnesses that know nothing of each other: the list of payments, the accounts' totals, and
//! the answers that the client kept. Each finds losses and doubles by itself; the worst is told.

#[cfg(test)]
mod tests;

use super::traffic::{CUSTOMERS, MERCHANTS, Payment, Plan, Seen, key};
use crate::rig::{Client, broken};
use hyper::StatusCode;
use semel_core::failure::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::net::SocketAddr;

/// What became of the payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Payments in the ledger as they were meant.
    pub applied: u64,
    /// Payments that were answered and are not there.
    pub lost: u64,
    /// Payments that are there without having been meant, or more than once.
    pub doubled: u64,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Paid>,
    next: Option<String>,
}

/// A payment as the ledger lists it.
#[derive(Deserialize)]
struct Paid {
    idempotency_key: String,
    state: String,
    amount: i64,
    debit_account: String,
    credit_account: String,
}

#[derive(Deserialize)]
struct Account {
    posted: Posted,
}

#[derive(Deserialize)]
struct Posted {
    debits: i128,
    credits: i128,
}

/// Compare what the server at `address` holds with `plan` and with what was `seen`.
///
/// # Errors
/// When the server does not answer.
pub async fn run(address: SocketAddr, plan: &Plan, seen: &Seen) -> Result<Audit, Failure> {
    let failed = |error| broken(format!("the audit has no connection: {error}"));
    let mut client = Client::connect(address).await.map_err(failed)?;
    let listed = by_list(&payments(&mut client).await?, plan);
    let accounts = by_accounts(&mut client, plan).await?;
    let answers = by_answers(seen, plan);
    let worst = |of: fn(&Audit) -> u64| [listed, accounts, answers].iter().map(of).max();
    Ok(Audit {
        applied: listed.applied,
        lost: worst(|audit| audit.lost).unwrap_or_default(),
        doubled: worst(|audit| audit.doubled).unwrap_or_default(),
    })
}

/// Every payment must be listed once, as it was meant, and nothing else.
fn by_list(listed: &[Paid], plan: &Plan) -> Audit {
    let mut audit = Audit::default();
    let by_key: HashMap<&str, &Paid> =
        listed.iter().map(|paid| (paid.idempotency_key.as_str(), paid)).collect();
    for number in 0..plan.payments() {
        match by_key.get(key(number).as_str()) {
            Some(paid) if paid.is(&plan.payment(number)) => audit.applied += 1,
            _ => audit.lost += 1,
        }
    }
    // What is listed beyond that is a stranger, or a payment once more.
    audit.doubled = listed.len() as u64 - audit.applied;
    audit
}

/// The totals must be the sums of what was meant: below is a loss, above is a double.
async fn by_accounts(client: &mut Client, plan: &Plan) -> Result<Audit, Failure> {
    let mut audit = Audit::default();
    let payments: Vec<Payment> = (0..plan.payments()).map(|number| plan.payment(number)).collect();
    let sum = |of: &dyn Fn(&Payment) -> bool| -> i128 {
        payments.iter().filter(|payment| of(payment)).map(|one| i128::from(one.amount)).sum()
    };
    for number in 0..CUSTOMERS {
        let account: Account = get(client, &format!("/v1/accounts/customer:{number}")).await?;
        audit.total(account.posted.debits, sum(&|payment| payment.customer == number));
        audit.total(account.posted.credits, 0);
    }
    for number in 0..MERCHANTS {
        let account: Account = get(client, &format!("/v1/accounts/merchant:{number}")).await?;
        audit.total(account.posted.credits, sum(&|payment| payment.merchant == number));
        audit.total(account.posted.debits, 0);
    }
    Ok(audit)
}

/// One payment has one answer, byte for byte, and is told as new once at most: an answer that got
/// lost with its server may have been the first.
fn by_answers(seen: &Seen, plan: &Plan) -> Audit {
    let mut audit = Audit::default();
    let mut first = HashMap::with_capacity(plan.payments() as usize);
    let mut new = HashMap::with_capacity(plan.payments() as usize);
    for told in &seen.told {
        let body = first.entry(told.number).or_insert(&told.body);
        audit.doubled += u64::from(*body != &told.body);
        let news = new.entry(told.number).or_insert(0_u64);
        *news += u64::from(!told.replayed);
        audit.doubled += u64::from(!told.replayed && *news > 1);
    }
    audit.lost = u64::from(plan.payments()) - first.len() as u64;
    audit
}

impl Audit {
    fn total(&mut self, is: i128, meant: i128) {
        self.lost += u64::from(is < meant);
        self.doubled += u64::from(is > meant);
    }
}

impl Paid {
    fn is(&self, meant: &Payment) -> bool {
        self.state == "succeeded"
            && self.amount == meant.amount
            && self.debit_account == format!("customer:{}", meant.customer)
            && self.credit_account == format!("merchant:{}", meant.merchant)
    }
}

/// Every payment of the ledger.
async fn payments(client: &mut Client) -> Result<Vec<Paid>, Failure> {
    let mut payments = Vec::new();
    let mut path = "/v1/payments?limit=1000".to_owned();
    loop {
        let page: Page = get(client, &path).await?;
        payments.extend(page.data);
        match page.next {
            Some(next) => path = format!("/v1/payments?limit=1000&cursor={next}"),
            None => return Ok(payments),
        }
    }
}

async fn get<T: DeserializeOwned>(client: &mut Client, path: &str) -> Result<T, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| broken(format!("{path} was not answered: {error}"));
    let answer = client.get(path).await.map_err(|error| failed(&error))?;
    if answer.status != StatusCode::OK {
        return Err(failed(&answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| failed(&error))
}
