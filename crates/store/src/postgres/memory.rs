//! The ledgers that this process has in mind, each with the turn to write it.
//!
//! Whoever is in a step holds what is known of its ledger, so the steps of one process queue up
//! here, in their order, rather than at the ledger's row.

use crate::resident::{Form, Resident};
use semel_core::ledger::Position;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Mutex as Turn;

/// Ledgers remembered at once; when there are more, those that nobody uses are forgotten.
const LEDGERS_MAX: usize = 1_024;

/// The ledgers that are remembered.
#[derive(Default)]
pub(super) struct Known {
    form: Form,
    ledgers: Mutex<HashMap<u32, Arc<Turn<Resident>>>>,
}

impl Known {
    pub(super) fn new(form: Form) -> Known {
        Known { form, ledgers: Mutex::default() }
    }

    /// What is known of a ledger, nothing perhaps; whoever locks it has the next step.
    pub(super) fn ledger(&self, ledger: u32) -> Arc<Turn<Resident>> {
        let mut ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        if ledgers.len() >= LEDGERS_MAX && !ledgers.contains_key(&ledger) {
            ledgers.retain(|_, known| {
                // Accounts that are not written yet are met again from the log.
                Arc::strong_count(known) > 1
            });
        }
        let form = self.form;
        let known = ledgers.entry(ledger);
        known.or_insert_with(|| Arc::new(Turn::new(Resident::new(form)))).clone()
    }

    /// The ledgers whose accounts are not all written and that nobody is writing to at the moment,
    /// and where they stand.
    pub(super) fn unwritten(&self) -> HashMap<u32, Position> {
        let ledgers = self.ledgers.lock().expect("nobody panics while holding it");
        let waits = |(ledger, known): (&u32, &Arc<Turn<Resident>>)| {
            let known = known.try_lock().ok().filter(|known| !known.is_written())?;
            Some((*ledger, known.position()?))
        };
        ledgers.iter().filter_map(waits).collect()
    }
}
