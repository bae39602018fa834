//! What publishing reads besides events: the chain where it is kept, and how far a leg has come.

use super::Reader;
use crate::places::seq_of;
use crate::sqlite::row::{self, pos};
use rusqlite::OptionalExtension;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::id::SEQ_MAX;
use semel_core::ledger::Position;
use semel_core::wire::Link;

impl Reader {
    /// The last anchor of a ledger at or below the seq `at_most`; where its log begins (seq 0) if
    /// there is none; `None` when there is no such ledger.
    ///
    /// # Errors
    /// As every read.
    pub fn anchor(&self, ledger: u32, at_most: u64) -> Result<Option<Link>, Failure> {
        const ASK: &str = "SELECT pos, hash FROM anchor WHERE pos BETWEEN ?1 AND ?2
            ORDER BY pos DESC LIMIT 1";
        const NAME: &str = "SELECT id FROM ledger WHERE no = ?1";
        self.ask(|conn| {
            let bounds = [pos(ledger, 0)?, pos(ledger, at_most.min(SEQ_MAX))?];
            let kept = conn.prepare_cached(ASK)?.query_row(bounds, |row| {
                Ok(Link { seq: seq_of(row.get(0)?), hash: row::hash(row, 1)? })
            });
            if let Some(kept) = kept.optional()? {
                return Ok(Some(kept));
            }
            let start = conn.prepare_cached(NAME)?.query_row([ledger], |row| {
                Ok(Link { seq: 0, hash: Position::start(row::text(row, 0)?).tail })
            });
            start.optional()
        })
    }

    /// The last event of a ledger and its tail; `None` when there is no such ledger.
    ///
    /// # Errors
    /// As every read.
    pub fn head(&self, ledger: u32) -> Result<Option<Link>, Failure> {
        const ASK: &str = "SELECT next_seq - 1, tail FROM ledger WHERE no = ?1";
        self.ask(|conn| {
            let head = conn.prepare_cached(ASK)?.query_row([ledger], |row| {
                Ok(Link { seq: row::seq(row, 0)?, hash: row::hash(row, 1)? })
            });
            head.optional()
        })
    }

    /// How far the leg on `source` has come; `None` when there is no such leg.
    ///
    /// # Errors
    /// As every read.
    pub fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        const ASK: &str = "SELECT next, tail, hint FROM leg WHERE source = ?1";
        self.ask(|conn| {
            let mut ask = conn.prepare_cached(ASK)?;
            ask.query_row([source], |row| row::cursor(row, 0)).optional()
        })
    }
}
