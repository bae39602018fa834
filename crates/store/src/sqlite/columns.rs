//! The values of a row, for the auditor: SQLite keeps whatever it was given, of any type.

use crate::decode::Values;
use crate::rows::Read;
use rusqlite::Row;
use rusqlite::types::ValueRef;

/// The values of a row.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a>(pub(super) &'a Row<'a>);

impl<'a> Values<'a> for Columns<'a> {
    fn optional_number(self, column: usize) -> Read<Option<i64>> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Integer(number)) => Ok(Some(number)),
            Ok(ValueRef::Null) => Ok(None),
            _ => Err(self.odd(column)),
        }
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

    fn optional_bytes(self, column: usize) -> Read<Option<&'a [u8]>> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(ValueRef::Blob(bytes)) => Ok(Some(bytes)),
            _ => Err(self.odd(column)),
        }
    }

    fn flag(self, column: usize) -> Read<bool> {
        match self.optional_number(column)? {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(self.odd(column)),
        }
    }

    fn odd(self, column: usize) -> String {
        let name = self.0.as_ref().column_name(column).unwrap_or("value");
        match self.0.get_ref(column) {
            Ok(ValueRef::Integer(number)) => format!("its {name} is {number}"),
            Ok(ValueRef::Null) => format!("its {name} is missing"),
            Ok(value) => format!("its {name} is no {name}, but {}", value.data_type()),
            Err(_) => format!("its {name} cannot be read"),
        }
    }
}
