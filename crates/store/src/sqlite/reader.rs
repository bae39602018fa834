//! Readers beside the writer: one read-only connection each, as many as there are readers at once.
//!
//! All calls block for as long as SQLite reads. What they answer is committed.

use super::about;
use super::classify::classify;
use super::open;
use super::row::{self, pos};
use crate::rows::{About, Entry, IngestRow, Ledger, LetterFilter, LetterRow};
use rusqlite::{Connection, Result as SqlResult, Row, ToSql, params_from_iter};
use semel_core::account::Account;
use semel_core::event::{Event, Side};
use semel_core::failure::{Failure, Stop};
use semel_core::id::{EventId, SEQ_MAX};
use semel_core::ingest::Counts;
use semel_core::movement::Movement;
use semel_core::payment::Payment;
use semel_core::reason::Reason;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Reads beside a writer, be it in this process or in another. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Reader {
    /// Read the store at `path`: beside a live server, or a copy.
    ///
    /// # Errors
    /// `DataUnusable` when there is none, `StoreNewer`, `StoreCorrupt`, `StoreReadOnly`.
    pub fn open(path: &Path) -> Result<Reader, Stop> {
        let idle = Arc::new(Mutex::new(vec![open::reader(path)?]));
        Ok(Reader { path: path.to_owned(), idle })
    }

    /// All ledgers, by number.
    ///
    /// # Errors
    /// As every read: a `Failure` of the store.
    pub fn ledgers(&self) -> Result<Vec<Ledger>, Failure> {
        let ask = "SELECT no, id, next_seq, tail FROM ledger ORDER BY no";
        self.ask(|conn| conn.prepare_cached(ask)?.query_map([], row::ledger)?.collect())
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
        let kinds = "e.kind IN (3, 4, 7)";
        let ask = row::EVENT.to_owned()
            + &format!("WHERE e.pos > ?1 AND e.pos < ?2 AND {kinds} ORDER BY e.pos DESC LIMIT ?3");
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
            let bounds = [from, row::last_pos(ledger), count(limit)];
            conn.prepare_cached(&ask)?.query_map(bounds, row::event_of)?.collect()
        })
    }

    /// The ingest named `name`, all its sources together.
    ///
    /// # Errors
    /// As every read.
    pub fn ingest(&self, ledger: u32, name: &str) -> Result<Option<IngestRow>, Failure> {
        let ingests = self.ingests(ledger)?;
        Ok(ingests.into_iter().find(|ingest| &*ingest.name == name))
    }

    /// All ingests of a ledger, by name.
    ///
    /// # Errors
    /// As every read.
    pub fn ingests(&self, ledger: u32) -> Result<Vec<IngestRow>, Failure> {
        const ASK: &str = "SELECT ingest, sum(read), sum(accepted), sum(succeeded), sum(declined),
                sum(duplicates), sum(conflicts), sum(dead_letters)
            FROM leg WHERE ledger = ?1 GROUP BY ingest ORDER BY ingest";
        self.ask(|conn| conn.prepare_cached(ASK)?.query_map([ledger], ingest)?.collect())
    }

    /// Dead letters above the number `after`, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn letters(
        &self,
        ledger: u32,
        filter: &LetterFilter,
        after: i64,
        limit: usize,
    ) -> Result<Vec<LetterRow>, Failure> {
        const ASK: &str = "SELECT d.id, leg.ingest, leg.file, d.line, d.reason, d.detail, d.key,
                d.value, d.headers, d.masked, d.first_failed_at, d.last_failed_at, d.attempts,
                leg.mapping
            FROM dead_letter d JOIN leg ON leg.source = d.source";
        let (narrow, mut values) = narrowed(ledger, filter);
        values.push(Box::new(after));
        values.push(Box::new(count(limit)));
        let ask = format!("{ASK} WHERE {narrow} AND d.id > ? ORDER BY d.id LIMIT ?");
        self.ask(|conn| conn.prepare(&ask)?.query_map(params_from_iter(&values), letter)?.collect())
    }

    /// One dead letter.
    ///
    /// # Errors
    /// As every read.
    pub fn letter(&self, ledger: u32, id: i64) -> Result<Option<LetterRow>, Failure> {
        let filter = LetterFilter { ids: Some(vec![id]), ..LetterFilter::default() };
        Ok(self.letters(ledger, &filter, i64::MIN, 1)?.pop())
    }

    /// How many dead letters there are, by reason, the most frequent first.
    ///
    /// # Errors
    /// As every read.
    pub fn letter_reasons(
        &self,
        ledger: u32,
        filter: &LetterFilter,
    ) -> Result<Vec<(Reason, u64)>, Failure> {
        let (narrow, values) = narrowed(ledger, filter);
        let ask = format!(
            "SELECT d.reason, count(*) FROM dead_letter d JOIN leg ON leg.source = d.source
             WHERE {narrow} GROUP BY d.reason ORDER BY count(*) DESC, d.reason"
        );
        self.ask(|conn| {
            let reasons = |row: &Row<'_>| Ok((row::reason(row, 0)?, row::seq(row, 1)?));
            conn.prepare(&ask)?.query_map(params_from_iter(&values), reasons)?.collect()
        })
    }

    /// A connection of one's own.
    pub(super) fn connect(&self) -> Result<Connection, Stop> {
        open::reader(&self.path)
    }

    /// The store's file as it is now.
    ///
    /// # Errors
    /// As every read.
    pub fn about(&self) -> Result<About, Failure> {
        self.ask(|conn| about::about(conn, &self.path))
    }

    /// Ask on an idle connection, or on a new one.
    pub(super) fn ask<T>(
        &self,
        ask: impl FnOnce(&Connection) -> SqlResult<T>,
    ) -> Result<T, Failure> {
        let idle = self.idle.lock().expect("nobody panics while holding it").pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.connect()?,
        };
        let answer = ask(&conn).map_err(|error| classify(&error));
        if answer.is_ok() {
            self.idle.lock().expect("nobody panics while holding it").push(conn);
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
    let (mut seq, mut balance) = from.unwrap_or((account.last_seq, account.totals.balance()));
    let mut entries = Vec::new();
    let mut trusted = from.is_none();
    while seq != 0 && entries.len() < limit {
        let Some((event, posted, prev)) = linked(conn, ledger, account, seq)? else {
            // A place that the caller made up has no entries; one that a row names has.
            return if trusted { Err(row::bad_link(seq)) } else { Ok(entries) };
        };
        trusted = true;
        if seq <= prev {
            return Err(row::bad_link(seq));
        }
        seq = prev;
        if posted != 0 {
            entries.push(Entry { event, posted, balance });
            balance = balance.saturating_sub(i128::from(posted));
        }
    }
    Ok(entries)
}

/// The event numbered `seq`, what it posted to `account`, and that account's event before it;
/// `None` when it is none of the account's.
fn linked(
    conn: &Connection,
    ledger: u32,
    account: &Account,
    seq: u64,
) -> SqlResult<Option<(Event, i64, u64)>> {
    let event = if seq <= SEQ_MAX { row::event(conn, ledger, seq)? } else { None };
    let Some(event) = event else { return Ok(None) };
    let posted = Movement::of(event.kind, event.amount, 0).map_or(0, |moved| moved.posted);
    let own = |side: &Option<Side>| {
        side.as_ref().filter(|side| side.no == account.no).map(|side| side.prev)
    };
    Ok(match (own(&event.debit), own(&event.credit)) {
        (Some(prev), _) => Some((event, -posted, prev)),
        (None, Some(prev)) => Some((event, posted, prev)),
        (None, None) => None,
    })
}

fn ingest(row: &Row<'_>) -> SqlResult<IngestRow> {
    let counts = Counts {
        read: row.get(1)?,
        accepted: row.get(2)?,
        succeeded: row.get(3)?,
        declined: row.get(4)?,
        duplicates: row.get(5)?,
        conflicts: row.get(6)?,
        dead_letters: row.get(7)?,
    };
    Ok(IngestRow { name: row.get(0)?, counts })
}

fn letter(row: &Row<'_>) -> SqlResult<LetterRow> {
    let raw = semel_core::dead_letter::Raw {
        key: row.get(6)?,
        value: row.get(7)?,
        headers: row::headers(row, 8)?,
    };
    Ok(LetterRow {
        id: row.get(0)?,
        ingest: row.get(1)?,
        file: row.get(2)?,
        line: row::seq(row, 3)?,
        reason: row::reason(row, 4)?,
        detail: row.get(5)?,
        raw,
        masked: row.get(9)?,
        first_failed_at: row.get(10)?,
        last_failed_at: row.get(11)?,
        attempts: row.get(12)?,
        mapping: row.get(13)?,
    })
}

/// The condition that a filter stands for, and its values.
fn narrowed(ledger: u32, filter: &LetterFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let mut narrow = String::from("leg.ledger = ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(ledger)];
    if let Some(ingest) = &filter.ingest {
        narrow += " AND leg.ingest = ?";
        values.push(Box::new(ingest.clone()));
    }
    if let Some(reason) = &filter.reason {
        narrow += " AND d.reason = ?";
        values.push(Box::new(reason.as_str()));
    }
    if let Some(ids) = &filter.ids {
        // Numbers only: there is nothing to escape.
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        narrow += &format!(" AND d.id IN ({})", list.join(", "));
    }
    (narrow, values)
}
