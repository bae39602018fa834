//! Everything that a store keeps, read for the auditor in one snapshot.
//!
//! The snapshot is one SQL transaction, so a live server may go on writing beside it. A value that
//! Semel cannot have written is told with its place and is no failure, because the auditor is there
//! to find it. What stops a read is a file that SQLite itself cannot read.
//!
//! Deliberately absent: any judgement about rows that can be read.

mod sources;
mod strays;

use super::classify::classify;
use super::columns::Columns;
use super::reader::Reader;
use super::row::pos;
use crate::decode::{self, Decoder, EVENT};
use crate::places::{first_slot, last_pos, places_of, slot_of, slots_of};
use crate::rows::{LedgerRow, LogRow, Read};
use rusqlite::{Connection, Params, Result as SqlResult, Row};
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::event::Event;
use semel_core::failure::Failure;
use semel_core::payment::Identity;
use semel_core::verify::{Named, Slot};
use std::ops::RangeInclusive;

/// Entries of the index that are read to explain one span of the log.
const ENTRIES_MAX: i64 = 20_000;

/// One snapshot of a store. Dropping it ends the SQL transaction.
pub struct Audit {
    conn: Connection,
}

impl Reader {
    /// Take a snapshot of everything. While it lasts, the write-ahead log of a live server grows.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn audit(&self) -> Result<Audit, Failure> {
        let conn = self.connect()?;
        let begin = || {
            conn.execute_batch("BEGIN")?;
            // The first read makes the snapshot.
            conn.query_row("SELECT count(*) FROM ledger", [], |_| Ok(()))
        };
        begin().map_err(|error| classify(&error))?;
        Ok(Audit { conn })
    }
}

impl Audit {
    /// All ledgers, by number.
    ///
    /// # Errors
    /// A `Failure` of the store, as of every read here.
    pub fn ledgers(&self) -> Result<Vec<Read<LedgerRow>>, Failure> {
        let mut ledgers = Vec::new();
        let ask = "SELECT no, id, next_seq, tail, indexed_seq FROM ledger ORDER BY no";
        self.each(ask, [], |row| ledgers.push(decode::ledger(Columns(row))))?;
        Ok(ledgers)
    }

    /// The anchors of a ledger: seq and hash, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn anchors(&self, ledger: u32) -> Result<Vec<Read<(u64, Hash)>>, Failure> {
        let mut anchors = Vec::new();
        let ask = "SELECT pos, hash FROM anchor WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
        self.each(ask, places_of(ledger), |row| anchors.push(decode::anchor(Columns(row))))?;
        Ok(anchors)
    }

    /// The log of a ledger, in order, each row with the payment that it refers to.
    ///
    /// Ids of accounts are left empty: the log knows accounts by number, and their ids stand in the
    /// rows of their openings.
    ///
    /// # Errors
    /// As every read.
    pub fn log(&self, ledger: u32, mut each: impl FnMut(LogRow)) -> Result<(), Failure> {
        let mut decoder = Decoder::default();
        let ask = format!("{EVENT} WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos");
        self.each(&ask, places_of(ledger), |row| {
            let event = decoder.event(Columns(row));
            let reference = event.as_ref().ok().and_then(|event| event.reference);
            let payment = reference.and_then(|to| self.event(ledger, to.seq, &mut decoder));
            let seq = decode::seq(Columns(row));
            each(LogRow { seq, event, payment: payment.map(Box::new) });
        })
    }

    /// The accounts of a ledger, by number.
    ///
    /// # Errors
    /// As every read.
    pub fn accounts(
        &self,
        ledger: u32,
        mut each: impl FnMut(Read<Account>),
    ) -> Result<(), Failure> {
        let ask = format!("{} WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos", decode::ACCOUNT);
        self.each(&ask, places_of(ledger), |row| each(decode::account(Columns(row))))
    }

    /// The index of a ledger's keys, by slot.
    ///
    /// # Errors
    /// As every read.
    pub fn index(&self, ledger: u32, mut each: impl FnMut(Read<Slot>)) -> Result<(), Failure> {
        let ask = "SELECT slot, seq FROM key_index WHERE slot BETWEEN ?1 AND ?2 ORDER BY slot";
        self.each(ask, slots_of(ledger), |row| each(decode::slot(Columns(row))))
    }

    /// The index of a ledger's references: the seq of each event that refers to a payment, and the
    /// payment's.
    ///
    /// # Errors
    /// As every read.
    pub fn references(
        &self,
        ledger: u32,
        mut each: impl FnMut(Read<(u64, u64)>),
    ) -> Result<(), Failure> {
        let ask = "SELECT pos, ref FROM event INDEXED BY event_ref
            WHERE ledger = ?1 AND ref IS NOT NULL";
        self.each(ask, [ledger], |row| each(decode::reference(Columns(row))))
    }

    /// What SQLite itself finds wrong with the smaller tables and their indexes, in words. Tables
    /// of the log are left out: they are compared row by row, and are too large to be read twice.
    ///
    /// # Errors
    /// As every read.
    pub fn small_tables(&self) -> Result<Vec<String>, Failure> {
        let mut wrong = Vec::new();
        for table in ["ledger", "account", "leg", "dead_letter"] {
            self.each(&format!("PRAGMA integrity_check({table})"), [], |row| {
                let told: String = row.get(0).unwrap_or_default();
                if told != "ok" {
                    wrong.push(format!("{table}: {told}"));
                }
            })?;
        }
        Ok(wrong)
    }

    /// The key of an event, if there is such an event and it has one.
    pub fn named(&self, ledger: u32, seq: u64) -> Option<Named> {
        let Event { namespace, key, .. } = self.event(ledger, seq, &mut Decoder::default())?;
        let hash = first_slot(ledger, Identity::hash(&namespace, key.as_deref()?));
        Some(Named { identity: Identity { namespace, key: key? }, hash })
    }

    /// A span of the log: its keys, each at the slot of its hash, and what the index has for it.
    ///
    /// # Errors
    /// As every read.
    pub fn span(
        &self,
        ledger: u32,
        seqs: RangeInclusive<u64>,
    ) -> Result<(Vec<Slot>, Vec<Slot>), Failure> {
        let (mut logged, mut indexed) = (Vec::new(), Vec::new());
        let mut decoder = Decoder::default();
        let clipped = |seq: u64| pos(ledger, seq).unwrap_or(last_pos(ledger));
        let log = format!("{EVENT} WHERE pos BETWEEN ?1 AND ?2");
        self.each(&log, [clipped(*seqs.start()), clipped(*seqs.end())], |row| {
            let event = decoder.event(Columns(row)).ok();
            logged.extend(event.and_then(|event| slot_of(ledger, &event)));
        })?;
        let index = "SELECT slot, seq FROM key_index
            WHERE slot BETWEEN ?1 AND ?2 AND seq BETWEEN ?3 AND ?4 LIMIT ?5";
        let [first, last] = slots_of(ledger);
        let bounds = [first, last, *seqs.start() as i64, *seqs.end() as i64, ENTRIES_MAX];
        self.each(index, bounds, |row| indexed.extend(decode::slot(Columns(row))))?;
        Ok((logged, indexed))
    }

    fn event(&self, ledger: u32, seq: u64, decoder: &mut Decoder) -> Option<Event> {
        let mut ask = self.conn.prepare_cached(&format!("{EVENT} WHERE pos = ?1")).ok()?;
        let mut rows = ask.query([pos(ledger, seq).ok()?]).ok()?;
        decoder.event(Columns(rows.next().ok()??)).ok()
    }

    fn each(
        &self,
        ask: &str,
        bounds: impl Params,
        mut each: impl FnMut(&Row<'_>),
    ) -> Result<(), Failure> {
        let read = || -> SqlResult<()> {
            let mut ask = self.conn.prepare_cached(ask)?;
            let mut rows = ask.query(bounds)?;
            while let Some(row) = rows.next()? {
                each(row);
            }
            Ok(())
        };
        read().map_err(|error| classify(&error))
    }
}
