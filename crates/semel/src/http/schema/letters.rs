//! Dead letters, what can be done to them, and the counts of ingests.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// An item that could not become a payment.
#[derive(Serialize, ToSchema)]
pub struct DeadLetter {
    /// `dl_…`
    pub id: String,
    /// Why, a word of the contract.
    pub reason: String,
    /// Why, for people.
    pub detail: String,
    /// Where it came from.
    pub source: LetterSource,
    /// The record's key.
    #[schema(required = true)]
    pub key_base64: Option<String>,
    /// The record's value, or the line.
    #[schema(required = true)]
    pub value_base64: Option<String>,
    /// In their order.
    pub headers: Vec<LetterHeader>,
    /// Whether a card number was masked in it; then it cannot be redriven.
    pub masked: bool,
    /// RFC 3339.
    pub first_failed_at: String,
    /// RFC 3339.
    pub last_failed_at: String,
    /// How often it was tried.
    pub attempts: i64,
}

/// Where a dead letter came from: a file's line, or a topic's record.
#[derive(Default, Serialize, ToSchema)]
pub struct LetterSource {
    /// The ingest.
    pub ingest: String,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line that it began on, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// The record's offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// A header of a dead letter.
#[derive(Serialize, ToSchema)]
pub struct LetterHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value_base64: String,
}

/// Which dead letters are meant. Everything narrows.
#[derive(ToSchema)]
pub struct LettersRequest {
    /// Only these.
    #[schema(min_items = 1, max_items = 1000)]
    pub ids: Option<Vec<String>>,
    /// Only of this ingest.
    pub ingest: Option<String>,
    /// Only with this reason.
    pub reason: Option<String>,
    /// At most so many, in the order in which they came.
    #[schema(minimum = 1)]
    pub cap: Option<u64>,
    /// Only say what they are.
    pub dry_run: Option<bool>,
}

/// What became of dead letters, or what they are.
#[derive(Default, Serialize, ToSchema)]
pub struct RedriveAnswer {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Letters that are meant (dry run).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letters: Option<u64>,
    /// Those by reason (dry run).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<BTreeMap<String, u64>>,
    /// Letters that were taken up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redriven: Option<u64>,
    /// Payments now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<u64>,
    /// Payments that were recorded before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<u64>,
    /// Failed again, by their new reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<BTreeMap<String, u64>>,
    /// Left alone, because card numbers were masked in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked: Option<u64>,
    /// Settled by somebody else in the meantime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<u64>,
}

/// How many dead letters were discarded, or what they are.
#[derive(Default, Serialize, ToSchema)]
pub struct DiscardAnswer {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Letters that are meant (dry run).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letters: Option<u64>,
    /// Those by reason (dry run).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<BTreeMap<String, u64>>,
    /// Letters that are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discarded: Option<u64>,
}

/// What became of an ingest's items. Always: read = accepted + duplicates + dead letters.
#[derive(ToSchema)]
pub struct Ingest {
    /// Its name.
    pub name: String,
    /// Items taken from its sources.
    pub read: i64,
    /// Payments recorded.
    pub accepted: i64,
    /// Payments that moved money.
    pub succeeded: i64,
    /// Payments that were declined.
    pub declined: i64,
    /// Items whose payment was recorded before.
    pub duplicates: i64,
    /// Dead letters whose key was used with other content.
    pub conflicts: i64,
    /// Items put aside.
    pub dead_letters: i64,
    /// The name of the stop for which it does nothing, or one partition of it does not.
    pub stopped: Option<String>,
    /// The name of what it waits for; it goes on by itself.
    pub waits_for: Option<String>,
    /// What was seen, beside either.
    pub detail: Option<String>,
}
