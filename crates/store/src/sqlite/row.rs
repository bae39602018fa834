//! Rows and what they mean: numbers, texts, events, accounts, payments.
//!
//! Every value is checked on the way in. What Semel cannot have written is an error, never a guess.

use crate::places::{self, overdraft_of, seq_of};
use crate::rows::Ledger;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, params};
use semel_core::account::{Account, Decline, Overdraft, Totals};
use semel_core::chain::Hash;
use semel_core::event::{Event, Kind, Reference, Side};
use semel_core::exactly_once::Cursor;
use semel_core::id::EventId;
use semel_core::ledger::{Paid, Position};
use semel_core::money::Currency;
use semel_core::payment::Payment;
use semel_core::reason::Reason;

/// The place of a row.
pub(super) fn pos(ledger: u32, seq: u64) -> Result<i64> {
    let beyond = || Error::ToSqlConversionFailure("a seq beyond 40 bits".into());
    places::pos(ledger, seq).ok_or_else(beyond)
}

/// A number as SQL has it.
pub(super) fn sql(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// A number that is not negative.
pub(super) fn seq(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// A text, without a copy.
pub(super) fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// 32 bytes.
pub(super) fn hash(row: &Row<'_>, column: usize) -> Result<Hash> {
    row.get(column).map(Hash)
}

/// A cursor from three columns: next, tail, hint.
pub(super) fn cursor(row: &Row<'_>, first: usize) -> Result<Cursor> {
    Ok(Cursor { next: seq(row, first)?, tail: hash(row, first + 1)?, hint: seq(row, first + 2)? })
}

/// Why an item was refused.
pub(super) fn reason(row: &Row<'_>, column: usize) -> Result<Reason> {
    Reason::parse(text(row, column)?).ok_or_else(|| unknown(column, Type::Text))
}

fn overdraft(row: &Row<'_>, column: usize) -> Result<Overdraft> {
    let number = row.get(column)?;
    overdraft_of(number).ok_or(Error::IntegralValueOutOfRange(column, number))
}

fn currency(row: &Row<'_>, column: usize) -> Result<Currency> {
    Currency::parse(text(row, column)?).ok_or_else(|| unknown(column, Type::Text))
}

fn unknown(column: usize, kind: Type) -> Error {
    Error::FromSqlConversionFailure(column, kind, Box::new(FromSqlError::InvalidType))
}

/// A link between an account's events that leads to `seq`, where it must not.
pub(super) fn bad_link(seq: u64) -> Error {
    Error::FromSqlConversionFailure(12, Type::Integer, format!("a link to event {seq}").into())
}

/// Headers of a dead letter from their text.
pub(super) fn headers(row: &Row<'_>, column: usize) -> Result<Vec<(String, Vec<u8>)>> {
    let bad = |error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    serde_json::from_str(text(row, column)?).map_err(bad)
}

/// The ledger named `id`.
pub(super) fn ledger_by_id(conn: &Connection, id: &str) -> Result<Option<Ledger>> {
    const ASK: &str = "SELECT no, id, next_seq, tail FROM ledger WHERE id = ?1";
    conn.prepare_cached(ASK)?.query_row([id], ledger).optional()
}

/// A ledger from four columns: no, id, next_seq, tail.
pub(super) fn ledger(row: &Row<'_>) -> Result<Ledger> {
    let position = Position { next_seq: seq(row, 2)?, tail: hash(row, 3)? };
    Ok(Ledger { no: row.get(0)?, id: row.get(1)?, position })
}

/// The columns of [`account`].
pub(super) const ACCOUNT: &str = "pos, id, currency, overdraft, closed, debits, credits,
    pending_debits, pending_credits, last_seq";

/// An account from the columns of [`ACCOUNT`].
pub(super) fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        no: seq_of(row.get(0)?),
        id: row.get(1)?,
        currency: currency(row, 2)?,
        overdraft: overdraft(row, 3)?,
        closed: row.get(4)?,
        totals: Totals {
            debits: row.get(5)?,
            credits: row.get(6)?,
            pending_debits: row.get(7)?,
            pending_credits: row.get(8)?,
        },
        last_seq: seq(row, 9)?,
    })
}

/// The account named `id`.
pub(super) fn account_by_id(conn: &Connection, ledger: u32, id: &str) -> Result<Option<Account>> {
    let ask = format!("SELECT {ACCOUNT} FROM account WHERE ledger = ?1 AND id = ?2");
    conn.prepare_cached(&ask)?.query_row(params![ledger, id], account).optional()
}

fn account_by_no(conn: &Connection, ledger: u32, no: u64) -> Result<Account> {
    let ask = format!("SELECT {ACCOUNT} FROM account WHERE pos = ?1");
    let account = conn.prepare_cached(&ask)?.query_row([pos(ledger, no)?], account).optional()?;
    // An event names it.
    account.ok_or_else(|| unknown(0, Type::Null))
}

/// The columns of [`event_of`], with the tables that they come from.
pub(super) const EVENT: &str = "SELECT e.pos, e.at, e.kind, e.format, e.namespace, e.key, e.debit,
        e.credit, e.amount, e.currency, e.code, e.ref, e.debit_prev, e.credit_prev, e.extra,
        d.id, c.id, p.at
    FROM event e
    LEFT JOIN account d ON d.pos = (e.pos >> 40 << 40) + e.debit
    LEFT JOIN account c ON c.pos = (e.pos >> 40 << 40) + e.credit
    LEFT JOIN event p ON p.pos = (e.pos >> 40 << 40) + e.ref ";

/// An event from the columns of [`EVENT`].
pub(super) fn event_of(row: &Row<'_>) -> Result<Event> {
    let side = |no: usize, prev: usize, id: usize| -> Result<Option<Side>> {
        let Some(account) = row.get::<_, Option<i64>>(no)? else { return Ok(None) };
        let no = u64::try_from(account).map_err(|_| Error::IntegralValueOutOfRange(no, account))?;
        Ok(Some(Side { no, id: row.get(id)?, prev: seq(row, prev)? }))
    };
    let reference = match row.get::<_, Option<i64>>(11)? {
        Some(_) => Some(Reference { seq: seq(row, 11)?, at: row.get(17)? }),
        None => None,
    };
    let decline = match row.get(10)? {
        0 => None,
        number => Some(Decline::from_number(number).ok_or_else(|| unknown(10, Type::Integer))?),
    };
    Ok(Event {
        seq: seq_of(row.get(0)?),
        at: row.get(1)?,
        kind: Kind::from_number(row.get(2)?).ok_or_else(|| unknown(2, Type::Integer))?,
        format: row.get(3)?,
        namespace: row.get(4)?,
        key: row.get(5)?,
        debit: side(6, 12, 15)?,
        credit: side(7, 13, 16)?,
        amount: row.get(8)?,
        currency: currency(row, 9)?,
        decline,
        reference,
        extra: row.get(14)?,
    })
}

/// The event numbered `seq`.
pub(super) fn event(conn: &Connection, ledger: u32, seq: u64) -> Result<Option<Event>> {
    let ask = EVENT.to_owned() + "WHERE e.pos = ?1";
    conn.prepare_cached(&ask)?.query_row([pos(ledger, seq)?], event_of).optional()
}

/// The payment named `id`, with what later events say of it.
pub(super) fn payment(conn: &Connection, ledger: u32, id: &EventId) -> Result<Option<Payment>> {
    if id.ledger != ledger {
        return Ok(None);
    }
    // An id from before a store rewind names another moment.
    let event = event(conn, ledger, id.seq)?.filter(|event| event.at == id.at);
    match event.and_then(Payment::recorded) {
        Some(payment) => followed(conn, ledger, payment).map(Some),
        None => Ok(None),
    }
}

/// A payment after the events that refer to it.
pub(super) fn followed(conn: &Connection, ledger: u32, mut payment: Payment) -> Result<Payment> {
    const LATER: &str = "SELECT kind, amount FROM event
        WHERE ledger = ?1 AND ref = ?2 ORDER BY pos";
    let mut later = conn.prepare_cached(LATER)?;
    let mut rows = later.query([i64::from(ledger), sql(payment.event.seq)?])?;
    while let Some(row) = rows.next()? {
        let kind = Kind::from_number(row.get(0)?).ok_or_else(|| unknown(0, Type::Integer))?;
        if !payment.follow(kind, row.get(1)?) {
            return Err(unknown(0, Type::Integer));
        }
    }
    Ok(payment)
}

/// For each id, the payment and its accounts.
pub(super) fn paid(conn: &Connection, ledger: u32, ids: &[EventId]) -> Result<Vec<Option<Paid>>> {
    let paid = |id: &EventId| {
        let Some(payment) = payment(conn, ledger, id)? else { return Ok(None) };
        let account = |side: &Option<Side>| match side {
            Some(side) => account_by_no(conn, ledger, side.no),
            None => Err(unknown(6, Type::Null)),
        };
        let debit = account(&payment.event.debit)?;
        let credit = account(&payment.event.credit)?;
        Ok(Some(Paid { payment, debit, credit }))
    };
    ids.iter().map(paid).collect()
}
