//! What a process has in mind of some accounts, to read them without the lock.

use super::{Late, Resident, Rows, Stand, after};
use semel_core::Text;
use semel_core::account::Account;
use semel_core::ledger::Position;
use semel_core::movement::follow;
use std::collections::HashMap;

/// Accounts at one position of the log, or that their rows had come as far as that.
///
/// Rows are read later than it is made, so whatever it lacks they have.
pub struct Excerpt {
    at: Position,
    rows: Rows,
    accounts: HashMap<Text, Option<Account>>,
}

impl Resident {
    /// What is known of the accounts named `ids`; `None` when nothing is known of the ledger.
    pub fn excerpt<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Option<Excerpt> {
        let account = |id: &str| self.account(*self.numbers.get(id)?).cloned();
        let accounts = ids.into_iter().map(|id| (id.into(), account(id))).collect();
        Some(Excerpt { at: self.at?, rows: self.rows.clone()?, accounts })
    }
}

impl Excerpt {
    /// The seq of the first event that is not in it.
    pub fn next_seq(&self) -> u64 {
        self.at.next_seq
    }

    /// The accounts whose `rows` were read since, as they are where the log then ended: `late` are
    /// all its events since. `None` when the excerpt is of another log or of later rows, or lacks
    /// one of them.
    pub fn exact(
        mut self,
        ledger: u32,
        rows: Vec<Account>,
        late: &[Late],
        stand: &Stand,
    ) -> Option<Vec<Account>> {
        if self.rows.are_newer(stand) {
            return None;
        }
        let mut exact = Vec::with_capacity(rows.len());
        for row in rows {
            exact.push(self.accounts.remove(&row.id)?.unwrap_or(row));
        }
        let places = exact.iter().enumerate().map(|(at, account)| (account.no, at));
        let places: HashMap<u64, usize> = places.collect();
        for Late { event, held, .. } in late {
            self.at = after(self.at, ledger, event)?;
            for side in event.debit.iter().chain(&event.credit) {
                let Some(at) = places.get(&side.no) else { continue };
                follow(&mut exact[*at], event, *held)?;
            }
        }
        (self.at == stand.position).then_some(exact)
    }
}
