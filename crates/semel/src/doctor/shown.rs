//! What the doctor saw, as JSON and as tables.

use super::Health;
use super::kafka::Seen;
use crate::config::Config;
use crate::exit;
use crate::output::{grouped, table};
use semel_store::rows::Database;
use serde_json::{Value, json};

impl Health {
    pub(super) fn shown(&self, config: &Config) -> Value {
        let schema = self.store.as_ref().map(|about| about.schema);
        let file = self.file().map(|file| {
            json!({
                "schema": schema, "journal": file.journal,
                "file_bytes": file.file_bytes, "log_bytes": file.log_bytes,
                "written_by_a_process": file.is_written,
            })
        });
        let ledgers = self.ledgers.iter().map(|ledger| {
            json!({
                "id": ledger.id, "events": ledger.events, "chain": ledger.chain,
                "dead_letters": ledger.dead_letters,
            })
        });
        let findings = self.findings.iter().map(|finding| {
            let detail = format!("{}{}", finding.detail, exit::remedy(finding.code));
            json!({ "code": finding.code.as_str(), "detail": detail })
        });
        json!({
            "ok": self.findings.is_empty(),
            "configuration": config.shown(),
            "store": file.or_else(|| Some(database(schema, self.database()?))),
            "room_bytes": self.room_bytes,
            "ledgers": ledgers.collect::<Vec<_>>(),
            "kafka": self.kafka.as_ref().map(Seen::shown),
            "findings": findings.collect::<Vec<_>>(),
        })
    }

    pub(super) fn tables(&self, config: &Config) -> String {
        let mut facts = table(&["what", "is"], &[]);
        let configuration = config.shown();
        for (name, value) in configuration.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            facts.add_row([name.as_str(), &value]);
        }
        for (name, value) in self.store_facts(config) {
            facts.add_row([name, &value]);
        }
        if let Some(room) = self.room_bytes {
            facts.add_row(["room on the disk", &mebibytes(room)]);
        }
        let mut told = vec![facts.to_string()];
        told.extend(self.database().into_iter().flat_map(inside));
        if !self.ledgers.is_empty() {
            let mut ledgers = table(&["ledger", "events", "dead letters", "chain"], &[1, 2]);
            for ledger in &self.ledgers {
                let (events, letters) = (grouped(ledger.events), grouped(ledger.dead_letters));
                ledgers.add_row([&ledger.id, &events, &letters, &ledger.chain]);
            }
            told.push(ledgers.to_string());
        }
        told.extend(self.kafka.as_ref().map(topics));
        told.join("\n\n")
    }

    fn store_facts(&self, config: &Config) -> Vec<(&'static str, String)> {
        let Some(about) = &self.store else {
            let there = config.store.file().is_none_or(std::path::Path::exists);
            let not_there = "not there; `semel serve` makes it";
            let unread = there && !self.findings.is_empty();
            let seen = if unread { "there, but it cannot be read" } else { not_there };
            return vec![("store", seen.to_owned())];
        };
        let mut facts = vec![("schema", about.schema.to_string())];
        if let Some(file) = self.file() {
            let holder = if file.is_written { "a process" } else { "nobody" };
            facts.push(("store's size", mebibytes(file.file_bytes)));
            facts.push(("write-ahead log", mebibytes(file.log_bytes)));
            facts.push(("written by", holder.to_owned()));
        }
        if let Some(database) = self.database() {
            facts.push(("server", format!("PostgreSQL {}", database.server)));
            facts.push(("database's size", mebibytes(database.bytes)));
            let behind = format!("{} changes ago", grouped(database.oldest_snapshot));
            facts.push(("oldest open snapshot", behind));
        }
        facts
    }
}

fn database(schema: Option<i64>, database: &Database) -> Value {
    let tables = database.tables.iter().map(|table| {
        json!({
            "name": table.name, "rows": table.rows, "bytes": table.bytes,
            "index_bytes": table.index_bytes, "dead_rows": table.dead_rows,
        })
    });
    let settings = database
        .settings
        .iter()
        .map(|setting| json!({ "name": setting.name, "value": setting.value, "why": setting.why }));
    json!({
        "schema": schema, "server": database.server, "bytes": database.bytes,
        "oldest_snapshot": database.oldest_snapshot,
        "tables": tables.collect::<Vec<_>>(), "slow_settings": settings.collect::<Vec<_>>(),
    })
}

/// The brokers and their topics.
fn topics(seen: &Seen) -> String {
    let brokers = seen.brokers.map_or("no answer".to_owned(), |brokers| brokers.to_string());
    let head = format!(" Kafka at {}: brokers that answer: {brokers}", seen.servers);
    if seen.topics.is_empty() {
        return head;
    }
    let header = ["topic", "is", "partitions", "copies", "behind"];
    let mut told = table(&header, &[2, 3, 4]);
    for topic in &seen.topics {
        told.add_row([
            topic.name.clone(),
            topic.role.clone(),
            topic.is.partitions.to_string(),
            topic.is.replicas.to_string(),
            topic.behind.map_or_else(String::new, grouped),
        ]);
    }
    format!("{head}\n\n{told}")
}

/// The tables of a database, and the settings that make it slow.
fn inside(database: &Database) -> Vec<String> {
    let mut tables =
        table(&["table", "rows, about", "size", "indexes", "dead rows"], &[1, 2, 3, 4]);
    for one in &database.tables {
        let sizes = [mebibytes(one.bytes), mebibytes(one.index_bytes)];
        let [size, indexes] = sizes;
        let (rows, dead) = (grouped(one.rows), grouped(one.dead_rows));
        tables.add_row([one.name.clone(), rows, size, indexes, dead]);
    }
    let mut told = vec![tables.to_string()];
    if !database.settings.is_empty() {
        let mut settings = table(&["slow setting", "is", "better, because"], &[]);
        for setting in &database.settings {
            settings.add_row([&*setting.name, &*setting.value, setting.why]);
        }
        told.push(settings.to_string());
    }
    told
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", grouped(bytes.div_ceil(1 << 20)))
}
