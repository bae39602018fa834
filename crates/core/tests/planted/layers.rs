//! The three layers against doing it twice, each of which can be left out.
//!
//! The wrapper works on a new claim of the inner target for every step, so nothing of the inner
//! target's compare-and-set and claim check is left; then it puts back those layers that are kept,
//! by itself. With all of them kept it must behave like the target without it.
//!
//! The inner target has to let a new claim wait while a step is open, as a store with one writer
//! does: one that grants it at once takes the lock away from under the open step.

use semel_core::exactly_once::{
    Claim, Cursor, EffectOf, Failure, KeysOf, SnapshotOf, Step, StepOf, Target,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Which layers are kept.
#[derive(Clone, Copy, Debug)]
pub struct Layers {
    /// The cursor is compared before it is set.
    pub compare_and_set: bool,
    /// Only the newest claim may commit.
    pub claim_check: bool,
    /// The lock is held from the snapshot to the commit.
    pub lock: bool,
}

impl Layers {
    pub const ALL: Layers = Layers { compare_and_set: true, claim_check: true, lock: true };
}

/// The newest claim of each source, by name: shared by all targets of a subject.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<BTreeMap<String, u64>>>);

impl Names {
    fn rename(&self, source: &str) -> u64 {
        let mut names = self.0.lock().unwrap();
        let name = names.entry(source.into()).or_default();
        *name += 1;
        *name
    }

    fn newest(&self, source: &str) -> u64 {
        self.0.lock().unwrap()[source]
    }
}

/// A target with some layers left out.
pub struct Layered<T> {
    inner: Arc<T>,
    source: Option<String>,
    names: Names,
    keep: Layers,
}

impl<T> Layered<T> {
    pub fn new(inner: T, source: Option<&str>, names: Names, keep: Layers) -> Layered<T> {
        Layered { inner: Arc::new(inner), source: source.map(String::from), names, keep }
    }
}

pub struct LayeredClaim<T: Target> {
    target: Layered<T>,
    name: u64,
    cursor: Cursor,
}

pub struct LayeredStep<T: Target> {
    claim: LayeredClaim<T>,
    keys: KeysOf<T>,
    snapshot: SnapshotOf<T>,
    /// `None` when the lock is not kept: somebody else may decide and commit before we do.
    locked: Option<StepOf<T>>,
}

impl<T> Target for Layered<T>
where
    T: Target + Send,
    KeysOf<T>: Clone,
    SnapshotOf<T>: Clone + Send,
{
    type Claim = LayeredClaim<T>;

    async fn claim(&self) -> Result<LayeredClaim<T>, Failure> {
        // The name first: whoever commits after it knows it, whoever commits before it is seen.
        let name = self.source.as_ref().map_or(0, |source| self.names.rename(source));
        let cursor = *self.inner.claim().await?.cursor();
        let (inner, source) = (self.inner.clone(), self.source.clone());
        let target = Layered { inner, source, names: self.names.clone(), keep: self.keep };
        Ok(LayeredClaim { target, name, cursor })
    }
}

impl<T> LayeredClaim<T>
where
    T: Target + Send,
    KeysOf<T>: Clone,
{
    /// A step of the inner target, whoever holds the source, if the layers that are kept allow it.
    async fn open(&self, keys: KeysOf<T>) -> Result<StepOf<T>, Failure> {
        loop {
            let claim = self.target.inner.claim().await?;
            let moved = *claim.cursor() != self.cursor;
            match claim.begin(keys.clone()).await {
                Err(Failure::Fenced) => continue,
                Ok(_) if self.target.keep.compare_and_set && moved => return Err(Failure::Fenced),
                begun => {
                    self.check_claim()?;
                    return begun;
                }
            }
        }
    }

    fn check_claim(&self) -> Result<(), Failure> {
        let Layered { source, names, keep, .. } = &self.target;
        match source {
            Some(source) if keep.claim_check && names.newest(source) != self.name => {
                Err(Failure::Fenced)
            }
            _ => Ok(()),
        }
    }
}

impl<T> Claim for LayeredClaim<T>
where
    T: Target + Send,
    KeysOf<T>: Clone,
    SnapshotOf<T>: Clone + Send,
{
    type Keys = KeysOf<T>;
    type Step = LayeredStep<T>;

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    async fn begin(self, keys: KeysOf<T>) -> Result<LayeredStep<T>, Failure> {
        let step = self.open(keys.clone()).await?;
        let snapshot = step.snapshot().clone();
        let locked = self.target.keep.lock.then_some(step);
        Ok(LayeredStep { claim: self, keys, snapshot, locked })
    }
}

impl<T> Step for LayeredStep<T>
where
    T: Target + Send,
    KeysOf<T>: Clone,
    SnapshotOf<T>: Clone + Send,
{
    type Claim = LayeredClaim<T>;
    type Snapshot = SnapshotOf<T>;
    type Effect = EffectOf<T>;

    fn snapshot(&self) -> &SnapshotOf<T> {
        &self.snapshot
    }

    async fn commit(self, effects: Vec<EffectOf<T>>, to: Cursor) -> Result<Self::Claim, Failure> {
        let LayeredStep { mut claim, keys, locked, .. } = self;
        let step = match locked {
            Some(step) => step,
            None => claim.open(keys).await?,
        };
        claim.check_claim()?;
        claim.cursor = *step.commit(effects, to).await?.cursor();
        Ok(claim)
    }
}
