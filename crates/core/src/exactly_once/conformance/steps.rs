//! Laws 1, 2 and 4 with one owner at a time: together, all or nothing, and never in between.

use super::subject::{
    Subject, applied_is, behind, ensure, knock, nameless, open, stands_behind, take,
};
use super::{Bench, Broken, Fault, Faults, Item, NO_FAULTY, Verdict};
use crate::exactly_once::{Claim, Cursor, Failure, Step, Target};
use alloc::format;

const ITEMS: [u64; 8] = [10, 11, 12, 13, 14, 15, 16, 17];

pub(super) async fn commits_effects_and_cursor_together<S: Subject>(bench: &Bench<S>) -> Verdict {
    let subject = bench.subject().await;
    let leg = subject.leg("source", Faults::none());
    let mut claim = leg.claim().await?;
    stands_behind(&claim, &[])?;
    for taken in [1, 3, 8] {
        claim = take(&subject, claim, &ITEMS[..taken]).await?;
        stands_behind(&claim, &ITEMS[..taken])?;
        applied_is(&subject, &ITEMS[..taken]).await?;
    }
    // Items without effects (repeats, say) still move the cursor.
    let far = Cursor { next: 20, ..behind(&ITEMS) };
    let (step, effects) = open(&subject, claim, &[]).await?;
    let claim = step.commit(effects, far).await?;
    ensure(*claim.cursor() == far, || format!("moved to {:?}, not {far:?}", claim.cursor()))?;
    drop(claim);
    let told = *leg.claim().await?.cursor();
    ensure(told == far, || format!("a later claim tells {told:?}, not {far:?}"))?;
    applied_is(&subject, &ITEMS).await
}

pub(super) async fn a_dropped_step_changes_nothing<S: Subject>(bench: &Bench<S>) -> Verdict {
    let subject = bench.subject().await;
    let leg = subject.leg("source", Faults::none());
    let claim = take(&subject, leg.claim().await?, &ITEMS[..2]).await?;

    let (step, effects) = open(&subject, claim, &nameless(&ITEMS[2..])).await?;
    drop((step, effects));
    applied_is(&subject, &ITEMS[..2]).await?;
    let claim = leg.claim().await?;
    stands_behind(&claim, &ITEMS[..2])?;
    drop(claim);

    let unlucky = subject.leg("source", Faults::planned(&[Fault::Dropped]));
    match take(&subject, unlucky.claim().await?, &ITEMS[..6]).await {
        Err(Failure::Retryable(_)) => {}
        other => return Err(Broken(format!("dropped, it came out as {:?}", other.err()))),
    }
    applied_is(&subject, &ITEMS[..2]).await?;

    // Neither the lock nor anything of the dropped steps is left behind for the next one, which
    // goes through the same handle.
    let claim = unlucky.claim().await?;
    stands_behind(&claim, &ITEMS[..2])?;
    take(&subject, claim, &ITEMS[..4]).await?;
    applied_is(&subject, &ITEMS[..4]).await
}

pub(super) async fn unknown_commit_is_answered_by_claiming<S: Subject>(
    bench: &Bench<S>,
) -> Verdict {
    answered(bench, Fault::LostBefore).await?;
    answered(bench, Fault::LostAfter).await?;
    for polls in 0..6 {
        answered(bench, Fault::Cancelled { polls }).await?;
    }
    Ok(())
}

async fn answered<S: Subject>(bench: &Bench<S>, fault: Fault) -> Verdict {
    let subject = bench.subject().await;
    let (start, end) = (&ITEMS[..2], &ITEMS[..5]);
    let calm = subject.leg("source", Faults::none());
    take(&subject, calm.claim().await?, start).await?;

    let faults = Faults::planned(&[fault]);
    let leg = subject.leg("source", faults.clone());
    let outcome = take(&subject, leg.claim().await?, end).await.map(drop);
    ensure(faults.fired() == 1, || format!("{fault:?} was not injected: {NO_FAULTY}"))?;

    let claim = leg.claim().await?;
    let done = *claim.cursor() == behind(end);
    let stands = if done { end } else { start };
    stands_behind(&claim, stands)?;
    applied_is(&subject, stands).await?;
    let as_expected = match (outcome, fault) {
        (Ok(()), _) => done, // a target may find the answer by itself
        (Err(Failure::Unknown(_)), Fault::LostBefore) => !done,
        (Err(Failure::Unknown(_)), Fault::LostAfter) => done,
        (Err(Failure::Unknown(_)), _) => true, // either
        (Err(other), _) => return Err(Broken(format!("{fault:?} came out as {other:?}"))),
    };
    ensure(as_expected, || format!("after {fault:?} the cursor says that it happened: {done}"))?;

    take(&subject, claim, &ITEMS).await?;
    stands_behind(&leg.claim().await?, &ITEMS)?;
    applied_is(&subject, &ITEMS).await
}

pub(super) async fn reopening_resumes_at_the_cursor<S: Subject>(bench: &Bench<S>) -> Verdict {
    let subject = bench.subject().await;
    for taken in 0..ITEMS.len() {
        let claim = subject.leg("source", Faults::none()).claim().await?;
        stands_behind(&claim, &ITEMS[..taken])?;
        applied_is(&subject, &ITEMS[..taken]).await?;
        take(&subject, claim, &ITEMS[..=taken]).await?;
    }
    applied_is(&subject, &ITEMS).await
}

pub(super) async fn sources_are_independent<S: Subject>(bench: &Bench<S>) -> Verdict {
    let subject = bench.subject().await;
    let (a, b) = (subject.leg("a", Faults::none()), subject.leg("a/0", Faults::none()));
    let of_a = take(&subject, a.claim().await?, &[1, 2]).await?;
    let of_b = b.claim().await?;
    stands_behind(&of_b, &[])?;
    let of_b = take(&subject, of_b, &[5]).await?;
    knock(&subject, &subject.door(Faults::none()), &[Item::named(8)], 1).await?;
    let of_a = take(&subject, of_a, &[1, 2, 3]).await?;
    take(&subject, of_b, &[5, 6]).await?;
    stands_behind(&b.claim().await?, &[5, 6])?;
    take(&subject, of_a, &[1, 2, 3, 4]).await?;
    stands_behind(&a.claim().await?, &[1, 2, 3, 4])?;
    applied_is(&subject, &[1, 2, 5, 8, 3, 6, 4]).await
}
