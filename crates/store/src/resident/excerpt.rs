//! What a process has in mind of some accounts, to read them without the lock.

use super::{Late, Resident, Rows, Stand, after};
use semel_core::Text;
use semel_core::account::Account;
use semel_core::ledger::Position;
use semel_core::movement::follow;
use std::collections::{BTreeSet, HashMap};

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
        for Late { event, .. } in late {
            self.at = after(self.at, ledger, event)?;
        }
        let fits = self.at == stand.position && raise(&mut exact, late).is_empty();
        fits.then_some(exact)
    }
}

/// Bring `accounts` up to the events `late`, in order; the numbers of those that do not fit their
/// events, which are left as they are there.
pub fn raise(accounts: &mut [Account], late: &[Late]) -> BTreeSet<u64> {
    let mut astray = BTreeSet::new();
    let places = accounts.iter().enumerate().map(|(at, account)| (account.no, at));
    let places: HashMap<u64, usize> = places.collect();
    for Late { event, held, .. } in late {
        for side in event.debit.iter().chain(&event.credit) {
            let Some(at) = places.get(&side.no).filter(|_| !astray.contains(&side.no)) else {
                continue;
            };
            if follow(&mut accounts[*at], event, *held).is_none() {
                astray.insert(side.no);
            }
        }
    }
    astray
}
