//! Planted defects: each takes one promise away from a target that keeps the law.
//!
//! All are wrappers around public traits, so they fit any backend: `planted::subject` puts one in
//! front of each target of a subject. Production code holds no switch. A backend's own tests may
//! include this directory by path; what the wrappers ask of its keys, snapshots and effects is that
//! they can be cloned.

pub mod half_open;
pub mod layers;
pub mod tampered;

use semel_core::exactly_once::conformance::{Faults, Item, Subject};
use semel_core::exactly_once::{
    Claim, Decide, EffectOf, Failure, KeysOf, SnapshotOf, Step, StepOf, Target,
};

/// A subject whose every target has a defect in front of it.
pub struct Planted<S, F> {
    inner: S,
    plant: F,
}

/// `inner`, with what `plant` makes of each target; it is told the leg's source, or none at a door.
pub fn subject<S, F, W>(inner: S, plant: F) -> Planted<S, F>
where
    S: Subject,
    F: Fn(S::Target, Option<&str>) -> W,
{
    Planted { inner, plant }
}

impl<S, F, W> Subject for Planted<S, F>
where
    S: Subject,
    F: Fn(S::Target, Option<&str>) -> W + Send + Sync,
    W: Target + Send,
    W::Claim: Claim<Keys = KeysOf<S::Target>>,
    StepOf<W>: Step<Snapshot = SnapshotOf<S::Target>, Effect = EffectOf<S::Target>>,
{
    type Target = W;

    fn leg(&self, source: &str, faults: Faults) -> W {
        (self.plant)(self.inner.leg(source, faults), Some(source))
    }

    fn door(&self, faults: Faults) -> W {
        (self.plant)(self.inner.door(faults), None)
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        self.inner.applied().await
    }
}

impl<S, F, W> Decide<Item, W> for Planted<S, F>
where
    S: Subject,
    F: Sync,
    W: Target,
    W::Claim: Claim<Keys = KeysOf<S::Target>>,
    StepOf<W>: Step<Snapshot = SnapshotOf<S::Target>, Effect = EffectOf<S::Target>>,
{
    fn keys(&self, items: &[Item]) -> KeysOf<W> {
        self.inner.keys(items)
    }

    fn decide(&self, items: &[Item], snapshot: &SnapshotOf<W>) -> Vec<EffectOf<W>> {
        self.inner.decide(items, snapshot)
    }
}

/// A subject that forgets part of its work.
pub struct Careless<S> {
    pub inner: S,
    /// Without it, an item counts as new whatever its key says.
    pub identity: bool,
    /// Without them, the suite would test nothing but sunshine.
    pub faults: bool,
}

impl<S> Careless<S> {
    fn injected(&self, faults: Faults) -> Faults {
        if self.faults { faults } else { Faults::none() }
    }
}

impl<S: Subject> Subject for Careless<S> {
    type Target = S::Target;

    fn leg(&self, source: &str, faults: Faults) -> S::Target {
        self.inner.leg(source, self.injected(faults))
    }

    fn door(&self, faults: Faults) -> S::Target {
        self.inner.door(self.injected(faults))
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        self.inner.applied().await
    }
}

impl<S: Subject> Decide<Item, S::Target> for Careless<S> {
    fn keys(&self, items: &[Item]) -> KeysOf<S::Target> {
        self.inner.keys(items)
    }

    fn decide(&self, items: &[Item], snapshot: &SnapshotOf<S::Target>) -> Vec<EffectOf<S::Target>> {
        if self.identity {
            return self.inner.decide(items, snapshot);
        }
        let strangers: Vec<Item> = items.iter().map(|item| Item::nameless(item.number)).collect();
        self.inner.decide(&strangers, snapshot)
    }
}
