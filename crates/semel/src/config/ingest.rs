//! `[[ingest]]`: whose messages are taken, into which ledger, and where a payment's fields stand.
//!
//! One table says both, so the mapping's fields stand beside the name. A file with one mapping may
//! also write them bare, without the table.

use super::name as check_name;
use crate::http::access::MAIN;
use semel_core::mapping::Mapping;
use serde::de::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An ingest as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingest {
    /// The namespace of its keys; a bare mapping may leave it to the command line.
    pub name: Option<String>,
    /// The Kafka topic. Nothing of a file.
    pub topic: Option<String>,
    /// The ledger, where it is not `main`.
    pub ledger: Option<String>,
    /// Whether a topic that is attached for the first time is taken from its end on.
    pub from_latest: bool,
    /// The group that is told how far a topic is taken; `semel-` and the ingest's name otherwise.
    pub group: Option<String>,
    /// Where a payment's fields stand.
    pub mapping: Mapping,
    /// The mapping as it was written, so that dead letters can be decoded again: TOML.
    pub mapping_toml: String,
}

/// What a configuration may hold besides.
const BESIDE: [&str; 8] =
    ["data", "store", "listen", "wire", "roles", "kafka", "publish", "api_key"];

/// The ingests of a file: `[[ingest]]` tables, or one bare mapping.
pub fn ingests_of(mut file: toml::Table) -> Result<Vec<Ingest>, String> {
    match file.remove("ingest") {
        Some(toml::Value::Array(tables)) => {
            // A whole configuration serves as well.
            let strange = file.keys().find(|key| !BESIDE.contains(&key.as_str()));
            if let Some(key) = strange {
                return Err(format!("{key}: does not belong beside [[ingest]]"));
            }
            let tables = tables.into_iter().map(|table| match table {
                toml::Value::Table(table) => Ok(table),
                _ => Err("ingest: write it as [[ingest]] tables".to_owned()),
            });
            all(tables.collect::<Result<_, _>>()?)
        }
        Some(_) => Err("ingest: write it as [[ingest]] tables".into()),
        None => Ok(vec![parse(file)?]),
    }
}

/// Every table, or what is wrong with the first that is wrong.
pub fn all(tables: Vec<toml::Table>) -> Result<Vec<Ingest>, String> {
    let mut names = BTreeSet::new();
    let mut ingests = Vec::with_capacity(tables.len());
    for (index, table) in tables.into_iter().enumerate() {
        let place = match table.get("name").and_then(toml::Value::as_str) {
            Some(name) => format!("ingest `{name}`"),
            None => format!("ingest[{index}]"),
        };
        let ingest = parse(table).map_err(|detail| format!("{place}: {detail}"))?;
        let Some(name) = &ingest.name else {
            return Err(format!("{place}: name: is missing; it is the namespace of its keys"));
        };
        if !names.insert(name.clone()) {
            return Err(format!("{place}: name: stands twice; each ingest has its own"));
        }
        ingests.push(ingest);
    }
    Ok(ingests)
}

fn parse(mut table: toml::Table) -> Result<Ingest, String> {
    let name = text(&mut table, "name")?;
    let topic = text(&mut table, "topic")?;
    let ledger = text(&mut table, "ledger")?;
    let group = text(&mut table, "group")?;
    let from_latest = match text(&mut table, "from")?.as_deref() {
        None | Some("earliest") => false,
        Some("latest") => true,
        Some(_) => return Err("from: write \"earliest\" or \"latest\"".into()),
    };
    if let Some(topic) = &topic {
        super::wire::topic_name("topic", topic)?;
    }
    for (what, text) in [("name", &name), ("ledger", &ledger)] {
        if let Some(text) = text {
            check_name(what, text)?;
        }
    }
    let mapping_toml = table.to_string();
    let mapping = Mapping::deserialize(table).map_err(|error| error.message().to_owned())?;
    Ok(Ingest { name, topic, ledger, from_latest, group, mapping, mapping_toml })
}

fn text(table: &mut toml::Table, key: &str) -> Result<Option<String>, String> {
    match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key}: write a text")),
    }
}

impl Ingest {
    /// The ledger that takes its payments.
    pub fn ledger(&self) -> &str {
        self.ledger.as_deref().unwrap_or(MAIN)
    }

    /// The group that is told how far its topic is taken.
    pub fn group(&self) -> String {
        let named = || format!("semel-{}", self.name.as_deref().unwrap_or_default());
        self.group.clone().unwrap_or_else(named)
    }

    /// As `doctor` shows it.
    pub fn shown(&self) -> Value {
        json!({ "name": self.name, "topic": self.topic, "ledger": self.ledger() })
    }
}
