//! What is sent: an event as a message, its key, its partition. Pure functions of the row.

use super::Publication;
use crate::Text;
use crate::chain::Hash;
use crate::dead_letter::Raw;
use crate::event::{Event, Kind};
use crate::id::EventId;
use crate::render;
use crate::wire::{Message, Stamp};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a record's key is, and with it the partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// The account that the payment debits: its events stay in order.
    #[default]
    DebitAccount,
    /// The account that the payment credits.
    CreditAccount,
    /// The payment's id.
    Payment,
}

impl Key {
    /// All of them.
    pub const ALL: [Key; 3] = [Key::DebitAccount, Key::CreditAccount, Key::Payment];

    /// The word of the setting `publish.key`.
    pub fn as_str(self) -> &'static str {
        match self {
            Key::DebitAccount => "debit_account",
            Key::CreditAccount => "credit_account",
            Key::Payment => "payment",
        }
    }

    /// The word's hash.
    pub(super) fn hash(self) -> Hash {
        Hash::of(self.as_str().as_bytes())
    }

    /// The key of `event` in the ledger numbered `ledger`: an account's id for what happens to an
    /// account; what refers to a payment has the payment's key.
    pub fn of(self, event: &Event, ledger: u32) -> Text {
        let [debit, credit] = [&event.debit, &event.credit].map(|side| match side {
            Some(side) => side.id.clone(),
            None => "".into(),
        });
        if matches!(event.kind, Kind::AccountOpened | Kind::AccountClosed) {
            return debit;
        }
        // Money goes back the way it came: a refund names the payment's accounts the other way.
        let back = event.kind.is_refund();
        match self {
            Key::DebitAccount => {
                if back {
                    credit
                } else {
                    debit
                }
            }
            Key::CreditAccount => {
                if back {
                    debit
                } else {
                    credit
                }
            }
            Key::Payment => {
                let own = || event.id(ledger);
                let payment = event.reference.map_or_else(own, |payment| payment.id(ledger));
                payment.named(Kind::PaymentSucceeded).into()
            }
        }
    }
}

/// The message that tells of `event`, at the place that `stamp` says.
pub(super) fn message(
    event: &Event,
    publication: &Publication,
    stamp: &Stamp,
    key: &Text,
    partition: u32,
) -> Message {
    let Publication { ledger, name, beside, .. } = publication;
    let ledger = *ledger;
    let mut headers = stamp.headers();
    headers.extend(cloud_event(event, event.id(ledger), &stamp.ledger));
    let value = render::message(event, ledger).into_bytes();
    let raw = Raw { key: Some(key.as_bytes().to_vec()), value: Some(value), headers };
    let beside = beside.then(|| render::flat(event, ledger, name).into_bytes());
    Message { partition, raw, beside }
}

/// CloudEvents 1.0, Kafka protocol binding, binary content mode.
fn cloud_event(
    event: &Event,
    id: EventId,
    ledger: &str,
) -> impl Iterator<Item = (String, Vec<u8>)> {
    let headers = [
        ("ce_specversion", "1.0".into()),
        ("ce_id", id.event()),
        ("ce_source", format!("/ledgers/{ledger}")),
        ("ce_type", event.kind.as_str().into()),
        ("ce_time", render::time(event.at)),
        ("content-type", "application/json".into()),
    ];
    headers.into_iter().map(|(name, text): (&str, String)| (name.into(), text.into_bytes()))
}
