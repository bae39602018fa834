//! How the legs of this process are: what `/readyz`, `/metrics` and the ingests' pages say of them.

use super::RUNS;
use crate::wiring::WireTopic;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_core::publish::confirm::Tally;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The legs of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Board {
    legs: Arc<Mutex<Vec<Arc<Leg>>>>,
}

/// What a leg does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It takes a topic.
    Ingest,
    /// It sends a ledger's events.
    Publish,
}

/// A leg.
pub struct Leg {
    kind: Kind,
    ledger: String,
    name: String,
    topic: WireTopic,
    tally: Tally,
    state: Mutex<State>,
    /// Partitions that are stopped while the leg runs.
    stopped: Mutex<BTreeMap<u32, Stop>>,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Runs,
    /// Something that it needs is away.
    Waits(String),
    /// It cannot go on by itself.
    Stopped(Stop),
}

/// A leg as it is shown.
pub struct Shown {
    /// What it does.
    pub kind: Kind,
    /// The ledger's id.
    pub ledger: String,
    /// The ingest's name, or the ledger's id.
    pub name: String,
    /// Why it does nothing, if it does not.
    pub trouble: Option<Stop>,
    /// Its topic.
    pub topic: WireTopic,
    /// The leg itself.
    pub leg: Arc<Leg>,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Ingest => "ingest",
            Kind::Publish => "publish",
        }
    }
}

impl Board {
    /// One more leg.
    pub(super) fn add(&self, kind: Kind, ledger: &str, name: &str, topic: &WireTopic) -> Arc<Leg> {
        let leg = Arc::new(Leg {
            kind,
            ledger: ledger.to_owned(),
            name: name.to_owned(),
            topic: topic.clone(),
            tally: Tally::default(),
            state: Mutex::default(),
            stopped: Mutex::default(),
        });
        self.all().push(leg.clone());
        leg
    }

    /// Every leg as it is now.
    pub fn shown(&self) -> Vec<Shown> {
        self.all().iter().map(|leg| leg.shown()).collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Leg>>> {
        self.legs.lock().expect("nobody panics while holding it")
    }
}

impl Leg {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn runs(&self) {
        self.set(State::Runs);
    }

    pub(super) fn waits(&self, failure: &Failure) {
        self.set(State::Waits(failure.to_string()));
    }

    /// It is stopped, or the partition of it that is named.
    pub(super) fn stops(&self, partition: Option<u32>, stop: Stop) {
        let known = match partition {
            None => match self.state().clone() {
                State::Stopped(known) => Some(known),
                State::Runs | State::Waits(_) => None,
            },
            Some(partition) => self.parts().get(&partition).cloned(),
        };
        if known.as_ref() != Some(&stop) {
            tracing::error!(%stop, leg = self.name, "a leg is stopped; the rest goes on");
        }
        match partition {
            None => self.set(State::Stopped(stop)),
            Some(partition) => drop(self.parts().insert(partition, stop)),
        }
    }

    /// Run a part of it; one that runs for a while is not stopped any more.
    pub(super) async fn part(&self, partition: u32, run: impl Future<Output = Failure>) -> Failure {
        let mut run = std::pin::pin!(run);
        if let Ok(failure) = tokio::time::timeout(RUNS, &mut run).await {
            return failure;
        }
        self.parts().remove(&partition);
        run.await
    }

    /// It has so many partitions; of others nothing is known any more.
    pub(super) fn has(&self, partitions: u32) {
        self.parts().retain(|partition, _| *partition < partitions);
    }

    /// Say which partitions open Kafka transactions have held back for longer than `patience`.
    pub(super) fn tell_held(&self, patience: Duration) {
        for (partition, taken) in self.topic.progress().all() {
            let held = taken.held_since.map(|since| since.elapsed());
            if let Some(held) = held.filter(|held| *held >= patience) {
                tracing::warn!(
                    leg = self.name,
                    partition,
                    seconds = held.as_secs(),
                    records = taken.held_back,
                    "a Kafka transaction stays open and holds back what is behind it"
                );
            }
        }
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Stop>> {
        self.stopped.lock().expect("nobody panics while holding it")
    }

    fn set(&self, state: State) {
        *self.state() = state;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    fn shown(self: &Arc<Leg>) -> Shown {
        let away = |why: String| Stop::new(Code::WireUnavailable, why);
        let trouble = match self.state().clone() {
            State::Stopped(stop) => Some(stop),
            State::Waits(why) => Some(away(why)),
            State::Runs => {
                let stopped = self.parts().values().next().cloned();
                stopped.or_else(|| self.topic.trouble().map(away))
            }
        };
        let (ledger, name) = (self.ledger.clone(), self.name.clone());
        let (topic, leg) = (self.topic.clone(), self.clone());
        Shown { kind: self.kind, ledger, name, trouble, topic, leg }
    }
}
