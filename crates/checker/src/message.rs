//! What a message says: its value as JSON, and whether that, its headers, its key and its partition
//! are of one piece.
//!
//! By the contract: `type`, `id`, `seq` and `at`, the body in the field of its type, CloudEvents
//! attributes (binary mode of its Kafka binding), a key by `publish.key`, and the partition that
//! the Java client's partitioner chooses for it.
//! As a key stands in one partition only, and a partition is taken in order, what has one key is in
//! order. Deliberately absent: the database.

use crate::findings::Findings;
use crate::kind::Kind;
use crate::links::{Place, Taken};
use crate::murmur2;
use crate::record::{Link, Record};
use serde::Deserialize;
use std::collections::HashMap;

/// What a record's key is; the setting `publish.key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// The account that the payment debits.
    #[default]
    DebitAccount,
    /// The account that the payment credits.
    CreditAccount,
    /// The payment's id.
    Payment,
}

/// A message that was taken and could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Where it was taken.
    pub partition: u32,
    /// Its place there.
    pub offset: u64,
    /// Its own link.
    pub link: Link,
    /// The record's key.
    pub key: String,
    /// What happened.
    pub kind: Kind,
    /// `evt_…`
    pub id: String,
    /// When it was written, RFC 3339.
    pub at: String,
    /// The id of the payment that it refers to; `None` for what is no payment's later event.
    pub refers_to: Option<String>,
    /// What it says of it.
    pub body: Body,
}

/// A message's value.
#[derive(Deserialize)]
struct Value {
    #[serde(rename = "type")]
    word: String,
    id: String,
    seq: u64,
    at: String,
    payment: Option<Body>,
    refund: Option<Body>,
    capture: Option<Body>,
    void: Option<Body>,
    account: Option<Body>,
}

/// What happened, as the answer to the request has it; an account has an id and a currency. Each
/// field is the contract's of the same name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Body {
    pub id: String,
    pub payment_id: Option<String>,
    pub state: Option<String>,
    pub decline_code: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub debit_account: Option<String>,
    pub credit_account: Option<String>,
    pub description: Option<String>,
    pub metadata: Option<serde_json::Value>,
    pub idempotency_key: Option<String>,
    pub ingest: Option<String>,
    pub created_at: Option<String>,
}

/// What one ledger's messages say, in the order of their seqs; what is wrong with one of them by
/// itself is told.
pub fn read(
    ledger: &str,
    places: &[&Place],
    (setting, partitions): (Key, u32),
    findings: &mut Findings,
) -> Vec<Message> {
    let mut messages = Vec::new();
    for taken in places.iter().flat_map(|place| &place.taken) {
        match Message::read(ledger, taken) {
            Ok(message) => messages.push(message),
            Err(wrong) => {
                let Record { partition, offset, .. } = taken.record;
                findings.tell("content", || {
                    format!("{ledger}: partition {partition} at {offset}: {wrong}")
                });
            }
        }
    }
    messages.sort_by_key(|message| message.link.seq);
    let payments = messages.iter().filter(|message| message.kind.is_payment());
    let payments = payments.map(|payment| (&*payment.body.id, &*payment.key)).collect();
    // Of a payment that was deleted nobody knows the key.
    let begins_late = places.iter().any(|place| place.began_behind.is_some());
    for message in &messages {
        message.check(ledger, (setting, partitions), (&payments, begins_late), findings);
    }
    messages
}

impl Message {
    /// The namespace and the idempotency key of its request, where it had one.
    pub fn identity(&self) -> Option<(&str, &str)> {
        let namespace = self.body.ingest.as_deref().unwrap_or_default();
        Some((namespace, self.body.idempotency_key.as_deref()?))
    }

    /// Read a record; what is wrong with it otherwise.
    fn read(ledger: &str, taken: &Taken) -> Result<Message, String> {
        let Taken { link, record } = taken;
        let value = record.value.as_deref().ok_or("it has no value")?;
        let value: Value = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        if let Some(wrong) = wrong_header(ledger, record, &value) {
            return Err(format!("the header {wrong} does not say what the value says"));
        }
        let Value { word, id, at, mut payment, refund, capture, void, account, .. } = value;
        let kind = Kind::of_word(&word).ok_or_else(|| format!("the type {word:?}"))?;
        let refers_to = match kind.is_payment() {
            true => None,
            false => payment.take().map(|payment| payment.id),
        };
        let body = match kind.field {
            "payment" => payment,
            "refund" => refund,
            "capture" => capture,
            "void" => void,
            _ => account,
        };
        let body = body.ok_or_else(|| format!("there is no field `{}`", kind.field))?;
        let key = record.key.as_deref().ok_or("the record has no key")?;
        let key = std::str::from_utf8(key).map_err(|_| "the key is no text")?.to_owned();
        let (partition, offset) = (record.partition, record.offset);
        Ok(Message { partition, offset, link: *link, key, kind, id, at, refers_to, body })
    }

    /// Its key is the one that its content asks for, and it stands in that key's partition.
    fn check(
        &self,
        ledger: &str,
        (setting, partitions): (Key, u32),
        (payments, begins_late): (&HashMap<&str, &str>, bool),
        findings: &mut Findings,
    ) {
        let Message { partition, offset, key, .. } = self;
        let place = || format!("{ledger}: partition {partition} at {offset}: key {key:?}");
        let expected = self.expected_key(setting, payments);
        if expected.is_some_and(|expected| expected != key) || expected.is_none() && !begins_late {
            findings.tell("wrong_key", || format!("{}, not {expected:?}", place()));
        }
        let belongs = murmur2::partition(key.as_bytes(), partitions.max(1));
        if belongs != *partition {
            findings.tell("wrong_partition", || format!("{} belongs to {belongs}", place()));
        }
    }

    /// The key that the record has to have; `None` where the payment that decides it is not known.
    fn expected_key<'a>(
        &'a self,
        setting: Key,
        payments: &HashMap<&str, &'a str>,
    ) -> Option<&'a str> {
        if self.kind.is_of_account() {
            return Some(&self.body.id);
        }
        if !self.kind.is_payment() {
            // What refers to a payment goes where the payment went.
            return payments.get(self.refers_to.as_deref()?).copied();
        }
        match setting {
            Key::DebitAccount => self.body.debit_account.as_deref(),
            Key::CreditAccount => self.body.credit_account.as_deref(),
            Key::Payment => Some(&self.body.id),
        }
    }
}

/// Which header does not agree with the value.
fn wrong_header(ledger: &str, record: &Record, value: &Value) -> Option<&'static str> {
    let (source, seq) = (format!("/ledgers/{ledger}"), value.seq.to_string());
    let expected = [
        ("semel-seq", &*seq),
        ("ce_specversion", "1.0"),
        ("ce_id", &value.id),
        ("ce_source", &source),
        ("ce_type", &value.word),
        ("ce_time", &value.at),
        ("content-type", "application/json"),
    ];
    expected.into_iter().find(|(name, text)| record.header(name) != Some(text)).map(|(it, _)| it)
}
