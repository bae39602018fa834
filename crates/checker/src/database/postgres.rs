//! The rows of a PostgreSQL database, as they were at one moment.
//!
//! Rows of accounts may be written later than events; `ledger.accounts_seq` says up to where all of
//! them are, and `last_seq` how far each one is.
//! Deliberately absent: a pool. One session reads, once.

use super::{Account, Event, Ledger, away, range, seq};
use crate::follow::Away;
use crate::record::Hash;
use futures_util::TryStreamExt;
use tokio_postgres::{Client, Error, NoTls, Row};

pub(super) async fn read(url: &str, with_rows: bool) -> Result<Vec<Ledger>, Away> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(told)?;
    // It ends when the client is dropped; what goes wrong in it is told to whoever asks.
    let connection = tokio::spawn(connection);
    let begun = client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await;
    begun.map_err(told)?;
    let ledgers = ledgers(&client, with_rows).await;
    drop(client);
    let _ended = connection.await;
    ledgers
}

async fn ledgers(snapshot: &Client, with_rows: bool) -> Result<Vec<Ledger>, Away> {
    let mut ledgers = all(snapshot, LEDGERS, (1, i64::MAX), ledger).await?;
    for ledger in ledgers.iter_mut().filter(|_| with_rows) {
        let range = range(ledger.no);
        ledger.events = all(snapshot, EVENTS, range, event).await?;
        ledger.accounts = all(snapshot, ACCOUNTS, range, account).await?.into_iter().collect();
        let anchor = |row: &Row| Ok((seq(row.try_get(0).map_err(told)?), hash(row, 1)?));
        ledger.anchors = all(snapshot, ANCHORS, range, anchor).await?;
    }
    Ok(ledgers)
}

const LEDGERS: &str = "SELECT no::bigint, id, next_seq, tail, accounts_seq FROM ledger
    WHERE no::bigint BETWEEN $1 AND $2 ORDER BY no";
const EVENTS: &str =
    "SELECT pos, at, kind::bigint, namespace, key, debit, credit, amount, currency,
    code::bigint, ref, extra FROM event WHERE pos BETWEEN $1 AND $2 ORDER BY pos";
const ACCOUNTS: &str = "SELECT pos, id, currency, closed, debits, credits, pending_debits,
    pending_credits, last_seq FROM account WHERE pos BETWEEN $1 AND $2 ORDER BY pos";
const ANCHORS: &str = "SELECT pos, hash FROM anchor WHERE pos BETWEEN $1 AND $2 ORDER BY pos";

async fn all<T>(
    snapshot: &Client,
    query: &str,
    (first, last): (i64, i64),
    read: impl Fn(&Row) -> Result<T, Away>,
) -> Result<Vec<T>, Away> {
    let rows = snapshot.query_raw(query, [first, last]).await.map_err(told)?;
    rows.map_err(told).and_then(|row| std::future::ready(read(&row))).try_collect().await
}

fn ledger(row: &Row) -> Result<Ledger, Away> {
    Ok(Ledger {
        no: number(row, 0)?,
        id: row.try_get(1).map_err(told)?,
        next_seq: number(row, 2)?,
        tail: hash(row, 3)?,
        accounts_seq: Some(number(row, 4)?),
        ..Ledger::default()
    })
}

fn event(row: &Row) -> Result<Event, Away> {
    let event = || {
        let numbered = |column| row.try_get::<_, Option<i64>>(column);
        Ok(Event {
            seq: seq(row.try_get(0)?),
            at: row.try_get(1)?,
            kind: row.try_get(2)?,
            namespace: row.try_get(3)?,
            key: row.try_get(4)?,
            debit: numbered(5)?.map(|no| no as u64),
            credit: numbered(6)?.map(|no| no as u64),
            amount: row.try_get(7)?,
            currency: row.try_get(8)?,
            code: row.try_get(9)?,
            reference: numbered(10)?.map(|seq| seq as u64),
            extra: row.try_get(11)?,
        })
    };
    event().map_err(told)
}

fn account(row: &Row) -> Result<(u64, Account), Away> {
    let account = || {
        let totals = [row.try_get(4)?, row.try_get(5)?, row.try_get(6)?, row.try_get(7)?];
        let (id, currency, closed) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let last_seq = row.try_get::<_, i64>(8)? as u64;
        Ok((seq(row.try_get(0)?), Account { id, currency, closed, totals, last_seq }))
    };
    account().map_err(told)
}

fn number(row: &Row, column: usize) -> Result<u64, Away> {
    row.try_get::<_, i64>(column).map(|number| number as u64).map_err(told)
}

fn hash(row: &Row, column: usize) -> Result<Hash, Away> {
    let bytes: Vec<u8> = row.try_get(column).map_err(told)?;
    bytes.try_into().map_err(|_| away("a hash that does not have 32 bytes"))
}

/// With what the server said: the error alone says that there was one.
fn told(error: Error) -> Away {
    match error.as_db_error() {
        Some(said) => away(format!("{error}: {}", said.message())),
        None => away(error),
    }
}
