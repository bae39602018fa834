//! Laws 2 and 3 with two owners: the elder can do nothing more, at whatever moment it is overtaken.
//!
//! While a step is open, a target may let a new claim wait until it has ended, or grant it and
//! fence the step. The checks accept both, and nothing else: the elder's step was committed exactly
//! if the younger claim stands behind it.

use super::schedule::{both, delayed, polled};
use super::subject::{
    ClaimOf, Subject, applied_is, behind, fenced, nameless, open, stands_behind, take,
};
use super::{Bench, Broken, Faults, Verdict};
use crate::exactly_once::{Failure, Step, Target};
use alloc::format;
use core::pin::pin;

const ITEMS: [u64; 6] = [20, 21, 22, 23, 24, 25];
/// What is committed before the owners meet.
const BEFORE: &[u64] = &[20];
/// What the elder's step would make it.
const ELDER: &[u64] = &[20, 21, 22];
/// How often a claim is polled before it is taken to be waiting.
const PATIENCE: u32 = 64;
/// More than the points at which a target of the suite gives way in a commit or a claim.
const LEADS: u32 = 6;

pub(super) async fn refuses_a_stale_start<S: Subject>(bench: &Bench<S>) -> Verdict {
    let subject = bench.subject().await;
    let elder = owner(&subject).claim().await?;
    let younger = owner(&subject).claim().await?;
    let younger = take(&subject, younger, &ITEMS[..2]).await?;
    fenced(take(&subject, elder, &ITEMS[..1]).await)?;
    applied_is(&subject, &ITEMS[..2]).await?;
    stands_behind(&younger, &ITEMS[..2])?;
    take(&subject, younger, &ITEMS).await?;
    applied_is(&subject, &ITEMS).await
}

pub(super) async fn a_new_claim_fences_the_old_before_begin<S: Subject>(
    bench: &Bench<S>,
) -> Verdict {
    let subject = bench.subject().await;
    let same_owner = owner(&subject);
    let first = same_owner.claim().await?;
    let second = same_owner.claim().await?;
    let third = owner(&subject).claim().await?;
    fenced(take(&subject, second, ELDER).await)?;
    applied_is(&subject, &[]).await?;
    stands_behind(&third, &[])?;
    take(&subject, third, &ITEMS[..2]).await?;
    // For ever: also when the newer claim has been given up.
    fenced(take(&subject, first, &ITEMS).await)?;
    applied_is(&subject, &ITEMS[..2]).await
}

pub(super) async fn a_new_claim_fences_the_old_before_commit<S: Subject>(
    bench: &Bench<S>,
) -> Verdict {
    let subject = bench.subject().await;
    let (elder, younger) = (owner(&subject), owner(&subject));
    let claim = take(&subject, elder.claim().await?, BEFORE).await?;
    let (step, effects) = open(&subject, claim, &nameless(&ELDER[BEFORE.len()..])).await?;
    let mut claiming = pin!(younger.claim());
    match polled(claiming.as_mut(), PATIENCE).await {
        Some(claim) => {
            fenced(step.commit(effects, behind(ELDER)).await)?;
            let claim = claim?;
            stands_behind(&claim, BEFORE)?;
            take(&subject, claim, &ITEMS).await?;
        }
        None => {
            let (outcome, claim) = both(step.commit(effects, behind(ELDER)), claiming).await;
            agree(&subject, outcome, claim?).await?;
        }
    }
    applied_is(&subject, &ITEMS).await
}

pub(super) async fn a_new_claim_fences_the_old_during_a_commit<S: Subject>(
    bench: &Bench<S>,
) -> Verdict {
    for (commit_waits, claim_waits) in (0..LEADS).map(|n| (n, 0)).chain((1..LEADS).map(|n| (0, n)))
    {
        let subject = bench.subject().await;
        let (elder, younger) = (owner(&subject), owner(&subject));
        let claim = take(&subject, elder.claim().await?, BEFORE).await?;
        let (step, effects) = open(&subject, claim, &nameless(&ELDER[BEFORE.len()..])).await?;
        let commit = delayed(commit_waits, step.commit(effects, behind(ELDER)));
        let (outcome, claim) = both(commit, delayed(claim_waits, younger.claim())).await;
        agree(&subject, outcome, claim?).await?;
        applied_is(&subject, &ITEMS).await?;
    }
    Ok(())
}

fn owner<S: Subject>(subject: &S) -> S::Target {
    subject.leg("source", Faults::none())
}

/// The elder's commit and the younger's claim tell the same story; the younger goes on from it, and
/// the elder does not.
async fn agree<S: Subject>(
    subject: &S,
    outcome: Result<ClaimOf<S>, Failure>,
    younger: ClaimOf<S>,
) -> Verdict {
    let elder = match outcome {
        Ok(elder) => Some(elder),
        Err(Failure::Fenced) => None,
        Err(other) => return Err(Broken(format!("the elder's commit met: {other}"))),
    };
    let told = if elder.is_some() { ELDER } else { BEFORE };
    stands_behind(&younger, told)?;
    applied_is(subject, told).await?;
    if let Some(elder) = elder {
        fenced(take(subject, elder, &ITEMS).await)?;
    }
    take(subject, younger, &ITEMS).await?;
    Ok(())
}
