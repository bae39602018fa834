//! What librdkafka is told: what Semel's promises need, which nobody may change; what suits it,
//! which anybody may; and whatever else is written under `[kafka]`, passed through as it is.
//!
//! The names and values are those of librdkafka's `CONFIGURATION.md`.
//! Deliberately absent: files, environment and command line. Who configures brings a table.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;

/// What no setting may change, for every client.
const PINNED: [(&str, &str, &str); 9] = [
    ("enable.auto.commit", "false", "how far a topic was taken is kept in the store"),
    ("enable.auto.offset.store", "false", "how far a topic was taken is kept in the store"),
    ("offset.store.method", "broker", "how far a topic was taken is kept in the store"),
    ("auto.offset.reset", "error", "records must not be skipped silently"),
    ("isolation.level", "read_committed", "what was aborted was never said"),
    ("enable.partition.eof", "true", "Semel has to know where a partition ends"),
    ("check.crcs", "true", "what is damaged must not be read"),
    ("allow.auto.create.topics", "false", "topics are made by `semel topics create`"),
    ("log.queue", "true", "Semel logs for itself"),
];
/// The same for what writes.
const PINNED_WRITING: [(&str, &str, &str); 2] = [
    ("enable.idempotence", "true", "a repeated send must not change the order"),
    ("acks", "all", "what one broker alone has may be lost"),
];
/// What has to stay between two numbers, for every client.
const BOUNDED: [(&str, u64, u64, &str); 2] = [
    ("message.timeout.ms", 1, 300_000, "whatever is on its way for longer is in doubt"),
    ("fetch.wait.max.ms", 0, 2_000, "an end that is told late is taken for a broker that is away"),
];
/// Other names of librdkafka's for settings: they must not go round what is written here.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("metadata.broker.list", "bootstrap.servers"),
    ("request.required.acks", "acks"),
    ("auto.commit.enable", "enable.auto.commit"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("message.send.max.retries", "retries"),
    ("compression.codec", "compression.type"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
];
/// Why there is one way to tokens alone: with it, librdkafka asks for each and renews it by itself.
const NO_OTHER: &str = "other tokens are not renewed; set it, and \
                        sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and \
                        sasl.oauthbearer.client.secret";
/// What Semel sets for itself, where no other value has a meaning.
const OWN: [&str; 3] = ["transactional.id", "group.id", "group.instance.id"];

/// What suits Semel; what is written wins.
const SUITING: [(&str, &str); 13] = [
    ("client.id", "semel"),
    // News arrive without a wait, an end is told soon, and a queue that was full goes on at once.
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.error.backoff.ms", "100"),
    // Memory: what lies ready of each partition.
    ("queued.min.messages", "10000"),
    ("queued.max.messages.kbytes", "4096"),
    ("reconnect.backoff.max.ms", "1000"),
    ("socket.timeout.ms", "10000"),
    ("topic.metadata.refresh.interval.ms", "10000"),
    // Whatever is on its way for longer is in doubt.
    ("message.timeout.ms", "30000"),
    ("linger.ms", "20"),
    ("batch.num.messages", "10000"),
    ("queue.buffering.max.kbytes", "65536"),
];
/// Settings of what writes only, on which what reads would remark.
const WRITING: [&str; 4] =
    ["message.timeout.ms", "linger.ms", "batch.num.messages", "queue.buffering.max.kbytes"];
/// Settings of what reads only.
const READING: [&str; 12] = [
    "enable.auto.commit",
    "enable.auto.offset.store",
    "offset.store.method",
    "auto.offset.reset",
    "isolation.level",
    "enable.partition.eof",
    "check.crcs",
    "fetch.wait.max.ms",
    "fetch.queue.backoff.ms",
    "fetch.error.backoff.ms",
    "queued.min.messages",
    "queued.max.messages.kbytes",
];

/// Settings for the clients of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    given: BTreeMap<String, String>,
}

impl Settings {
    /// Settings of which some are given, `bootstrap.servers` among them.
    ///
    /// # Errors
    /// What is wrong with which of them, and what to write instead.
    pub fn new(given: BTreeMap<String, String>) -> Result<Settings, String> {
        let settings = Settings { given: with_one_name_each(given)? };
        let given = |name: &str| settings.given.get(name);
        for (name, pinned, why) in PINNED.iter().chain(&PINNED_WRITING) {
            if let Some(value) = given(name).filter(|value| !is(value, pinned)) {
                return Err(format!("{name}: must be {pinned}, not {value}: {why}; leave it out"));
            }
        }
        for (name, least, most, why) in BOUNDED {
            let is_within = |value: &String| {
                value.parse().is_ok_and(|number: u64| (least..=most).contains(&number))
            };
            if let Some(value) = given(name).filter(|value| !is_within(value)) {
                return Err(format!("{name}: must be {least} to {most}, not {value}: {why}"));
            }
        }
        if let Some(name) = OWN.iter().find(|name| given(name).is_some()) {
            return Err(format!("{name}: is Semel's own; leave it out"));
        }
        let wants_tokens =
            given("sasl.mechanism").is_some_and(|name| name.eq_ignore_ascii_case("OAUTHBEARER"));
        let method = given("sasl.oauthbearer.method").map_or("default", String::as_str);
        if wants_tokens && !method.eq_ignore_ascii_case("oidc") {
            return Err(format!("sasl.oauthbearer.method: must be oidc, not {method}: {NO_OTHER}"));
        }
        if given("bootstrap.servers").is_none_or(|servers| servers.trim().is_empty()) {
            let remedy = "name a broker, as kafka.example:9092";
            return Err(format!("bootstrap.servers: is missing; {remedy}"));
        }
        for config in [settings.reading(), settings.writing()] {
            config.create_native_config().map_err(|error| without_value(&error))?;
        }
        Ok(settings)
    }

    /// Where the brokers are.
    pub fn servers(&self) -> &str {
        &self.given["bootstrap.servers"]
    }

    /// All that was given, secrets too: for no eyes but this program's.
    pub fn given(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// All that was given, for people: what may be a secret is not shown.
    pub fn shown(&self) -> BTreeMap<&str, &str> {
        let mask = |name: &str| is_secret(name).then_some("***");
        self.given.iter().map(|(name, value)| (&**name, mask(name).unwrap_or(value))).collect()
    }

    /// For what reads.
    pub(crate) fn reading(&self) -> ClientConfig {
        self.all_but(&WRITING)
    }

    /// For what writes.
    pub(crate) fn writing(&self) -> ClientConfig {
        let mut config = self.all_but(&READING);
        for (name, value, _) in &PINNED_WRITING {
            config.set(*name, *value);
        }
        config
    }

    /// For what asks.
    pub(crate) fn asking(&self) -> ClientConfig {
        let mut config = self.all_but(&WRITING);
        for name in READING {
            config.remove(name);
        }
        config
    }

    fn all_but(&self, not: &[&str]) -> ClientConfig {
        let mut config = ClientConfig::new();
        // What is logged of it is chosen where all of Semel's logging is.
        config.set_log_level(RDKafkaLogLevel::Info);
        for (name, value) in &SUITING {
            config.set(*name, *value);
        }
        for (name, value) in &self.given {
            config.set(name, value);
        }
        for (name, value, _) in &PINNED {
            config.set(*name, *value);
        }
        for name in not {
            config.remove(name);
        }
        config
    }
}

/// The same, each setting under the name that is used here.
fn with_one_name_each(given: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let mut named = BTreeMap::new();
    for (written, value) in given {
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == written);
        let name = other.map_or(&*written, |(_, name)| name).to_owned();
        if named.insert(name.clone(), value).is_some() {
            let (other, _) = OTHER_NAMES.iter().find(|(_, is)| *is == name).expect("it has two");
            return Err(format!("{other}: is another name of {name}; leave one of them out"));
        }
    }
    Ok(named)
}

/// What is wrong with a setting; not what was written, which may be a secret under a wrong name.
fn without_value(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, what, name, _) => format!("{name}: {what}"),
        other => other.to_string(),
    }
}

/// Whether a value says the same as a pinned one.
fn is(value: &str, pinned: &str) -> bool {
    value == pinned || pinned == "all" && value == "-1"
}

/// Whether what a setting holds may be a secret.
fn is_secret(name: &str) -> bool {
    let words = ["pass", "secret", "jaas", "key.pem", "ssl_key", "oauthbearer.config", "token"];
    words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests;
