//! `wire`, `[kafka]` and `[publish]`: where Kafka is, how to get in, and what is sent there.
//!
//! What stands under `[kafka]` goes to librdkafka as it is; a secret among it is better given by
//! the environment: `SEMEL_KAFKA_SASL_PASSWORD` is `sasl.password`.

use crate::cli::Global;
use crate::exit::misused;
use crate::wiring::WireSettings;
use semel_core::failure::Stop;
use semel_core::publish::{Key, Publication};
use semel_store::rows::Ledger;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a setting of the environment begins with.
pub const PREFIX: &str = "SEMEL_KAFKA_";
/// Where brokers are, by custom.
const BY_CUSTOM: &str = "KAFKA_BOOTSTRAP_SERVERS";
const SERVERS: &str = "bootstrap.servers";
/// The longest name of a topic, in bytes.
const TOPIC_MAX: usize = 249;

/// Kafka, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// How to get to the brokers.
    pub settings: WireSettings,
    /// What is sent there, if anything is.
    pub publish: Option<Publish>,
}

/// What is sent, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The topic of all ledgers' events.
    pub topic: String,
    /// What decides the partition.
    pub key: Key,
    /// The topic of flat rows that are sent beside the events, in one Kafka transaction with them.
    pub beside: Option<String>,
}

/// `[publish]` as it is written.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    topic: Option<String>,
    key: Option<String>,
    transactional: Option<bool>,
    analytics_topic: Option<String>,
}

impl Wire {
    /// What is said of Kafka; `None` when nothing is.
    ///
    /// # Errors
    /// What is wrong, with its field and what to write instead.
    pub fn of(
        global: &Global,
        wire: Option<&str>,
        kafka: toml::Table,
        publish: Written,
    ) -> Result<Option<Wire>, Stop> {
        let given = global.wire.as_deref().or(wire);
        let mut raw = flat(kafka).map_err(|detail| misused(format!("kafka.{detail}")))?;
        raw.extend(by_environment());
        let by_custom = || std::env::var(BY_CUSTOM).ok().filter(|servers| !servers.is_empty());
        let servers = match given {
            Some("none") => None,
            Some(url) => Some(servers(url)?),
            None if raw.contains_key(SERVERS) && publish != Written::default() => {
                return Err(misused(format!(
                    "publish: nothing is published to kafka.{SERVERS}, which is for ingests alone; \
                     write wire = \"kafka://HOST:PORT\" instead"
                )));
            }
            None if raw.contains_key(SERVERS) => None,
            None => by_custom(),
        };
        let publish = servers.is_some().then(|| Publish::of(publish)).transpose()?;
        if let Some(servers) = servers {
            raw.insert(SERVERS.into(), servers);
        }
        if !raw.contains_key(SERVERS) {
            return match raw.keys().next() {
                Some(name) => Err(misused(format!(
                    "kafka.{name}: there is no broker to use it with; name one with --wire \
                     kafka://HOST:PORT, or as kafka.{SERVERS}"
                ))),
                None => Ok(None),
            };
        }
        let settings = WireSettings::new(raw);
        let settings = settings.map_err(|detail| misused(format!("kafka.{detail}")))?;
        Ok(Some(Wire { settings, publish }))
    }

    /// As `doctor` shows it.
    pub fn shown(&self) -> Value {
        let publish = self.publish.as_ref();
        json!({
            "kafka": self.settings.shown(),
            "publish": publish.map(|it| json!({
                "topic": it.topic, "key": it.key.as_str(), "analytics_topic": it.beside,
            })),
        })
    }
}

impl Publish {
    /// The same of `ledger`, for what publishes it.
    pub fn publication(&self, ledger: &Ledger) -> Publication {
        Publication {
            ledger: ledger.no,
            name: ledger.id.clone(),
            topic: self.topic.as_str().into(),
            key: self.key,
            beside: self.beside.is_some(),
        }
    }

    fn of(written: Written) -> Result<Publish, Stop> {
        let topic = written.topic.unwrap_or_else(|| "payments.event".into());
        topic_name("publish.topic", &topic).map_err(misused)?;
        let word = written.key.as_deref().unwrap_or_else(|| Key::default().as_str());
        let key = Key::ALL.into_iter().find(|key| key.as_str() == word);
        let key = key.ok_or_else(|| {
            let words = Key::ALL.map(Key::as_str).join(", ");
            misused(format!("publish.key: `{word}` is none; these are: {words}"))
        })?;
        let beside = match (written.transactional, written.analytics_topic) {
            (Some(true), name) => Some(name.unwrap_or_else(|| "payments.analytics".into())),
            (_, None) => None,
            (_, Some(_)) => {
                let detail = "publish.analytics_topic: needs transactional = true beside it: both \
                              topics are written together, or neither";
                return Err(misused(detail));
            }
        };
        if let Some(beside) = &beside {
            topic_name("publish.analytics_topic", beside).map_err(misused)?;
            if *beside == topic {
                return Err(misused("publish.analytics_topic: is publish.topic; name another"));
            }
        }
        Ok(Publish { topic, key, beside })
    }
}

/// A topic's name, by the rule of Kafka.
pub fn topic_name(what: &str, name: &str) -> Result<(), String> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_name = name.chars().all(is_legal) && (1..=TOPIC_MAX).contains(&name.len());
    match is_name && name != "." && name != ".." {
        true => Ok(()),
        false => Err(format!(
            "{what}: `{name}` is no topic's name; write 1 to {TOPIC_MAX} of a-z, A-Z, 0-9, `.`, \
             `_`, `-`"
        )),
    }
}

/// The brokers in `kafka://HOST:PORT,HOST:PORT`.
fn servers(url: &str) -> Result<String, Stop> {
    let wrong = |why: &str| {
        let remedy = "write kafka://HOST:PORT, several with commas between, or none";
        misused(format!("wire: {why}; {remedy}"))
    };
    let hosts = url.strip_prefix("kafka://").ok_or_else(|| wrong("is no kafka:// URL"))?;
    let hosts = hosts.trim_end_matches('/');
    if hosts.contains('@') {
        return Err(wrong("users and passwords go under [kafka] as sasl.username, sasl.password"));
    }
    let is_host = |host: &str| {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "9092"));
        !name.is_empty() && port.parse::<u16>().is_ok() && !name.contains(['/', '?', ' '])
    };
    match hosts.split(',').all(is_host) {
        true => Ok(hosts.to_owned()),
        false => Err(wrong("a host is missing or wrong")),
    }
}

/// librdkafka's settings of a table; their names have dots, which TOML reads as tables.
fn flat(table: toml::Table) -> Result<BTreeMap<String, String>, String> {
    let mut flat = BTreeMap::new();
    let mut open: Vec<(String, toml::Value)> = table.into_iter().collect();
    while let Some((name, value)) = open.pop() {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Table(table) => {
                open.extend(
                    table.into_iter().map(|(more, value)| (format!("{name}.{more}"), value)),
                );
                continue;
            }
            _ => return Err(format!("{name}: write a text, a whole number, true or false")),
        };
        flat.insert(name, value);
    }
    Ok(flat)
}

/// The settings that the environment names.
fn by_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter_map(|(name, value)| {
        let name = name.strip_prefix(PREFIX)?;
        Some((name.to_ascii_lowercase().replace('_', "."), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_read_from_a_url() {
        let table = [
            // URL                                  brokers
            ("kafka://a:9092", Some("a:9092")),
            ("kafka://a:9092,b:9093/", Some("a:9092,b:9093")),
            ("kafka://a", Some("a")),
            ("kafka://", None),
            ("kafka://a:b", None),
            ("kafka://user:pass@a:9092", None),
            ("http://a:9092", None),
            ("a:9092", None),
        ];
        for (url, brokers) in table {
            assert_eq!(servers(url).ok().as_deref(), brokers, "{url}");
        }
    }

    #[test]
    fn dots_in_names_need_no_quotes() {
        let table = "\"a.b\" = 1\nc.d = true\n[c.e]\nf = 'g'".parse().unwrap();
        let expected = [("a.b", "1"), ("c.d", "true"), ("c.e.f", "g")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(flat(table).unwrap(), BTreeMap::from(expected));
        assert!(flat("a = [1]".parse().unwrap()).unwrap_err().starts_with("a: write"));
    }

    #[test]
    fn topics_have_names_of_kafka() {
        for (name, is) in [("payments.event", true), ("", false), ("..", false), ("a b", false)] {
            assert_eq!(topic_name("topic", name).is_ok(), is, "{name}");
        }
    }
}
