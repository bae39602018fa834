//! Readers beside the writer, each on a read-only connection that it has to itself meanwhile.
//!
//! All calls block for as long as SQLite reads. What they answer is committed.

mod letters;
mod log;
mod pool;

use super::about;
use super::classify::classify;
use super::row::{self, pos};
use crate::entries::{BadLink, Walk};
use crate::places::last_pos;
use crate::rows::{About, Entry, Ledger, payment_kinds};
use pool::Pool;
use rusqlite::{Connection, Result as SqlResult};
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::id::{EventId, SEQ_MAX};
use semel_core::payment::Payment;
use std::path::Path;
use std::sync::Arc;

/// Reads beside a writer, be it in this process or in another. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
}

impl Reader {
    /// Read the store at `path`: beside a live server, or a copy.
    ///
    /// # Errors
    /// `DataUnusable` when there is none, `StoreNewer`, `StoreCorrupt`, `StoreReadOnly`.
    pub fn open(path: &Path) -> Result<Reader, Stop> {
        Ok(Reader { pool: Arc::new(Pool::open(path)?) })
    }

    /// All ledgers, by number.
    ///
    /// # Errors
    /// As every read: a `Failure` of the store.
    pub fn ledgers(&self) -> Result<Vec<Ledger>, Failure> {
        let ask = "SELECT no, id, next_seq, tail FROM ledger ORDER BY no";
        self.ask(|conn| conn.prepare_cached(ask)?.query_map([], row::ledger)?.collect())
    }

    /// The ledger named `id`.
    ///
    /// # Errors
    /// As every read.
    pub fn ledger(&self, id: &str) -> Result<Option<Ledger>, Failure> {
        self.ask(|conn| row::ledger_by_id(conn, id))
    }

    /// The payment named `id` as it is now.
    ///
    /// # Errors
    /// As every read.
    pub fn payment(&self, ledger: u32, id: EventId) -> Result<Option<Payment>, Failure> {
        self.ask(|conn| row::payment(conn, ledger, &id))
    }

    /// Payments below the seq `before`, newest first.
    ///
    /// # Errors
    /// As every read.
    pub fn payments(
        &self,
        ledger: u32,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Payment>, Failure> {
        let ask = row::EVENT.to_owned()
            + "WHERE e.pos > ?1 AND e.pos < ?2 AND e.kind IN ("
            + &payment_kinds()
            + ") ORDER BY e.pos DESC LIMIT ?3";
        self.ask(|conn| {
            let before = before.unwrap_or(SEQ_MAX).min(SEQ_MAX);
            let bounds = [pos(ledger, 0)?, pos(ledger, before)?, count(limit)];
            let mut ask = conn.prepare_cached(&ask)?;
            let events = ask.query_map(bounds, row::event_of)?;
            let payments = events.filter_map(|event| event.map(Payment::recorded).transpose());
            payments.map(|payment| row::followed(conn, ledger, payment?)).collect()
        })
    }

    /// The account named `id`.
    ///
    /// # Errors
    /// As every read.
    pub fn account(&self, ledger: u32, id: &str) -> Result<Option<Account>, Failure> {
        self.ask(|conn| row::account_by_id(conn, ledger, id))
    }

    /// Accounts whose ids come after `after`, by id.
    ///
    /// # Errors
    /// As every read.
    pub fn accounts(
        &self,
        ledger: u32,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, Failure> {
        let ask = format!(
            "SELECT {} FROM account WHERE ledger = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            row::ACCOUNT
        );
        self.ask(|conn| {
            let bounds = (ledger, after.unwrap_or(""), count(limit));
            conn.prepare_cached(&ask)?.query_map(bounds, row::account)?.collect()
        })
    }

    /// An account's entries, newest first, from its last one or from the event `from` on, whose
    /// balance after it is given too; `None` when there is no such account. From an event that is
    /// not the account's there are none.
    ///
    /// # Errors
    /// As every read.
    pub fn entries(
        &self,
        ledger: u32,
        account: &str,
        from: Option<(u64, i128)>,
        limit: usize,
    ) -> Result<Option<Vec<Entry>>, Failure> {
        self.ask(|conn| {
            // One snapshot for the account and its events.
            let snapshot = conn.unchecked_transaction()?;
            let Some(account) = row::account_by_id(&snapshot, ledger, account)? else {
                return Ok(None);
            };
            entries(&snapshot, ledger, &account, from, limit).map(Some)
        })
    }

    /// Events above the seq `after`, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn events(&self, ledger: u32, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        let ask =
            row::EVENT.to_owned() + "WHERE e.pos > ?1 AND e.pos <= ?2 ORDER BY e.pos LIMIT ?3";
        self.ask(|conn| {
            let from = pos(ledger, after.min(SEQ_MAX))?;
            let bounds = [from, last_pos(ledger), count(limit)];
            conn.prepare_cached(&ask)?.query_map(bounds, row::event_of)?.collect()
        })
    }

    /// A connection of one's own.
    pub(super) fn connect(&self) -> Result<Connection, Stop> {
        self.pool.connect()
    }

    /// The store's file as it is now.
    ///
    /// # Errors
    /// As every read.
    pub fn about(&self) -> Result<About, Failure> {
        self.ask(|conn| about::about(conn, self.pool.path()))
    }

    /// Ask on an idle connection, or on a new one; when too many are open, wait for one.
    pub(super) fn ask<T>(
        &self,
        ask: impl FnOnce(&Connection) -> SqlResult<T>,
    ) -> Result<T, Failure> {
        let lent = self.pool.lend()?;
        let answer = ask(lent.conn()).map_err(|error| classify(&error));
        if answer.is_ok() {
            lent.give_back();
        }
        answer
    }
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn entries(
    conn: &Connection,
    ledger: u32,
    account: &Account,
    from: Option<(u64, i128)>,
    limit: usize,
) -> SqlResult<Vec<Entry>> {
    let mut walk = Walk::new(account, from, limit);
    while let Some(seq) = walk.wanted() {
        let event = if seq <= SEQ_MAX { row::event(conn, ledger, seq)? } else { None };
        walk.take(event).map_err(|BadLink(seq)| row::bad_link(seq))?;
    }
    Ok(walk.entries())
}
