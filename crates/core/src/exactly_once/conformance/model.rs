//! The smallest target that keeps the law: a log, a lock and a cursor per source, in memory.
//!
//! What a real store does in SQL stands here in ten lines a verb: read it to see what the law asks
//! of a target. Durable means "in `State`", and one locked look at `State` is one atomic act.
//! Deliberately absent: money, deadlines (every claim is granted), and any check of keys at the
//! commit: a step that decides wrongly is recorded wrongly, so that the suite sees it.

use super::schedule::yield_now;
use super::{Faults, Faulty, Item, Subject};
use crate::exactly_once::{Claim, Cursor, Decide, Failure, Step, Target};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use spin::Mutex;

/// The model: what is durable, and how it grants claims.
#[derive(Clone, Debug)]
pub struct Model {
    state: Arc<Mutex<State>>,
    grant: Grant,
}

/// When a claim is granted while an older claim's step is open. The law allows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// When that step has ended, as in a store with one writer.
    AfterOpenStep,
    /// At once; that step can then no longer commit, as with a broker's producer epochs.
    AtOnce,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Item>,
    legs: BTreeMap<String, Leg>,
    /// A step is open: from its snapshot to its end nobody else looks or writes.
    locked: bool,
    /// The last claim's name. A counter will do here, since a model is never restored from a copy.
    claims: u64,
}

#[derive(Clone, Copy, Debug)]
struct Leg {
    cursor: Cursor,
    claim: u64,
}

impl Model {
    /// Nothing recorded yet.
    pub fn new(grant: Grant) -> Model {
        Model { state: Arc::default(), grant }
    }

    /// A leg's handle, or a door's when there is no `source`.
    pub fn target(&self, source: Option<&str>) -> ModelTarget {
        ModelTarget { model: self.clone(), source: source.map(String::from) }
    }
}

impl Subject for Model {
    type Target = Faulty<ModelTarget>;

    fn leg(&self, source: &str, faults: Faults) -> Self::Target {
        Faulty::new(self.target(Some(source)), faults)
    }

    fn door(&self, faults: Faults) -> Self::Target {
        Faulty::new(self.target(None), faults)
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        Ok(self.state.lock().log.iter().map(|item| item.number).collect())
    }
}

impl Decide<Item, Faulty<ModelTarget>> for Model {
    fn keys(&self, items: &[Item]) -> Vec<Item> {
        items.to_vec()
    }

    fn decide(&self, items: &[Item], known: &BTreeSet<Item>) -> Vec<Item> {
        let mut seen = known.clone();
        items.iter().copied().filter(|item| seen.insert(*item)).collect()
    }
}

/// A leg or a door on a [`Model`].
#[derive(Debug)]
pub struct ModelTarget {
    model: Model,
    source: Option<String>,
}

/// A claim on a [`Model`].
#[derive(Debug)]
pub struct ModelClaim {
    state: Arc<Mutex<State>>,
    source: Option<String>,
    cursor: Cursor,
    name: u64,
}

/// An open step on a [`Model`]; it holds the lock.
#[derive(Debug)]
pub struct ModelStep {
    claim: ModelClaim,
    known: BTreeSet<Item>,
    lock: Lock,
}

impl Target for ModelTarget {
    type Claim = ModelClaim;

    async fn claim(&self) -> Result<ModelClaim, Failure> {
        loop {
            if let Some(leg) = self.grant() {
                let (state, source) = (self.model.state.clone(), self.source.clone());
                return Ok(ModelClaim { state, source, cursor: leg.cursor, name: leg.claim });
            }
            yield_now().await;
        }
    }
}

impl ModelTarget {
    fn grant(&self) -> Option<Leg> {
        let Some(source) = &self.source else { return Some(Leg::UNCLAIMED) };
        let mut state = self.model.state.lock();
        if state.locked && self.model.grant == Grant::AfterOpenStep {
            return None;
        }
        state.claims += 1;
        let name = state.claims;
        let leg = state.legs.entry(source.clone()).or_insert(Leg::UNCLAIMED);
        leg.claim = name;
        Some(*leg)
    }
}

impl Claim for ModelClaim {
    type Keys = Vec<Item>;
    type Step = ModelStep;

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    async fn begin(self, keys: Vec<Item>) -> Result<ModelStep, Failure> {
        let lock = loop {
            match Lock::take(&self.state) {
                Some(lock) => break lock,
                None => yield_now().await,
            }
        };
        let known = {
            let state = self.state.lock();
            self.check(&state)?;
            keys.into_iter().filter(|key| state.log.contains(key)).collect()
        };
        Ok(ModelStep { claim: self, known, lock })
    }
}

impl ModelClaim {
    /// Layers 1 and 2: the claim's name, and the cursor compared before it is set.
    fn check(&self, state: &State) -> Result<(), Failure> {
        let Some(source) = &self.source else { return Ok(()) };
        match state.legs.get(source) {
            Some(leg) if leg.claim == self.name && leg.cursor == self.cursor => Ok(()),
            _ => Err(Failure::Fenced),
        }
    }
}

impl Step for ModelStep {
    type Claim = ModelClaim;
    type Snapshot = BTreeSet<Item>;
    type Effect = Item;

    fn snapshot(&self) -> &BTreeSet<Item> {
        &self.known
    }

    async fn commit(self, effects: Vec<Item>, to: Cursor) -> Result<ModelClaim, Failure> {
        let ModelStep { mut claim, lock, .. } = self;
        yield_now().await; // on its way to the store
        {
            let mut state = claim.state.lock();
            claim.check(&state)?;
            state.log.extend(effects);
            if let Some(source) = &claim.source {
                state.legs.insert(source.clone(), Leg { cursor: to, claim: claim.name });
                claim.cursor = to;
            }
        }
        drop(lock);
        yield_now().await; // the answer is on its way back
        Ok(claim)
    }
}

impl Leg {
    /// Before the first claim; also all that a door ever sees.
    const UNCLAIMED: Leg = Leg { cursor: Cursor::START, claim: 0 };
}

/// The ledger's lock, from a step's snapshot to its end, however it ends.
#[derive(Debug)]
struct Lock(Arc<Mutex<State>>);

impl Lock {
    fn take(state: &Arc<Mutex<State>>) -> Option<Lock> {
        let mut held = state.lock();
        if held.locked {
            return None;
        }
        held.locked = true;
        Some(Lock(state.clone()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.lock().locked = false;
    }
}
