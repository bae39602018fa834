//! Rows that belong to no ledger. Places are ledger and seq in one number, so such rows lie between
//! the places of the ledgers that there are.

use super::{Audit, slots, whole};
use semel_core::failure::Failure;

/// How many are told of each table.
const STRAYS_MAX: i64 = 100;

impl Audit {
    /// Rows of no ledger, in words; `ledgers` are the numbers of those that there are, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn strays(&self, ledgers: &[u32]) -> Result<Vec<String>, Failure> {
        let rows: Vec<_> = ledgers.iter().map(|ledger| whole(*ledger)).collect();
        let keys: Vec<_> = ledgers.iter().map(|ledger| slots(*ledger)).collect();
        let tables = [
            ("event", "pos", &rows),
            ("account", "pos", &rows),
            ("anchor", "pos", &rows),
            ("key_index", "slot", &keys),
        ];
        let mut strays = Vec::new();
        for (table, place, taken) in tables {
            let ask = format!(
                "SELECT {place} FROM {table} WHERE {place} BETWEEN ?1 AND ?2 LIMIT {STRAYS_MAX}"
            );
            for gap in gaps(taken) {
                self.each(&ask, gap, |row| {
                    let at: i64 = row.get(0).unwrap_or_default();
                    strays.push(format!("{table}: the row at {at} belongs to no ledger"));
                })?;
            }
        }
        Ok(strays)
    }
}

/// What lies before, between and behind ranges that rise.
fn gaps(taken: &[[i64; 2]]) -> Vec<[i64; 2]> {
    let mut gaps = Vec::new();
    let mut next = i64::MIN;
    for [first, last] in taken {
        gaps.push([next, first - 1]);
        next = last + 1;
    }
    gaps.push([next, i64::MAX]);
    gaps
}
