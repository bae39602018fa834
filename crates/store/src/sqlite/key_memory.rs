//! Recent keys, in memory until they are written to the key index in the order of their slots.
//!
//! Clients' keys are random, so an index that is written in every step has a page to write for
//! nearly every payment, and grows slower as it grows. The index can be derived from the log, so it
//! may lag behind it: keys of new events are remembered in `young`. When there are enough, they are
//! sorted into `aging`, and every step writes the next few of those. A few neighbours in so many
//! share their pages. What is not in the index yet is read from the log when the store is opened.
//!
//! A slot is the key's hash or, where another key sits there, the next free number. Everybody who
//! looks for a key walks the same way: young, aging, index, at each slot until one is free. Whoever
//! looks for a free slot compares keys on the way: one key in two events is a named stop.

use super::classify::classify;
use super::row::{self, pos};
use crate::places::{first_slot, last_pos, ledger_of, next_slot, seq_of};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::Position;
use semel_core::payment::Identity;
use semel_core::problem::Code;
use std::collections::HashMap;
use std::sync::Arc;

/// The part of a grown index that is written at once, by its number of keys: an eighth.
const INDEX_SHARE: u64 = 8;
/// Young keys that a grown index waits for at most: their memory, and the next start's time.
const KEYS_MAX: usize = 1_000_000;

/// Keys that the index does not hold, or not all of them.
#[derive(Default)]
pub(super) struct KeyMemory {
    /// Slot and seq of the newest keys.
    young: HashMap<i64, u64>,
    /// Slots and seqs, sorted, of the keys before them; being written.
    aging: Vec<(i64, u64)>,
    /// How many of those are written, and how many when the open step is committed.
    written: usize,
    writing: usize,
    /// The last seq whose key is in `aging`.
    aging_seq: u64,
    /// The last seq up to which all keys stand in the index.
    indexed_seq: u64,
    /// Where the last look-up found nothing: the free slots of keys that may be inserted now.
    free: HashMap<Identity, i64>,
}

impl KeyMemory {
    /// Remember what the index does not hold.
    pub(super) fn load(conn: &Connection, ledger: u32) -> Result<KeyMemory, Failure> {
        const LATER: &str = "SELECT pos, namespace, key FROM event
            WHERE pos > ?1 AND pos <= ?2 AND key IS NOT NULL ORDER BY pos";
        let sql = |error: rusqlite::Error| classify(&error);
        let indexed_seq = conn
            .query_row("SELECT indexed_seq FROM ledger WHERE no = ?1", [ledger], |row| {
                row::seq(row, 0)
            })
            .map_err(sql)?;
        let mut keys = KeyMemory { indexed_seq, ..KeyMemory::default() };
        let mut index = index(conn)?;
        let mut later = conn.prepare(LATER).map_err(sql)?;
        let bounds = [pos(ledger, indexed_seq).map_err(sql)?, last_pos(ledger)];
        let mut rows = later.query(bounds).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let seq = seq_of(row.get(0).map_err(sql)?);
            let (namespace, key) = (row.get(1).map_err(sql)?, row.get(2).map_err(sql)?);
            let identity = Identity { namespace, key };
            let hash = Identity::hash(&identity.namespace, &identity.key);
            let first = first_slot(ledger, hash);
            let slot = keys.free_slot(conn, &mut index, first, seq, &identity)?;
            keys.young.extend(slot.map(|slot| (slot, seq)));
        }
        Ok(keys)
    }

    /// For each identity, the event that carries it.
    pub(super) fn look_up(
        &mut self,
        conn: &Connection,
        ledger: u32,
        identities: &[(Identity, i64)],
    ) -> Result<Vec<Option<Arc<Event>>>, Failure> {
        let mut index = index(conn)?;
        let mut found = vec![None; identities.len()];
        self.free.clear();
        // In the order of their slots, so that neighbours find the index's page at hand.
        let mut asked: Vec<usize> = (0..identities.len()).collect();
        asked.sort_unstable_by_key(|at| identities[*at].1);
        for at in asked {
            let (identity, hash) = &identities[at];
            match self.walk(conn, &mut index, ledger, *hash, identity)? {
                Ok(event) => found[at] = Some(Arc::new(event)),
                Err(slot) => drop(self.free.insert(identity.clone(), slot)),
            }
        }
        Ok(found)
    }

    /// Remember that `event` carries a key that the last look-up did not find.
    pub(super) fn insert(
        &mut self,
        conn: &Connection,
        ledger: u32,
        event: &Event,
    ) -> Result<(), Failure> {
        let Some(key) = &event.key else { return Ok(()) };
        let identity = Identity { namespace: event.namespace.clone(), key: key.clone() };
        let mut slot = self.free.remove(&identity).ok_or_else(|| {
            Stop::new(Code::IdentityBroken, format!("event {} repeats its key", event.seq))
        })?;
        if self.young.contains_key(&slot) {
            // Two new keys of one step share a hash.
            let free = self.free_slot(conn, &mut index(conn)?, slot, event.seq, &identity)?;
            slot = free.ok_or_else(|| Stop::new(Code::StoreCorrupt, "a new event is indexed"))?;
        }
        self.young.insert(slot, event.seq);
        debug_assert_eq!(ledger_of(slot), ledger);
        Ok(())
    }

    /// Write the next `count` aging keys with the open step, so that they are gone when as many new
    /// ones have come.
    pub(super) fn write_some(&mut self, conn: &Connection, count: usize) -> Result<(), Failure> {
        const INSERT: &str = "INSERT INTO key_index (slot, seq) VALUES (?1, ?2)";
        let end = self.aging.len().min(self.written.saturating_add(count));
        let write = || -> rusqlite::Result<()> {
            let mut insert = conn.prepare_cached(INSERT)?;
            for (slot, seq) in &self.aging[self.written..end] {
                insert.execute([*slot, row::sql(*seq)?])?;
            }
            Ok(())
        };
        write().map_err(|error| classify(&error))?;
        self.writing = end;
        Ok(())
    }

    /// The last seq up to which all keys stand in the index when the open step is committed.
    pub(super) fn indexed_seq(&self) -> u64 {
        let all = self.writing == self.aging.len();
        if all { self.indexed_seq.max(self.aging_seq) } else { self.indexed_seq }
    }

    /// The step was committed and left the ledger at `position`. As many young keys as a
    /// `generation` has are the next to age.
    pub(super) fn committed(&mut self, position: Position, generation: usize) {
        self.indexed_seq = self.indexed_seq();
        self.written = self.writing;
        if self.written < self.aging.len() {
            return;
        }
        match self.young.len() >= self.enough(generation) {
            true => self.age(position),
            false => self.write_next(Vec::new()),
        }
    }

    /// The step was rolled back.
    pub(super) fn rolled_back(&mut self) {
        self.writing = self.written;
    }

    /// How many keys the index lacks.
    pub(super) fn unwritten(&self) -> usize {
        self.young.len() + self.aging.len() - self.written
    }

    /// Write all of them.
    pub(super) fn write_all(
        &mut self,
        conn: &Connection,
        position: Position,
    ) -> Result<u64, Failure> {
        self.write_some(conn, usize::MAX)?;
        self.age(position);
        self.write_some(conn, usize::MAX)?;
        Ok(self.indexed_seq())
    }

    /// How many young keys are worth writing: at least a `generation`, and more as the index grows,
    /// so that as many neighbours as before share each of its pages.
    fn enough(&self, generation: usize) -> usize {
        let share = usize::try_from(self.indexed_seq / INDEX_SHARE).unwrap_or(usize::MAX);
        generation.max(share.min(KEYS_MAX))
    }

    /// All young keys, up to `position`, are the next to be written.
    fn age(&mut self, position: Position) {
        let mut keys: Vec<(i64, u64)> = self.young.drain().collect();
        keys.sort_unstable();
        self.aging_seq = position.next_seq - 1;
        self.write_next(keys);
    }

    fn write_next(&mut self, keys: Vec<(i64, u64)>) {
        self.aging = keys;
        (self.written, self.writing) = (0, 0);
    }

    /// The event that carries a key, or the slot that is free for it.
    fn walk(
        &self,
        conn: &Connection,
        index: &mut CachedStatement<'_>,
        ledger: u32,
        hash: i64,
        identity: &Identity,
    ) -> Result<Result<Event, i64>, Failure> {
        let mut slot = first_slot(ledger, hash);
        while let Some(seq) = self.occupant(index, slot)? {
            let event = row::event(conn, ledger, seq).map_err(|error| classify(&error))?;
            let event = event.ok_or_else(|| no_event(seq))?;
            if (&event.namespace, event.key.as_ref()) == (&identity.namespace, Some(&identity.key))
            {
                return Ok(Ok(event));
            }
            slot = next_slot(slot);
        }
        Ok(Err(slot))
    }

    /// The first free slot from `slot` on; `None` when the event numbered `seq` sits there already,
    /// because the process died between the slices of a generation.
    ///
    /// Whoever sits on the way must have another key: a key that stands in two events would get a
    /// slot for each otherwise, and the index's primary key would see nothing.
    fn free_slot(
        &self,
        conn: &Connection,
        index: &mut CachedStatement<'_>,
        mut slot: i64,
        seq: u64,
        identity: &Identity,
    ) -> Result<Option<i64>, Failure> {
        let ledger = ledger_of(slot);
        while let Some(occupant) = self.occupant(index, slot)? {
            if occupant == seq {
                return Ok(None);
            }
            if carries(conn, ledger, occupant, identity)? {
                let detail = format!("event {seq} repeats the key of event {occupant}");
                return Err(Stop::new(Code::IdentityBroken, detail).into());
            }
            slot = next_slot(slot);
        }
        Ok(Some(slot))
    }

    /// The seq of the event whose key sits in `slot`.
    fn occupant(&self, index: &mut CachedStatement<'_>, slot: i64) -> Result<Option<u64>, Failure> {
        if let Some(seq) = self.young.get(&slot) {
            return Ok(Some(*seq));
        }
        if let Ok(at) = self.aging.binary_search_by_key(&slot, |(slot, _)| *slot) {
            return Ok(Some(self.aging[at].1));
        }
        let found = index.query_row([slot], |row| row::seq(row, 0)).optional();
        found.map_err(|error| classify(&error))
    }
}

/// Whether `identity` is the one of the event numbered `seq`.
fn carries(conn: &Connection, ledger: u32, seq: u64, identity: &Identity) -> Result<bool, Failure> {
    const ASK: &str = "SELECT namespace = ?2 AND key IS ?3 FROM event WHERE pos = ?1";
    let ask = || -> rusqlite::Result<Option<bool>> {
        let named = params![pos(ledger, seq)?, identity.namespace, identity.key];
        conn.prepare_cached(ASK)?.query_row(named, |row| row.get(0)).optional()
    };
    let carries = ask().map_err(|error| classify(&error))?;
    Ok(carries.ok_or_else(|| no_event(seq))?)
}

fn no_event(seq: u64) -> Stop {
    Stop::new(Code::StoreCorrupt, format!("the key index names no event: {seq}"))
}

fn index(conn: &Connection) -> Result<CachedStatement<'_>, Failure> {
    conn.prepare_cached("SELECT seq FROM key_index WHERE slot = ?1").map_err(|e| classify(&e))
}

#[cfg(test)]
mod tests;
