//! From a record's bytes to a command, or to the reason why it is none.
//!
//! The same decoder reads a file and, later, the dead letters that a file or a topic left, so a
//! redrive with the mapping unchanged meets the reason that it met before.

use super::csv::{self, Cells};
use super::record::{COLUMNS, TRUNCATED, too_long};
use semel_core::Text;
use semel_core::dead_letter::Raw;
use semel_core::ledger::Command;
use semel_core::mapping::{self, Decoded, Mapping, Record, Rejection};
use semel_store::rows::{LetterRow, Origin};

/// What an ingest makes of records.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The ingest's name.
    pub namespace: Text,
    /// Where a payment's fields stand.
    pub mapping: Mapping,
}

impl Decoder {
    /// What a line of JSON says.
    pub fn json(&self, value: &[u8]) -> Result<Command, Rejection> {
        let record = Record { value: Some(value), key: None, headers: &[], position: "" };
        mapping::decode(&self.mapping, &record).map(|decoded| self.pay(decoded))
    }

    /// What a CSV record says whose header named `columns`.
    pub fn columns(&self, columns: &[String], cells: &Cells) -> Result<Command, Rejection> {
        let cell = |name: &str| {
            let index = columns.iter().position(|column| column == name)?;
            cells.get(index)
        };
        mapping::decode_columns(&self.mapping, &cell).map(|decoded| self.pay(decoded))
    }

    /// What a dead letter says now.
    pub fn letter(&self, letter: &LetterRow) -> Result<Command, Rejection> {
        match letter.origin() {
            Origin::Line(_) => self.line(&letter.raw),
            Origin::Record { topic_id, partition, offset } => {
                let position = format!("{topic_id}/{partition}/{offset}");
                let Raw { key, value, headers } = &letter.raw;
                let (key, value) = (key.as_deref(), value.as_deref());
                let record = Record { key, value, headers, position: &position };
                mapping::decode(&self.mapping, &record).map(|decoded| self.pay(decoded))
            }
        }
    }

    /// What a line that was put aside says now.
    fn line(&self, raw: &Raw) -> Result<Command, Rejection> {
        let header = |name: &str| raw.headers.iter().find(|header| header.0 == name);
        if header(TRUNCATED).is_some() {
            return Err(too_long());
        }
        let value = raw.value.as_deref().unwrap_or_default();
        match header(COLUMNS) {
            Some((_, columns)) => csv::decode(self, columns, value),
            None => self.json(value),
        }
    }

    fn pay(&self, decoded: Decoded) -> Command {
        decoded.command(&self.namespace, self.mapping.open_accounts)
    }
}
