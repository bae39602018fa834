//! A leg's life: pump, wait for more, and when somebody else owns the source, compete again.
//!
//! A claim is renewed by each commit, and by an idle leg when half of its deadline has passed; a
//! dead one loses its source.
//! Deliberately absent: a clock. Whoever runs a leg brings the time ([`Pace`]).

use crate::exactly_once::pump::{Ended, pump};
use crate::exactly_once::{Batch, Claim, Cursor, Decide, Source, Target};
use crate::failure::Failure;
use crate::wire::{About, Topic};
use core::future::Future;
use core::time::Duration;

/// How long a claim holds without a commit, unless it is set otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How often somebody who waits for another one's source asks whether it is free: it stands still
/// for not much longer than the deadline.
pub const COMPETE: Duration = Duration::from_secs(2);

/// How long one look at a source may take: well within the deadline.
pub(crate) const LOOK: Duration = Duration::from_secs(2);

/// How long a leg waits for its source to grow before it looks again: well within the deadline.
const IDLE: Duration = Duration::from_secs(1);
/// How often a leg asks whether its topic is still the same.
const WATCH: Duration = Duration::from_secs(5);

/// The time, as told to legs.
pub trait Pace: Sync {
    /// Time since some moment; never goes back.
    fn now(&self) -> Duration;

    /// Wait.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Wait at most so long for something new to do.
    fn idle(&self, at_most: Duration) -> impl Future<Output = ()> + Send;

    /// How long to wait before the next try, when `failed` tries had failed before the one that
    /// just did; the place to say why it did.
    fn backoff(&self, failed: u32, failure: &Failure) -> Duration;
}

/// Carry `source` into `target`, also what comes later, until the source is somebody else's or this
/// process cannot go on: `Fenced` or `Permanent`.
pub async fn keep<S, T, D, P>(
    source: &mut S,
    target: &T,
    logic: &D,
    limit: usize,
    pace: &P,
) -> Failure
where
    S: Source,
    T: Target,
    D: Decide<S::Item, T>,
    P: Pace,
{
    let mut source = Patient { source, pace, refused: None };
    loop {
        let wait = |failed, failure: &Failure| pace.sleep(pace.backoff(failed, failure));
        match pump(&mut source, target, logic, limit, wait).await {
            Ended::Done => {}
            Ended::Fenced => return Failure::Fenced,
            Ended::Stopped(stop) => match standing(target, source.refused.take()).await {
                Ok(true) => return stop.into(),
                Err(failure @ (Failure::Fenced | Failure::Permanent(_))) => return failure,
                Ok(false) | Err(Failure::Retryable(_) | Failure::Unknown(_)) => {
                    pace.idle(IDLE).await;
                }
            },
        }
    }
}

/// Whether the cursor behind which a source found something wrong still stands: somebody else may
/// have moved it on, and what was read by then may be gone.
async fn standing<T: Target>(target: &T, refused: Option<Cursor>) -> Result<bool, Failure> {
    match refused {
        Some(from) => Ok(*target.claim().await?.cursor() == from),
        None => Ok(true),
    }
}

/// A source that looks again by itself for as long as the claim holds well.
struct Patient<'a, S, P> {
    source: &'a mut S,
    pace: &'a P,
    /// The cursor behind which the source cannot be read.
    refused: Option<Cursor>,
}

impl<S: Source, P: Pace> Source for Patient<'_, S, P> {
    type Item = S::Item;

    async fn read(
        &mut self,
        from: &Cursor,
        limit: usize,
    ) -> Result<Option<Batch<S::Item>>, Failure> {
        let until = self.pace.now() + DEADLINE / 2;
        loop {
            let read = self.source.read(from, limit).await;
            self.refused = matches!(read, Err(Failure::Permanent(_))).then_some(*from);
            let batch = read?;
            if batch.is_some() || until <= self.pace.now() {
                return Ok(batch);
            }
            self.pace.idle(IDLE).await;
        }
    }
}

/// As [`keep`], but when the source is somebody else's, ask again and again until their deadline
/// has passed; why it ended.
///
/// `bind` binds the leg to its ledger and gives its target. It is asked each time: a store that was
/// rewound may have forgotten that the leg was ever bound.
pub async fn compete<S, T, D, P, F>(
    source: &mut S,
    bind: impl Fn() -> F,
    logic: &D,
    limit: usize,
    pace: &P,
) -> Failure
where
    S: Source,
    T: Target,
    D: Decide<S::Item, T>,
    P: Pace,
    F: Future<Output = Result<T, Failure>>,
{
    loop {
        let target = match bind().await {
            Ok(target) => target,
            Err(failure) => return failure,
        };
        match keep(source, &target, logic, limit, pace).await {
            Failure::Fenced => pace.sleep(COMPETE).await,
            failure => return failure,
        }
    }
}

/// Wait until the broker says something else of `topic` than `about`.
pub async fn changed<T: Topic, P: Pace>(topic: &T, about: &About, pace: &P) -> Failure {
    loop {
        pace.sleep(WATCH).await;
        match topic.about().await {
            Ok(now) if now != *about => return Failure::Retryable("the topic has changed".into()),
            Err(stop @ Failure::Permanent(_)) => return stop,
            // While the broker is away nothing is known to have changed.
            Ok(_) | Err(_) => {}
        }
    }
}
