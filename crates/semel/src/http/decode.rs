//! From JSON to requests: the form of a body, every fault in it named at once.
//!
//! What is decided here is whether a body can be understood: its names and the types of its values.
//! Whether the values are valid is the ledger's decision, behind the look-up of the key, so that a
//! known key is a replay or a conflict whatever the values.
//! Deliberately absent: `serde`, which stops at the first fault and reads amounts as floats.

use std::borrow::Cow;

use semel_core::Text;
use semel_core::account::Overdraft;
use semel_core::json::{self, Json};
use semel_core::ledger::AccountRequest;
use semel_core::limits;
use semel_core::mapping::OpenAccounts;
use semel_core::money::{Amount, Currency, minor_from_integer_token};
use semel_core::payment::{Capture, Operation, Pay};
use semel_core::problem::Code;
use semel_core::reason::Reason;

use super::problem::{Field, Problem};

const MISSING: &str = Reason::MissingField.as_str();
const WRONG_TYPE: &str = Reason::WrongType.as_str();
const UNKNOWN: &str = "unknown_field";

/// The whole body as one document, with no name twice in an object.
pub(super) fn document(body: &[u8]) -> Result<Json<'_>, Problem> {
    let document = json::parse(body)?;
    unique(&document)?;
    Ok(document)
}

/// No object in `json` has a name twice.
pub(super) fn unique(json: &Json<'_>) -> Result<(), Problem> {
    match json.duplicate_name() {
        None => Ok(()),
        Some(_) => Err(name_twice()),
    }
}

pub(super) fn name_twice() -> Problem {
    Problem::new(Code::Malformed, "An object in the body has a name twice")
}

/// A request to pay. `key` stands in the items of a batch and is read elsewhere.
pub(super) fn pay(json: &Json<'_>, in_batch: bool) -> Result<Pay, Problem> {
    let mut object = Object::of(json)?;
    if in_batch {
        object.value("idempotency_key");
    }
    let amount = object.integer("amount").unwrap_or_default();
    let currency = object.text("currency").and_then(Currency::parse);
    let debit_account = object.text("debit_account").map(Text::from);
    let credit_account = object.text("credit_account").map(Text::from);
    let description = object.optional_text("description").map(Text::from);
    let (metadata, metadata_problem) = match object.value("metadata") {
        None => (None, None),
        Some(metadata) => match limits::canonical_metadata(metadata) {
            Ok(metadata) => (metadata.map(Text::from), None),
            Err(Reason::WrongType) => {
                object.refuse("metadata", WRONG_TYPE);
                (None, None)
            }
            Err(reason) => (None, Some(reason)),
        },
    };
    object.close()?;
    let nothing = || Text::from("");
    Ok(Pay {
        amount,
        currency,
        debit_account: debit_account.unwrap_or_else(nothing),
        credit_account: credit_account.unwrap_or_else(nothing),
        description,
        metadata,
        metadata_problem,
        capture: Capture::Now,
        open: OpenAccounts::default(),
    })
}

/// A request to refund: an amount, or all that is left.
pub(super) fn refund(json: &Json<'_>) -> Result<Operation, Problem> {
    let mut object = Object::of(json)?;
    let amount = match object.value("amount") {
        None => None,
        Some(_) => object.integer("amount"),
    };
    object.close()?;
    Ok(Operation::Refund(amount))
}

/// A request to open an account. Its id is its identity, so its values are checked here.
pub(super) fn account(json: &Json<'_>) -> Result<AccountRequest, Problem> {
    let mut object = Object::of(json)?;
    let id = object.text("id");
    if let Some(Err(reason)) = id.map(limits::valid_account) {
        object.refuse("id", reason.as_str());
    }
    let currency = object.text("currency").and_then(|code| {
        let currency = Currency::parse(code);
        if currency.is_none() {
            object.refuse("currency", Reason::UnknownCurrency.as_str());
        }
        currency
    });
    let overdraft = match object.value("overdraft").map(overdraft) {
        None => Some(Overdraft::None),
        Some(Ok(overdraft)) => Some(overdraft),
        Some(Err(reason)) => {
            object.refuse("overdraft", reason.as_str());
            None
        }
    };
    object.close()?;
    let (Some(id), Some(currency), Some(overdraft)) = (id, currency, overdraft) else {
        return Err(Problem::invalid(vec![Field::new("", WRONG_TYPE)]));
    };
    Ok(AccountRequest { id: Text::from(id), currency, overdraft })
}

fn overdraft(json: &Json<'_>) -> Result<Overdraft, Reason> {
    match json {
        Json::Null => Ok(Overdraft::None),
        Json::Text(word) if word == "none" => Ok(Overdraft::None),
        Json::Text(word) if word == "unlimited" => Ok(Overdraft::Unlimited),
        Json::Number(token) => match minor_from_integer_token(token) {
            Some(limit @ 0..=Amount::MAX_MINOR) => Ok(Overdraft::Limit(limit)),
            Some(1..) => Err(Reason::AmountTooLarge),
            _ => Err(Reason::WrongType),
        },
        _ => Err(Reason::WrongType),
    }
}

/// An object that is being read: which of its names were asked for, and what was wrong with them.
pub(super) struct Object<'j, 'a> {
    members: &'j [(Cow<'a, str>, Json<'a>)],
    asked: Vec<&'static str>,
    faults: Vec<Field>,
}

impl<'j, 'a> Object<'j, 'a> {
    /// `json`, which must be an object.
    pub(super) fn of(json: &'j Json<'a>) -> Result<Object<'j, 'a>, Problem> {
        match json {
            Json::Object(members) => {
                Ok(Object { members, asked: Vec::with_capacity(8), faults: Vec::new() })
            }
            _ => Err(Problem::invalid(vec![Field::new("", WRONG_TYPE)])),
        }
    }

    /// The value of `name`, if it is there.
    pub(super) fn value(&mut self, name: &'static str) -> Option<&'j Json<'a>> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.members.iter().find(|member| member.0 == name).map(|member| &member.1)
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'j str> {
        match self.value(name) {
            Some(Json::Text(text)) => return Some(text),
            Some(_) => self.refuse(name, WRONG_TYPE),
            None => self.refuse(name, MISSING),
        }
        None
    }

    /// A text that may be absent or `null`.
    pub(super) fn optional_text(&mut self, name: &'static str) -> Option<&'j str> {
        match self.value(name) {
            None | Some(Json::Null) => {}
            Some(Json::Text(text)) => return Some(text),
            Some(_) => self.refuse(name, WRONG_TYPE),
        }
        None
    }

    /// An integer token that must be there, saturated at 64 bits.
    pub(super) fn integer(&mut self, name: &'static str) -> Option<i64> {
        let found = match self.value(name) {
            Some(Json::Number(token)) => minor_from_integer_token(token).ok_or(WRONG_TYPE),
            Some(_) => Err(WRONG_TYPE),
            None => Err(MISSING),
        };
        found.map_err(|reason| self.refuse(name, reason)).ok()
    }

    /// A boolean that may be absent.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.value(name) {
            None => false,
            Some(Json::Bool(flag)) => *flag,
            Some(_) => {
                self.refuse(name, WRONG_TYPE);
                false
            }
        }
    }

    /// Something is wrong with the value of `name`.
    pub(super) fn refuse(&mut self, name: &'static str, reason: &'static str) {
        self.faults.push(Field::new(format!("/{name}"), reason));
    }

    /// All faults, those of names that nobody asked for last.
    pub(super) fn close(self) -> Result<(), Problem> {
        let mut faults = self.faults;
        for (name, _) in self.members {
            if !self.asked.iter().any(|asked| asked == name) {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                faults.push(Field::new(format!("/{escaped}"), UNKNOWN));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }
}
