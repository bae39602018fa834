//! Defects of a commit: what is written together, how often, and what is said of it afterwards.

use semel_core::exactly_once::{
    Claim, Cursor, EffectOf, Failure, KeysOf, SnapshotOf, Step, StepOf, Target,
};
use std::sync::Arc;

/// How a commit goes wrong.
pub trait Tamper<T: Target + Send>: Clone + Send + Sync {
    /// What happens in place of `open.step.commit(effects, to)`.
    fn commit(
        &self,
        open: Open<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> impl Future<Output = Result<T::Claim, Failure>> + Send;
}

/// What a tampered commit has in its hands.
pub struct Open<T: Target> {
    pub target: Arc<T>,
    pub keys: KeysOf<T>,
    pub start: Cursor,
    pub step: StepOf<T>,
}

impl<T: Target> Open<T> {
    /// The same effects once more, as if nothing had been before.
    async fn once_more(
        target: &T,
        keys: KeysOf<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        target.claim().await?.begin(keys).await?.commit(effects, to).await
    }
}

/// Cursor committed apart from the effects, after them.
#[derive(Clone)]
pub struct EffectsFirst;

impl<T: Target + Send> Tamper<T> for EffectsFirst {
    async fn commit(
        &self,
        open: Open<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        let claim = open.step.commit(effects, open.start).await?;
        claim.begin(open.keys).await?.commit(Vec::new(), to).await
    }
}

/// Cursor committed apart from the effects, before them.
#[derive(Clone)]
pub struct CursorFirst;

impl<T: Target + Send> Tamper<T> for CursorFirst {
    async fn commit(
        &self,
        open: Open<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        let claim = open.step.commit(Vec::new(), to).await?;
        claim.begin(open.keys).await?.commit(effects, to).await
    }
}

/// Effects applied twice.
#[derive(Clone)]
pub struct EffectsTwice;

impl<T: Target + Send> Tamper<T> for EffectsTwice
where
    EffectOf<T>: Clone,
{
    async fn commit(
        &self,
        open: Open<T>,
        mut effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        effects.extend(effects.clone());
        open.step.commit(effects, to).await
    }
}

/// Unknown treated as not done: the same effects are committed again.
#[derive(Clone)]
pub struct UnknownIsNothing;

impl<T: Target + Send> Tamper<T> for UnknownIsNothing
where
    EffectOf<T>: Clone,
{
    async fn commit(
        &self,
        open: Open<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        match open.step.commit(effects.clone(), to).await {
            Err(Failure::Unknown(_)) => {}
            known => return known,
        }
        Open::once_more(&*open.target, open.keys, effects, to).await
    }
}

/// A dropped step commits: the caller is told that nothing happened, and then it happens.
#[derive(Clone)]
pub struct DroppedCommits;

impl<T: Target + Send> Tamper<T> for DroppedCommits
where
    EffectOf<T>: Clone,
{
    async fn commit(
        &self,
        open: Open<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        let outcome = open.step.commit(effects.clone(), to).await;
        if let Err(Failure::Retryable(_)) = &outcome {
            drop(Open::once_more(&*open.target, open.keys, effects, to).await?);
        }
        outcome
    }
}

/// A target whose commits are tampered with.
pub struct Tampered<T, W> {
    target: Arc<T>,
    tamper: W,
}

impl<T, W> Tampered<T, W> {
    pub fn new(target: T, tamper: W) -> Tampered<T, W> {
        Tampered { target: Arc::new(target), tamper }
    }
}

pub struct TamperedClaim<T: Target, W> {
    target: Arc<T>,
    tamper: W,
    inner: T::Claim,
}

pub struct TamperedStep<T: Target, W> {
    tamper: W,
    open: Open<T>,
}

impl<T, W> Target for Tampered<T, W>
where
    T: Target + Send,
    W: Tamper<T>,
    KeysOf<T>: Clone,
{
    type Claim = TamperedClaim<T, W>;

    async fn claim(&self) -> Result<Self::Claim, Failure> {
        let inner = self.target.claim().await?;
        Ok(TamperedClaim { target: self.target.clone(), tamper: self.tamper.clone(), inner })
    }
}

impl<T, W> Claim for TamperedClaim<T, W>
where
    T: Target + Send,
    W: Tamper<T>,
    KeysOf<T>: Clone,
{
    type Keys = KeysOf<T>;
    type Step = TamperedStep<T, W>;

    fn cursor(&self) -> &Cursor {
        self.inner.cursor()
    }

    async fn begin(self, keys: KeysOf<T>) -> Result<Self::Step, Failure> {
        let TamperedClaim { target, tamper, inner } = self;
        let start = *inner.cursor();
        let step = inner.begin(keys.clone()).await?;
        Ok(TamperedStep { tamper, open: Open { target, keys, start, step } })
    }
}

impl<T, W> Step for TamperedStep<T, W>
where
    T: Target + Send,
    W: Tamper<T>,
    KeysOf<T>: Clone,
{
    type Claim = TamperedClaim<T, W>;
    type Snapshot = SnapshotOf<T>;
    type Effect = EffectOf<T>;

    fn snapshot(&self) -> &SnapshotOf<T> {
        self.open.step.snapshot()
    }

    async fn commit(self, effects: Vec<EffectOf<T>>, to: Cursor) -> Result<Self::Claim, Failure> {
        let TamperedStep { tamper, open } = self;
        let target = open.target.clone();
        let inner = tamper.commit(open, effects, to).await?;
        Ok(TamperedClaim { target, tamper, inner })
    }
}
