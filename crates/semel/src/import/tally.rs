//! What one run takes, whoever else takes from the same file or into the same ingest meanwhile.
//!
//! What a step decided is counted once the source is read from where that step ends: then it is
//! committed. A step that failed, or that somebody newer took, is not.

use semel_core::exactly_once::{Batch, Cursor, Decide, Failure, Source};
use semel_core::ingest::{Counts, Ingest, Item};
use semel_core::ledger::door::LedgerTarget;
use semel_core::ledger::{Effect, Keys, Snapshot};
use std::sync::{Arc, Mutex, MutexGuard};

/// The counts of a run. Clones count together.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<Run>>);

#[derive(Default)]
struct Run {
    taken: Counts,
    /// The step that is not known to be committed: what it decided, and where it ends.
    open: Option<(Counts, Cursor)>,
}

impl Tally {
    /// What was taken.
    pub fn taken(&self) -> Counts {
        self.run().taken
    }

    /// Somebody newer has the source: what is open was not committed here.
    pub fn drop_open(&self) {
        self.run().open = None;
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.0.lock().expect("nobody panics while holding it")
    }

    fn read_from(&self, from: &Cursor) {
        let mut run = self.run();
        if let Some((counts, _)) = run.open.take().filter(|(_, to)| to == from) {
            run.taken.add(&counts);
        }
    }
}

/// A source or a logic that is counted.
pub struct Counted<T> {
    inner: T,
    tally: Tally,
}

impl<T> Counted<T> {
    /// `inner`, counted by `tally`.
    pub fn new(inner: T, tally: &Tally) -> Counted<T> {
        Counted { inner, tally: tally.clone() }
    }
}

impl<S: Source> Source for Counted<S> {
    type Item = S::Item;

    async fn read(
        &mut self,
        from: &Cursor,
        limit: usize,
    ) -> Result<Option<Batch<S::Item>>, Failure> {
        self.tally.read_from(from);
        let batch = self.inner.read(from, limit).await?;
        self.tally.run().open = batch.as_ref().map(|batch| (Counts::default(), batch.to));
        Ok(batch)
    }
}

impl<T: LedgerTarget> Decide<Item, T> for Counted<Ingest> {
    fn keys(&self, items: &[Item]) -> Keys {
        Decide::<Item, T>::keys(&self.inner, items)
    }

    fn decide(&self, items: &[Item], snapshot: &Snapshot) -> Vec<Effect> {
        let effects = Decide::<Item, T>::decide(&self.inner, items, snapshot);
        if let Some((counts, _)) = &mut self.tally.run().open {
            *counts = Counts::default();
            for effect in &effects {
                if let Effect::Count(_, some) = effect {
                    counts.add(some);
                }
            }
        }
        effects
    }
}
