//! Those who pay over HTTP while everything breaks, and the judgement on what became of it.

use super::broker::{Broker, block_on};
use super::client::ask;
use super::service::{PATIENCE, Running, Service, wait};
use semel_checker::{Answer, Check, Key, Options, Report, Until, check};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Among so many accounts payments come and go, so that every partition has something to tell.
const ACCOUNTS: usize = 12;

/// Where processes are, and what they answered.
#[derive(Default)]
pub struct Payers {
    addresses: Mutex<Vec<String>>,
    answers: Mutex<Vec<Answer>>,
    is_over: AtomicBool,
}

impl Payers {
    pub fn of(processes: &[&Running]) -> Payers {
        let payers = Payers::default();
        payers.are_at(processes);
        for number in 0..ACCOUNTS {
            processes[0].account(&format!("customer:{number}"), "unlimited");
        }
        processes[0].account("merchant:9", "none");
        payers
    }

    /// Ask these from now on.
    pub fn are_at(&self, processes: &[&Running]) {
        let addresses = processes.iter().map(|running| running.address.clone()).collect();
        *self.addresses.lock().unwrap() = addresses;
    }

    /// Pay, each payment again until it is answered, until it is over.
    pub fn pay(&self, name: &str) {
        for number in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            self.pay_once(&format!("{name}-{number}"), number);
        }
    }

    fn pay_once(&self, key: &str, mut number: usize) {
        let body = json!({
            "amount": 1, "currency": "USD", "credit_account": "merchant:9",
            "debit_account": format!("customer:{}", number % ACCOUNTS),
        });
        while !self.is_over.load(Ordering::Relaxed) {
            let addresses = self.addresses.lock().unwrap();
            let address = addresses[number % addresses.len()].clone();
            drop(addresses);
            number += 1;
            match ask(&address, "POST /v1/payments", Some(key), &body.to_string()) {
                Some((201, body)) => return self.note(key, 201, &body),
                // Nobody is there at the moment.
                Some((503, _)) | None => std::thread::yield_now(),
                Some((status, body)) => panic!("{key}: {status} {body}"),
            }
        }
    }

    fn note(&self, key: &str, status: u16, body: &str) {
        let body = serde_json::from_str(body).unwrap_or_default();
        self.answers.lock().unwrap().push(answer(key, status, &body));
    }

    /// Wait for so many more answers.
    pub fn wait_for(&self, more: usize) {
        let count = || self.answers.lock().unwrap().len();
        let enough = count() + more;
        wait("payments are answered", || match count() {
            count if enough <= count => Ok(()),
            count => Err(format!("{count} of {enough}")),
        });
    }

    /// No more payments. Ends the payers also where a test fails.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap().clone()
    }
}

/// Let two clients pay for as long as `meanwhile` takes.
pub fn paying<T>(payers: &Payers, meanwhile: impl FnOnce() -> T) -> T {
    struct End<'p>(&'p Payers);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.end();
        }
    }
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            scope.spawn(move || payers.pay(name));
        }
        let _end = End(payers);
        meanwhile()
    })
}

/// What the client with that key was told.
pub fn answer(key: &str, status: u16, body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    Answer {
        ledger: "main".into(),
        namespace: String::new(),
        key: key.into(),
        status: Some(status),
        id: text("id"),
        state: text("state"),
        amount: body["amount"].as_i64(),
    }
}

/// A check of everything that there is.
pub fn everything(broker: &Broker, service: &Service, topic: &str, answers: Vec<Answer>) -> Check {
    let follow = Options {
        bootstrap: broker.at.clone(),
        topic: topic.into(),
        ledgers: Vec::new(),
        uncommitted: false,
        until: Until::Covered(BTreeMap::new()),
        patience: PATIENCE,
        may_begin_late: false,
    };
    let database = Some(service.url.clone());
    Check { follow, covers_database: true, key: Key::DebitAccount, database, answers }
}

/// Read the wire as a stranger does; everything that was paid is there once and in order.
pub fn judged(asked: &Check) -> Report {
    let report = block_on(check(asked)).unwrap();
    let told = serde_json::to_string_pretty(&report).unwrap();
    assert!(report.ok && report.lost == 0 && report.doubled == 0, "{told}");
    report
}
