//! Fate: what happens at moments of its own choice, and which named stops it explains.

use crate::faults::{Fault, Faults, Manner};
use crate::net::SERVER_TIMEOUT;
use crate::setup::{MOST_PARTITIONS, PUBLISHED};
use crate::site::Site;
use crate::store::Backend;
use crate::world::OUTSIDE;
use semel_core::chain::Hash;
use semel_core::dead_letter::Raw;
use semel_core::ingest::topic::Intake;
use semel_core::leg::DEADLINE;
use semel_core::problem::Code;
use std::time::Duration;

/// The longest jump of a clock.
const JUMP: u64 = 3_600;
/// How long a broker is away, or a disk full, at most.
const AWAY: Duration = Duration::from_secs(15);
/// How often, and for how many times, to look whether a fault can happen.
const CHANCE_EVERY: Duration = Duration::from_millis(200);
const CHANCES: u64 = 100;
/// How many commits a standby may lack.
const LACKS: u64 = 40;

/// What the store does only in a model; what it cannot do does not happen.
pub trait Server: Send + Sync + 'static {
    /// Another server takes over, which lacks the last commits; how many it really lacks.
    fn fail_over(&self, lost: usize) -> Option<usize>;
    /// Whether this is such a moment.
    fn is(&self, moment: Moment) -> bool;
    /// The clock jumps, in microseconds.
    fn step_clock(&self, by: i64);
    /// The disk is full.
    fn fill(&self, time: Duration);
    /// A row is altered; whether there was one.
    fn alter(&self) -> bool;
}

/// What fate waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The last commit moved the cursor of an ingest.
    CursorMoved,
    /// The last commit wrote accounts and nothing else.
    AccountsWritten,
    /// Something was written that nobody was told of yet, and may be torn.
    Writing,
}

/// Let everything that is planned for some moment happen then.
pub fn begin<B: Backend + Server>(site: &Site<B>) {
    for fault in site.faults.planned().faults() {
        let times = match fault.manner() {
            Manner::Times(_) | Manner::Once => site.faults.planned().rate(fault),
            Manner::OneIn(..) | Manner::Follows => 0,
        };
        for _ in 0..times {
            let own = site.clone();
            let moment = site.world.below(site.setup.faulty.as_micros() as u64);
            site.world.spawn(OUTSIDE, async move {
                own.world.sleep(Duration::from_micros(moment)).await;
                if strike(&own, fault).await {
                    own.world.tell("fate", || fault.id().into());
                    own.faults.happened(fault);
                }
            });
        }
    }
}

/// Let a fault happen; whether it did.
async fn strike<B: Backend + Server>(site: &Site<B>, fault: Fault) -> bool {
    match fault {
        Fault::ProcessCrash => site.some_process().map(|process| site.die(process)).is_some(),
        Fault::ProcessPause => {
            let time = site.world.some_time(DEADLINE * 3);
            site.some_process().map(|process| site.world.stop(process, time)).is_some()
        }
        Fault::StoreFailover => site.backend.fail_over(0).is_some(),
        Fault::StoreRewind => rewind(site).await,
        Fault::StoreTorn => {
            // It counts when something was torn off.
            tear(site).await;
            false
        }
        Fault::StoreFull => {
            // It counts when somebody meets it.
            site.backend.fill(site.world.some_time(AWAY));
            false
        }
        Fault::ClockForward | Fault::ClockBack => {
            let by = 1_000_000 * (1 + site.world.below(JUMP)) as i64;
            site.backend.step_clock(if fault == Fault::ClockBack { -by } else { by });
            true
        }
        Fault::RowAltered => site.backend.alter(),
        Fault::WireAway => {
            site.broker.set_away(true);
            site.world.sleep(SERVER_TIMEOUT + site.world.some_time(AWAY)).await;
            site.broker.set_away(false);
            true
        }
        _ => happens_soon(site, fault).await,
    }
}

/// The last commits are lost, the move of an ingest's cursor among them, while processes are
/// stopped that may believe in it.
async fn rewind<B: Backend + Server>(site: &Site<B>) -> bool {
    // Some lose what no log tells of.
    let accounts = site.world.one_in(4);
    let moment = if accounts { Moment::AccountsWritten } else { Moment::CursorMoved };
    // Just now: who moved it has not looked any further yet.
    let mut before = true;
    for _ in 0..CHANCES * 400 {
        let now = site.backend.is(moment);
        if now && !before {
            break;
        }
        before = now;
        if site.faults.are_over() {
            return false;
        }
        site.world.sleep(CHANCE_EVERY / 400).await;
    }
    if site.world.one_in(2) {
        // One goes on, to hold the store against the wire.
        for process in site.all_but_one() {
            site.world.stop(process, DEADLINE / 3 + site.world.some_time(DEADLINE / 2));
        }
    }
    // Few commits more often: then claims that were made before are still there.
    let most = if accounts { 1 } else { 1 + site.world.below(LACKS) };
    let lost = 1 + site.world.below(most) as usize;
    site.backend.fail_over(lost).is_some_and(|lost| lost > 0)
}

/// A process dies while it writes.
async fn tear<B: Backend + Server>(site: &Site<B>) {
    for _ in 0..CHANCES * 20 {
        if site.faults.are_over() {
            return;
        }
        if site.backend.is(Moment::Writing) {
            return site.some_process().map(|process| site.die(process)).unwrap_or_default();
        }
        site.world.sleep(site.world.some_time(CHANCE_EVERY / 100)).await;
    }
}

/// Wait until a fault of a topic can happen, if it ever can.
async fn happens_soon<B: Backend>(site: &Site<B>, fault: Fault) -> bool {
    for _ in 0..CHANCES {
        if site.faults.are_over() {
            return false;
        }
        if on_wire(site, fault) || on_topics(site, fault) {
            return true;
        }
        site.world.sleep(CHANCE_EVERY).await;
    }
    false
}

fn on_wire<B: Backend>(site: &Site<B>, fault: Fault) -> bool {
    let partitions = site.broker.about(PUBLISHED).partitions;
    let partition = site.world.below(u64::from(partitions)) as u32;
    let (start, end) = site.broker.bounds(PUBLISHED, partition);
    let some = start + site.world.below(end - start + 1);
    match fault {
        Fault::WireTruncated if some < end => site.broker.truncate(PUBLISHED, partition, some),
        // Records are kept for longer than whoever follows them is late. That records were lost can
        // no longer be seen where those before them have expired.
        Fault::WireExpired if site.faults.fired(Fault::WireTruncated) == 0 => {
            let below = some.min(site.reader.done_below(&site.broker, partition));
            if below <= start {
                return false;
            }
            site.broker.expire(PUBLISHED, partition, below);
        }
        Fault::WireRecreated => site.broker.create(PUBLISHED, partitions),
        Fault::WireRespread => {
            let other = 1 + site.world.below(u64::from(MOST_PARTITIONS)) as u32;
            if other == partitions {
                return false;
            }
            site.broker.create(PUBLISHED, other);
        }
        Fault::WireForeign => {
            let headers = match site.world.below(2) {
                0 => vec![("semel-seq".to_owned(), b"1".to_vec())],
                _ => Vec::new(),
            };
            let raw = Raw { key: None, value: Some(b"not ours".to_vec()), headers };
            let together = site.world.one_in(2).then(|| site.broker.begin());
            site.broker.append(PUBLISHED, partition, raw, together);
            if let Some(number) = together {
                site.broker.end(PUBLISHED, number, site.world.one_in(2));
            }
        }
        _ => return false,
    }
    true
}

fn on_topics<B: Backend>(site: &Site<B>, fault: Fault) -> bool {
    let count = site.setup.topics.len() as u64;
    if count == 0 {
        return false;
    }
    let chosen = site.world.below(count) as usize;
    let feed = &site.setup.topics[chosen];
    let partition = site.world.below(u64::from(feed.partitions)) as u32;
    let (start, end) = site.broker.bounds(&feed.name, partition);
    let source = Intake::source(&site.broker.about(&feed.name).id, partition);
    let cursor = site.backend.cursor(&source);
    // Behind the last record that was taken; the cursor stands behind its marker too.
    let taken = cursor.map_or(0, |cursor| match cursor.tail {
        Hash::ZERO => cursor.next,
        _ => cursor.hint + 1,
    });
    match fault {
        // That records were lost can no longer be seen where those before them have expired.
        Fault::TopicExpired if start < taken && site.faults.fired(Fault::TopicTruncated) == 0 => {
            site.broker.expire(&feed.name, partition, taken);
        }
        Fault::TopicGap if cursor.is_some() && taken + 1 < end => {
            let below = taken + 1 + site.world.below(end - taken);
            site.broker.expire(&feed.name, partition, below);
        }
        // What was fetched and is not committed yet would be neither old nor new.
        Fault::TopicTruncated
            if start < end
                && !site.broker.is_open(&feed.name, partition)
                && site.broker.fetched(&feed.name, partition) <= taken =>
        {
            let from = start + site.world.below(end - start);
            let next = cursor.map_or(0, |cursor| cursor.next);
            // What is written over lost markers stands below the cursor until it is taken: nobody
            // can tell what an ingest that never comes to it has taken.
            if (taken..next).contains(&from) && may_stop(&site.faults) {
                return false;
            }
            site.broker.truncate(&feed.name, partition, from);
            site.feeds.forget(&source, from.max(taken));
            if from < taken {
                site.feeds.freeze(&source, next);
            }
        }
        Fault::TopicRecreated => site.broker.create(&feed.name, feed.partitions),
        Fault::TopicCompacted => site.broker.compact(&feed.name),
        _ => return false,
    }
    true
}

/// Whether an ingest may never come to read all, for another reason than lost records.
fn may_stop(faults: &Faults) -> bool {
    let causes =
        [Fault::TopicCompacted, Fault::TopicRecreated, Fault::TopicGap, Fault::StoreRewind];
    causes.iter().any(|cause| faults.planned().rate(*cause) > 0)
}

/// Whether what happened in a run explains a named stop.
pub fn explains(faults: &Faults, code: Code) -> bool {
    let causes: &[Fault] = match code {
        Code::StoreFull => &[Fault::StoreFull],
        Code::WireFork => &[Fault::StoreRewind],
        Code::StoreRewound => &[Fault::StoreRewind, Fault::RowAltered],
        Code::AnchorDiffers | Code::ChainBroken => &[Fault::RowAltered],
        Code::SourceChanged => &[Fault::TopicTruncated],
        // What was read may expire; a store that was rewound reads it again.
        Code::IngestGap => &[Fault::TopicGap, Fault::StoreRewind],
        Code::TopicCompacted => &[Fault::TopicCompacted],
        Code::SpreadChanged => &[Fault::WireRespread],
        _ => &[],
    };
    causes.iter().any(|cause| faults.fired(*cause) > 0)
}
