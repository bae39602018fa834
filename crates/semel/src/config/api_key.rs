//! `[[api_key]]`: who may come in over HTTP, into which ledger, and to do what.
//!
//! The configuration holds the key's SHA-256 only, so whoever reads it cannot come in by it.

use super::name;
use crate::http::access::{ApiKey, Scope};
use semel_core::chain::Hash;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    ledger: String,
    key_sha256: String,
    scopes: Vec<String>,
}

/// Every table, or what is wrong with the first that is wrong.
pub fn all(tables: Vec<toml::Table>) -> Result<Vec<ApiKey>, String> {
    let mut hashes = BTreeSet::new();
    let mut keys = Vec::with_capacity(tables.len());
    for (index, table) in tables.into_iter().enumerate() {
        let place = format!("api_key[{index}]");
        let key = parse(table).map_err(|detail| format!("{place}.{detail}"))?;
        if !hashes.insert(key.sha256) {
            return Err(format!("{place}.key_sha256: stands twice; every key has one ledger"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse(table: toml::Table) -> Result<ApiKey, String> {
    let written: Written =
        table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    name("ledger", &written.ledger)?;
    let sha256 = Hash::from_hex(&written.key_sha256)
        .ok_or("key_sha256: write the key's SHA-256 as 64 hexadecimal digits")?;
    let known = |word: &String| {
        let words = || Scope::TABLE.map(|(_, word)| word).join(", ");
        Scope::parse(word)
            .ok_or_else(|| format!("scopes: no scope is `{word}`; these are: {}", words()))
    };
    let scopes = written.scopes.iter().map(known).collect::<Result<Vec<_>, _>>()?;
    if scopes.is_empty() {
        return Err("scopes: is empty; a key without a scope may do nothing".into());
    }
    Ok(ApiKey { ledger: written.ledger, sha256: sha256.0, scopes })
}

/// As `doctor` shows it: enough of the hash to recognise it.
pub fn shown(key: &ApiKey) -> Value {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let key_sha256 = format!("{}…", &Hash(key.sha256).hex()[..8]);
    json!({ "ledger": key.ledger, "key_sha256": key_sha256, "scopes": scopes })
}
