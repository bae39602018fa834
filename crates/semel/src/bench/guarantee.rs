//! The stage `guarantee`: what exactly-once costs. A topic is taken twice in this process, once as
//! always, and once with identity and cursor switched off.
//!
//! Without them events carry no key, so no index of keys is written, and how far was taken is kept
//! in memory alone: whoever took a topic like that would pay repeats twice, and everything again
//! after a crash. It exists here only.

use super::bed::{Bed, Setup};
use super::kafka::{MAPPING, fill};
use super::measured::{Measured, rate};
use super::twin::Twin;
use crate::http::access::MAIN;
use crate::legs::LegPace;
use crate::place::Place;
use crate::rig::broken;
use crate::rig::kafka::{PARTITIONS, Scrap};
use crate::wiring::{
    Form, Reader, Store, StoreClaim, StoreStep, StoreTarget, WireSettings, WireTopic,
};
use indicatif::ProgressBar;
use semel_core::Text;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ingest::topic::{Intake, Opened, carry, open};
use semel_core::ledger::{Effect, Keys, Snapshot};
use semel_store::rows::Binding;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The namespace of its keys.
const INGEST: &str = "bench";
/// Records of a step.
const STEP: usize = 5_000;
/// How often it is asked how far it is.
const LOOK: Duration = Duration::from_millis(10);

/// Measure the messages of `setup` both ways.
///
/// # Errors
/// What the brokers and the store say.
pub async fn run(
    wire: &WireSettings,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    bar.set_length(2 * setup.payments);
    Scrap::during(wire, async |scrap| both(scrap, setup, bed, bar).await).await
}

async fn both(
    scrap: &Scrap,
    setup: &Setup,
    bed: &mut Bed,
    bar: &ProgressBar,
) -> Result<Measured, Failure> {
    let messages = setup.payments;
    let keys = fill(scrap, messages, setup.work()).await?;
    let loose =
        Taking::new(scrap, bed.twin_place(), Guarantee::AtLeastOnce(Arc::default())).await?;
    let loose = loose.take(messages).await?;
    bar.inc(messages);
    let exact = Taking::new(scrap, bed.place(), Guarantee::ExactlyOnce).await?;
    let took = exact.take(messages).await?;
    bar.inc(messages);
    let reader = Reader::open(&bed.place()).await?;
    let ledger = reader.ledger(MAIN)?.ok_or_else(|| broken("there is no ledger"))?;
    let mut twin = Twin::counting(reader, ledger.no);
    twin.follow().await?;
    let measured = Measured::new("guarantee", messages, took);
    let measured = measured.counted(&twin, INGEST, keys.into_iter());
    Ok(Measured { at_least_once_per_second: Some(rate(messages, loose)), ..measured })
}

/// How a topic is taken.
#[derive(Clone)]
enum Guarantee {
    /// As always.
    ExactlyOnce,
    /// With these cursors, by source, and nothing of them in the store.
    AtLeastOnce(Arc<Mutex<BTreeMap<Text, Cursor>>>),
}

/// A topic on its way into a store.
struct Taking {
    store: Store,
    ledger: u32,
    topic: WireTopic,
    intake: Intake,
    opened: Opened,
    pace: LegPace,
    guarantee: Guarantee,
}

impl Taking {
    async fn new(scrap: &Scrap, place: Place, guarantee: Guarantee) -> Result<Taking, Failure> {
        let store = Store::open_in(&place, Form::Resident, None).await?;
        let ledger = store.ledger(MAIN).await?.no;
        let mapping = toml::from_str(MAPPING).map_err(|error| broken(error.to_string()))?;
        let intake = Intake { name: INGEST.into(), mapping, step: STEP };
        let topic = scrap.topic()?;
        let opened = open(&intake, &topic).await?;
        let pace = LegPace::of_topic();
        Ok(Taking { store, ledger, topic, intake, opened, pace, guarantee })
    }

    /// Take so many messages; how long that took.
    async fn take(self, messages: u64) -> Result<Duration, Failure> {
        let (taking, begun) = (Arc::new(self), Instant::now());
        let mut parts = JoinSet::new();
        for partition in 0..PARTITIONS {
            let taking = taking.clone();
            parts.spawn(async move { taking.carry(partition).await });
        }
        while taking.taken()? < messages {
            tokio::select! {
                Some(Ok(failure)) = parts.join_next() => return Err(failure),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let took = begun.elapsed();
        parts.shutdown().await;
        taking.store.clone().close().await;
        Ok(took)
    }

    async fn carry(&self, partition: u32) -> Failure {
        let (by, part) = ((&self.topic, &self.pace), (&self.opened, partition));
        match &self.guarantee {
            Guarantee::ExactlyOnce => {
                let targets = |source, start| self.leg(source, start);
                carry(&self.intake, by, part, &targets).await
            }
            Guarantee::AtLeastOnce(cursors) => {
                let targets = |source: Text, start: Cursor| {
                    cursors
                        .lock()
                        .expect("nobody panics here")
                        .entry(source.clone())
                        .or_insert(start);
                    let (door, cursors) = (self.store.door(self.ledger), cursors.clone());
                    std::future::ready(Ok(Loose { door, source, cursors }))
                };
                carry(&self.intake, by, part, &targets).await
            }
        }
    }

    async fn leg(&self, source: Text, start: Cursor) -> Result<StoreTarget, Failure> {
        let (ingest, file, mapping) = (INGEST.into(), "".into(), "".into());
        self.store.leg(self.ledger, Binding { source, ingest, file, mapping, start }).await
    }

    /// How many messages are taken, of a topic without holes.
    fn taken(&self) -> Result<u64, Failure> {
        if let Guarantee::AtLeastOnce(cursors) = &self.guarantee {
            let cursors = cursors.lock().expect("nobody panics here");
            return Ok(cursors.values().map(|cursor| cursor.next).sum());
        }
        let mut taken = 0;
        for partition in self.opened.partitions() {
            let source = Intake::source(&self.opened.about.id, partition);
            taken += self.store.reader().cursor(&source)?.map_or(0, |cursor| cursor.next);
        }
        Ok(taken)
    }
}

/// A ledger without identity, and a cursor that a crash forgets.
struct Loose {
    door: StoreTarget,
    source: Text,
    cursors: Arc<Mutex<BTreeMap<Text, Cursor>>>,
}

/// What goes with a claim of it.
struct LooseClaim {
    claim: StoreClaim,
    cursor: Cursor,
    source: Text,
    cursors: Arc<Mutex<BTreeMap<Text, Cursor>>>,
}

/// An open step of it.
struct LooseStep {
    step: StoreStep,
    source: Text,
    cursors: Arc<Mutex<BTreeMap<Text, Cursor>>>,
}

impl Target for Loose {
    type Claim = LooseClaim;

    async fn claim(&self) -> Result<LooseClaim, Failure> {
        let claim = self.door.claim().await?;
        let (source, cursors) = (self.source.clone(), self.cursors.clone());
        let cursor = cursors.lock().expect("nobody panics here")[&source];
        Ok(LooseClaim { claim, cursor, source, cursors })
    }
}

impl Claim for LooseClaim {
    type Keys = Keys;
    type Step = LooseStep;

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    async fn begin(self, keys: Keys) -> Result<LooseStep, Failure> {
        let LooseClaim { claim, source, cursors, .. } = self;
        Ok(LooseStep { step: claim.begin(keys).await?, source, cursors })
    }
}

impl Step for LooseStep {
    type Claim = LooseClaim;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        self.step.snapshot()
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<LooseClaim, Failure> {
        let LooseStep { step, source, cursors } = self;
        let loose = effects.into_iter().filter_map(|effect| match effect {
            Effect::Count(..) => None,
            Effect::Append(mut event) => {
                Arc::make_mut(&mut event).key = None;
                Some(Effect::Append(event))
            }
            effect => Some(effect),
        });
        let claim = step.commit(loose.collect(), Cursor::START).await?;
        cursors.lock().expect("nobody panics here").insert(source.clone(), to);
        Ok(LooseClaim { claim, cursor: to, source, cursors })
    }
}
