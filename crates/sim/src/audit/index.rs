//! What several checks look up: rows by seq and by key, accounts by id, the chain.
//!
//! Promise P1 is kept here, since whoever makes an index of keys meets the second one: a ledger
//! never has two events with one key, nor two accounts with one id.

use super::chain;
use super::report::Report;
use super::shape::kind;
use crate::evidence::{Account, Ledger, Row};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A ledger with its indexes.
pub(super) struct Index<'a> {
    pub(super) ledger: &'a Ledger,
    /// The chain after each event, in the order of the rows.
    chain: Vec<[u8; 32]>,
    keys: HashMap<(&'a str, &'a str), &'a Row>,
    accounts: HashMap<&'a str, &'a Account>,
}

/// All ledgers.
pub(super) struct Indexes<'a> {
    pub(super) list: Vec<Index<'a>>,
    names: HashMap<&'a str, usize>,
}

impl<'a> Indexes<'a> {
    pub(super) fn open(ledgers: &'a [Ledger], report: &mut Report) -> Indexes<'a> {
        let list: Vec<_> = ledgers.iter().map(|ledger| Index::open(ledger, report)).collect();
        let names = ledgers.iter().zip(0..).map(|(ledger, at)| (&*ledger.name, at)).collect();
        Indexes { list, names }
    }

    /// Where the ledger of that name stands in the list.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn named(&self, name: &str) -> Option<&Index<'a>> {
        self.place(name).map(|at| &self.list[at])
    }
}

impl<'a> Index<'a> {
    fn open(ledger: &'a Ledger, report: &mut Report) -> Index<'a> {
        let chain = chain::check(ledger, report);
        let keys = keys(ledger, report);
        let accounts = accounts(ledger, report);
        Index { ledger, chain, keys, accounts }
    }

    pub(super) fn name(&self) -> &'a str {
        &self.ledger.name
    }

    /// Where the event of that seq stands among the rows.
    pub(super) fn at(&self, seq: u64) -> Option<usize> {
        let rows = &self.ledger.events;
        let dense = usize::try_from(seq.checked_sub(1)?).ok()?;
        match rows.get(dense) {
            Some(row) if row.seq == seq => Some(dense),
            // Only in a log with holes, which was told already.
            _ => rows.binary_search_by_key(&seq, |row| row.seq).ok(),
        }
    }

    pub(super) fn row(&self, seq: u64) -> Option<&'a Row> {
        self.at(seq).map(|at| &self.ledger.events[at])
    }

    /// The chain after the event of that seq.
    pub(super) fn hash(&self, seq: u64) -> Option<&[u8; 32]> {
        self.at(seq).map(|at| &self.chain[at])
    }

    /// The event with that key in that namespace.
    pub(super) fn keyed(&self, namespace: &str, key: &str) -> Option<&'a Row> {
        self.keys.get(&(namespace, key)).copied()
    }

    pub(super) fn account(&self, id: &str) -> Option<&'a Account> {
        self.accounts.get(id).copied()
    }

    /// Whether the account is closed: its row says so, or an event that the row may lack.
    pub(super) fn is_closed(&self, id: &str) -> bool {
        let Some(kept) = self.account(id) else { return false };
        let closes = |row: &&Row| {
            let is_own = row.debit.as_ref().is_some_and(|side| side.no == kept.no);
            row.kind == kind::CLOSED && self.ledger.accounts_seq < row.seq && is_own
        };
        kept.closed || self.ledger.events.iter().rev().any(|row| closes(&row))
    }

    /// The payment that `row` refers to, or `row` itself, if that is what it says.
    pub(super) fn payment_of(&self, row: &'a Row) -> Option<&'a Row> {
        match row.reference {
            None => Some(row),
            Some((seq, at)) => self.row(seq).filter(|payment| payment.at == at),
        }
    }
}

fn keys<'a>(ledger: &'a Ledger, report: &mut Report) -> HashMap<(&'a str, &'a str), &'a Row> {
    let mut keys: HashMap<_, &Row> = HashMap::with_capacity(ledger.events.len());
    for row in &ledger.events {
        let Some(key) = &row.key else { continue };
        match keys.entry((&*row.namespace, &**key)) {
            Entry::Vacant(entry) => {
                entry.insert(row);
            }
            Entry::Occupied(first) => report.tell("key_twice", || {
                let (name, namespace) = (&ledger.name, &row.namespace);
                let (first, second) = (first.get().seq, row.seq);
                format!("{name}: key {key} of {namespace:?}: events {first} and {second}")
            }),
        }
    }
    keys
}

fn accounts<'a>(ledger: &'a Ledger, report: &mut Report) -> HashMap<&'a str, &'a Account> {
    let mut accounts: HashMap<_, &Account> = HashMap::with_capacity(ledger.accounts.len());
    for account in &ledger.accounts {
        if let Some(first) = accounts.insert(&*account.id, account) {
            report.tell("account_twice", || {
                let (name, id) = (&ledger.name, &account.id);
                format!("{name}: account {id}: numbers {} and {}", first.no, account.no)
            });
        }
    }
    accounts
}
