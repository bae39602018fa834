//! How a process comes to where a ledger stands: what has to be asked next, and what the answers
//! mean. Whoever asks obeys, so every store catches up alike.
//!
//! From what was known it goes on by the events since. What was seen committed has to lead to where
//! the log ends; if it does not, the store went back in time, and the process stops by name. Where
//! nothing is known, or rows may have gone back, it begins where all rows of accounts have come to.
//! Before the ledger is locked it comes near in the same way, and proves nothing.

use super::{Late, Resident, Stand};
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::failure::Stop;
use semel_core::ledger::Position;
use semel_core::problem::Code;

/// One way to where a ledger stands.
pub struct CatchUp {
    ledger: u32,
    stand: Stand,
    /// Whether the ledger is locked, so that it stays there.
    is_locked: bool,
    /// What was seen committed, and whether it was seen again.
    seen: Option<Position>,
    is_proved: bool,
    /// Rows and events were read from the first on while it is locked.
    is_of_now: bool,
    /// What was answered does not lead on.
    is_astray: bool,
}

/// What has to be asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: what is known belongs to where the ledger stands or, before it is locked, is near.
    Here,
    /// The events from this seq on, one at least: [`CatchUp::take`].
    Events(u64),
    /// The chain's hash before the event of this seq, to see that what was seen committed is there:
    /// [`CatchUp::prove`].
    Prove(u64),
    /// The same, to begin there: [`CatchUp::begin`].
    Begin(u64),
}

impl CatchUp {
    /// From what is `known` of a ledger, which is locked, to where it stands.
    pub fn new(known: &Resident, ledger: u32, stand: Stand) -> CatchUp {
        let [is_proved, is_of_now, is_astray] = [false; 3];
        let seen = known.seen();
        CatchUp { ledger, stand, is_locked: true, seen, is_proved, is_of_now, is_astray }
    }

    /// From what is `known` of a ledger, which is not locked, to near where it stood.
    pub fn ahead(known: &Resident, ledger: u32, stand: Stand) -> CatchUp {
        CatchUp { is_locked: false, ..CatchUp::new(known, ledger, stand) }
    }

    /// What has to be asked next.
    ///
    /// # Errors
    /// Named stops: what was seen committed is gone, or rows and events do not belong together.
    /// Where the ledger is not locked, they are no more than a suspicion.
    pub fn next(&self, known: &mut Resident) -> Result<Next, Stop> {
        let CatchUp { is_of_now, is_astray, .. } = *self;
        let Stand { position: end, accounts_seq, .. } = self.stand;
        let begin = Next::Begin(accounts_seq + 1);
        let Some(at) = known.at else { return Ok(begin) };
        let left = end.next_seq.saturating_sub(at.next_seq);
        // Rows may be elder than they were, or more than need be would be read while others wait:
        // then it is enough that what was seen is there.
        let is_far = left > known.bounds.far && at.next_seq <= accounts_seq;
        let is_left = !is_of_now && (is_far || known.has_gone_back(&self.stand));
        if !is_astray {
            let unproved = self.seen.filter(|_| !self.is_proved && !is_of_now);
            // Who goes on from what he saw meets it on the way.
            if let Some(seen) = unproved.filter(|_| is_left || !known.has_stood) {
                return Ok(Next::Prove(seen.next_seq));
            }
            if is_left {
                return Ok(begin);
            }
            if !self.is_locked && left <= known.bounds.far {
                return Ok(Next::Here);
            }
            if left > 0 {
                return Ok(Next::Events(at.next_seq));
            }
        }
        // Where all of it is of now, the seq has to do: a row may have been altered.
        let fits = at == end || is_of_now && at.next_seq == end.next_seq;
        match (!is_astray && fits, self.seen) {
            (true, _) => {
                known.stand(&self.stand);
                Ok(Next::Here)
            }
            (false, _) if is_of_now => Err(self.damaged()),
            (false, Some(seen)) => Err(self.rewound(seen)),
            (false, None) => Ok(begin),
        }
    }

    /// Take in events, and the rows of [`Resident::unmet`] accounts.
    pub fn take(&mut self, known: &mut Resident, late: &[Late], met: Vec<Account>) {
        self.is_astray = !known.take(self.ledger, late, met);
    }

    /// Whether what was seen committed is there.
    pub fn prove(&mut self, tail: Hash) {
        self.is_proved = true;
        self.is_astray = self.seen.is_none_or(|seen| seen.tail != tail);
    }

    /// Forget what is known, and begin.
    pub fn begin(&mut self, known: &mut Resident, from: Position) {
        known.begin_anew(from, self.stand.history.clone());
        (self.is_of_now, self.is_astray) = (true, false);
    }

    fn damaged(&self) -> Stop {
        let CatchUp { ledger, stand, .. } = self;
        let from = stand.accounts_seq;
        let detail = format!("ledger {ledger}: accounts do not fit the events behind {from}");
        Stop::new(Code::StoreCorrupt, detail)
    }

    /// What was seen committed does not lead to where the log ends now.
    fn rewound(&self, seen: Position) -> Stop {
        let (ledger, seen) = (self.ledger, seen.next_seq - 1);
        let end = self.stand.position.next_seq - 1;
        let detail = match end < seen {
            true => format!(
                "ledger {ledger}: event {seen} was committed; the log ends with event {end}, \
                 so those from {} on are gone",
                end + 1
            ),
            false => format!(
                "ledger {ledger}: the log, which ends with event {end}, is another one than that \
                 whose event {seen} was committed"
            ),
        };
        Stop::new(Code::StoreRewound, detail)
    }
}
