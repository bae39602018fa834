//! An account's entries: its events from the last one backwards, link by link.
//!
//! Knows no database: it says which event it wants next, and is handed that.

use crate::rows::Entry;
use semel_core::account::Account;
use semel_core::event::{Event, Side};
use semel_core::movement::Movement;

/// A walk along an account's events, newest first.
pub(crate) struct Walk {
    account: u64,
    seq: u64,
    balance: i128,
    limit: usize,
    /// Whether the next event is named by a row, and not by a caller, who may make it up.
    trusted: bool,
    entries: Vec<Entry>,
}

/// A link that leads to the event of this seq, where it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadLink(pub(crate) u64);

impl Walk {
    /// From the account's last event or from the event `from` on, whose balance after it is given
    /// too; so many entries at most.
    pub(crate) fn new(account: &Account, from: Option<(u64, i128)>, limit: usize) -> Walk {
        let (seq, balance) = from.unwrap_or((account.last_seq, account.totals.balance()));
        let (account, trusted) = (account.no, from.is_none());
        Walk { account, seq, balance, limit, trusted, entries: Vec::new() }
    }

    /// The event that comes next; `None` at the end.
    pub(crate) fn wanted(&self) -> Option<u64> {
        (self.seq != 0 && self.left() > 0).then_some(self.seq)
    }

    /// How many entries are still to be found.
    pub(crate) fn left(&self) -> usize {
        self.limit - self.entries.len()
    }

    /// Take the event that was wanted, if it is there.
    pub(crate) fn take(&mut self, event: Option<Event>) -> Result<(), BadLink> {
        let linked = event.and_then(|event| self.linked(event));
        let Some((event, posted, prev)) = linked else {
            // A place that the caller made up has no entries; one that a row names has.
            let astray = BadLink(self.seq);
            self.seq = 0;
            return if self.trusted { Err(astray) } else { Ok(()) };
        };
        self.trusted = true;
        if self.seq <= prev {
            return Err(BadLink(self.seq));
        }
        self.seq = prev;
        if posted != 0 {
            self.entries.push(Entry { event, posted, balance: self.balance });
            self.balance = self.balance.saturating_sub(i128::from(posted));
        }
        Ok(())
    }

    /// What was found.
    pub(crate) fn entries(self) -> Vec<Entry> {
        self.entries
    }

    /// An event, what it posted to the account, and the account's event before it; `None` when it
    /// is none of the account's.
    fn linked(&self, event: Event) -> Option<(Event, i64, u64)> {
        let posted = Movement::of(event.kind, event.amount, 0).map_or(0, |moved| moved.posted);
        let own = |side: &Option<Side>| {
            side.as_ref().filter(|side| side.no == self.account).map(|side| side.prev)
        };
        match (own(&event.debit), own(&event.credit)) {
            (Some(prev), _) => Some((event, posted.saturating_neg(), prev)),
            (None, Some(prev)) => Some((event, posted, prev)),
            (None, None) => None,
        }
    }
}
