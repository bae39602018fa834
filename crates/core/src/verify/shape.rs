//! What a row of each kind holds, and what it cannot hold.
//!
//! Deliberately absent: the limits of what clients may send (lengths, card numbers). They belong to
//! the doors and may become stricter; a row that was written before stays right.

use crate::account::Account;
use crate::event::{Event, FORMAT, Kind};
use crate::json::{self, Json};
use crate::money::Amount;
use alloc::string::String;

/// Why Semel cannot have written this row; `None`: it can.
pub(super) fn fault(event: &Event) -> Option<&'static str> {
    let of_account = matches!(event.kind, Kind::AccountOpened | Kind::AccountClosed);
    let of_payment = event.kind.is_payment();
    let declined = matches!(event.kind, Kind::PaymentDeclined | Kind::RefundDeclined);
    let amount = if of_account { event.amount == 0 } else { Amount::new(event.amount).is_ok() };
    let namespace = !of_account || event.namespace.is_empty();
    let rules = [
        (event.format == FORMAT, "its format is not known"),
        (namespace && event.key.is_some() != of_account, "its key does not fit its kind"),
        (event.key.as_deref().is_none_or(is_key), "its key is no key"),
        (event.debit.is_some(), "it has no debit account"),
        (event.credit.is_some() != of_account, "its credit account does not fit its kind"),
        (amount, "its amount is out of range"),
        (event.decline.is_some() == declined, "its decline code does not fit its kind"),
        (
            event.reference.is_none() == (of_account || of_payment),
            "its reference does not fit its kind",
        ),
        (is_extra(event), "its extra is not what an event of its kind has"),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map(|(_, fault)| fault)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
}

fn is_extra(event: &Event) -> bool {
    let extra = event.extra.as_deref();
    match event.kind {
        Kind::AccountOpened => Account::opened(event).is_some(),
        Kind::AccountClosed | Kind::PaymentVoided => extra.is_none(),
        Kind::PaymentSucceeded | Kind::PaymentDeclined | Kind::PaymentPending => {
            extra.is_none_or(is_payment_extra)
        }
        Kind::PaymentRefunded | Kind::RefundDeclined | Kind::PaymentCaptured => {
            extra.is_none_or(|extra| extra == r#"{"all":true}"#)
        }
    }
}

/// A description and metadata, one of them not empty, in canonical form.
fn is_payment_extra(extra: &str) -> bool {
    let Ok(json) = json::parse(extra.as_bytes()) else { return false };
    let mut canonical = String::with_capacity(extra.len());
    json.canonical(&mut canonical);
    let Json::Object(members) = &json else { return false };
    let [(first, description), (second, Json::Object(metadata))] = &members[..] else {
        return false;
    };
    let described = match description {
        Json::Null => false,
        Json::Text(_) => true,
        _ => return false,
    };
    (&**first, &**second) == ("description", "metadata")
        && (described || !metadata.is_empty())
        && canonical == extra
}
