//! What the writer knows of a ledger without looking: recent keys and the accounts it met.
//!
//! It is stamped with the ledger's position. Under the lock the stamp is compared with the row, and
//! what does not fit is forgotten and read again; so it is never trusted, only used.

use super::classify::classify;
use super::key_memory::KeyMemory;
use super::row;
use rusqlite::Connection;
use semel_core::Text;
use semel_core::account::Account;
use semel_core::failure::Failure;
use semel_core::ledger::{Effect, Position};
use std::collections::HashMap;

/// Accounts kept at most; when there are more, all are forgotten and met again.
const ACCOUNTS_MAX: usize = 100_000;

/// Ledgers remembered at once.
const LEDGERS_MAX: usize = 1_024;

/// Keys and accounts remembered at once, of all ledgers together.
const REMEMBERED_MAX: usize = 4_000_000;

/// Keys that are forgotten rather than written: so few are soon read from the log again.
const FEW_KEYS: usize = 10_000;

/// The ledgers that are remembered, each with the number of its last use.
#[derive(Default)]
pub(super) struct Known {
    ledgers: HashMap<u32, (u64, Memory)>,
    uses: u64,
}

impl Known {
    /// What is remembered of a ledger, nothing perhaps. Whoever takes it gives it back.
    pub(super) fn take(&mut self, ledger: u32) -> Memory {
        self.ledgers.remove(&ledger).map(|(_, memory)| memory).unwrap_or_default()
    }

    /// Remember a ledger, as the one that was used last.
    pub(super) fn keep(&mut self, ledger: u32, memory: Memory) {
        self.uses += 1;
        self.ledgers.insert(ledger, (self.uses, memory));
    }

    /// Take the ledger that was used least recently, if too much is remembered of all of them.
    pub(super) fn surplus(&mut self) -> Option<(u32, Memory)> {
        let remembered =
            |(_, memory): &(u64, Memory)| memory.keys.unwritten() + memory.accounts.len();
        let too_much = self.ledgers.values().map(remembered).sum::<usize>() > REMEMBERED_MAX;
        let too_many = self.ledgers.len() > LEDGERS_MAX;
        if self.ledgers.len() > 1 && (too_many || too_much) { self.oldest() } else { None }
    }

    /// Take the ledger that was used least recently.
    pub(super) fn oldest(&mut self) -> Option<(u32, Memory)> {
        let (ledger, _) = self.ledgers.iter().min_by_key(|(_, (used, _))| *used)?;
        let ledger = *ledger;
        Some((ledger, self.take(ledger)))
    }
}

/// Of one ledger.
#[derive(Default)]
pub(super) struct Memory {
    /// The position that all of it belongs to.
    at: Option<Position>,
    pub(super) keys: KeyMemory,
    accounts: HashMap<Text, Account>,
}

impl Memory {
    /// Be what a ledger at `position` makes of it.
    pub(super) fn catch_up(
        &mut self,
        conn: &Connection,
        ledger: u32,
        position: Position,
    ) -> Result<(), Failure> {
        if self.at == Some(position) {
            return Ok(());
        }
        self.accounts.clear();
        self.keys = KeyMemory::load(conn, ledger)?;
        self.at = Some(position);
        Ok(())
    }

    /// What all of it belongs to: where the ledger stood when it was last looked at or moved.
    pub(super) fn position(&self) -> Option<Position> {
        self.at
    }

    /// Whether its keys are worth writing before it is forgotten.
    pub(super) fn is_worth_writing(&self) -> bool {
        self.keys.unwritten() > FEW_KEYS
    }

    /// The last seq of the log that it belongs to.
    pub(super) fn last_seq(&self) -> u64 {
        self.at.map_or(0, |position| position.next_seq - 1)
    }

    /// For each id, the account as it is.
    pub(super) fn accounts(
        &mut self,
        conn: &Connection,
        ledger: u32,
        ids: &[Text],
    ) -> Result<Vec<Option<Account>>, Failure> {
        if self.accounts.len() + ids.len() > ACCOUNTS_MAX {
            self.accounts.clear();
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(account) = self.accounts.get(id) {
                found.push(Some(account.clone()));
                continue;
            }
            let account = row::account_by_id(conn, ledger, id).map_err(|error| classify(&error))?;
            if let Some(account) = &account {
                self.accounts.insert(id.clone(), account.clone());
            }
            found.push(account);
        }
        Ok(found)
    }

    /// Take in a step's effects, which leave the ledger at `position`.
    pub(super) fn remember(
        &mut self,
        conn: &Connection,
        ledger: u32,
        effects: Vec<Effect>,
        position: Position,
    ) -> Result<(), Failure> {
        for effect in effects {
            match effect {
                Effect::Append(event) => self.keys.insert(conn, ledger, &event)?,
                Effect::Open(account) | Effect::Update(account) => {
                    self.accounts.insert(account.id.clone(), account);
                }
                _ => {}
            }
        }
        self.at = Some(position);
        Ok(())
    }

    /// The step was committed. `generation` is how many keys are remembered before they are
    /// written.
    pub(super) fn committed(&mut self, generation: usize) {
        if let Some(position) = self.at {
            self.keys.committed(position, generation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_that_was_used_least_recently_is_forgotten() {
        let mut known = Known::default();
        let ledgers = 1..=LEDGERS_MAX as u32;
        ledgers.clone().for_each(|ledger| known.keep(ledger, Memory::default()));
        let first = known.take(1);
        known.keep(1, first);
        assert!(known.surplus().is_none());
        known.keep(0, Memory::default());
        assert_eq!(known.surplus().map(|(ledger, _)| ledger), Some(2));
        assert!(known.surplus().is_none());
    }
}
