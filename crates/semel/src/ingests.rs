//! `semel ingest`: look at ingests, and let one go on that was stopped because its topic lost what
//! nobody had read.
//!
//! What was lost stays lost: a resume says how much that is and goes on behind it. Where the topic
//! tells another history than was read, it can be read again from its beginning: what was taken
//! before is a counted duplicate, as long as keys come from the messages and not from positions.

use crate::cli::{Global, IngestCommand};
use crate::config::{Config, Ingest};
use crate::exit::{Exit, misused};
use crate::http::ingests::rendered;
use crate::output::{grouped, note, say, table};
use crate::place;
use crate::topics::named;
use crate::wiring::{Cluster, Reader, Store, WireTopic};
use semel_core::chain::Hash;
use semel_core::exactly_once::{Claim, Cursor, Step, Target};
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::topic::Intake;
use semel_core::leg::DEADLINE;
use semel_core::problem::Code;
use semel_core::wire::{Place, Read, Topic, read_on};
use semel_store::rows::Binding;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long to wait before a claim that somebody else holds is asked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// Run `semel ingest`.
///
/// # Errors
/// `Configuration` for an ingest that is not configured; `StoreLocked` while somebody else takes
/// the topic; what the store and the brokers say.
pub async fn run(global: &Global, args: &IngestCommand) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    match args {
        IngestCommand::List { ledger } => list(global, &config, ledger).await,
        IngestCommand::Resume { name, from_beginning, yes } => {
            resume(global, &config, name, *from_beginning, *yes).await
        }
    }
}

async fn list(global: &Global, config: &Config, ledger: &str) -> Result<Exit, Failure> {
    let reader = Reader::open(place::existing(config)?).await?;
    let unknown = || misused(format!("there is no ledger `{ledger}`"));
    let no = reader.ledger(ledger)?.ok_or_else(unknown)?.no;
    let rows = reader.ingests(no)?.into_iter().filter(|row| !row.name.is_empty());
    if global.json {
        let shown = rows.map(|row| rendered(&row, None));
        say(&format!(r#"{{"data":[{}]}}"#, shown.collect::<Vec<_>>().join(",")))?;
        return Ok(Exit::Done);
    }
    let mut told =
        table(&["ingest", "read", "accepted", "duplicates", "dead letters"], &[1, 2, 3, 4]);
    for row in rows {
        let counts = row.counts;
        let numbers = [counts.read, counts.accepted, counts.duplicates, counts.dead_letters];
        told.add_row([vec![row.name.to_string()], numbers.map(grouped).to_vec()].concat());
    }
    say(&told.to_string())?;
    Ok(Exit::Done)
}

/// A partition that cannot go on, and where it could.
struct Stuck {
    partition: u32,
    /// Where it stands.
    cursor: Cursor,
    /// Where it would go on.
    to: u64,
    /// Whether what was read is not what the topic tells now.
    has_changed: bool,
}

async fn resume(
    global: &Global,
    config: &Config,
    name: &str,
    from_beginning: bool,
    yes: bool,
) -> Result<Exit, Failure> {
    let (ingest, topic_name) = configured(config, name)?;
    let topic = Cluster::new(named(config)?.settings.clone())?.topic(topic_name, None)?;
    let id = topic.about().await?.id;
    let reader = Reader::open(place::existing(config)?).await?;
    let stuck = stuck(&reader, &topic, &id).await?;
    drop(reader);
    if let Some(changed) = stuck.iter().find(|it| it.has_changed && !from_beginning) {
        let detail = format!(
            "topic {topic_name}, partition {}: it is not what was read; --from-beginning reads \
             such partitions again",
            changed.partition
        );
        return Err(Stop::new(Code::SourceChanged, detail).into());
    }
    if yes && !stuck.is_empty() {
        let store = Store::open(&config.store).await?;
        let moved = go_on(&store, ingest, topic_name, &id, &stuck).await;
        store.close().await;
        moved?;
    }
    tell(global, name, &stuck, yes)
}

fn configured<'c>(config: &'c Config, name: &str) -> Result<(&'c Ingest, &'c str), Stop> {
    let found = config.topics().find(|(known, ..)| *known == name);
    let (_, topic, ingest) = found
        .ok_or_else(|| misused(format!("ingest `{name}`: no such [[ingest]] with a topic")))?;
    Ok((ingest, topic))
}

async fn stuck(reader: &Reader, topic: &WireTopic, id: &str) -> Result<Vec<Stuck>, Failure> {
    let mut stuck = Vec::new();
    for partition in 0..topic.about().await?.partitions {
        let Some(cursor) = reader.cursor(&Intake::source(id, partition))? else { continue };
        let seen = (cursor.tail != Hash::ZERO).then_some((cursor.hint, cursor.tail));
        let place = Place { next: cursor.next, seen };
        let (to, has_changed) = match read_on((topic, id, partition), &place, 1).await? {
            Read::Gap(start) => (start, false),
            Read::Changed(_) => (topic.bounds(partition).await?.0, true),
            Read::On(_) | Read::OtherTopic => continue,
        };
        stuck.push(Stuck { partition, cursor, to, has_changed });
    }
    Ok(stuck)
}

async fn go_on(
    store: &Store,
    ingest: &Ingest,
    topic: &str,
    id: &str,
    stuck: &[Stuck],
) -> Result<(), Failure> {
    let ledger = store.ledger(ingest.ledger()).await?.no;
    for Stuck { partition, cursor, to, .. } in stuck {
        let binding = Binding {
            source: Intake::source(id, *partition),
            ingest: ingest.name.as_deref().unwrap_or_default().into(),
            file: topic.into(),
            mapping: ingest.mapping_toml.as_str().into(),
            start: Cursor::START,
        };
        let leg = store.leg(ledger, binding).await?;
        let patience = Instant::now() + 3 * DEADLINE;
        let claim = loop {
            match leg.claim().await {
                Err(Failure::Fenced) if Instant::now() < patience => {
                    tokio::time::sleep(AGAIN).await;
                }
                claim => break claim?,
            }
        };
        if claim.cursor() != cursor {
            let detail = format!("partition {partition} has moved meanwhile; run it again");
            return Err(Failure::Retryable(detail));
        }
        let to = Cursor { next: *to, tail: Hash::ZERO, hint: *to };
        claim.begin(Default::default()).await?.commit(Vec::new(), to).await?;
    }
    Ok(())
}

fn tell(global: &Global, name: &str, stuck: &[Stuck], done: bool) -> Result<Exit, Failure> {
    if global.json {
        let partitions = stuck
            .iter()
            .map(|it| json!({ "partition": it.partition, "from": it.cursor.next, "to": it.to }));
        let partitions = partitions.collect::<Vec<Value>>();
        say(&json!({ "ingest": name, "done": done, "partitions": partitions }).to_string())?;
        return Ok(Exit::Done);
    }
    if stuck.is_empty() {
        say("nothing holds it up")?;
        return Ok(Exit::Done);
    }
    let mut told = table(&["partition", "stands at", "goes on at"], &[0, 1, 2]);
    for it in stuck {
        told.add_row([it.partition.to_string(), grouped(it.cursor.next), grouped(it.to)]);
    }
    say(&told.to_string())?;
    note(match done {
        true => "Done; a running server goes on within seconds.",
        false => "Nothing was changed; --yes does it.",
    });
    Ok(Exit::Done)
}
