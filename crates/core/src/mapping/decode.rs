//! From a message to the fields of a payment, or to the one reason why not.
//!
//! Decoding is pure and total: any bytes give a [`Decoded`] or a [`Rejection`]. Of several reasons
//! the first of this order is told:
//!
//! 1. the value: `tombstone`, `empty`, `undecodable` (only if some field is mapped with `at`);
//! 2. the fields in mapping order: key, amount, currency, debit account, credit account,
//!    description, metadata. A field's type comes first, then a card number in it, then its limits.
//!    What an amount is worth depends on the currency, so that is weighed behind the currency;
//! 3. `same_account`.
//!
//! Texts are searched for card numbers as they would be kept, prefix included; an amount is no
//! text. Details name the field and never quote what stands in it.
//!
//! Deliberately absent: the reasons that need a ledger (`currency_mismatch`, `unknown_account`,
//! `conflict`).

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use alloc::vec::Vec;

use super::{Field, From, Mapping, OpenAccounts, RecordPart, Unit};
use crate::Text;
use crate::card::contains_card_number;
use crate::json::{self, Json, Lookup};
use crate::ledger::Command;
use crate::limits::{canonical_metadata, valid_account, valid_description, valid_key};
use crate::money::{Amount, Currency, Decimal, minor_from_integer_token};
use crate::payment::{Capture, Identity, Pay};
use crate::reason::Reason;

/// A message as its source handed it out. A line of a file has no key and no headers.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The value; None for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The record's key; None if it has none.
    pub key: Option<&'a [u8]>,
    /// The headers in their order.
    pub headers: &'a [(String, Vec<u8>)],
    /// `topic-id/partition/offset`.
    pub position: &'a str,
}

/// The fields of a payment, each within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Passes [`valid_key`].
    pub idempotency_key: String,
    /// In minor units.
    pub amount: Amount,
    /// The amount's currency.
    pub currency: Currency,
    /// Passes [`valid_account`].
    pub debit_account: String,
    /// Passes [`valid_account`]; another account than the debit account.
    pub credit_account: String,
    /// Passes [`valid_description`]; None if absent or `null`.
    pub description: Option<String>,
    /// A JSON object as [`canonical_metadata`] writes it; None if absent, `null` or `{}`.
    pub metadata: Option<String>,
}

impl Decoded {
    /// The wish to pay it, by the ingest named `namespace`; `open` says which accounts may be
    /// opened on the way.
    pub fn command(self, namespace: &Text, open: OpenAccounts) -> Command {
        let key = self.idempotency_key.into();
        let identity = Identity { namespace: namespace.clone(), key };
        let pay = Pay {
            amount: self.amount.minor(),
            currency: Some(self.currency),
            debit_account: self.debit_account.into(),
            credit_account: self.credit_account.into(),
            description: self.description.map(Text::from),
            metadata: self.metadata.map(Text::from),
            metadata_problem: None,
            capture: Capture::Now,
            open,
        };
        Command::Pay(identity, pay)
    }
}

/// Why a message is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The stable word.
    pub reason: Reason,
    /// A sentence for people; it names the field and holds nothing of the message.
    pub detail: String,
}

/// Decodes a JSON message: a Kafka record or a line of a file.
pub fn decode(mapping: &Mapping, record: &Record<'_>) -> Result<Decoded, Rejection> {
    let value = record.value.ok_or(Reason::Tombstone).map_err(in_field("value"))?;
    if value.is_empty() {
        return Err(in_field("value")(Reason::Empty));
    }
    let reads_value = mapping.fields().any(|(_, field)| matches!(field.from, From::At(_)));
    let document = if reads_value { parse_object(value)? } else { Json::Null };

    decode_fields(mapping, |from| match from {
        From::At(pointer) => match document.pointer(pointer) {
            Lookup::Found(json) => Ok(Some(Found::Json(json))),
            Lookup::Missing => Ok(None),
            Lookup::Duplicate => Err(Reason::DuplicateField),
        },
        From::Value(constant) => Ok(Some(Found::Text(constant))),
        From::Header(name) => {
            let header = record.headers.iter().rev().find(|header| header.0 == *name);
            header.map(|header| utf8(&header.1)).transpose()
        }
        From::Record(RecordPart::Key) => record.key.map(utf8).transpose(),
        From::Record(RecordPart::Position) => Ok(Some(Found::Text(record.position))),
    })
}

/// Decodes a CSV record: `{ at = "/name" }` is the cell that `column("name")` gives.
///
/// Cells are text, so metadata is the text of a JSON object.
pub fn decode_columns<'r>(
    mapping: &Mapping,
    column: &dyn Fn(&str) -> Option<&'r str>,
) -> Result<Decoded, Rejection> {
    decode_fields(mapping, |from| {
        Ok(match from {
            From::At(pointer) => pointer.single().and_then(column).map(Found::Text),
            From::Value(constant) => Some(Found::Text(constant)),
            // `Mapping::for_columns` refuses these when the file is opened.
            From::Header(_) | From::Record(_) => None,
        })
    })
}

/// What stands where a field comes from.
#[derive(Clone, Copy)]
enum Found<'m> {
    Json(&'m Json<'m>),
    /// From outside JSON, where everything is text and nothing is `null`: an empty one counts as
    /// absent for an optional field.
    Text(&'m str),
}

fn decode_fields<'m, F>(mapping: &'m Mapping, find: F) -> Result<Decoded, Rejection>
where
    F: Fn(&'m From) -> Result<Option<Found<'m>>, Reason>,
{
    let fields = Fields { find };
    let idempotency_key =
        fields.id(&mapping.idempotency_key, valid_key).map_err(in_field("idempotency_key"))?;
    let decimal = fields.decimal(&mapping.amount.field).map_err(in_field("amount"))?;
    let currency = fields.currency(&mapping.currency).map_err(in_field("currency"))?;
    let places = match mapping.amount.unit {
        Unit::Major => currency.exponent(),
        Unit::Minor => 0,
    };
    let amount = decimal.amount(places).map_err(Reason::from).map_err(in_field("amount"))?;
    let debit_account =
        fields.id(&mapping.debit_account, valid_account).map_err(in_field("debit_account"))?;
    let credit_account =
        fields.id(&mapping.credit_account, valid_account).map_err(in_field("credit_account"))?;
    let description =
        fields.description(mapping.description.as_ref()).map_err(in_field("description"))?;
    let metadata = fields.metadata(mapping.metadata.as_ref()).map_err(in_field("metadata"))?;
    if debit_account == credit_account {
        return Err(in_field("credit_account")(Reason::SameAccount));
    }
    Ok(Decoded {
        idempotency_key,
        amount,
        currency,
        debit_account,
        credit_account,
        description,
        metadata,
    })
}

/// One method for each type of field; `find` knows what kind of record they come from.
struct Fields<F> {
    find: F,
}

impl<'m, F> Fields<F>
where
    F: Fn(&'m From) -> Result<Option<Found<'m>>, Reason>,
{
    /// A text or an integer token, as text; an empty one is missing.
    fn id(
        &self,
        field: &'m Field,
        valid: fn(&str) -> Result<(), Reason>,
    ) -> Result<String, Reason> {
        let text = match self.required(field)? {
            Found::Json(Json::Number(token)) => {
                minor_from_integer_token(token).map(|_| *token).ok_or(Reason::WrongType)?
            }
            found => found.text()?,
        };
        if text.is_empty() {
            return Err(Reason::MissingField);
        }
        let id = prefixed(field, text);
        valid(&id)?;
        Ok(id.into_owned())
    }

    fn decimal(&self, field: &'m Field) -> Result<Decimal<'m>, Reason> {
        let text = match self.required(field)? {
            Found::Json(Json::Number(token)) => token,
            found => found.text()?,
        };
        Decimal::parse(text).ok_or(Reason::WrongType)
    }

    fn currency(&self, field: &'m Field) -> Result<Currency, Reason> {
        let code = prefixed(field, self.required(field)?.text()?);
        Currency::parse(&code).ok_or_else(|| {
            let card_number = contains_card_number(&code);
            if card_number { Reason::CardNumber } else { Reason::UnknownCurrency }
        })
    }

    fn description(&self, field: Option<&'m Field>) -> Result<Option<String>, Reason> {
        let Some((field, found)) = self.optional(field)? else { return Ok(None) };
        let text = prefixed(field, found.text()?);
        valid_description(&text)?;
        Ok(Some(text.into_owned()))
    }

    /// A JSON object, or its text where the source has nothing but text.
    fn metadata(&self, field: Option<&'m Field>) -> Result<Option<String>, Reason> {
        match self.optional(field)? {
            None => Ok(None),
            Some((_, Found::Json(json))) => canonical_metadata(json),
            Some((_, Found::Text(text))) => {
                let json = json::parse(text.as_bytes()).map_err(|_| Reason::WrongType)?;
                canonical_metadata(&json)
            }
        }
    }

    fn required(&self, field: &'m Field) -> Result<Found<'m>, Reason> {
        (self.find)(&field.from)?.ok_or(Reason::MissingField)
    }

    fn optional(&self, field: Option<&'m Field>) -> Result<Option<(&'m Field, Found<'m>)>, Reason> {
        let Some(field) = field else { return Ok(None) };
        Ok(match (self.find)(&field.from)? {
            None | Some(Found::Json(Json::Null) | Found::Text("")) => None,
            Some(found) => Some((field, found)),
        })
    }
}

impl<'m> Found<'m> {
    fn text(self) -> Result<&'m str, Reason> {
        match self {
            Found::Text(text) => Ok(text),
            Found::Json(Json::Text(text)) => Ok(text),
            Found::Json(_) => Err(Reason::WrongType),
        }
    }
}

fn prefixed<'m>(field: &Field, text: &'m str) -> Cow<'m, str> {
    if field.prefix.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned([field.prefix.as_str(), text].concat())
    }
}

fn parse_object(value: &[u8]) -> Result<Json<'_>, Rejection> {
    let undecodable = |why: &dyn core::fmt::Display| Rejection {
        reason: Reason::Undecodable,
        detail: format!("value: {why}"),
    };
    match json::parse(value) {
        Ok(document @ Json::Object(_)) => Ok(document),
        Ok(_) => Err(undecodable(&"not a JSON object")),
        Err(error) => Err(undecodable(&error)),
    }
}

fn utf8(bytes: &[u8]) -> Result<Found<'_>, Reason> {
    core::str::from_utf8(bytes).map(Found::Text).map_err(|_| Reason::WrongType)
}

fn in_field(name: &'static str) -> impl FnOnce(Reason) -> Rejection {
    move |reason| Rejection { reason, detail: format!("{name}: {}", reason.meaning()) }
}
