//! What the writer does besides steps: name ledgers, bind sources to them, find a key's event.
//!
//! What a caller asks for wrongly here is refused, and the store goes on: a source of another
//! ingest, a ledger that there is not, one ledger too many.

use super::classify::classify;
use super::row;
use super::writer::{Undone, Writer};
use crate::rows::{Binding, Ledger};
use rusqlite::{OptionalExtension, params};
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Stop;
use semel_core::id::LEDGER_MAX;
use semel_core::ledger::Position;
use semel_core::payment::Identity;
use semel_core::problem::Code;
use std::sync::Arc;

impl Writer {
    /// The ledger named `id`, made if there is none.
    pub(super) fn ledger(&mut self, id: &str) -> Result<Ledger, Undone> {
        const INSERT: &str = "INSERT INTO ledger (no, id, next_seq, tail, indexed_seq)
            SELECT coalesce(max(no), 0) + 1, ?1, 1, ?2, 0 FROM ledger
            RETURNING no, id, next_seq, tail";
        const LAST: &str = "SELECT max(no) FROM ledger";
        let sql = |error: rusqlite::Error| classify(&error);
        let known = row::ledger_by_id(&self.conn, id).map_err(sql)?;
        let ledger = match known {
            Some(ledger) => ledger,
            None => {
                let last = self.conn.query_row(LAST, [], |row| row.get::<_, Option<u32>>(0));
                if last.map_err(sql)? == Some(LEDGER_MAX) {
                    let detail = format!("a store has no more than {LEDGER_MAX} ledgers");
                    return Err(Undone::Refused(Stop::new(Code::Configuration, detail)));
                }
                let start = params![id, Position::start(id).tail.0];
                self.conn.query_row(INSERT, start, row::ledger).map_err(sql)?
            }
        };
        // What the key index lacks is read now rather than under the first request.
        let mut memory = self.known.take(ledger.no);
        memory.catch_up(&self.conn, ledger.no, ledger.position)?;
        self.committed.send_modify(|commits| commits.reach(ledger.no, memory.last_seq()));
        self.known.keep(ledger.no, memory);
        Ok(ledger)
    }

    /// Bind a source to a ledger and an ingest; a name for the owner of its claims.
    pub(super) fn bind(&mut self, ledger: u32, binding: &Binding) -> Result<[u8; 16], Undone> {
        const BIND: &str = "INSERT INTO leg
                (source, ledger, ingest, file, mapping, next, tail, hint, until)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
            ON CONFLICT (source) DO UPDATE SET mapping = excluded.mapping, file = excluded.file
                WHERE ledger = excluded.ledger AND ingest = excluded.ingest";
        let sql = |error: rusqlite::Error| classify(&error);
        self.position(ledger)?;
        let Binding { source, ingest, file, mapping, start } = binding;
        let Cursor { next, tail, hint } = *start;
        let bound = self.conn.execute(
            BIND,
            params![
                source,
                ledger,
                ingest,
                file,
                mapping,
                row::sql(next).map_err(sql)?,
                tail.0,
                row::sql(hint).map_err(sql)?
            ],
        );
        if 0 < bound.map_err(sql)? {
            let name = self.conn.query_row("SELECT randomblob(16)", [], |row| row.get(0));
            return Ok(name.map_err(sql)?);
        }
        let owner = self.conn.query_row(
            "SELECT leg.ingest, ledger.id FROM leg JOIN ledger ON ledger.no = leg.ledger
             WHERE source = ?1",
            [source],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        );
        let (ingest, ledger) = owner.map_err(sql)?;
        let detail = format!("{source} belongs to the ingest {ingest} of the ledger {ledger}");
        Err(Undone::Refused(Stop::new(Code::SourceBound, detail)))
    }

    /// The event that carries `identity`.
    pub(super) fn recorded(
        &mut self,
        ledger: u32,
        identity: Identity,
    ) -> Result<Option<Event>, Undone> {
        let position = self.position(ledger)?;
        let mut memory = self.known.take(ledger);
        memory.catch_up(&self.conn, ledger, position)?;
        let hash = Identity::hash(&identity.namespace, &identity.key);
        let found = memory.keys.look_up(&self.conn, ledger, &[(identity, hash)])?;
        self.known.keep(ledger, memory);
        Ok(found.into_iter().flatten().next().map(Arc::unwrap_or_clone))
    }

    /// The end of a ledger's log.
    pub(super) fn position(&self, ledger: u32) -> Result<Position, Undone> {
        const ASK: &str = "SELECT next_seq, tail FROM ledger WHERE no = ?1";
        let mut ask = self.conn.prepare_cached(ASK).map_err(|error| classify(&error))?;
        let found = ask
            .query_row([ledger], |row| {
                Ok(Position { next_seq: row::seq(row, 0)?, tail: row::hash(row, 1)? })
            })
            .optional()
            .map_err(|error| classify(&error))?;
        found.ok_or_else(|| {
            let detail = format!("there is no ledger numbered {ledger}");
            Undone::Refused(Stop::new(Code::NotFound, detail))
        })
    }
}
