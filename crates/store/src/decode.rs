//! Rows as they are, for the auditor: every value is looked at before it is believed.
//!
//! The same for every database, which says only how a value is read. Deliberately absent: any
//! judgement about values that can be read.

use crate::places::{overdraft_of, seq_of};
use crate::rows::{LedgerRow, Read};
use semel_core::Text;
use semel_core::account::{Account, Decline, Totals};
use semel_core::chain::Hash;
use semel_core::event::{Event, Kind, Reference, Side};
use semel_core::id::LEDGER_MAX;
use semel_core::ledger::Position;
use semel_core::money::Currency;
use semel_core::verify::Slot;

/// The values of a row, as a database gives them; what is of no such type is told in words.
pub(crate) trait Values<'a>: Copy {
    /// A number, or nothing.
    fn optional_number(self, column: usize) -> Read<Option<i64>>;

    /// A text, or nothing.
    fn optional_text(self, column: usize) -> Read<Option<&'a str>>;

    /// Bytes, or nothing.
    fn optional_bytes(self, column: usize) -> Read<Option<&'a [u8]>>;

    /// Yes or no.
    fn flag(self, column: usize) -> Read<bool>;

    /// What is wrong: the column, and its value as far as that may be shown.
    fn odd(self, column: usize) -> String;
}

pub(crate) fn number<'a>(row: impl Values<'a>, column: usize) -> Read<i64> {
    row.optional_number(column)?.ok_or_else(|| row.odd(column))
}

/// A number that is not negative.
pub(crate) fn natural<'a>(row: impl Values<'a>, column: usize) -> Read<u64> {
    u64::try_from(number(row, column)?).map_err(|_| row.odd(column))
}

pub(crate) fn text<'a>(row: impl Values<'a>, column: usize) -> Read<&'a str> {
    row.optional_text(column)?.ok_or_else(|| row.odd(column))
}

pub(crate) fn hash<'a>(row: impl Values<'a>, column: usize) -> Read<Hash> {
    let bytes = row.optional_bytes(column)?;
    bytes.and_then(Hash::from_slice).ok_or_else(|| row.odd(column))
}

fn currency<'a>(row: impl Values<'a>, column: usize) -> Read<Currency> {
    Currency::parse(text(row, column)?).ok_or_else(|| row.odd(column))
}

/// The seq in a row's place, which is its first column; 0 where that says nothing.
pub(crate) fn seq<'a>(row: impl Values<'a>) -> u64 {
    number(row, 0).map_or(0, seq_of)
}

/// The columns of [`Decoder::event`].
pub(crate) const EVENT: &str = "SELECT pos, at, kind, format, namespace, key, debit, credit,
    amount, currency, code, ref, debit_prev, credit_prev, extra FROM event";

/// What an event's row says. What repeats from row to row is remembered.
pub(crate) struct Decoder {
    nobody: Text,
    namespace: Text,
    currency: Option<Currency>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        let nobody: Text = "".into();
        Decoder { namespace: nobody.clone(), nobody, currency: None }
    }
}

impl Decoder {
    /// An event by its own row: ids of accounts are left empty, and the time of what it refers to
    /// is 0, for those stand in other rows.
    pub(crate) fn event<'a>(&mut self, row: impl Values<'a>) -> Read<Event> {
        let namespace = text(row, 4)?;
        if *self.namespace != *namespace {
            self.namespace = namespace.into();
        }
        let kind = u8::try_from(number(row, 2)?).ok().and_then(Kind::from_number);
        let decline = match number(row, 10)? {
            0 => None,
            number => {
                let decline = u8::try_from(number).ok().and_then(Decline::from_number);
                Some(decline.ok_or_else(|| row.odd(10))?)
            }
        };
        let reference = row.optional_number(11)?.map(u64::try_from).transpose();
        let reference = reference.map_err(|_| row.odd(11))?;
        Ok(Event {
            seq: seq_of(number(row, 0)?),
            at: number(row, 1)?,
            kind: kind.ok_or_else(|| row.odd(2))?,
            format: u8::try_from(number(row, 3)?).map_err(|_| row.odd(3))?,
            namespace: self.namespace.clone(),
            key: row.optional_text(5)?.map(Text::from),
            debit: self.side(row, 6, 12)?,
            credit: self.side(row, 7, 13)?,
            amount: number(row, 8)?,
            currency: self.currency(row, 9)?,
            decline,
            reference: reference.map(|seq| Reference { seq, at: 0 }),
            extra: row.optional_text(14)?.map(Text::from),
        })
    }

    fn currency<'a>(&mut self, row: impl Values<'a>, column: usize) -> Read<Currency> {
        match self.currency {
            Some(last) if text(row, column)? == last.code() => Ok(last),
            _ => Ok(*self.currency.insert(currency(row, column)?)),
        }
    }

    fn side<'a>(&self, row: impl Values<'a>, no: usize, prev: usize) -> Read<Option<Side>> {
        let last = natural(row, prev)?;
        match row.optional_number(no)?.map(u64::try_from) {
            Some(Ok(no)) => Ok(Some(Side { no, id: self.nobody.clone(), prev: last })),
            None if last == 0 => Ok(None),
            None => Err(row.odd(prev)),
            Some(Err(_)) => Err(row.odd(no)),
        }
    }
}

/// A ledger from five columns: no, id, next_seq, tail, indexed_seq.
pub(crate) fn ledger<'a>(row: impl Values<'a>) -> Read<LedgerRow> {
    let place = |why: String| match number(row, 0) {
        Ok(no) => format!("ledger numbered {no}: {why}"),
        Err(_) => why,
    };
    let read = || {
        Ok(LedgerRow {
            no: match u32::try_from(number(row, 0)?) {
                Ok(no @ 1..=LEDGER_MAX) => no,
                _ => return Err(row.odd(0)),
            },
            id: text(row, 1)?.into(),
            position: Position { next_seq: natural(row, 2)?, tail: hash(row, 3)? },
            indexed_seq: natural(row, 4)?,
        })
    };
    read().map_err(place)
}

/// An anchor from two columns: pos, hash.
pub(crate) fn anchor<'a>(row: impl Values<'a>) -> Read<(u64, Hash)> {
    let seq = seq_of(number(row, 0)?);
    hash(row, 1).map(|hash| (seq, hash)).map_err(|why| format!("anchor at {seq}: {why}"))
}

/// An entry of the index of keys from two columns: slot, seq.
pub(crate) fn slot<'a>(row: impl Values<'a>) -> Read<Slot> {
    let slot = number(row, 0)?;
    let seq = natural(row, 1).map_err(|why| format!("key at slot {slot}: {why}"))?;
    Ok(Slot { slot, seq })
}

/// A reference from two columns: pos, ref.
pub(crate) fn reference<'a>(row: impl Values<'a>) -> Read<(u64, u64)> {
    let seq = seq_of(number(row, 0)?);
    let to = natural(row, 1).map_err(|why| format!("reference of event {seq}: {why}"))?;
    Ok((seq, to))
}

/// The columns of [`account`].
pub(crate) const ACCOUNT: &str = "SELECT pos, id, currency, overdraft, closed, debits, credits,
    pending_debits, pending_credits, last_seq, ledger FROM account";

/// An account from the columns of [`ACCOUNT`].
pub(crate) fn account<'a>(row: impl Values<'a>) -> Read<Account> {
    let place = number(row, 0)?;
    let read = || {
        if number(row, 10)? != place >> 40 {
            return Err(row.odd(10));
        }
        Ok(Account {
            no: seq_of(place),
            id: text(row, 1)?.into(),
            currency: currency(row, 2)?,
            overdraft: overdraft_of(number(row, 3)?).ok_or_else(|| row.odd(3))?,
            closed: row.flag(4)?,
            totals: Totals {
                debits: number(row, 5)?,
                credits: number(row, 6)?,
                pending_debits: number(row, 7)?,
                pending_credits: number(row, 8)?,
            },
            last_seq: natural(row, 9)?,
        })
    };
    read().map_err(|why| format!("account {}: {why}", seq_of(place)))
}
