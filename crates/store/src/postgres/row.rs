//! Rows and what they mean: events, accounts, payments. Reads only.

use super::classify::classify;
use super::columns::{Columns, damaged};
use super::memory::Turn;
use crate::decode::Decoder;
use crate::places::pos;
use crate::rows::{Ledger, Read};
use deadpool_postgres::ClientWrapper;
use semel_core::account::{Account, Totals};
use semel_core::event::{Event, Kind, Reference, Side};
use semel_core::failure::{Failure, Stop};
use semel_core::id::EventId;
use semel_core::ledger::{Paid, Position};
use semel_core::payment::Payment;
use semel_core::problem::Code;
use std::collections::HashMap;
use std::slice;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// The parameters of a statement.
pub(super) type Params<'a> = [&'a (dyn ToSql + Sync)];

/// The rows that `ask` finds, by a statement that the session remembers.
pub(super) async fn rows(
    client: &ClientWrapper,
    ask: &str,
    params: &Params<'_>,
) -> Result<Vec<Row>, Failure> {
    let sql = |error: tokio_postgres::Error| classify(&error);
    let statement = client.prepare_cached(ask).await.map_err(sql)?;
    client.query(&statement, params).await.map_err(sql)
}

/// The rows that `ask` finds, each as `read` makes sense of it.
pub(super) async fn all<T>(
    client: &ClientWrapper,
    ask: &str,
    params: &Params<'_>,
    mut read: impl FnMut(Columns<'_>) -> Read<T>,
) -> Result<Vec<T>, Failure> {
    let rows = rows(client, ask, params).await?;
    let read: Read<Vec<T>> = rows.iter().map(|row| read(Columns(row))).collect();
    read.map_err(damaged)
}

/// As [`all`], where there can be only one.
pub(super) async fn one<T>(
    client: &ClientWrapper,
    ask: &str,
    params: &Params<'_>,
    read: impl FnMut(Columns<'_>) -> Read<T>,
) -> Result<Option<T>, Failure> {
    Ok(all(client, ask, params, read).await?.pop())
}

/// The place of a row that is about to be asked for or written.
pub(super) fn place(ledger: u32, seq: u64) -> Result<i64, Failure> {
    let beyond = || Stop::new(Code::StoreDefect, format!("the seq {seq} is beyond 40 bits"));
    Ok(pos(ledger, seq).ok_or_else(beyond)?)
}

/// A ledger's number as SQL has it; no ledger has one beyond.
pub(super) fn ledger_value(ledger: u32) -> i32 {
    i32::try_from(ledger).unwrap_or(i32::MAX)
}

/// A number as SQL has it.
pub(super) fn number(number: u64) -> Result<i64, Failure> {
    let beyond = |_| Stop::new(Code::StoreDefect, format!("{number} is beyond 63 bits"));
    Ok(i64::try_from(number).map_err(beyond)?)
}

/// The ledger named by the parameter.
pub(super) const LEDGER_BY_ID: &str = "SELECT no, id, next_seq, tail FROM ledger WHERE id = $1";

/// A ledger from four columns: no, id, next_seq, tail.
pub(super) fn ledger(row: Columns<'_>) -> Read<Ledger> {
    Ok(Ledger { no: ledger_no(row, 0)?, id: row.owned(1)?, position: position(row, 2)? })
}

/// A ledger's number.
pub(super) fn ledger_no(row: Columns<'_>, column: usize) -> Read<u32> {
    u32::try_from(row.number(column)?).map_err(|_| row.odd(column))
}

/// The end of a log from two columns: next_seq, tail.
pub(super) fn position(row: Columns<'_>, first: usize) -> Read<Position> {
    Ok(Position { next_seq: row.natural(first)?, tail: row.hash(first + 1)? })
}

/// The columns of [`account`].
pub(super) const ACCOUNT: &str = "pos, id, currency, overdraft, closed, debits, credits,
    pending_debits, pending_credits, last_seq";

/// An account from the columns of [`ACCOUNT`].
pub(super) fn account(row: Columns<'_>) -> Read<Account> {
    Ok(Account {
        no: row.seq(0)?,
        id: row.owned(1)?,
        currency: row.currency(2)?,
        overdraft: row.overdraft(3)?,
        closed: row.flag(4)?,
        totals: Totals {
            debits: row.number(5)?,
            credits: row.number(6)?,
            pending_debits: row.number(7)?,
            pending_credits: row.number(8)?,
        },
        last_seq: row.natural(9)?,
    })
}

/// The columns of [`event`], with the tables that they come from.
pub(super) const EVENT: &str = "SELECT e.pos, e.at, e.kind, e.format, e.namespace, e.key, e.debit,
        e.credit, e.amount, e.currency, e.code, e.ref, e.debit_prev, e.credit_prev, e.extra,
        d.id, c.id, p.at, e.slot
    FROM event e
    LEFT JOIN account d ON d.pos = (e.pos >> 40 << 40) + e.debit
    LEFT JOIN account c ON c.pos = (e.pos >> 40 << 40) + e.credit
    LEFT JOIN event p ON p.pos = (e.pos >> 40 << 40) + e.ref ";

/// An event from the columns of [`EVENT`].
pub(super) fn event(row: Columns<'_>) -> Read<Event> {
    let side = |no: usize, prev: usize, id: usize| -> Read<Option<Side>> {
        let Some(account) = row.optional_natural(no)? else { return Ok(None) };
        Ok(Some(Side { no: account, id: row.owned(id)?, prev: row.natural(prev)? }))
    };
    let reference = match row.optional_natural(11)? {
        Some(seq) => Some(Reference { seq, at: row.number(17)? }),
        None => None,
    };
    let bare = Decoder::default().event(row)?;
    Ok(Event { debit: side(6, 12, 15)?, credit: side(7, 13, 16)?, reference, ..bare })
}

/// Payments after the events that refer to them. Refunds that were declined change nothing.
pub(super) async fn followed(
    client: &ClientWrapper,
    ledger: u32,
    mut payments: Vec<Payment>,
) -> Result<Vec<Payment>, Failure> {
    const LATER: &str = "SELECT (pos >> 40 << 40) + ref, kind, amount FROM event
        WHERE (pos >> 40 << 40) + ref = ANY($1) AND ref IS NOT NULL AND kind <> 6 ORDER BY pos";
    let mut places = Vec::with_capacity(payments.len());
    for payment in &payments {
        places.push(place(ledger, payment.event.seq)?);
    }
    let later = all(client, LATER, &[&places], |row| {
        let kind = Kind::from_number(row.small(1)?).ok_or_else(|| row.odd(1))?;
        Ok((row.seq(0)?, kind, row.number(2)?))
    })
    .await?;
    let mut by_seq: HashMap<u64, Vec<(Kind, i64)>> = HashMap::new();
    for (seq, kind, amount) in later {
        by_seq.entry(seq).or_default().push((kind, amount));
    }
    for payment in &mut payments {
        let seq = payment.event.seq;
        let fits = by_seq.get(&seq).into_iter().flatten().all(|&(kind, amount)| {
            // As the auditor would find.
            payment.follow(kind, amount)
        });
        if !fits {
            return Err(damaged(format!("what was done to the payment of event {seq}")));
        }
    }
    Ok(payments)
}

/// The payment named `id`, with what later events say of it.
pub(super) async fn payment(
    client: &ClientWrapper,
    ledger: u32,
    id: &EventId,
) -> Result<Option<Payment>, Failure> {
    Ok(payments(client, ledger, slice::from_ref(id)).await?.pop().flatten())
}

/// For each id, the payment with what later events say of it.
pub(super) async fn payments(
    client: &ClientWrapper,
    ledger: u32,
    ids: &[EventId],
) -> Result<Vec<Option<Payment>>, Failure> {
    let ask = format!("{EVENT} WHERE e.pos = ANY($1)");
    let own = ids.iter().filter(|id| id.ledger == ledger);
    let places: Vec<i64> = own.filter_map(|id| pos(ledger, id.seq)).collect();
    if places.is_empty() {
        return Ok(ids.iter().map(|_| None).collect());
    }
    let events = all(client, &ask, &[&places], event).await?;
    let recorded = events.into_iter().filter_map(Payment::recorded).collect();
    let followed = followed(client, ledger, recorded).await?;
    let by_seq: HashMap<u64, Payment> =
        followed.into_iter().map(|payment| (payment.event.seq, payment)).collect();
    // An id from before a store rewind names another moment.
    let named = |id: &EventId| {
        let found = by_seq.get(&id.seq).filter(|_| id.ledger == ledger);
        found.filter(|payment| payment.event.at == id.at).cloned()
    };
    Ok(ids.iter().map(named).collect())
}

/// The accounts with these numbers, as their rows have them.
pub(super) async fn accounts_by_no(
    client: &ClientWrapper,
    ledger: u32,
    numbers: &[u64],
) -> Result<Vec<Account>, Failure> {
    let ask = format!("SELECT {ACCOUNT} FROM account WHERE pos = ANY($1)");
    let places: Vec<i64> = numbers.iter().filter_map(|no| pos(ledger, *no)).collect();
    match places.is_empty() {
        true => Ok(Vec::new()),
        false => all(client, &ask, &[&places], account).await,
    }
}

/// For each id, the payment and its accounts, which are met on the way.
pub(super) async fn paid(
    client: &ClientWrapper,
    ledger: u32,
    ids: &[EventId],
    known: &Turn,
) -> Result<Vec<Option<Paid>>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let payments = payments(client, ledger, ids).await?;
    let events = payments.iter().flatten().map(|payment| &payment.event);
    let sides = events.flat_map(|event| event.debit.iter().chain(&event.credit));
    let unmet = |no: &u64| known.read().account(*no).is_none();
    let numbers: Vec<u64> = sides.map(|side| side.no).filter(unmet).collect();
    let met = accounts_by_no(client, ledger, &numbers).await?;
    known.write().meet(met);
    let known = known.read();
    let with_accounts = |payment: Payment| {
        let account = |side: &Option<Side>| known.account(side.as_ref()?.no).cloned();
        let both = (account(&payment.event.debit), account(&payment.event.credit));
        match both {
            (Some(debit), Some(credit)) => Ok(Paid { payment, debit, credit }),
            _ => Err(damaged(format!("event {} names no account", payment.event.seq))),
        }
    };
    payments.into_iter().map(|payment| payment.map(with_accounts).transpose()).collect()
}
