//! What a backend brings to the suite, and the few moves that every check is made of.

use super::{Broken, Faults, Verdict};
use crate::exactly_once::{Claim, Cursor, Decide, EffectOf, Failure, Step, StepOf, Target, door};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::sync::atomic::{AtomicU64, Ordering};

/// What a subject is asked to take: a number, under a name that identifies it.
///
/// A *named* item has one name for ever, so identity can recognise it. A *nameless* one has another
/// name each time it is read, so nothing but the cursor and the claim keeps it from being applied
/// twice: each layer is tested alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// What stands at the position.
    pub number: u64,
    reading: u64,
}

/// Nameless readings in this process; it only matters that no two are alike.
static READINGS: AtomicU64 = AtomicU64::new(1);

impl Item {
    /// The item that is recognised wherever it is met.
    pub fn named(number: u64) -> Item {
        Item { number, reading: 0 }
    }

    /// A reading of the item that nothing recognises.
    pub fn nameless(number: u64) -> Item {
        Item { number, reading: READINGS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The number of the item that [`fmt::Display`] wrote as `name`.
    pub fn number_in(name: &str) -> Option<u64> {
        name.strip_prefix("item-")?.split('-').next()?.parse().ok()
    }
}

/// The idempotency key of an item: `item-7`, or `item-7-read-3` for a nameless one.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reading {
            0 => write!(f, "item-{}", self.number),
            reading => write!(f, "item-{}-read-{reading}", self.number),
        }
    }
}

/// A backend under test: an empty ledger, with what an item does to it.
///
/// `Decide` must honour identity: an item whose name is recorded already, or came earlier in the
/// same step, has no effect. Every other item has an effect that [`Subject::applied`] shows.
pub trait Subject: Decide<Item, <Self as Subject>::Target> + Send {
    /// A leg or a door on the ledger, wrapped in [`super::Faulty`].
    type Target: Target + Send;

    /// A new owner's handle for the leg on the source named `source`. Its claims are granted at
    /// once, whoever holds the source: what a granted claim means is what the suite looks at.
    fn leg(&self, source: &str, faults: Faults) -> Self::Target;

    /// A door on the same ledger.
    fn door(&self, faults: Faults) -> Self::Target;

    /// The numbers of all items whose effects are durable, each as often as it was recorded, in the
    /// order of the log. Never asked while a step is open.
    fn applied(&self) -> impl Future<Output = Result<Vec<u64>, Failure>> + Send;
}

/// The claims of a subject's targets.
pub(super) type ClaimOf<S> = <<S as Subject>::Target as Target>::Claim;

/// Fresh readings of `numbers`.
pub(super) fn nameless(numbers: &[u64]) -> Vec<Item> {
    numbers.iter().copied().map(Item::nameless).collect()
}

/// The cursor behind `numbers`, as [`super::List`] tells it.
pub(super) fn behind(numbers: &[u64]) -> Cursor {
    numbers.iter().fold(Cursor::START, |cursor, number| Cursor {
        next: cursor.next + 1,
        tail: cursor.tail.link(&number.to_be_bytes()),
        hint: cursor.next + 1,
    })
}

/// Open a step on `claim` and decide `items` in it.
pub(super) async fn open<S: Subject>(
    subject: &S,
    claim: ClaimOf<S>,
    items: &[Item],
) -> Result<(StepOf<S::Target>, Vec<EffectOf<S::Target>>), Failure> {
    let step = claim.begin(subject.keys(items)).await?;
    let effects = subject.decide(items, step.snapshot());
    Ok((step, effects))
}

/// One step: take `all[claim's cursor..]`, namelessly.
pub(super) async fn take<S: Subject>(
    subject: &S,
    claim: ClaimOf<S>,
    all: &[u64],
) -> Result<ClaimOf<S>, Failure> {
    let rest = all.get(claim.cursor().next as usize..).unwrap_or_default();
    let (step, effects) = open(subject, claim, &nameless(rest)).await?;
    step.commit(effects, behind(all)).await
}

/// One step at a door, again while that may help.
pub(super) async fn knock<S: Subject>(
    subject: &S,
    door: &S::Target,
    items: &[Item],
    tries: u32,
) -> Result<(), Failure> {
    let keys = || subject.keys(items);
    let decide = |snapshot: &_| ((), subject.decide(items, snapshot));
    let wait = |_, _: &Failure| super::schedule::yield_now();
    Ok(door::pass(door, keys, decide, tries, wait).await?)
}

/// Everything applied is `expected`, each once, in that order.
pub(super) async fn applied_is<S: Subject>(subject: &S, expected: &[u64]) -> Verdict {
    let applied = subject.applied().await?;
    ensure(applied == expected, || format!("applied {applied:?} instead of {expected:?}"))
}

/// The claim stands behind `numbers`.
pub(super) fn stands_behind<C: Claim>(claim: &C, numbers: &[u64]) -> Verdict {
    let (cursor, expected) = (claim.cursor(), behind(numbers));
    ensure(*cursor == expected, || format!("the claim tells {cursor:?} instead of {expected:?}"))
}

/// The step of a claim that is no longer the newest was refused, and by that name.
pub(super) fn fenced<C>(outcome: Result<C, Failure>) -> Verdict {
    match outcome {
        Err(Failure::Fenced) => Ok(()),
        Err(other) => Err(Broken(format!("an elder claim met not the fence, but: {other}"))),
        Ok(_) => Err(Broken("an elder claim's step was committed".into())),
    }
}

/// Broken, as `detail` says, unless it `holds`.
pub(super) fn ensure(holds: bool, detail: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Broken(detail())) }
}
