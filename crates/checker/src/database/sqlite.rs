//! The rows of a SQLite file, read beside whoever writes it.
//!
//! Deliberately absent: making the file where there is none.

use super::{Account, Event, Ledger, away, range, seq};
use crate::follow::Away;
use crate::record::Hash;
use rusqlite::{Connection, OpenFlags, Row};

pub(super) fn read(path: &str, with_rows: bool) -> Result<Vec<Ledger>, Away> {
    ledgers(path, with_rows).map_err(away)
}

fn ledgers(path: &str, with_rows: bool) -> rusqlite::Result<Vec<Ledger>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    let snapshot = connection.transaction()?;
    let mut ledgers = all(&snapshot, LEDGERS, (1, i64::MAX), |row| {
        Ok(Ledger {
            no: number(row, 0)?,
            id: row.get(1)?,
            next_seq: number(row, 2)?,
            tail: row.get::<_, Hash>(3)?,
            ..Ledger::default()
        })
    })?;
    for ledger in ledgers.iter_mut().filter(|_| with_rows) {
        let range = range(ledger.no);
        ledger.events = all(&snapshot, EVENTS, range, event)?;
        ledger.accounts = all(&snapshot, ACCOUNTS, range, account)?.into_iter().collect();
        ledger.anchors =
            all(&snapshot, ANCHORS, range, |row| Ok((seq(row.get(0)?), row.get::<_, Hash>(1)?)))?;
    }
    Ok(ledgers)
}

const LEDGERS: &str =
    "SELECT no, id, next_seq, tail FROM ledger WHERE no BETWEEN ?1 AND ?2 ORDER BY no";
const EVENTS: &str = "SELECT pos, at, kind, namespace, key, debit, credit, amount, currency, code,
    ref, extra FROM event WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
const ACCOUNTS: &str = "SELECT pos, id, currency, closed, debits, credits, pending_debits,
    pending_credits, last_seq FROM account WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";
const ANCHORS: &str = "SELECT pos, hash FROM anchor WHERE pos BETWEEN ?1 AND ?2 ORDER BY pos";

fn all<T>(
    snapshot: &Connection,
    query: &str,
    range: (i64, i64),
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    snapshot.prepare(query)?.query_map(range, read)?.collect()
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| number as u64)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let account = |column| row.get::<_, Option<i64>>(column).map(|it| it.map(|no| no as u64));
    Ok(Event {
        seq: seq(row.get(0)?),
        at: row.get(1)?,
        kind: row.get(2)?,
        namespace: row.get(3)?,
        key: row.get(4)?,
        debit: account(5)?,
        credit: account(6)?,
        amount: row.get(7)?,
        currency: row.get(8)?,
        code: row.get(9)?,
        reference: account(10)?,
        extra: row.get(11)?,
    })
}

fn account(row: &Row<'_>) -> rusqlite::Result<(u64, Account)> {
    let account = Account {
        id: row.get(1)?,
        currency: row.get(2)?,
        closed: row.get(3)?,
        totals: [row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
        last_seq: number(row, 8)?,
    };
    Ok((seq(row.get(0)?), account))
}
