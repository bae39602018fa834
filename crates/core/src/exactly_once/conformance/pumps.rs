//! The whole machine under random faults: the pump alone, then owners and doors side by side.
//!
//! Every seed decides the faults, the pauses, the sizes of steps and who moves next. Faults first
//! (nothing may be wrong at any time), then calm (everything must be done in the end).

use super::schedule::{Rng, Task, delayed, interleave};
use super::subject::{Subject, applied_is, behind, ensure, knock};
use super::{Bench, Broken, Faults, Item, List, NO_FAULTY, Verdict};
use crate::exactly_once::pump::{Ended, pump};
use crate::exactly_once::{Claim, Failure, Target};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use spin::Mutex;

const SOURCE: &str = "source";
/// A pump that fails so often without a commit makes no progress. With one verb in five going
/// wrong, luck alone does not come near it.
const FAILURES: u32 = 300;
/// After so many lost fights for the source an owner leaves it to the calm end.
const FIGHTS: u32 = 30;

pub(super) async fn pump_survives_any_fault<S: Subject>(bench: &Bench<S>) -> Verdict {
    let numbers: Vec<u64> = (0..30).collect();
    let mut fired = 0;
    for seed in bench.seeds.clone() {
        let faults = Faults::seeded(seed);
        survives(bench, seed, &numbers, &faults).await.map_err(|broken| broken.with(seed))?;
        fired += faults.fired();
    }
    ensure(fired > 0, || format!("no fault was injected: {NO_FAULTY}"))
}

async fn survives<S: Subject>(
    bench: &Bench<S>,
    seed: u64,
    numbers: &[u64],
    faults: &Faults,
) -> Verdict {
    let subject = bench.subject().await;
    let (leg, calm) = (subject.leg(SOURCE, faults.clone()), subject.leg(SOURCE, Faults::none()));
    let mut rng = Rng::new(seed);
    let limit = 1 + rng.below(6) as usize;
    // Between two tries nobody holds the source, so a claim of our own disturbs nothing.
    let between = || is_prefix(&subject, &calm, numbers);
    match carry(&subject, &leg, List::nameless(numbers), limit, between).await? {
        Ended::Done => {}
        ended => return Err(Broken(format!("the pump ended with {ended:?}"))),
    }
    is_prefix(&subject, &calm, numbers).await?;
    applied_is(&subject, numbers).await
}

/// What is applied is what lies before the cursor: never less, never more, never in another order.
async fn is_prefix<S: Subject>(subject: &S, leg: &S::Target, numbers: &[u64]) -> Verdict {
    let cursor = *leg.claim().await?.cursor();
    let before = numbers.get(..cursor.next as usize).unwrap_or(numbers);
    ensure(cursor == behind(before), || format!("the cursor stands at {cursor:?}"))?;
    applied_is(subject, before).await
}

/// Pump until it ends, or `between` two tries finds something, or there is no progress.
async fn carry<S: Subject, F>(
    subject: &S,
    leg: &S::Target,
    mut list: List<'_>,
    limit: usize,
    between: impl Fn() -> F,
) -> Result<Ended, Broken>
where
    F: Future<Output = Verdict> + Send,
{
    let found = Mutex::new(Ok(()));
    let wait = |failed, failure: &Failure| {
        let (found, looking) = (&found, between());
        let again = matches!(failure, Failure::Retryable(_) | Failure::Unknown(_));
        async move {
            let seen = looking.await;
            let told = ensure(again, || "a pump waits for what waiting does not heal".into());
            let seen = seen.and(told);
            let alive = ensure(failed < FAILURES, || format!("no progress in {failed} tries"));
            *found.lock() = seen.and(alive);
        }
    };
    let mut pumping = pin!(pump(&mut list, leg, subject, limit, wait));
    poll_fn(|cx| {
        let ended = pumping.as_mut().poll(cx);
        match (core::mem::replace(&mut *found.lock(), Ok(())), ended) {
            (Err(broken), _) => Poll::Ready(Err(broken)),
            (Ok(()), ended) => ended.map(Ok),
        }
    })
    .await
}

/// Numbers below are the leg's alone, and nameless.
const SHARED: u64 = 100;
/// Numbers from here on are the doors' alone; those between reach the ledger on both ways.
const DOORS: u64 = 200;

pub(super) async fn doors_and_legs_side_by_side<S: Subject>(bench: &Bench<S>) -> Verdict {
    let leg: Vec<u64> = (0..12).flat_map(|n| [n, SHARED + n]).collect();
    let doors: Vec<u64> = (0..12).flat_map(|n| [DOORS + n, SHARED + n]).collect();
    for seed in bench.seeds.clone() {
        let subject = bench.subject().await;
        let ran = side_by_side(&subject, &leg, &doors, Rng::new(seed)).await;
        let ended = match ran {
            Ok(()) => once_and_in_order(&subject).await,
            broken => broken,
        };
        ended.map_err(|broken| broken.with(seed))?;
    }
    Ok(())
}

async fn side_by_side<S: Subject>(
    subject: &S,
    leg: &[u64],
    doors: &[u64],
    mut rng: Rng,
) -> Verdict {
    let mut tasks: Vec<Task> = Vec::new();
    for _ in 0..3 {
        tasks.push(Box::pin(own(subject, leg, rng.fork())));
    }
    for _ in 0..2 {
        tasks.push(Box::pin(call(subject, doors, rng.fork())));
    }
    interleave(&mut rng, tasks).await?;

    let calm = subject.leg(SOURCE, Faults::none());
    match carry(subject, &calm, side(leg), leg.len(), || async { Ok(()) }).await? {
        Ended::Done => {}
        ended => return Err(Broken(format!("the calm pump ended with {ended:?}"))),
    }
    let items: Vec<Item> = doors.iter().copied().map(Item::named).collect();
    Ok(knock(subject, &subject.door(Faults::none()), &items, 1).await?)
}

/// Own the source, lose it, compete for it again.
async fn own<S: Subject>(subject: &S, numbers: &[u64], mut rng: Rng) -> Verdict {
    let leg = subject.leg(SOURCE, Faults::seeded(rng.below(u64::MAX)));
    for _ in 0..FIGHTS {
        let limit = 1 + rng.below(4) as usize;
        match carry(subject, &leg, side(numbers), limit, || async { Ok(()) }).await? {
            Ended::Done => return Ok(()),
            Ended::Fenced => delayed(rng.below(60) as u32, async {}).await,
            Ended::Stopped(stop) => return Err(Broken(format!("an owner stopped: {stop}"))),
        }
    }
    Ok(())
}

/// Bring the numbers in small batches, each until it is answered or given up.
async fn call<S: Subject>(subject: &S, numbers: &[u64], mut rng: Rng) -> Verdict {
    let door = subject.door(Faults::seeded(rng.below(u64::MAX)));
    let mut rest = numbers;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(rest.len().min(1 + rng.below(5) as usize));
        let items: Vec<Item> = batch.iter().copied().map(Item::named).collect();
        match knock(subject, &door, &items, 1 + rng.below(4) as u32).await {
            Err(Failure::Permanent(stop)) => return Err(Broken(format!("a door met {stop}"))),
            _ => rest = later,
        }
    }
    Ok(())
}

fn side(numbers: &[u64]) -> List<'_> {
    List::partly_named(numbers, |number| number >= SHARED)
}

async fn once_and_in_order<S: Subject>(subject: &S) -> Verdict {
    let applied = subject.applied().await?;
    let of_leg: Vec<u64> = applied.iter().copied().filter(|number| *number < SHARED).collect();
    let expected: Vec<u64> = (0..12).collect();
    ensure(of_leg == expected, || format!("the leg's own items: {of_leg:?}"))?;
    let mut all = applied;
    all.sort_unstable();
    let expected: Vec<u64> = [0, SHARED, DOORS].into_iter().flat_map(|n| n..n + 12).collect();
    ensure(all == expected, || format!("applied, sorted: {all:?}"))
}

impl Broken {
    fn with(self, seed: u64) -> Broken {
        Broken(format!("seed {seed}: {}", self.0))
    }
}
