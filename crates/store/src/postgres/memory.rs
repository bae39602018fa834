//! What this process knows of a ledger without looking: the accounts that it met.
//!
//! It is stamped with the ledger's position. Under the lock the stamp is compared with the row, and
//! what does not fit is forgotten and read again; so it is never trusted, only used. Whoever is in a
//! step holds the memory, so the steps of one process queue up here, in their order, rather than at
//! the ledger's row.

use semel_core::Text;
use semel_core::account::Account;
use semel_core::ledger::{Effect, Position};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Mutex as Turn;

/// Accounts kept at most; when there are more, all are forgotten and met again.
const ACCOUNTS_MAX: usize = 100_000;
/// Ledgers remembered at once; when there are more, those that nobody uses are forgotten.
const LEDGERS_MAX: usize = 1_024;

/// The ledgers that are remembered.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<u32, Arc<Turn<Memory>>>>);

impl Known {
    /// What is remembered of a ledger, nothing perhaps; whoever locks it has the next step.
    pub(super) fn ledger(&self, ledger: u32) -> Arc<Turn<Memory>> {
        let mut ledgers = self.0.lock().expect("nobody panics while holding it");
        if ledgers.len() >= LEDGERS_MAX && !ledgers.contains_key(&ledger) {
            ledgers.retain(|_, memory| Arc::strong_count(memory) > 1);
        }
        ledgers.entry(ledger).or_default().clone()
    }
}

/// Of one ledger.
#[derive(Default)]
pub(super) struct Memory {
    /// The position that all of it belongs to; `None` while a step is on its way.
    at: Option<Position>,
    accounts: HashMap<Text, Account>,
}

impl Memory {
    /// The ids, of those that a step names, whose accounts are not here.
    pub(super) fn missing<'a>(&mut self, ids: &'a [Text]) -> Vec<&'a str> {
        if self.accounts.len() + ids.len() > ACCOUNTS_MAX {
            self.accounts.clear();
        }
        let missing = ids.iter().filter(|id| !self.accounts.contains_key(&***id));
        missing.map(|id| &**id).collect()
    }

    /// Be what a ledger at `position` makes of it: whether what was remembered still holds.
    pub(super) fn catch_up(&mut self, position: Position) -> bool {
        let holds = self.at == Some(position);
        if !holds {
            self.accounts.clear();
        }
        self.at = Some(position);
        holds
    }

    /// Accounts that were read at the position.
    pub(super) fn meet(&mut self, accounts: Vec<Account>) {
        let named = accounts.into_iter().map(|account| (account.id.clone(), account));
        self.accounts.extend(named);
    }

    /// For each id, the account as it is.
    pub(super) fn accounts(&self, ids: &[Text]) -> Vec<Option<Account>> {
        ids.iter().map(|id| self.accounts.get(id).cloned()).collect()
    }

    /// Where the ledger stood when it was last looked at. From here on nothing is known, until the
    /// step that begins now is [remembered](Memory::remember).
    pub(super) fn depart(&mut self) -> Option<Position> {
        self.at.take()
    }

    /// Take in a step's effects, which left the ledger at `position`.
    pub(super) fn remember(&mut self, effects: Vec<Effect>, position: Position) {
        for effect in effects {
            if let Effect::Open(account) | Effect::Update(account) = effect {
                self.accounts.insert(account.id.clone(), account);
            }
        }
        self.at = Some(position);
    }
}
