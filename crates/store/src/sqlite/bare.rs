//! The store's own limit: the rows of steps, written by the plainest loop there is.
//!
//! No look-up, no decision, no hash, no other thread: one connection with the store's settings,
//! begin, insert, update, commit. `semel bench` measures the real path against it in the same run.

use super::classify::classify;
use super::commit;
use super::lock::{self, WriterLock};
use super::open;
use super::row;
use crate::places::slot_of;
use rusqlite::{Connection, params};
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::{Effect, Position};
use std::path::Path;

/// A file with one ledger, numbered 1, that is written without thinking. For measurements only.
pub struct Bare {
    conn: Connection,
    _lock: WriterLock,
}

/// A step that is ready to be written.
pub struct Rows<'a> {
    effects: &'a [Effect],
    keys: Vec<(i64, u64)>,
}

/// The number of the one ledger.
const LEDGER: u32 = 1;

impl Bare {
    /// A new file at `path`.
    ///
    /// # Errors
    /// As [`super::Sqlite::open`].
    pub fn open(path: &Path) -> Result<Bare, Stop> {
        let lock = lock::lock(path)?;
        let conn = open::writer(path)?;
        let tail = Position::start("main").tail.0;
        conn.execute("INSERT INTO ledger VALUES (1, 'main', 1, ?1, 0)", [tail])
            .map_err(|error| open::stop(&error, path))?;
        Ok(Bare { conn, _lock: lock })
    }

    /// A step, ready to be written: its effects, and the rows of its keys as they come.
    pub fn prepare<'a>(&self, effects: &'a [Effect]) -> Rows<'a> {
        let keys = effects.iter().filter_map(|effect| match effect {
            Effect::Append(event) => slot_of(LEDGER, event).map(|slot| (slot.slot, slot.seq)),
            _ => None,
        });
        Rows { effects, keys: keys.collect() }
    }

    /// Write one step.
    ///
    /// # Errors
    /// As every write.
    pub fn write(&mut self, rows: &Rows<'_>) -> Result<(), Failure> {
        self.step(rows.effects, &rows.keys).map_err(|error| classify(&error))
    }

    fn step(&mut self, effects: &[Effect], keys: &[(i64, u64)]) -> rusqlite::Result<()> {
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        commit::write(&self.conn, LEDGER, effects)?;
        {
            // Two keys of some millions share a first slot; thinking of that is not this loop's.
            let mut insert = self
                .conn
                .prepare_cached("INSERT OR IGNORE INTO key_index (slot, seq) VALUES (?1, ?2)")?;
            for (slot, seq) in keys {
                insert.execute([*slot, row::sql(*seq)?])?;
            }
        }
        for effect in effects {
            if let Effect::Move(Position { next_seq, tail }) = effect {
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE ledger SET next_seq = ?1, tail = ?2 WHERE no = 1")?;
                update.execute(params![row::sql(*next_seq)?, tail.0])?;
            }
        }
        self.conn.execute_batch("COMMIT")
    }
}
