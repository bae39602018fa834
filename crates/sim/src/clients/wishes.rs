//! What clients wish for: accounts first, then payments between them, refunds, captures, voids, and
//! now and then a used key.

use crate::evidence::{Ask, Call};
use crate::faults::{Fault, Faults};
use crate::setup::Setup;
use crate::world::World;

/// How many customers a ledger has; few, so that they meet.
const CUSTOMERS: u64 = 30;
const MERCHANTS: u64 = 3;

/// A ledger's number, an idempotency key, and what is asked.
pub type Wish = (u32, Option<String>, Ask);

/// All wishes of a run, made one by one.
pub struct Wishes {
    ledgers: u32,
    left: u64,
    count: u64,
    /// Accounts that are still to be opened.
    unopened: Vec<(u32, Ask)>,
    /// What was asked with a key, to use it again.
    keyed: Vec<Wish>,
    /// Payments that were told, by ledger: id, amount, whether it is held.
    paid: Vec<Vec<(String, i64, bool)>>,
}

impl Wishes {
    /// Nothing was wished for yet.
    pub fn new(setup: &Setup) -> Wishes {
        let ledgers = setup.ledgers.len() as u32;
        let mut unopened = Vec::new();
        for ledger in 1..=ledgers {
            for number in 0..CUSTOMERS {
                // Some may go as far as they like, some not far, some must be paid first.
                let overdraft = [-2, 20_000, -1][number as usize % 3];
                let currency = if number % 10 == 9 { "EUR" } else { "USD" };
                unopened.push((ledger, open(&customer(number), currency, overdraft)));
            }
            for number in 0..MERCHANTS {
                unopened.push((ledger, open(&merchant(number), "USD", -1)));
            }
        }
        let paid = (0..ledgers).map(|_| Vec::new()).collect();
        Wishes { ledgers, left: setup.wishes, count: 0, unopened, keyed: Vec::new(), paid }
    }

    /// The next wish of some client.
    pub fn next(&mut self, world: &World, faults: &Faults, client: u64) -> Option<Wish> {
        if let Some((ledger, ask)) = self.unopened.pop() {
            return Some((ledger, None, ask));
        }
        self.left = self.left.checked_sub(1)?;
        self.count += 1;
        let known = self.keyed.len() as u64;
        if known > 0 && faults.strikes(Fault::ClientConflict) {
            let (ledger, key, ask) = self.keyed[world.below(known) as usize].clone();
            return Some((ledger, key, other(ask)));
        }
        let ledger = 1 + world.below(u64::from(self.ledgers)) as u32;
        let ask = self.ask(world, ledger);
        let key = match ask {
            Ask::Open { .. } | Ask::Close { .. } => None,
            _ => Some(format!("c{client}-{}", self.count)),
        };
        let wish = (ledger, key, ask);
        if wish.1.is_some() {
            self.keyed.push(wish.clone());
        }
        Some(wish)
    }

    fn ask(&mut self, world: &World, ledger: u32) -> Ask {
        let paid = &self.paid[ledger as usize - 1];
        let choice = world.below(100);
        if paid.is_empty() || choice < 70 {
            return pay(world, choice < 8);
        }
        let (payment, amount, is_held) = paid[world.below(paid.len() as u64) as usize].clone();
        let part = match world.below(3) {
            0 => None,
            _ => Some(1 + world.below(amount as u64) as i64),
        };
        match (choice, is_held) {
            (99, _) if world.one_in(4) => Ask::Close { id: customer(world.below(CUSTOMERS)) },
            (95.., _) => Ask::Refund { payment, amount: part },
            (_, true) if choice < 85 => Ask::Capture { payment, amount: part },
            (_, true) if choice < 90 => Ask::Void { payment },
            (..) => Ask::Refund { payment, amount: part },
        }
    }

    /// A payment was told: it can be referred to.
    pub fn learn(&mut self, ledger: u32, call: &Call, body: &str) {
        let Ask::Pay { amount, hold, .. } = call.ask else { return };
        let id = body.split('"').nth(3).unwrap_or_default();
        self.paid[ledger as usize - 1].push((id.into(), amount, hold));
    }
}

fn customer(number: u64) -> String {
    format!("customer:{number}")
}

fn merchant(number: u64) -> String {
    format!("merchant:{number}")
}

fn open(id: &str, currency: &str, overdraft: i64) -> Ask {
    Ask::Open { id: id.into(), currency: currency.into(), overdraft }
}

/// A payment; half of all go to one merchant.
fn pay(world: &World, hold: bool) -> Ask {
    let number = world.below(CUSTOMERS);
    let to = if world.one_in(2) { 0 } else { world.below(MERCHANTS) };
    let amount = 1 + world.below(4_999) as i64;
    // Money goes back too, or those who may not owe could never pay.
    let (debit, credit) = match world.one_in(5) {
        true => (merchant(to), customer(number)),
        false => (customer(number), merchant(to)),
    };
    let currency = if world.one_in(50) { "EUR" } else { "USD" }.into();
    Ask::Pay { amount, currency, debit, credit, hold }
}

/// Another request than `ask`.
fn other(ask: Ask) -> Ask {
    match ask {
        Ask::Pay { amount, currency, debit, credit, hold } => {
            Ask::Pay { amount: amount + 1, currency, debit, credit, hold }
        }
        Ask::Refund { payment, .. } => Ask::Void { payment },
        Ask::Capture { payment, .. } => Ask::Refund { payment, amount: Some(1) },
        Ask::Void { payment } => Ask::Capture { payment, amount: None },
        // Accounts have no keys.
        account => account,
    }
}
