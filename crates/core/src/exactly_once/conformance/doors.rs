//! Doors: no position, so identity alone decides. Looked up under the lock, whoever loses a race
//! sees the winner.

use super::schedule::{both, delayed};
use super::subject::{Subject, applied_is, knock};
use super::{Bench, Broken, Fault, Faults, Item, Verdict};
use crate::exactly_once::Failure;
use alloc::format;
use core::mem::discriminant;

/// More than the points at which a door of the suite gives way in one step.
const LEADS: u32 = 9;
/// Nothing is in the way but the other door.
const TRIES: u32 = 8;

pub(super) async fn a_key_is_taken_once_at_a_door<S: Subject>(bench: &Bench<S>) -> Verdict {
    let subject = bench.subject().await;
    let (door, other) = (subject.door(Faults::none()), subject.door(Faults::none()));
    let [one, two, three] = [1, 2, 3].map(Item::named);

    knock(&subject, &door, &[one, two, one], 1).await?;
    applied_is(&subject, &[1, 2]).await?;
    knock(&subject, &door, &[two], 1).await?;
    knock(&subject, &other, &[one, three, two, three], 1).await?;
    applied_is(&subject, &[1, 2, 3]).await?;

    let mut applied = alloc::vec![1, 2, 3];
    for lead in 0..LEADS {
        let number = 100 + u64::from(lead);
        let item = [Item::named(number)];
        let late = delayed(lead, knock(&subject, &other, &item, TRIES));
        let (first, second) = both(knock(&subject, &door, &item, TRIES), late).await;
        first.and(second)?;
        applied.push(number);
        applied_is(&subject, &applied).await?;
    }
    Ok(())
}

type Case<'a> = (&'a [Fault], u32, &'a Result<(), Failure>, bool);

pub(super) async fn a_door_runs_an_unknown_step_again<S: Subject>(bench: &Bench<S>) -> Verdict {
    let done = Ok(());
    let retryable = Err(Failure::Retryable("".into()));
    let unknown = Err(Failure::Unknown("".into()));
    use Fault::{BeginRefused, Cancelled, ClaimRefused, Dropped, LostAfter, LostBefore};
    #[rustfmt::skip]
    let cases: [Case; 10] = [
        // what goes wrong                    tries  the caller is told  applied
        (&[LostBefore],                           2, &done,              true),
        (&[LostAfter],                            2, &done,              true),
        (&[Cancelled { polls: 2 }],               2, &done,              true),
        (&[LostAfter, LostAfter],                 3, &done,              true),
        (&[Dropped, LostAfter, ClaimRefused],     4, &done,              true),
        (&[LostAfter],                            1, &unknown,           true),
        (&[LostAfter, BeginRefused],              2, &unknown,           true),
        (&[LostBefore, BeginRefused],             2, &unknown,           false),
        (&[BeginRefused],                         1, &retryable,         false),
        (&[Dropped, Dropped],                     2, &retryable,         false),
    ];
    for (faults, tries, expected, applied) in cases {
        let subject = bench.subject().await;
        let door = subject.door(Faults::planned(faults));
        let outcome = knock(&subject, &door, &[Item::named(7), Item::named(8)], tries).await;
        if !same_class(&outcome, expected) {
            return Err(Broken(format!("{faults:?} in {tries} tries came out as {outcome:?}")));
        }
        applied_is(&subject, if applied { &[7, 8] } else { &[] }).await?;
    }
    Ok(())
}

fn same_class(one: &Result<(), Failure>, other: &Result<(), Failure>) -> bool {
    match (one, other) {
        (Ok(()), Ok(())) => true,
        (Err(one), Err(other)) => discriminant(one) == discriminant(other),
        _ => false,
    }
}
