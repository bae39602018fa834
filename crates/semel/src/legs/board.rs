//! How the legs of this process are: what `/readyz`, `/metrics` and the ingests' pages say of them.

use crate::wiring::WireTopic;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_core::publish::confirm::Tally;
use std::sync::{Arc, Mutex};

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

    pub(super) fn stops(&self, stop: Stop) {
        let is_new = !matches!(&*self.state(), State::Stopped(known) if *known == stop);
        if is_new {
            tracing::error!(%stop, leg = self.name, "a leg is stopped; the rest goes on");
        }
        self.set(State::Stopped(stop));
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
            State::Runs => self.topic.trouble().map(away),
        };
        let (ledger, name) = (self.ledger.clone(), self.name.clone());
        let (topic, leg) = (self.topic.clone(), self.clone());
        Shown { kind: self.kind, ledger, name, trouble, topic, leg }
    }
}
