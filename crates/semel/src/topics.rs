//! `semel topics`: make the topics that Semel writes, or such as people want.
//!
//! Deliberately absent: deleting and altering one. Kafka's own tools do that.

use crate::cli::{Global, Topics};
use crate::config::wire::topic_name;
use crate::config::{Config, Wire};
use crate::exit::{Exit, misused};
use crate::output::{say, table};
use crate::wiring::{Cluster, Made, Wanted};
use semel_core::failure::{Failure, Stop};
use serde_json::{Value, json};

/// Settings of a topic that events are published to. What was confirmed may expire, but readers
/// should have time: 30 days.
const SETTINGS: [(&str, &str); 3] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "2592000000"),
    ("unclean.leader.election.enable", "false"),
];

/// Run `semel topics`.
///
/// # Errors
/// `Configuration` when no broker is named; what the brokers refuse.
pub async fn run(global: &Global, args: &Topics) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    let wire = named(&config)?;
    let cluster = Cluster::new(wire.settings.clone())?;
    let Topics::Create { names, partitions, replication } = args;
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        let publish = wire.publish.as_ref().ok_or_else(|| {
            misused("topics: nothing is published without --wire; name the topics to make")
        })?;
        names.push(&publish.topic);
        names.extend(publish.beside.as_deref());
    }
    for name in &names {
        topic_name("topic", name).map_err(misused)?;
    }
    let mut all = Vec::new();
    for name in names {
        let (partitions, replication, settings) = (*partitions, *replication, SETTINGS.to_vec());
        let wanted = Wanted { name, partitions, replication, settings };
        all.push((name, cluster.create(&wanted).await?));
    }
    tell(global, &all, *partitions)
}

/// Where Kafka is.
///
/// # Errors
/// `Configuration` when nobody said.
pub fn named(config: &Config) -> Result<&Wire, Stop> {
    config.wire.as_ref().ok_or_else(|| {
        misused("wire: no broker is named; name one with --wire kafka://HOST:PORT, or in the file")
    })
}

fn tell(global: &Global, all: &[(&str, Made)], partitions: u32) -> Result<Exit, Failure> {
    if global.json {
        let topics = all.iter().map(|(name, made)| match made {
            Made::New(copies) => json!({
                "topic": name, "partitions": partitions, "replication": copies, "created": true,
            }),
            Made::There(partitions) => {
                json!({ "topic": name, "partitions": partitions, "created": false })
            }
        });
        say(&json!({ "topics": topics.collect::<Vec<Value>>() }).to_string())?;
        return Ok(Exit::Done);
    }
    let mut table = table(&["topic", "partitions", "is"], &[1]);
    for (name, made) in all {
        let (partitions, is) = match made {
            Made::New(copies) => (partitions, format!("made; {copies} copies of each record")),
            Made::There(partitions) => (*partitions, "there, and left as it is".to_owned()),
        };
        table.add_row([(*name).to_owned(), partitions.to_string(), is]);
    }
    say(&table.to_string())?;
    Ok(Exit::Done)
}
