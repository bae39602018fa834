//! Rows that belong to no ledger. Places are ledger and seq in one number, so such rows lie between
//! the places of the ledgers that there are.

use super::{Audit, NONE, each};
use crate::places::{gaps, places_of, slots_of};
use crate::postgres::reader::{block, end, snapshot};
use crate::rows::STRAYS_MAX;
use semel_core::failure::Failure;
use std::collections::BTreeSet;

impl Audit {
    /// Rows of no ledger, in words; `ledgers` are the numbers of those that there are, in order.
    /// A ledger that was made since is one too.
    ///
    /// # Errors
    /// As every read.
    pub fn strays(&self, ledgers: &[u32]) -> Result<Vec<String>, Failure> {
        block(&self.runtime, async {
            snapshot(&self.client).await?;
            let strays = self.strays_now(ledgers).await?;
            end(&self.client).await?;
            Ok(strays)
        })
    }

    async fn strays_now(&self, ledgers: &[u32]) -> Result<Vec<String>, Failure> {
        let mut there: BTreeSet<u32> = ledgers.iter().copied().collect();
        each(&self.client, "SELECT no FROM ledger", NONE, |row| {
            let made_since = row.number(0).ok().filter(|no| !self.ends.contains_key(no));
            there.extend(made_since.and_then(|no| u32::try_from(no).ok()));
        })
        .await?;
        let rows = gaps(there.iter().map(|ledger| places_of(*ledger)));
        let keys = gaps(there.iter().map(|ledger| slots_of(*ledger)));
        let tables = [
            ("event", "pos", &rows),
            ("account", "pos", &rows),
            ("anchor", "pos", &rows),
            ("event", "slot", &keys),
        ];
        let mut strays = Vec::new();
        for (table, place, gaps) in tables {
            let ask = format!(
                "SELECT {place} FROM {table} WHERE {place} BETWEEN $1 AND $2 LIMIT {STRAYS_MAX}"
            );
            for gap in gaps {
                each(&self.client, &ask, gap, |row| {
                    let at = row.number(0).unwrap_or_default();
                    strays.push(match place {
                        "pos" => format!("{table}: the row at {at} belongs to no ledger"),
                        _ => format!("{table}: the {place} {at} belongs to no ledger"),
                    });
                })
                .await?;
            }
        }
        Ok(strays)
    }
}
