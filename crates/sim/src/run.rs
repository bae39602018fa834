//! One run: a world is set up from its seed, things go wrong for a while, then nothing does any
//! more, and everything has to settle.

use crate::broker::Broker;
use crate::clients;
use crate::coverage::verdicts;
use crate::defects::Planted;
use crate::evidence::{self, Evidence};
use crate::fate::{self, Server};
use crate::faults::{Fault, Faults, Planned};
use crate::feeds::writers::Writer;
use crate::model::Model;
use crate::net::Net;
use crate::setup::{Feed, PUBLISHED, Setup};
use crate::site::Site;
use crate::sqlite::OnFiles;
use crate::store::Backend;
use crate::world::{Executor, World};
use semel_core::dead_letter::Raw;
use semel_core::ingest::topic::Intake;
use semel_core::wire::{Record, partition};
use std::collections::BTreeSet;

/// How long everything may take to settle after nothing goes wrong any more, in seconds of the
/// world: late batches, and a few deadlines after each other.
const SETTLED_WITHIN: u64 = 180;
/// What is settled before that may still have to be found lost: whoever comes next has to wait for
/// the deadline of whoever died last, and then to look.
const CALM: u64 = 30;
/// One run in so many is on the real SQLite store.
const ON_FILES_ONE_IN: u64 = 25;
/// Microseconds in a second.
const SECOND: u64 = 1_000_000;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Payments that are wished for.
    pub payments: u64,
    /// Faults that are left out although the seed plans them.
    pub without: BTreeSet<Fault>,
    pub defect: Planted,
    /// Whether the history is written down.
    pub told: bool,
}

/// What came of it.
pub struct Outcome {
    pub evidence: Evidence,
    /// Planned, and how often it really happened.
    pub faults: Vec<(Fault, bool, u64)>,
    /// What was reached.
    pub reached: BTreeSet<String>,
    /// Payments in the logs at the end.
    pub payments: u64,
    pub history: String,
    /// Whether it ran on the real SQLite store.
    pub on_files: bool,
}

/// Run it.
pub fn run(plan: &Plan) -> Outcome {
    let world = World::new(plan.seed, plan.told);
    let planned = Planned::draw(&world);
    let planned = plan.without.iter().fold(planned, |planned, fault| planned.without(*fault));
    let net = Net { world: world.clone(), faults: Faults::new(&world, planned) };
    if world.one_in(ON_FILES_ONE_IN) {
        let setup = Setup::draw(&world, plan.payments, 1);
        let files = OnFiles::new(&net, &setup.ledgers);
        Outcome { on_files: true, ..live(plan, net, files, setup) }
    } else {
        let setup = Setup::draw(&world, plan.payments, 3);
        let (rules, trust) = (plan.defect.rules(), plan.defect.trust());
        let model = Model::new(&net, &setup.ledgers, rules, trust);
        live(plan, net, model, setup)
    }
}

fn live<B: Backend + Server>(plan: &Plan, net: Net, backend: B, setup: Setup) -> Outcome {
    let world = net.world.clone();
    let broker = Broker::default();
    broker.create(PUBLISHED, setup.partitions);
    setup.topics.iter().for_each(|feed| broker.create(&feed.name, feed.partitions));
    let site = Site::new(&net, broker, backend, setup, plan.defect);
    begin(&site);
    let mut executor = Executor::new(&world);
    let until = site.setup.faulty.as_micros() as u64;
    executor.run(until);
    end_faults(&site);
    let mut seconds = CALM;
    executor.run(until + seconds * SECOND);
    let mut left = unsettled(&site);
    while !left.is_empty() && seconds < SETTLED_WITHIN {
        seconds += 1;
        executor.run(until + seconds * SECOND);
        left = unsettled(&site);
    }
    tell(&site, left)
}

fn begin<B: Backend + Server>(site: &Site<B>) {
    site.world.slow_down(site.faults.planned().rate(Fault::TaskSlow));
    let writer = Writer {
        world: site.world.clone(),
        faults: site.faults.clone(),
        broker: site.broker.clone(),
        feeds: site.feeds.clone(),
        setup: site.setup.clone(),
    };
    writer.begin();
    (0..site.setup.processes).for_each(|_| site.start());
    clients::begin(site);
    site.reader.begin(&site.broker, &site.net);
    fate::begin(site);
}

fn end_faults<B: Backend>(site: &Site<B>) {
    site.world.tell("fate", || "nothing goes wrong any more".into());
    site.faults.end();
    site.world.slow_down(0);
}

/// What has to happen still, in words; what a named stop explains is left out.
fn unsettled<B: Backend>(site: &Site<B>) -> Vec<String> {
    if site.stops().iter().any(|stop| stop.what == "process" && stop.name == "wire_fork") {
        // Its doors stay shut until somebody decides which history counts.
        return Vec::new();
    }
    let mut left = Vec::new();
    if !site.calls.are_settled() {
        left.push("a client was not told".into());
    }
    if !site.feeds.are_written() {
        left.push("a topic is not written".into());
    }
    if left.is_empty() {
        left.extend(site.setup.topics.iter().filter_map(|feed| untaken_topic(site, feed)));
        let files = site.setup.files.iter().enumerate();
        left.extend(files.filter_map(|(place, feed)| untaken_file(site, place, feed)));
    }
    if left.is_empty() {
        let ledgers = 1..=site.setup.ledgers.len() as u32;
        left.extend(ledgers.filter_map(|ledger| unconfirmed(site, ledger)));
    }
    if left.is_empty() {
        let unread = site.reader.unread(&site.broker);
        left.extend(
            unread.map(|partition| format!("partition {partition} is not read to its end")),
        );
    }
    left
}

fn untaken_topic<B: Backend>(site: &Site<B>, feed: &Feed) -> Option<String> {
    if site.has_stopped(&feed.name) {
        return None;
    }
    let id = site.broker.about(&feed.name).id;
    let partitions = 0..feed.partitions;
    let untaken = |partition: &u32| {
        let next = site.backend.cursor(&Intake::source(&id, *partition)).map(|it| it.next);
        let start = site.broker.bounds(&feed.name, *partition).0;
        let from = next.unwrap_or_default().max(start);
        !site.broker.fetch(&feed.name, *partition, from, 1).records.is_empty()
    };
    let partition = partitions.into_iter().find(untaken)?;
    Some(format!("{} ({id}/{partition}) is not taken to its end", feed.name))
}

fn untaken_file<B: Backend>(site: &Site<B>, place: usize, feed: &Feed) -> Option<String> {
    let cursor = site.backend.cursor(&format!("file:{}", feed.name));
    let lines = site.feeds.lines(place).len() as u64;
    let is_taken = lines <= cursor.map_or(0, |cursor| cursor.next);
    (!is_taken && !site.has_stopped(&feed.name)).then(|| format!("{} is not taken", feed.name))
}

/// The first partition of which not every message of a ledger is confirmed.
fn unconfirmed<B: Backend>(site: &Site<B>, ledger: u32) -> Option<String> {
    let publication = site.setup.publication(ledger);
    let name = format!("publish of {}", publication.name);
    if site.has_stopped(&name) {
        return None;
    }
    let about = site.broker.about(PUBLISHED);
    let mut last = vec![0; about.partitions as usize];
    for event in site.backend.events(ledger) {
        let key = publication.key.of(&event, ledger);
        last[partition(key.as_bytes(), about.partitions) as usize] = event.seq;
    }
    let confirmed = |partition: u32| {
        let cursor = site.backend.cursor(&publication.source(&about.id, partition));
        cursor.map_or(0, |cursor| cursor.next.saturating_sub(1))
    };
    let behind = |(partition, last): &(u32, u64)| confirmed(*partition) < *last;
    let (partition, last) = (0..).zip(last).find(behind)?;
    let to = confirmed(partition);
    Some(format!("{name}: partition {partition} is confirmed to {to}, not to {last}"))
}

fn copy(record: Record) -> evidence::Record {
    let Raw { key, value, headers } = record.raw;
    evidence::Record { offset: record.offset, key, value, headers }
}

fn tell<B: Backend>(site: &Site<B>, unsettled: Vec<String>) -> Outcome {
    let mut evidence = Evidence {
        calls: site.calls.all(),
        items: site.feeds.items(),
        followed: site.reader.followed(&site.broker),
        respread: site.faults.fired(Fault::WireRespread) > 0,
        publish_key: site.setup.key.as_str().into(),
        stops: site.stops(),
        unsettled,
        ..Evidence::default()
    };
    site.backend.tell(&mut evidence);
    for partition in 0..site.broker.about(PUBLISHED).partitions {
        let start = site.broker.bounds(PUBLISHED, partition).0;
        let records = site.broker.fetch(PUBLISHED, partition, start, usize::MAX).records;
        evidence.wire.push(records.into_iter().map(copy).collect());
        let expired = site.broker.expired(PUBLISHED, partition);
        evidence.expired.push(expired.into_iter().map(copy).collect());
    }
    let slowed = site.world.slowed();
    let fired = |fault: Fault| match fault {
        Fault::TaskSlow => slowed,
        fault => site.faults.fired(fault),
    };
    let planned = |fault: Fault| site.faults.planned().rate(fault) > 0;
    let faults = Fault::ALL.iter().map(|fault| (*fault, planned(*fault), fired(*fault))).collect();
    let mut reached = site.seen.names();
    reached.extend(verdicts(&site.tally));
    if evidence.stops.iter().any(|stop| stop.name == "wire_fork") {
        reached.insert("wire: fork".into());
    }
    let payments = evidence.ledgers.iter().flat_map(|ledger| &ledger.events);
    let payments = payments.filter(|row| matches!(row.kind, 3 | 4 | 7)).count() as u64;
    let history = site.world.history();
    Outcome { evidence, faults, reached, payments, history, on_files: false }
}
