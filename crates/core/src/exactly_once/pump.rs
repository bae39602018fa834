//! The pump: **claim, read, begin, decide, commit**, for ever. Every crash point is a line break.
//!
//! Its only recovery is to claim again; the cursor that the claim tells is the whole truth.
//! Deliberately absent: a second way to recover, sleeping on an item, and knowledge of payments.

use super::{Batch, Claim, Decide, Failure, Source, Step, Target};
use crate::failure::Stop;
use core::future::Future;

/// How a pump ended.
#[derive(Debug)]
pub enum Ended {
    /// The source has nothing more.
    Done,
    /// Somebody newer owns the source: wait for their deadline, then compete again.
    Fenced,
    /// This process cannot go on.
    Stopped(Stop),
}

/// Carry `source` into `target`, at most `limit` items a step.
///
/// `wait` is called before each new try and returns when it is time; it is told how many tries had
/// failed since the last commit before the one that just did ([`crate::retry`]: 0 for the first),
/// and why that one did: whoever waits is the one who can say so.
pub async fn pump<S, T, D, F>(
    source: &mut S,
    target: &T,
    logic: &D,
    limit: usize,
    wait: impl Fn(u32, &Failure) -> F,
) -> Ended
where
    S: Source,
    T: Target,
    D: Decide<S::Item, T>,
    F: Future<Output = ()>,
{
    let mut failed = 0;
    loop {
        match run(source, target, logic, limit, &mut failed).await {
            Ok(()) => return Ended::Done,
            Err(Failure::Fenced) => return Ended::Fenced,
            Err(Failure::Permanent(stop)) => return Ended::Stopped(stop),
            Err(failure @ (Failure::Retryable(_) | Failure::Unknown(_))) => {
                wait(failed, &failure).await;
            }
        }
        failed = failed.saturating_add(1);
    }
}

async fn run<S, T, D>(
    source: &mut S,
    target: &T,
    logic: &D,
    limit: usize,
    failed: &mut u32,
) -> Result<(), Failure>
where
    S: Source,
    T: Target,
    D: Decide<S::Item, T>,
{
    let mut claim = target.claim().await?;
    while let Some(Batch { items, to }) = source.read(claim.cursor(), limit).await? {
        let step = claim.begin(logic.keys(&items)).await?;
        let effects = logic.decide(&items, step.snapshot());
        claim = step.commit(effects, to).await?;
        *failed = 0;
    }
    Ok(())
}
