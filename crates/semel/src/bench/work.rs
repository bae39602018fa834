//! What the stages pay: uniform over 10,000 customers and 1,000 merchants, under random keys; or
//! nine of ten payments to ten of the merchants.

use semel_core::Text;
use semel_core::account::Overdraft;
use semel_core::ledger::{AccountRequest, Command};
use semel_core::mapping::OpenAccounts;
use semel_core::money::Currency;
use semel_core::payment::{Capture, Identity, Pay};

/// Accounts that pay.
pub const CUSTOMERS: u64 = 10_000;
/// Accounts that are paid.
pub const MERCHANTS: u64 = 1_000;
/// Of these, the ones that get nine of ten payments where that is asked for.
const HOT: u64 = 10;

/// A sequence of payments that is the same in every run.
pub struct Work {
    state: u64,
    hot: bool,
    customers: Vec<Text>,
    merchants: Vec<Text>,
    currency: Currency,
    namespace: Text,
}

/// One payment, before it takes the form of a door.
pub struct Payment {
    /// The idempotency key: 33 characters, random. No digits: so many random ones would now and
    /// then look like a card number, which no mapped field may hold.
    pub key: String,
    /// Minor units.
    pub amount: i64,
    /// The debit account.
    pub customer: Text,
    /// The credit account.
    pub merchant: Text,
}

impl Payment {
    /// What is asked for over HTTP, as members of a JSON object, without the key.
    pub fn members(&self) -> String {
        let Payment { amount, customer, merchant, .. } = self;
        let accounts = format!(r#""debit_account":"{customer}","credit_account":"{merchant}""#);
        format!(r#""amount":{amount},"currency":"USD",{accounts}"#)
    }
}

impl Work {
    /// From the beginning; whether few merchants are `hot`.
    pub fn new(hot: bool) -> Work {
        let named =
            |kind: &str, count| (0..count).map(|no| format!("{kind}:{no}").into()).collect();
        Work {
            state: 0x5eed,
            hot,
            customers: named("customer", CUSTOMERS),
            merchants: named("merchant", MERCHANTS),
            currency: Currency::parse("USD").expect("USD is a currency"),
            namespace: "".into(),
        }
    }

    /// The commands that open all accounts; nobody is ever short of money.
    pub fn accounts(&self) -> Vec<Command> {
        let open = |id: &Text| {
            let overdraft = Overdraft::Unlimited;
            Command::OpenAccount(AccountRequest {
                id: id.clone(),
                currency: self.currency,
                overdraft,
            })
        };
        self.customers.iter().chain(&self.merchants).map(open).collect()
    }

    /// The next payment.
    pub fn payment(&mut self) -> Payment {
        let [high, low] = [self.random(), self.random()];
        let amount = 1 + (self.random() % 10_000) as i64;
        let [customer, roll] = [self.random() % CUSTOMERS, self.random()];
        let is_hot = self.hot && (roll >> 32) % 10 != 0;
        let merchant = roll % if is_hot { HOT } else { MERCHANTS };
        Payment {
            key: letters(high) + "-" + &letters(low),
            amount,
            customer: self.customers[customer as usize].clone(),
            merchant: self.merchants[merchant as usize].clone(),
        }
    }

    /// The next payment, as a door takes it.
    pub fn command(&mut self) -> Command {
        let Payment { key, amount, customer, merchant } = self.payment();
        let pay = Pay {
            amount,
            currency: Some(self.currency),
            debit_account: customer,
            credit_account: merchant,
            description: None,
            metadata: None,
            metadata_problem: None,
            capture: Capture::Now,
            open: OpenAccounts::default(),
        };
        Command::Pay(Identity { namespace: self.namespace.clone(), key: key.into() }, pay)
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// 64 bits as sixteen letters.
fn letters(number: u64) -> String {
    (0..16).map(|at| char::from(b'a' + (number >> (4 * at) & 15) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_go_to_the_hot_ones_if_there_are_any() {
        for (hot, range) in [(false, 50..200), (true, 8_900..9_200)] {
            let mut work = Work::new(hot);
            let paid = (0..10_000).map(|_| work.payment().merchant);
            let first = |id: &Text| matches!(id.split_once(':'), Some((_, no)) if no.len() == 1);
            assert!(range.contains(&paid.filter(first).count()), "{hot}");
        }
    }
}
