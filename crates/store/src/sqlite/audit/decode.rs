//! Rows as they are: every value is looked at before it is believed.

use crate::places::{overdraft_of, seq_of};
use crate::rows::{LedgerRow, Read};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use semel_core::Text;
use semel_core::account::{Account, Decline, Totals};
use semel_core::chain::Hash;
use semel_core::event::{Event, Kind, Reference, Side};
use semel_core::id::LEDGER_MAX;
use semel_core::ledger::Position;
use semel_core::money::Currency;
use semel_core::verify::Slot;

/// The columns of [`Decoder::event`].
pub(super) const EVENT: &str = "SELECT pos, at, kind, format, namespace, key, debit, credit,
    amount, currency, code, ref, debit_prev, credit_prev, extra FROM event";

/// The values of a row.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a>(pub(super) &'a Row<'a>);

impl<'a> Columns<'a> {
    /// The first column, where every row has its place.
    pub(super) fn pos(self) -> Option<i64> {
        self.optional_number(0).ok()?
    }

    pub(super) fn number(self, column: usize) -> Read<i64> {
        self.optional_number(column)?.ok_or_else(|| self.odd(column))
    }

    fn optional_number(self, column: usize) -> Read<Option<i64>> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Integer(number)) => Ok(Some(number)),
            Ok(ValueRef::Null) => Ok(None),
            _ => Err(self.odd(column)),
        }
    }

    /// A number that is not negative.
    pub(super) fn natural(self, column: usize) -> Read<u64> {
        u64::try_from(self.number(column)?).map_err(|_| self.odd(column))
    }

    pub(super) fn text(self, column: usize) -> Read<&'a str> {
        self.optional_text(column)?.ok_or_else(|| self.odd(column))
    }

    fn optional_text(self, column: usize) -> Read<Option<&'a str>> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Text(bytes)) => {
                std::str::from_utf8(bytes).map(Some).map_err(|_| self.odd(column))
            }
            Ok(ValueRef::Null) => Ok(None),
            _ => Err(self.odd(column)),
        }
    }

    pub(super) fn hash(self, column: usize) -> Read<Hash> {
        let bytes = match self.0.get_ref(column) {
            Ok(ValueRef::Blob(bytes)) => Hash::from_slice(bytes),
            _ => None,
        };
        bytes.ok_or_else(|| self.odd(column))
    }

    pub(super) fn optional_bytes(self, column: usize) -> Read<Option<&'a [u8]>> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(ValueRef::Blob(bytes)) => Ok(Some(bytes)),
            _ => Err(self.odd(column)),
        }
    }

    /// What is wrong: the column, and its value as far as that may be shown.
    pub(super) fn odd(self, column: usize) -> String {
        let name = self.0.as_ref().column_name(column).unwrap_or("value");
        match self.0.get_ref(column) {
            Ok(ValueRef::Integer(number)) => format!("its {name} is {number}"),
            Ok(ValueRef::Null) => format!("its {name} is missing"),
            Ok(value) => format!("its {name} is no {name}, but {}", value.data_type()),
            Err(_) => format!("its {name} cannot be read"),
        }
    }
}

/// What an event's row says. What repeats from row to row is remembered.
pub(super) struct Decoder {
    nobody: Text,
    namespace: Text,
    currency: Option<Currency>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { nobody: "".into(), namespace: "".into(), currency: None }
    }
}

impl Decoder {
    pub(super) fn event(&mut self, row: Columns<'_>) -> Read<Event> {
        let namespace = row.text(4)?;
        if *self.namespace != *namespace {
            self.namespace = namespace.into();
        }
        let kind = u8::try_from(row.number(2)?).ok().and_then(Kind::from_number);
        let decline = match row.number(10)? {
            0 => None,
            number => {
                let decline = u8::try_from(number).ok().and_then(Decline::from_number);
                Some(decline.ok_or_else(|| row.odd(10))?)
            }
        };
        let reference = row.optional_number(11)?.map(u64::try_from).transpose();
        let reference = reference.map_err(|_| row.odd(11))?;
        Ok(Event {
            seq: seq_of(row.number(0)?),
            at: row.number(1)?,
            kind: kind.ok_or_else(|| row.odd(2))?,
            format: u8::try_from(row.number(3)?).map_err(|_| row.odd(3))?,
            namespace: self.namespace.clone(),
            key: row.optional_text(5)?.map(Text::from),
            debit: self.side(row, 6, 12)?,
            credit: self.side(row, 7, 13)?,
            amount: row.number(8)?,
            currency: self.currency(row, 9)?,
            decline,
            // When the payment was written stands in its own row.
            reference: reference.map(|seq| Reference { seq, at: 0 }),
            extra: row.optional_text(14)?.map(Text::from),
        })
    }

    fn currency(&mut self, row: Columns<'_>, column: usize) -> Read<Currency> {
        match self.currency {
            Some(last) if row.text(column)? == last.code() => Ok(last),
            _ => Ok(*self.currency.insert(currency(row, column)?)),
        }
    }

    fn side(&self, row: Columns<'_>, no: usize, prev: usize) -> Read<Option<Side>> {
        let last = row.natural(prev)?;
        match row.optional_number(no)?.map(u64::try_from) {
            Some(Ok(no)) => Ok(Some(Side { no, id: self.nobody.clone(), prev: last })),
            None if last == 0 => Ok(None),
            None => Err(row.odd(prev)),
            Some(Err(_)) => Err(row.odd(no)),
        }
    }
}

fn currency(row: Columns<'_>, column: usize) -> Read<Currency> {
    Currency::parse(row.text(column)?).ok_or_else(|| row.odd(column))
}

/// A ledger from five columns: no, id, next_seq, tail, indexed_seq.
pub(super) fn ledger(row: Columns<'_>) -> Read<LedgerRow> {
    let place = |why: String| match row.number(0) {
        Ok(no) => format!("ledger numbered {no}: {why}"),
        Err(_) => why,
    };
    let read = || {
        Ok(LedgerRow {
            no: match u32::try_from(row.number(0)?) {
                Ok(no @ 1..=LEDGER_MAX) => no,
                _ => return Err(row.odd(0)),
            },
            id: row.text(1)?.into(),
            position: Position { next_seq: row.natural(2)?, tail: row.hash(3)? },
            indexed_seq: row.natural(4)?,
        })
    };
    read().map_err(place)
}

/// An anchor from two columns: pos, hash.
pub(super) fn anchor(row: Columns<'_>) -> Read<(u64, Hash)> {
    let seq = seq_of(row.number(0)?);
    row.hash(1).map(|hash| (seq, hash)).map_err(|why| format!("anchor at {seq}: {why}"))
}

/// An entry of the index of keys from two columns: slot, seq.
pub(super) fn slot(row: Columns<'_>) -> Read<Slot> {
    let slot = row.number(0)?;
    let seq = row.natural(1).map_err(|why| format!("key at slot {slot}: {why}"))?;
    Ok(Slot { slot, seq })
}

/// A reference from two columns: pos, ref.
pub(super) fn reference(row: Columns<'_>) -> Read<(u64, u64)> {
    let seq = seq_of(row.number(0)?);
    let to = row.natural(1).map_err(|why| format!("reference of event {seq}: {why}"))?;
    Ok((seq, to))
}

/// An account from the columns of `row::ACCOUNT` and, behind them, its ledger.
pub(super) fn account(row: Columns<'_>) -> Read<Account> {
    let place = row.number(0)?;
    let read = || {
        if row.number(10)? != place >> 40 {
            return Err(row.odd(10));
        }
        Ok(Account {
            no: seq_of(place),
            id: row.text(1)?.into(),
            currency: currency(row, 2)?,
            overdraft: overdraft_of(row.number(3)?).ok_or_else(|| row.odd(3))?,
            closed: match row.number(4)? {
                0 => false,
                1 => true,
                _ => return Err(row.odd(4)),
            },
            totals: Totals {
                debits: row.number(5)?,
                credits: row.number(6)?,
                pending_debits: row.number(7)?,
                pending_credits: row.number(8)?,
            },
            last_seq: row.natural(9)?,
        })
    };
    read().map_err(|why| format!("account {}: {why}", seq_of(place)))
}
