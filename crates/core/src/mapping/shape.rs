//! The mapping as it is written in TOML, and the checks that its types cannot express.

use alloc::format;
use alloc::string::String;

use serde::Deserialize;

use super::{AmountField, Field, From, Mapping, OpenAccounts, RecordPart, Unit};
use crate::json::Pointer;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingShape {
    idempotency_key: FieldShape,
    amount: FieldShape,
    currency: FieldShape,
    debit_account: FieldShape,
    credit_account: FieldShape,
    description: Option<FieldShape>,
    metadata: Option<FieldShape>,
    #[serde(default)]
    open_accounts: OpenAccounts,
}

/// One shape for all fields, so that a mistake is told by the field's name and not by serde's list
/// of what some variant would have had.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldShape {
    at: Option<String>,
    value: Option<String>,
    header: Option<String>,
    record: Option<RecordPart>,
    prefix: Option<String>,
    unit: Option<Unit>,
}

impl TryFrom<MappingShape> for Mapping {
    type Error = String;

    fn try_from(shape: MappingShape) -> Result<Mapping, String> {
        let metadata = shape.metadata.map(|shape| shape.without_prefix("metadata"));
        Ok(Mapping {
            idempotency_key: shape.idempotency_key.field("idempotency_key")?,
            amount: shape.amount.amount()?,
            currency: shape.currency.field("currency")?,
            debit_account: shape.debit_account.field("debit_account")?,
            credit_account: shape.credit_account.field("credit_account")?,
            description: shape.description.map(|shape| shape.field("description")).transpose()?,
            metadata: metadata.transpose()?,
            open_accounts: shape.open_accounts,
        })
    }
}

impl FieldShape {
    fn amount(mut self) -> Result<AmountField, String> {
        let unit = self.unit.take().ok_or("amount: `unit` is missing: \"major\" or \"minor\"")?;
        Ok(AmountField { field: self.without_prefix("amount")?, unit })
    }

    /// A number or an object with text before it would be neither.
    fn without_prefix(self, name: &str) -> Result<Field, String> {
        if self.prefix.is_some() {
            return Err(format!("{name}: takes no `prefix`"));
        }
        self.field(name)
    }

    fn field(self, name: &str) -> Result<Field, String> {
        if self.unit.is_some() {
            return Err(format!("{name}: takes no `unit`; only amount has one"));
        }
        let from = match (self.at, self.value, self.header, self.record) {
            (Some(at), None, None, None) => {
                From::At(Pointer::parse(&at).map_err(|error| format!("{name}: `{at}` is {error}"))?)
            }
            (None, Some(value), None, None) => From::Value(value),
            (None, None, Some(header), None) => From::Header(header),
            (None, None, None, Some(part)) => From::Record(part),
            _ => {
                return Err(format!("{name}: wants one of `at`, `value`, `header` and `record`"));
            }
        };
        Ok(Field { from, prefix: self.prefix.unwrap_or_default() })
    }
}
