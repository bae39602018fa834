//! The ledgers that this process has in mind, each with the turn to write it.
//!
//! Whoever is in a step has the turn, so the steps of one process queue up here, in their order,
//! rather than at the ledger's row. What is known changes only when a step ends or catches up;
//! meanwhile readers may look.

use crate::resident::{Form, Resident};
use semel_core::ledger::Position;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Ledgers remembered at once; when there are more, those that nobody uses are forgotten.
const LEDGERS_MAX: usize = 1_024;
/// Accounts and recent keys remembered at once, of all ledgers together, but for a moment.
const REMEMBERED_MAX: usize = 4_000_000;

/// The ledgers that are remembered.
#[derive(Default)]
pub(super) struct Known {
    form: Form,
    ledgers: Mutex<HashMap<u32, Arc<Mind>>>,
}

/// What is known of one ledger, and the turn to write it.
pub(super) struct Mind {
    turn: Arc<Turn<()>>,
    resident: RwLock<Resident>,
}

/// A turn: the right to change what is known.
pub(super) struct Writing {
    mind: Arc<Mind>,
    _turn: OwnedMutexGuard<()>,
}

impl Known {
    pub(super) fn new(form: Form) -> Known {
        Known { form, ledgers: Mutex::default() }
    }

    /// What is known of a ledger, nothing perhaps.
    pub(super) fn ledger(&self, ledger: u32) -> Arc<Mind> {
        let mut ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        if ledgers.len() >= LEDGERS_MAX && !ledgers.contains_key(&ledger) {
            // Accounts that are not written yet are met again from the log.
            ledgers.retain(|_, mind| Arc::strong_count(mind) > 1);
        }
        let form = self.form;
        let new = || Mind { turn: Arc::default(), resident: RwLock::new(Resident::new(form)) };
        ledgers.entry(ledger).or_insert_with(|| Arc::new(new())).clone()
    }

    /// When too much is remembered, forget the ledgers of which most is and that nobody uses now.
    /// What is not written of them is met again from the log.
    pub(super) fn make_room(&self) {
        let mut ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        let mut sizes: Vec<(usize, u32)> =
            ledgers.iter().map(|(ledger, mind)| (mind.read().size(), *ledger)).collect();
        let mut total: usize = sizes.iter().map(|(size, _)| size).sum();
        sizes.sort_unstable();
        while total > REMEMBERED_MAX
            && let Some((size, ledger)) = sizes.pop()
        {
            let is_idle = ledgers.get(&ledger).is_some_and(|mind| Arc::strong_count(mind) == 1);
            if is_idle && ledgers.len() > 1 {
                ledgers.remove(&ledger);
                total -= size;
            }
        }
    }

    /// The ledgers whose accounts are not all written and that nobody is writing to at the moment,
    /// and where they stand.
    pub(super) fn unwritten(&self) -> HashMap<u32, Position> {
        let ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        let waits = |(ledger, mind): (&u32, &Arc<Mind>)| {
            let resident = mind.read();
            let idle = mind.turn.try_lock().is_ok() && !resident.is_written();
            Some((*ledger, resident.position().filter(|_| idle)?))
        };
        ledgers.iter().filter_map(waits).collect()
    }
}

impl Mind {
    /// The next turn, once it has come.
    pub(super) async fn turn(self: Arc<Mind>) -> Writing {
        let turn = self.turn.clone().lock_owned().await;
        Writing { mind: self, _turn: turn }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Resident> {
        self.resident.read().expect("nobody panics while holding it")
    }
}

impl Writing {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Resident> {
        self.mind.read()
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Resident> {
        self.mind.resident.write().expect("nobody panics while holding it")
    }
}
