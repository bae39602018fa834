//! What publishing reads besides events: the chain where it is kept, and how far a leg has come.

use super::super::row::ledger_value;
use super::Reader;
use crate::postgres::columns::Columns;
use crate::postgres::row::{one, place};
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
        const ASK: &str = "SELECT pos, hash FROM anchor WHERE pos BETWEEN $1 AND $2
            ORDER BY pos DESC LIMIT 1";
        const NAME: &str = "SELECT id FROM ledger WHERE no = $1";
        let (first, last) = (place(ledger, 0)?, place(ledger, at_most.min(SEQ_MAX))?);
        let kept = |row: Columns<'_>| Ok(Link { seq: row.seq(0)?, hash: row.hash(1)? });
        let start =
            |row: Columns<'_>| Ok(Link { seq: 0, hash: Position::start(row.text(0)?).tail });
        self.ask(async |client| match one(client, ASK, &[&first, &last], kept).await? {
            Some(kept) => Ok(Some(kept)),
            None => one(client, NAME, &[&ledger_value(ledger)], start).await,
        })
    }

    /// The last event of a ledger and its tail; `None` when there is no such ledger.
    ///
    /// # Errors
    /// As every read.
    pub fn head(&self, ledger: u32) -> Result<Option<Link>, Failure> {
        const ASK: &str = "SELECT next_seq - 1, tail FROM ledger WHERE no = $1";
        let head = |row: Columns<'_>| Ok(Link { seq: row.natural(0)?, hash: row.hash(1)? });
        self.ask(async |client| one(client, ASK, &[&ledger_value(ledger)], head).await)
    }

    /// How far the leg on `source` has come; `None` when there is no such leg.
    ///
    /// # Errors
    /// As every read.
    pub fn cursor(&self, source: &str) -> Result<Option<Cursor>, Failure> {
        const ASK: &str = "SELECT next, tail, hint FROM leg WHERE source = $1";
        self.ask(async |client| one(client, ASK, &[&source], |row| row.cursor(0)).await)
    }
}
