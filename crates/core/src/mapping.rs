//! Where a payment's fields stand in somebody else's message: the mapping, as data.
//!
//! Topics and files are taken as they are; a mapping is all that an ingest needs to know of them.
//! It is checked when the configuration is read: pointers are parsed, shapes that make no sense
//! refused with the field's name, so that decoding (`decode.rs`) meets no malformed mapping.
//!
//! Deliberately absent: expressions, conditions, conversions other than a prefix, defaults.

mod decode;
mod shape;
#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;

use serde::Deserialize;

pub use decode::{Decoded, Record, Rejection, decode, decode_columns};

use crate::account::Overdraft;
use crate::json::Pointer;

/// Where each field of a payment comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "shape::MappingShape")]
pub struct Mapping {
    /// The message's identity in its ingest's namespace.
    pub idempotency_key: Field,
    /// How much, and in which unit it is written.
    pub amount: AmountField,
    /// The ISO 4217 code.
    pub currency: Field,
    /// The account that is debited.
    pub debit_account: Field,
    /// The account that is credited.
    pub credit_account: Field,
    /// Free text; None if it is not mapped.
    pub description: Option<Field>,
    /// A JSON object; None if it is not mapped.
    pub metadata: Option<Field>,
    /// Which accounts may be opened by their first use.
    pub open_accounts: OpenAccounts,
}

/// One source and what to put in front of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where the text is.
    pub from: From,
    /// Put before it; the limits hold for the whole. Always empty for amount and metadata.
    pub prefix: String,
}

/// Where the text of a field is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// At a place in the message's JSON value; in CSV, `/column`.
    At(Pointer),
    /// The same text for every message.
    Value(String),
    /// In the last header of exactly this name.
    Header(String),
    /// In the record around the value.
    Record(RecordPart),
}

/// A part of a Kafka record that is neither its value nor its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordPart {
    /// The record's key.
    Key,
    /// `topic-id/partition/offset`.
    Position,
}

/// The source of the amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountField {
    /// Where the number is.
    pub field: Field,
    /// What it counts.
    pub unit: Unit,
}

/// What the number in an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Units of the currency, with decimal places: 12.34.
    Major,
    /// The currency's minor units: 1234.
    Minor,
}

/// The overdraft of accounts that are opened by their first use; None: never opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAccounts {
    /// Of debit accounts.
    pub debit: Option<Overdraft>,
    /// Of credit accounts.
    pub credit: Option<Overdraft>,
}

impl Mapping {
    /// Refuses what a file does not have: headers and records.
    pub fn for_file(&self) -> Result<(), String> {
        for (name, field) in self.fields() {
            let absent = match &field.from {
                From::Header(_) => "header",
                From::Record(_) => "record",
                From::At(_) | From::Value(_) => continue,
            };
            return Err(format!("{name}: a file has no {absent}; use `at` or `value`"));
        }
        Ok(())
    }

    /// Refuses what a CSV file does not have: headers, records and anything inside a column.
    pub fn for_columns(&self) -> Result<(), String> {
        self.for_file()?;
        for (name, field) in self.fields() {
            if let From::At(pointer) = &field.from
                && pointer.single().is_none()
            {
                return Err(format!("{name}: `{pointer}` names no column; write `/column`"));
            }
        }
        Ok(())
    }

    /// The columns that a CSV file must have, in mapping order; a column may occur twice.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.fields().filter_map(|(_, field)| match &field.from {
            From::At(pointer) => pointer.single(),
            From::Value(_) | From::Header(_) | From::Record(_) => None,
        })
    }

    /// The mapped fields with their names, in mapping order.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &Field)> {
        let required = [
            ("idempotency_key", &self.idempotency_key),
            ("amount", &self.amount.field),
            ("currency", &self.currency),
            ("debit_account", &self.debit_account),
            ("credit_account", &self.credit_account),
        ];
        let description = self.description.as_ref().map(|field| ("description", field));
        let metadata = self.metadata.as_ref().map(|field| ("metadata", field));
        required.into_iter().chain(description).chain(metadata)
    }
}
