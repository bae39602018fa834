//! Law 5 on any source, and the list that feeds the suite's own pumps.

use super::subject::{behind, ensure};
use super::{Broken, Item, Verdict, Violation};
use crate::chain::Hash;
use crate::exactly_once::{Batch, Cursor, Failure, Source};
use crate::failure::Stop;
use crate::problem::Code;
use alloc::format;
use alloc::vec::Vec;
use core::fmt::Debug;

/// A list of numbers as a source; its tail is the chain over the numbers before.
#[derive(Clone, Debug)]
pub struct List<'a> {
    numbers: &'a [u64],
    named: fn(u64) -> bool,
}

impl<'a> List<'a> {
    /// Items that nothing recognises: only the cursor and the claim keep them from coming twice.
    pub fn nameless(numbers: &'a [u64]) -> List<'a> {
        List::partly_named(numbers, |_| false)
    }

    /// Those items are named which `named` picks.
    pub fn partly_named(numbers: &'a [u64], named: fn(u64) -> bool) -> List<'a> {
        List { numbers, named }
    }
}

impl Source for List<'_> {
    type Item = Item;

    async fn read(&mut self, from: &Cursor, limit: usize) -> Result<Option<Batch<Item>>, Failure> {
        let start = usize::try_from(from.next).unwrap_or(usize::MAX);
        if self.numbers.get(..start).map(behind) != Some(*from) {
            return Err(Stop::new(Code::SourceChanged, format!("not what {from:?} says")).into());
        }
        let end = start.saturating_add(limit).min(self.numbers.len());
        let read = |&number| match (self.named)(number) {
            true => Item::named(number),
            false => Item::nameless(number),
        };
        let items: Vec<Item> = self.numbers[start..end].iter().map(read).collect();
        Ok((!items.is_empty()).then(|| Batch { items, to: behind(&self.numbers[..end]) }))
    }
}

/// Law 5: `make` opens the same source, of at least two items, anew each time.
///
/// However a reader splits its reading, and wherever it starts again, the same items stand at the
/// same positions; the hint changes nothing; a cursor whose tail is not the source's is refused.
///
/// # Errors
/// What was seen, when the law is broken.
pub async fn reads_stably<S>(make: impl Fn() -> S) -> Result<(), Violation>
where
    S: Source,
    S::Item: PartialEq + Debug,
{
    let checked = async {
        let (items, cursors) = read_on(make(), Cursor::START, 1).await?;
        ensure(items.len() >= 2, || format!("{} items are too few to tell", items.len()))?;
        for limit in [2, 3, 7, usize::MAX] {
            let (again, stops) = read_on(make(), Cursor::START, limit).await?;
            ensure(again == items, || format!("{limit} at a time: {again:?}, not {items:?}"))?;
            let strange = stops.iter().find(|(count, at)| *at != cursors[*count].1);
            ensure(strange.is_none(), || format!("{limit} at a time: stops at {strange:?}"))?;
        }
        for (count, at) in &cursors {
            starts_again(&make, *at, &items[*count..]).await?;
        }
        for (_, at) in &cursors[1..] {
            refuses(make(), Cursor { tail: Hash::of(&at.tail.0), ..*at }).await?;
        }
        Ok(())
    };
    checked.await.map_err(|Broken(detail)| Violation { name: "reads_stably", detail })
}

/// From `at`, with whatever hint, the rest follows.
async fn starts_again<S: Source>(make: impl Fn() -> S, at: Cursor, rest: &[S::Item]) -> Verdict
where
    S::Item: PartialEq + Debug,
{
    for hint in [at.hint, 0, u64::MAX] {
        let from = Cursor { hint, ..at };
        let (items, _) = read_on(make(), from, usize::MAX).await?;
        ensure(items == rest, || format!("from {from:?}: {items:?}, not {rest:?}"))?;
    }
    Ok(())
}

async fn refuses<S: Source>(mut source: S, forged: Cursor) -> Verdict {
    match source.read(&forged, usize::MAX).await {
        Err(Failure::Permanent(_)) => Ok(()),
        Err(other) => Err(Broken(format!("{forged:?} is no failure to try again: {other}"))),
        Ok(_) => Err(Broken(format!("reads on from {forged:?}, where it never stood"))),
    }
}

/// Everything from `at` on, with how many items had been read at each stop, and where that was.
async fn read_on<S: Source>(
    mut source: S,
    mut at: Cursor,
    limit: usize,
) -> Result<(Vec<S::Item>, Vec<(usize, Cursor)>), Broken> {
    let (mut items, mut stops) = (Vec::new(), Vec::from([(0, at)]));
    while let Some(batch) = source.read(&at, limit).await? {
        let length = batch.items.len();
        ensure((1..=limit).contains(&length), || format!("{length} items for a limit of {limit}"))?;
        ensure(at.next < batch.to.next, || format!("from {at:?} back to {:?}", batch.to))?;
        items.extend(batch.items);
        at = batch.to;
        stops.push((items.len(), at));
    }
    Ok((items, stops))
}
