//! Planted defects: each takes one promise away from a target that keeps the law.
//!
//! All are wrappers around public traits, so they fit any backend: `planted::subject` puts one in
//! front of each target of a subject. Production code holds no switch. A backend's own tests may
//! include this directory by path.

pub mod layers;
pub mod sources;
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

/// Identity check removed: whatever a key says, the item counts as new.
pub struct WithoutIdentity<S>(pub S);

impl<S: Subject> Subject for WithoutIdentity<S> {
    type Target = S::Target;

    fn leg(&self, source: &str, faults: Faults) -> S::Target {
        self.0.leg(source, faults)
    }

    fn door(&self, faults: Faults) -> S::Target {
        self.0.door(faults)
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        self.0.applied().await
    }
}

impl<S: Subject> Decide<Item, S::Target> for WithoutIdentity<S> {
    fn keys(&self, items: &[Item]) -> KeysOf<S::Target> {
        self.0.keys(items)
    }

    fn decide(&self, items: &[Item], snapshot: &SnapshotOf<S::Target>) -> Vec<EffectOf<S::Target>> {
        let unrecognised: Vec<Item> =
            items.iter().map(|item| Item::nameless(item.number)).collect();
        self.0.decide(&unrecognised, snapshot)
    }
}
