//! The ledger again, by other means: a list of what happened, and every sum added up anew.
//!
//! It knows no totals, no states, no pages and no events. It says outcomes in the words of the
//! tables, without the fields of what is refused.

use crate::wishes::{Fields, Wish};
use semel_core::account::Overdraft;
use semel_core::money::Currency;
use semel_core::payment::Operation;

/// What is known of an account.
#[derive(Clone, Copy)]
pub struct Known {
    pub name: u8,
    currency: Currency,
    overdraft: Overdraft,
    closed: bool,
}

/// What was recorded of a wish, and by how much it moves two accounts.
struct Row {
    wish: Wish,
    answer: String,
    debit: u8,
    credit: u8,
    posted: i128,
    held: i128,
}

/// The other ledger.
#[derive(Default)]
pub struct Reference {
    pub accounts: Vec<Known>,
    rows: Vec<Row>,
}

impl Reference {
    /// What becomes of `wish`.
    pub fn fulfil(&mut self, wish: &Wish) -> String {
        match wish {
            Wish::Pay { key, .. } | Wish::Operate { key, .. } => {
                match self.rows.iter().find(|row| row.wish.key() == Some(*key)) {
                    Some(row) if row.same(wish) => format!("replay {}", row.answer),
                    Some(_) => "conflict".into(),
                    None => self.record(wish).unwrap_or_else(String::from),
                }
            }
            Wish::Open { account, currency, overdraft } => match self.account(*account) {
                Some(known) if (known.currency, known.overdraft) == (*currency, *overdraft) => {
                    "same".into()
                }
                Some(_) => "account differs".into(),
                None => self.open(*account, *currency, *overdraft),
            },
            Wish::Close { account } => {
                match self.accounts.iter_mut().find(|known| known.name == *account) {
                    None => "unknown account".into(),
                    Some(known) if known.closed => "same".into(),
                    Some(known) => {
                        known.closed = true;
                        "new".into()
                    }
                }
            }
        }
    }

    fn record(&mut self, wish: &Wish) -> Result<String, &'static str> {
        let row = match wish {
            Wish::Pay { fields, open, .. } => self.pay(wish, fields, [open.debit, open.credit])?,
            Wish::Operate { payment, operation, .. } => self.operate(wish, *payment, *operation)?,
            Wish::Open { .. } | Wish::Close { .. } => unreachable!("they have no key"),
        };
        let answer = row.answer.clone();
        self.rows.push(row);
        Ok(answer)
    }

    fn pay(
        &mut self,
        wish: &Wish,
        fields: &Fields,
        open: [Option<Overdraft>; 2],
    ) -> Result<Row, &'static str> {
        let Fields { amount, currency, debit, credit, later, .. } = *fields;
        let currency = currency.ok_or("invalid")?;
        if !sound(amount) || debit == credit {
            return Err("invalid");
        }
        let sides = [(debit, open[0]), (credit, open[1])];
        for (name, open) in sides {
            let known = self.account(name).map(|known| known.currency);
            if known.or(open.map(|_| currency)) != Some(currency) {
                return Err("invalid");
            }
        }
        for (name, open) in sides {
            if self.account(name).is_none() {
                self.open(name, currency, open.expect("it may be opened"));
            }
        }
        let (word, posted, held) = match (self.decline(debit, credit, amount), later) {
            (Some(code), _) => (format!("declined {code}"), 0, 0),
            (None, true) => ("pending".into(), 0, amount.into()),
            (None, false) => ("succeeded".into(), amount.into(), 0),
        };
        Ok(Row { wish: wish.clone(), answer: word, debit, credit, posted, held })
    }

    fn operate(&self, wish: &Wish, key: u8, operation: Operation) -> Result<Row, &'static str> {
        let asked = match operation {
            Operation::Refund(part) | Operation::Capture(part) => part,
            Operation::Void => None,
        };
        if asked.is_some_and(|part| !sound(part)) {
            return Err("invalid");
        }
        let pays = |row: &&Row| matches!(row.wish, Wish::Pay { key: own, .. } if own == key);
        let payment = self.rows.iter().find(pays).ok_or("unknown payment")?;
        let after = |word: &'static str| {
            let refers = move |row: &&Row| {
                matches!(row.wish, Wish::Operate { payment, .. } if payment == key)
                    && row.answer.starts_with(word)
            };
            self.rows.iter().filter(refers)
        };
        let (debit, credit) = (payment.debit, payment.credit);
        let captured: i128 = after("captured").map(|row| row.posted).sum();
        let open = payment.held > 0 && after("captured").chain(after("voided")).count() == 0;
        let refund = matches!(operation, Operation::Refund(_));
        let most = match refund {
            true if payment.posted + captured > 0 => {
                payment.posted + captured - after("refunded").map(|row| row.posted).sum::<i128>()
            }
            false if open => payment.held,
            _ => return Err("wrong state"),
        };
        let amount = asked.map_or(most, i128::from);
        if amount > most || most == 0 {
            return Err("exceeds payment");
        }
        let row = |word: &str, debit, credit, posted, held| {
            let answer = format!("{word} {amount}");
            Ok(Row { wish: wish.clone(), answer, debit, credit, posted, held })
        };
        match operation {
            Operation::Capture(_) => row("captured", debit, credit, amount, -most),
            Operation::Void => row("voided", debit, credit, 0, -most),
            Operation::Refund(_) => match self.decline(credit, debit, amount as i64) {
                None => row("refunded", credit, debit, amount, 0),
                Some(code) => {
                    let mut declined = row("refund_declined", credit, debit, 0, 0)?;
                    declined.answer = format!("{} {code}", declined.answer);
                    Ok(declined)
                }
            },
        }
    }

    fn decline(&self, debit: u8, credit: u8, amount: i64) -> Option<&'static str> {
        let [from, to] = [debit, credit].map(|name| self.account(name).expect("it is there"));
        let [debits, _, pending, _] = self.totals(debit);
        let [_, credits, _, coming] = self.totals(credit);
        let left = self.totals(debit)[1] - debits - pending - i128::from(amount);
        let most = i128::from(i64::MAX) - i128::from(amount);
        let floor = match from.overdraft {
            Overdraft::None => 0,
            Overdraft::Limit(limit) => -i128::from(limit),
            Overdraft::Unlimited => i128::MIN,
        };
        match () {
            _ if from.closed || to.closed => Some("account_closed"),
            _ if left < floor => Some("insufficient_funds"),
            _ if debits + pending > most || credits + coming > most => Some("balance_limit"),
            _ => None,
        }
    }

    /// Posted debits and credits, pending debits and credits.
    pub fn totals(&self, name: u8) -> [i128; 4] {
        let sum = |of: &dyn Fn(&Row) -> i128| self.rows.iter().map(of).sum();
        [
            sum(&|row| if row.debit == name { row.posted } else { 0 }),
            sum(&|row| if row.credit == name { row.posted } else { 0 }),
            sum(&|row| if row.debit == name { row.held } else { 0 }),
            sum(&|row| if row.credit == name { row.held } else { 0 }),
        ]
    }

    fn account(&self, name: u8) -> Option<&Known> {
        self.accounts.iter().find(|known| known.name == name)
    }

    fn open(&mut self, name: u8, currency: Currency, overdraft: Overdraft) -> String {
        self.accounts.push(Known { name, currency, overdraft, closed: false });
        "new".into()
    }
}

impl Row {
    fn same(&self, wish: &Wish) -> bool {
        match (&self.wish, wish) {
            (Wish::Pay { fields, .. }, Wish::Pay { fields: again, .. }) => {
                let later =
                    if self.answer.starts_with("declined") { fields.later } else { again.later };
                *fields == Fields { later, ..*again }
            }
            (
                Wish::Operate { payment, operation, .. },
                Wish::Operate { payment: other, operation: again, .. },
            ) => (payment, operation) == (other, again),
            _ => false,
        }
    }
}

impl Wish {
    fn key(&self) -> Option<u8> {
        match self {
            Wish::Pay { key, .. } | Wish::Operate { key, .. } => Some(*key),
            Wish::Open { .. } | Wish::Close { .. } => None,
        }
    }
}

fn sound(amount: i64) -> bool {
    (1..=100_000_000_000_000_000).contains(&amount)
}
