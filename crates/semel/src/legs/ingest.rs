//! Topics in: each partition a task of its own, so that one is decoded while another commits.
//!
//! A partition that is stopped by name stops alone and is tried again now and then; the others go
//! on.

use super::attach::attach;
use super::board::Leg;
use super::bound::Bound;
use super::crew::Crew;
use super::pace::LegPace;
use super::{AGAIN, is_of_store};
use crate::config::Ingest;
use crate::wiring::{Store, WireTopic};
use semel_core::Text;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_core::ingest::topic::{Intake, Opened, carry, open};
use semel_core::leg::{Pace, changed};
use semel_core::problem::Code;
use semel_store::rows::{Binding, Ledger};
use std::sync::Arc;

/// How many records are one step at most.
const STEP: usize = 5_000;

/// What is mended by moving a cursor (`semel ingest resume`).
const MENDED: [Code; 2] = [Code::IngestGap, Code::SourceChanged];
/// How often it is looked for that before it is tried again all the same.
const LOOKS: u32 = 12;

/// An ingest, as this process takes it.
pub struct Taking {
    bound: Bound,
    topic: WireTopic,
    leg: Arc<Leg>,
    intake: Intake,
    from_latest: bool,
    pace: LegPace,
}

impl Taking {
    /// The `ingest` from `topic`.
    pub fn new(
        store: &Store,
        ledger: Ledger,
        topic: WireTopic,
        ingest: Ingest,
        leg: Arc<Leg>,
    ) -> Taking {
        let name: Text = leg.name().into();
        let binding = Binding {
            source: "".into(),
            ingest: name.clone(),
            file: ingest.topic.as_deref().unwrap_or_default().into(),
            mapping: ingest.mapping_toml.into(),
            start: Cursor::START,
        };
        Taking {
            bound: Bound::new(store, ledger.no, binding),
            topic,
            leg,
            intake: Intake { name, mapping: ingest.mapping, step: STEP },
            from_latest: ingest.from_latest,
            pace: LegPace::of_topic(),
        }
    }

    /// Take it for as long as the topic stays the same; why that ended.
    pub async fn take(self: &Arc<Taking>) -> Failure {
        let opened = match self.open().await {
            Ok(opened) => Arc::new(opened),
            Err(failure) => return failure,
        };
        self.leg.has(opened.about.partitions);
        let mut crew = Crew::default();
        for partition in opened.partitions() {
            let (taking, opened) = (self.clone(), opened.clone());
            crew.add(async move { taking.carry(&opened, partition).await });
        }
        let taking = self.clone();
        crew.add(async move { changed(&taking.topic, &opened.about, &taking.pace).await });
        crew.first().await
    }

    async fn open(&self) -> Result<Opened, Failure> {
        let opened = open(&self.intake, &self.topic).await?;
        attach(&self.bound, (&self.topic, &opened.about), self.from_latest).await?;
        Ok(opened)
    }

    /// Take one partition; again, where something is wrong with it alone.
    async fn carry(&self, opened: &Opened, partition: u32) -> Failure {
        let targets = |source: Text, start: Cursor| self.bound.target(source, start);
        let by = (&self.topic, &self.pace);
        loop {
            let taken = carry(&self.intake, by, (opened, partition), &targets);
            match self.leg.part(partition, taken).await {
                Failure::Permanent(stop) if !is_of_store(&stop) => {
                    let source = Intake::source(&opened.about.id, partition);
                    let is_mended_by_hand = MENDED.contains(&stop.code);
                    self.leg.stops(Some(partition), stop);
                    match is_mended_by_hand {
                        true => self.mended(&source).await,
                        false => self.pace.sleep(AGAIN).await,
                    }
                }
                failure => return failure,
            }
        }
    }

    /// Wait until somebody has moved the cursor of `source`, or for a minute; without a claim,
    /// which whoever wants to move it needs.
    async fn mended(&self, source: &str) {
        let cursor = || self.bound.store().reader().cursor(source).ok();
        let stood = cursor();
        for _ in 0..LOOKS {
            self.pace.sleep(AGAIN).await;
            if cursor() != stood {
                return;
            }
        }
    }

    /// The time that it goes by.
    pub fn pace(&self) -> &LegPace {
        &self.pace
    }
}
