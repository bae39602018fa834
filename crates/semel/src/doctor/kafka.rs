//! What `doctor` looks at of Kafka: the brokers, the topics, and how far each was taken.
//!
//! Every finding holds the command that mends it, in the words of Kafka's own tools.

use crate::config::{Config, Publish, Wire};
use crate::exit;
use crate::wiring::{Cluster, Inspected, Reader, Right, StoreLog, WireTopic};
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::topic::Intake;
use semel_core::problem::Code;
use semel_core::publish::{self, Log, Publication};
use semel_core::wire::{Topic, partition};
use semel_store::clock;
use semel_store::rows::Ledger;
use serde_json::{Value, json};

/// Events that are looked at, at most, to count those that are not confirmed.
const MOST: u64 = 100_000;
/// How many events are read at once.
const PAGE: usize = 5_000;

/// What was seen of Kafka.
#[derive(Default)]
pub struct Seen {
    /// Where it is.
    pub servers: String,
    /// How many brokers answer.
    pub brokers: Option<u32>,
    /// The topics.
    pub topics: Vec<SeenTopic>,
    /// What is wrong.
    pub findings: Vec<Stop>,
}

/// A topic.
pub struct SeenTopic {
    /// Its name.
    pub name: String,
    /// What it is for: an ingest's name, or `published`.
    pub role: String,
    /// What the brokers say of it.
    pub is: Inspected,
    /// Records that are not taken, or events that are not confirmed; `None` where nobody knows.
    pub behind: Option<u64>,
}

impl Seen {
    /// Look at what `config` names, from the store that `reader` reads, if there is one.
    pub async fn of(config: &Config, reader: Option<&Reader>) -> Option<Seen> {
        let wire = config.wire.as_ref()?;
        let servers = wire.settings.servers().to_owned();
        let mut seen = Seen { servers, ..Seen::default() };
        if let Err(failure) = seen.look(config, wire, reader).await {
            seen.find(failure);
        }
        Some(seen)
    }

    fn find(&mut self, failure: Failure) {
        let stop = match failure {
            Failure::Retryable(why) => Stop::new(Code::WireUnavailable, why),
            failure => exit::stop(failure),
        };
        self.findings.push(stop);
    }

    fn warn(&mut self, code: Code, detail: String) {
        self.findings.push(Stop::new(code, detail));
    }

    async fn look(
        &mut self,
        config: &Config,
        wire: &Wire,
        reader: Option<&Reader>,
    ) -> Result<(), Failure> {
        let cluster = Cluster::new(wire.settings.clone())?;
        self.brokers = Some(cluster.brokers().await?);
        if !cluster.is_recent().await? {
            let detail = "the brokers are older than Kafka 4.0, which Semel is tested with";
            self.warn(Code::WireSettings, format!("{detail}; upgrade them"));
        }
        if let Some(settings) = &wire.publish {
            for name in std::iter::once(&settings.topic).chain(&settings.beside) {
                if let Err(failure) = self.published(&cluster, settings, name, reader).await {
                    self.find(failure);
                }
            }
        }
        for (name, topic, ingest) in config.topics() {
            let attached = self.ingested(&cluster, (name, topic, &ingest.group()), reader).await;
            if let Err(failure) = attached {
                self.find(failure);
            }
        }
        Ok(())
    }

    async fn published(
        &mut self,
        cluster: &Cluster,
        settings: &Publish,
        name: &str,
        reader: Option<&Reader>,
    ) -> Result<(), Failure> {
        let is_main = name == settings.topic;
        let needed = if is_main { &Right::ALL[..] } else { &[Right::Write, Right::Describe] };
        let is = self.inspected(cluster, name, needed, "semel topics create").await?;
        let mut behind = None;
        if let Some(reader) = reader.filter(|_| is_main) {
            for ledger in reader.ledgers()? {
                let publication = settings.publication(&ledger);
                self.check_spread(&publication, &is, reader)?;
                let open = unconfirmed(&publication, &ledger, &is, reader).await?;
                behind = Some(behind.unwrap_or(0) + open);
            }
        }
        let (name, role) = (name.to_owned(), "published".to_owned());
        self.topics.push(SeenTopic { name, role, is, behind });
        Ok(())
    }

    async fn ingested(
        &mut self,
        cluster: &Cluster,
        (ingest, name, group): (&str, &str, &str),
        reader: Option<&Reader>,
    ) -> Result<(), Failure> {
        match cluster.may_tell(group, name).await {
            Ok(true) => {}
            Ok(false) => self.lacks("group", group, Right::Read),
            Err(failure) => self.find(failure),
        }
        let remedy = format!("semel topics create {name}");
        let needed = [Right::Read, Right::Describe, Right::DescribeConfigs];
        let is = self.inspected(cluster, name, &needed, &remedy).await?;
        let topic = cluster.topic(name, None)?;
        let mut behind = 0;
        for number in 0..is.partitions {
            let source = Intake::source(&is.id, number);
            let cursor = reader.map(|reader| reader.cursor(&source)).transpose()?.flatten();
            behind += self.check_retention((name, &topic), &is, number, cursor).await?;
        }
        let (name, role) = (name.to_owned(), ingest.to_owned());
        self.topics.push(SeenTopic { name, role, is, behind: Some(behind) });
        Ok(())
    }

    /// A topic, checked; one that is not there is made by `remedy`.
    async fn inspected(
        &mut self,
        cluster: &Cluster,
        name: &str,
        needed: &[Right],
        remedy: &str,
    ) -> Result<Inspected, Failure> {
        let inspected = cluster.inspect(name).await;
        let has = match &inspected {
            Ok(is) => &is.rights[..],
            Err(Failure::Permanent(_)) => &[],
            // Nobody knows.
            Err(_) => needed,
        };
        for right in needed.iter().filter(|right| !has.contains(right)) {
            self.lacks("topic", name, *right);
        }
        let is = inspected.map_err(|failure| missing(failure, remedy))?;
        self.check(name, &is);
        Ok(is)
    }

    fn lacks(&mut self, kind: &str, name: &str, right: Right) {
        let (word, servers) = (right.word(), &self.servers);
        let detail = format!(
            "{kind} {name}: the right {word} is missing; kafka-acls.sh --bootstrap-server \
             {servers} --add --allow-principal User:NAME --operation {word} --{kind} {name}"
        );
        self.warn(Code::WireRefused, detail);
    }

    /// What holds for every topic.
    fn check(&mut self, name: &str, is: &Inspected) {
        let servers = self.servers.clone();
        let alter = |setting: &str| {
            format!(
                "kafka-configs.sh --bootstrap-server {servers} --alter --entity-type topics \
                 --entity-name {name} --add-config {setting}"
            )
        };
        let setting = |name: &str| is.settings.get(name).map(String::as_str);
        if setting("cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
            let mend = alter("cleanup.policy=delete");
            self.warn(Code::TopicCompacted, format!("topic {name} is compacted; {mend}"));
        }
        if setting("unclean.leader.election.enable") == Some("true") {
            let mend = alter("unclean.leader.election.enable=false");
            let detail = "a broker that lacks records may become leader, and they are lost";
            self.warn(Code::WireSettings, format!("topic {name}: {detail}; {mend}"));
        }
        let least = setting("min.insync.replicas").and_then(|least| least.parse::<u32>().ok());
        if is.replicas > 1 && least.is_some_and(|least| least < 2) {
            let mend = alter("min.insync.replicas=2");
            let detail = "one broker alone may acknowledge a record, and lose it";
            self.warn(Code::WireSettings, format!("topic {name}: {detail}; {mend}"));
        }
        if is.replicas == 1 && self.brokers.is_some_and(|brokers| brokers > 1) {
            let detail = "each record is on one broker alone; kafka-reassign-partitions.sh";
            self.warn(Code::WireSettings, format!("topic {name}: {detail} spreads it"));
        }
    }

    fn check_spread(
        &mut self,
        publication: &Publication,
        is: &Inspected,
        reader: &Reader,
    ) -> Result<(), Failure> {
        let (source, now) = publication.spread(is.partitions);
        if let Some(first) = reader.cursor(&source)?.filter(|first| *first != now) {
            let stop = publish::spread_changed(publication, now, first);
            self.findings.push(stop);
        }
        Ok(())
    }

    /// How many records of a partition are not taken; a finding where they are soon deleted.
    async fn check_retention(
        &mut self,
        (name, topic): (&str, &WireTopic),
        is: &Inspected,
        number: u32,
        cursor: Option<Cursor>,
    ) -> Result<u64, Failure> {
        let (start, end) = topic.bounds(number).await?;
        let next = cursor.map_or(start, |cursor| cursor.next);
        if next < start {
            let detail = format!(
                "topic {name}, partition {number}: offsets {next} to {} were deleted before they \
                 were read; semel ingest resume",
                start - 1
            );
            self.warn(Code::IngestGap, detail);
        }
        let behind = end.saturating_sub(next.max(start));
        let retention = is.settings.get("retention.ms").and_then(|text| text.parse::<i64>().ok());
        let Some(retention) = retention.filter(|retention| *retention > 0 && behind > 0) else {
            return Ok(behind);
        };
        let fetched = topic.fetch(number, next.max(start), 1).await?;
        let age = |at: i64| clock::system() / 1_000 - at;
        let oldest = fetched.records.first().map(|record| age(record.timestamp));
        if let Some(age) = oldest.filter(|age| retention / 4 * 3 < *age) {
            let detail = format!(
                "topic {name}, partition {number}: the oldest of {behind} records that are not \
                 taken is {} s old and is deleted at {} s; kafka-configs.sh --bootstrap-server {} \
                 --alter --entity-type topics --entity-name {name} --add-config retention.ms={}",
                age / 1_000,
                retention / 1_000,
                self.servers,
                retention.saturating_mul(4)
            );
            self.warn(Code::WireSettings, detail);
        }
        Ok(behind)
    }

    /// As JSON.
    pub fn shown(&self) -> Value {
        let topics = self.topics.iter().map(|topic| {
            json!({
                "topic": topic.name, "role": topic.role, "id": topic.is.id,
                "partitions": topic.is.partitions, "replicas": topic.is.replicas,
                "settings": topic.is.settings, "behind": topic.behind,
            })
        });
        json!({
            "servers": self.servers, "brokers": self.brokers,
            "topics": topics.collect::<Vec<_>>(),
        })
    }
}

/// A topic that is not there is made by `remedy`.
fn missing(failure: Failure, remedy: &str) -> Failure {
    match failure {
        Failure::Retryable(why) => Failure::Retryable(format!("{why}; if it is missing: {remedy}")),
        failure => failure,
    }
}

/// How many events of a ledger are not confirmed; of very many, at least so many.
async fn unconfirmed(
    publication: &Publication,
    ledger: &Ledger,
    is: &Inspected,
    reader: &Reader,
) -> Result<u64, Failure> {
    let mut confirmed = Vec::new();
    for number in 0..is.partitions {
        let cursor = reader.cursor(&publication.source(&is.id, number))?;
        confirmed.push(cursor.map_or(0, |cursor| cursor.next.saturating_sub(1)));
    }
    let log = StoreLog::new(reader, ledger.no);
    let mut after = confirmed.iter().copied().min().unwrap_or(0);
    let (begin, mut open) = (after, 0);
    while after < begin + MOST {
        let events = log.events(after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        let is_open = |event: &&semel_core::event::Event| {
            let key = publication.key.of(event, ledger.no);
            confirmed[partition(key.as_bytes(), is.partitions) as usize] < event.seq
        };
        open += events.iter().filter(is_open).count() as u64;
    }
    Ok(open)
}
