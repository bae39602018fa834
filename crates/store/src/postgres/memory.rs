//! The ledgers that this process has in mind, each with the turn to write it.
//!
//! Whoever is in a step has the turn, so the steps of one process queue up here, in their order,
//! rather than at the ledger's row. What is known changes only when a step ends or catches up;
//! meanwhile readers may look.

use crate::resident::{Form, Resident};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::OwnedMutexGuard;

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
    turn: Arc<tokio::sync::Mutex<()>>,
    resident: RwLock<Resident>,
}

/// A turn: the right to change what is known.
pub(super) struct Turn {
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

    /// What is known of a ledger, if anything may be.
    pub(super) fn find(&self, ledger: u32) -> Option<Arc<Mind>> {
        let ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        ledgers.get(&ledger).cloned()
    }

    /// When too much is remembered, forget recent keys, which costs no more than looking some up,
    /// and then the ledgers of which most is and that nobody uses now. What is not written of them
    /// is met again from the log.
    pub(super) fn make_room(&self) {
        let mut ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        let mut total: usize = ledgers.values().map(|mind| mind.read().size()).sum();
        if total <= REMEMBERED_MAX {
            return;
        }
        let mut sizes = Vec::new();
        for (ledger, mind) in ledgers.iter().filter(|(_, mind)| Arc::strong_count(mind) == 1) {
            let mut resident = mind.resident.write().expect("nobody panics while holding it");
            total -= resident.forget_keys();
            sizes.push((resident.size(), *ledger));
        }
        sizes.sort_unstable();
        while total > REMEMBERED_MAX
            && let Some((size, ledger)) = sizes.pop()
        {
            ledgers.remove(&ledger);
            total -= size;
        }
    }

    /// The ledgers whose accounts are not all written and that nobody is writing to at the moment,
    /// and the next seq of each.
    pub(super) fn unwritten(&self) -> HashMap<u32, u64> {
        let ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        let waits = |(ledger, mind): (&u32, &Arc<Mind>)| {
            let resident = mind.read();
            let idle = mind.turn.try_lock().is_ok() && !resident.is_written();
            Some((*ledger, resident.position().filter(|_| idle)?.next_seq))
        };
        ledgers.iter().filter_map(waits).collect()
    }
}

impl Mind {
    /// The next turn, once it has come.
    pub(super) async fn turn(self: Arc<Mind>) -> Turn {
        let turn = self.turn.clone().lock_owned().await;
        Turn { mind: self, _turn: turn }
    }

    /// A turn, unless somebody has it.
    pub(super) fn try_turn(self: Arc<Mind>) -> Option<Turn> {
        let turn = self.turn.clone().try_lock_owned().ok()?;
        Some(Turn { mind: self, _turn: turn })
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Resident> {
        self.resident.read().expect("nobody panics while holding it")
    }
}

impl Turn {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Resident> {
        self.mind.read()
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Resident> {
        self.mind.resident.write().expect("nobody panics while holding it")
    }
}
