//! A step's first half: lock, check the claim, look up what the keys name.

use super::classify::classify;
use super::memory::Memory;
use super::row;
use super::writer::{Undone, Writer};
use rusqlite::{OptionalExtension, params};
use semel_core::Text;
use semel_core::chain::Hash;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_core::ledger::{Keys, Letter, Snapshot};

/// What opens a step.
pub(super) struct Open {
    pub(super) ledger: u32,
    pub(super) leg: Option<LegClaim>,
    pub(super) keys: Keys,
}

/// A claim on a source: its random name, and where the ledger stands in the source.
#[derive(Clone)]
pub(super) struct LegClaim {
    pub(super) source: Text,
    pub(super) name: [u8; 16],
    pub(super) cursor: Cursor,
}

impl Writer {
    /// Take a source over, unless another owner's claim still holds. One that would hold for longer
    /// than any can was made before the clock was set back, and does not.
    pub(super) fn claim(&mut self, source: Text, owner: [u8; 16]) -> Result<LegClaim, Failure> {
        const CLAIM: &str = "UPDATE leg SET claim = randomblob(16), owner = ?2, until = ?3
            WHERE source = ?1 AND (until <= ?4 OR until > ?3 OR owner = ?2)
            RETURNING claim, next, tail, hint";
        let (now, until) = self.now_and_deadline();
        let claimed = self
            .conn
            .prepare_cached(CLAIM)
            .and_then(|mut claim| {
                let named = params![source, owner, until, now];
                claim.query_row(named, |row| Ok((row.get(0)?, row::cursor(row, 1)?))).optional()
            })
            .map_err(|error| classify(&error))?;
        let (name, cursor) = claimed.ok_or(Failure::Fenced)?;
        Ok(LegClaim { source, name, cursor })
    }

    /// The store's clock, and the moment until which a claim made or renewed now holds.
    pub(super) fn now_and_deadline(&self) -> (i64, i64) {
        let now = (self.options.clock)();
        let deadline = i64::try_from(self.options.leg_deadline.as_micros()).unwrap_or(i64::MAX);
        (now, now.saturating_add(deadline))
    }

    /// Open the SQL transaction and look everything up. On failure the caller rolls back.
    pub(super) fn begin(&mut self, open: Open, memory: &mut Memory) -> Result<Snapshot, Undone> {
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(|error| classify(&error))?;
        let Open { ledger, leg, keys } = open;
        if let Some(leg) = &leg {
            self.check_claim(leg)?;
        }
        let position = self.position(ledger)?;
        memory.catch_up(&self.conn, ledger, position)?;
        Ok(Snapshot {
            ledger,
            position,
            now: (self.options.clock)(),
            recorded: memory.keys.look_up(&self.conn, ledger, &keys.identities)?,
            accounts: memory.accounts(&self.conn, ledger, &keys.accounts)?,
            payments: row::paid(&self.conn, ledger, &keys.payments)
                .map_err(|error| classify(&error))?,
            letters: self.letters(ledger, &keys.letters).map_err(|error| classify(&error))?,
            keys,
        })
    }

    fn check_claim(&self, leg: &LegClaim) -> Result<(), Failure> {
        const CHECK: &str = "SELECT next, tail FROM leg WHERE source = ?1 AND claim = ?2";
        let found = self
            .conn
            .prepare_cached(CHECK)
            .and_then(|mut check| {
                let read = |row: &rusqlite::Row<'_>| Ok((row::seq(row, 0)?, row::hash(row, 1)?));
                check.query_row(params![leg.source, leg.name], read).optional()
            })
            .map_err(|error| classify(&error))?;
        let expected: (u64, Hash) = (leg.cursor.next, leg.cursor.tail);
        if found == Some(expected) { Ok(()) } else { Err(Failure::Fenced) }
    }

    fn letters(&self, ledger: u32, ids: &[i64]) -> rusqlite::Result<Vec<Option<Letter>>> {
        const ASK: &str = "SELECT d.source, d.reason FROM dead_letter d
            JOIN leg ON leg.source = d.source WHERE d.id = ?1 AND leg.ledger = ?2";
        let mut ask = self.conn.prepare_cached(ASK)?;
        let mut letter = |id: &i64| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(Letter { source: row.get(0)?, reason: row::reason(row, 1)? })
            };
            ask.query_row(params![id, ledger], read).optional()
        };
        ids.iter().map(&mut letter).collect()
    }
}
