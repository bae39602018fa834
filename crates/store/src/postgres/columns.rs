//! The values of a row: each is looked at before it is believed.
//!
//! PostgreSQL keeps types, so what can be wrong is a value that Semel cannot have written. It is
//! told in words, with the column's name: the auditor collects those, everybody else stops.

use crate::decode::Values;
use crate::places::{overdraft_of, seq_of};
use crate::rows::Read;
use semel_core::Text;
use semel_core::account::Overdraft;
use semel_core::chain::Hash;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::money::Currency;
use semel_core::problem::Code;
use semel_core::reason::Reason;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

/// The values of a row.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a>(pub(super) &'a Row);

impl<'a> Columns<'a> {
    /// A number of any width.
    pub(super) fn number(self, column: usize) -> Read<i64> {
        self.optional_number(column)?.ok_or_else(|| self.odd(column))
    }

    pub(super) fn optional_number(self, column: usize) -> Read<Option<i64>> {
        match *self.0.columns()[column].type_() {
            Type::INT2 => Ok(self.value::<i16>(column)?.map(i64::from)),
            Type::INT4 => Ok(self.value::<i32>(column)?.map(i64::from)),
            _ => self.value(column),
        }
    }

    /// A number that is not negative.
    pub(super) fn natural(self, column: usize) -> Read<u64> {
        u64::try_from(self.number(column)?).map_err(|_| self.odd(column))
    }

    /// A number that is not negative, where there is one.
    pub(super) fn optional_natural(self, column: usize) -> Read<Option<u64>> {
        let number = self.optional_number(column)?.map(u64::try_from).transpose();
        number.map_err(|_| self.odd(column))
    }

    /// A number below 256.
    pub(super) fn small(self, column: usize) -> Read<u8> {
        u8::try_from(self.number(column)?).map_err(|_| self.odd(column))
    }

    /// The seq in a row's place.
    pub(super) fn seq(self, column: usize) -> Read<u64> {
        self.number(column).map(seq_of)
    }

    pub(super) fn text(self, column: usize) -> Read<&'a str> {
        self.optional_text(column)?.ok_or_else(|| self.odd(column))
    }

    pub(super) fn optional_text(self, column: usize) -> Read<Option<&'a str>> {
        self.value(column)
    }

    /// A text of one's own.
    pub(super) fn owned(self, column: usize) -> Read<Text> {
        self.text(column).map(Text::from)
    }

    pub(super) fn flag(self, column: usize) -> Read<bool> {
        self.value(column)?.ok_or_else(|| self.odd(column))
    }

    pub(super) fn optional_bytes(self, column: usize) -> Read<Option<&'a [u8]>> {
        self.value(column)
    }

    pub(super) fn hash(self, column: usize) -> Read<Hash> {
        let bytes = self.optional_bytes(column)?;
        bytes.and_then(Hash::from_slice).ok_or_else(|| self.odd(column))
    }

    /// A claim's random name, or its owner's.
    pub(super) fn name(self, column: usize) -> Read<[u8; 16]> {
        let bytes = self.optional_bytes(column)?;
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.odd(column))
    }

    /// From three columns: next, tail, hint.
    pub(super) fn cursor(self, first: usize) -> Read<Cursor> {
        let (next, tail) = (self.natural(first)?, self.hash(first + 1)?);
        Ok(Cursor { next, tail, hint: self.natural(first + 2)? })
    }

    pub(super) fn currency(self, column: usize) -> Read<Currency> {
        Currency::parse(self.text(column)?).ok_or_else(|| self.odd(column))
    }

    pub(super) fn overdraft(self, column: usize) -> Read<Overdraft> {
        overdraft_of(self.number(column)?).ok_or_else(|| self.odd(column))
    }

    pub(super) fn reason(self, column: usize) -> Read<Reason> {
        Reason::parse(self.text(column)?).ok_or_else(|| self.odd(column))
    }

    /// What is wrong: the column, and its value as far as that may be shown.
    pub(super) fn odd(self, column: usize) -> String {
        let about = &self.0.columns()[column];
        let name = about.name();
        match self.optional_number(column) {
            Ok(Some(number)) => format!("its {name} is {number}"),
            Ok(None) => format!("its {name} is missing"),
            Err(_) => format!("its {name} is no {name}, but {}", about.type_()),
        }
    }

    fn value<T: FromSql<'a>>(self, column: usize) -> Read<Option<T>> {
        let name = || self.0.columns()[column].name().to_owned();
        self.0.try_get(column).map_err(|error| format!("its {} cannot be read: {error}", name()))
    }
}

// For what is read the same way from every database.
impl<'a> Values<'a> for Columns<'a> {
    fn optional_number(self, column: usize) -> Read<Option<i64>> {
        Columns::optional_number(self, column)
    }

    fn optional_text(self, column: usize) -> Read<Option<&'a str>> {
        Columns::optional_text(self, column)
    }

    fn optional_bytes(self, column: usize) -> Read<Option<&'a [u8]>> {
        Columns::optional_bytes(self, column)
    }

    fn flag(self, column: usize) -> Read<bool> {
        Columns::flag(self, column)
    }

    fn odd(self, column: usize) -> String {
        Columns::odd(self, column)
    }
}

/// What a row cannot say, as a failure: nobody but the auditor goes on from there.
pub(super) fn damaged(why: String) -> Failure {
    Stop::new(Code::StoreCorrupt, format!("a row cannot be what Semel wrote: {why}")).into()
}
