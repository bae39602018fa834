//! Rows that belong to no ledger. Places are ledger and seq in one number, so such rows lie between
//! the places of the ledgers that there are.

use super::Audit;
use crate::places::{gaps, places_of, slots_of};
use crate::rows::STRAYS_MAX;
use semel_core::failure::Failure;

impl Audit {
    /// Rows of no ledger, in words; `ledgers` are the numbers of those that there are, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn strays(&self, ledgers: &[u32]) -> Result<Vec<String>, Failure> {
        let rows = gaps(ledgers.iter().map(|ledger| places_of(*ledger)));
        let keys = gaps(ledgers.iter().map(|ledger| slots_of(*ledger)));
        let tables = [
            ("event", "pos", &rows),
            ("account", "pos", &rows),
            ("anchor", "pos", &rows),
            ("key_index", "slot", &keys),
        ];
        let mut strays = Vec::new();
        for (table, place, gaps) in tables {
            let ask = format!(
                "SELECT {place} FROM {table} WHERE {place} BETWEEN ?1 AND ?2 LIMIT {STRAYS_MAX}"
            );
            for gap in gaps {
                self.each(&ask, *gap, |row| {
                    let at: i64 = row.get(0).unwrap_or_default();
                    strays.push(format!("{table}: the row at {at} belongs to no ledger"));
                })?;
            }
        }
        Ok(strays)
    }
}
