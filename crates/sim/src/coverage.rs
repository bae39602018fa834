//! What a run reached: every verb of the pump and of the doors with every class of failure, every
//! verdict of the wire, every transition of a payment's state.

use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::publish::confirm::Tally;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Who did what, and how it ended.
type Verb = (&'static str, &'static str, &'static str);

/// What was seen. Cheap to clone.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<BTreeSet<Verb>>>);

impl Seen {
    fn see<R>(&self, who: &'static str, verb: &'static str, result: &Result<R, Failure>) {
        let class = match result {
            Ok(_) => "done",
            Err(Failure::Retryable(_)) => "retryable",
            Err(Failure::Unknown(_)) => "unknown",
            Err(Failure::Fenced) => "fenced",
            Err(Failure::Permanent(_)) => "permanent",
        };
        self.0.lock().expect("nobody panics while holding it").insert((who, verb, class));
    }

    /// All of it, in words.
    pub fn names(&self) -> BTreeSet<String> {
        let seen = self.0.lock().expect("nobody panics while holding it");
        seen.iter().map(|(who, verb, class)| format!("{who}: {verb} {class}")).collect()
    }
}

/// What the targets of all runs together have to show. A `begin` is never unknown: nothing has
/// happened, whatever the error. A door has no source, so nobody fences it.
pub const VERBS: &[&str] = &[
    "door: begin done",
    "door: begin retryable",
    "door: commit done",
    "door: commit permanent",
    "door: commit retryable",
    "door: commit unknown",
    "pump: begin done",
    "pump: begin fenced",
    "pump: begin retryable",
    "pump: claim done",
    "pump: claim fenced",
    "pump: claim retryable",
    "pump: commit done",
    "pump: commit fenced",
    "pump: commit permanent",
    "pump: commit retryable",
    "pump: commit unknown",
];

/// Of those: what may well not happen in some hundred runs. A claim would have to be granted in the
/// milliseconds of somebody else's open step; the suite of the law does that on purpose.
pub const RARE: &[&str] = &["pump: commit fenced"];

/// The verdicts of the wire.
pub const VERDICTS: &[&str] =
    &["wire: foreign", "wire: fork", "wire: hole", "wire: loss", "wire: repeat", "wire: take"];

/// The verdicts that confirming counted.
pub fn verdicts(tally: &Tally) -> impl Iterator<Item = String> {
    let Tally { taken, repeats, holes, foreign, losses, .. } = tally;
    let seen = |(count, name): (&AtomicU64, &str)| {
        (count.load(Ordering::Relaxed) > 0).then(|| format!("wire: {name}"))
    };
    let all = [
        (taken, "take"),
        (repeats, "repeat"),
        (holes, "hole"),
        (foreign, "foreign"),
        (losses, "loss"),
    ];
    all.map(seen).into_iter().flatten()
}

/// A target that is watched.
pub struct Watched<T> {
    inner: T,
    who: &'static str,
    seen: Seen,
}

impl<T> Watched<T> {
    /// `inner`, watched as `who`.
    pub fn new(inner: T, who: &'static str, seen: &Seen) -> Watched<T> {
        Watched { inner, who, seen: seen.clone() }
    }

    fn around<U>(&self, inner: U) -> Watched<U> {
        Watched { inner, who: self.who, seen: self.seen.clone() }
    }
}

impl<T: Target + Send> Target for Watched<T> {
    type Claim = Watched<T::Claim>;

    async fn claim(&self) -> Result<Self::Claim, Failure> {
        let claimed = self.inner.claim().await;
        self.seen.see(self.who, "claim", &claimed);
        Ok(self.around(claimed?))
    }
}

impl<C: Claim> Claim for Watched<C> {
    type Keys = C::Keys;
    type Step = Watched<C::Step>;

    fn cursor(&self) -> &Cursor {
        self.inner.cursor()
    }

    async fn begin(self, keys: C::Keys) -> Result<Self::Step, Failure> {
        let Watched { inner, who, seen } = self;
        let begun = inner.begin(keys).await;
        seen.see(who, "begin", &begun);
        Ok(Watched { inner: begun?, who, seen })
    }
}

impl<S: Step> Step for Watched<S> {
    type Claim = Watched<S::Claim>;
    type Snapshot = S::Snapshot;
    type Effect = S::Effect;

    fn snapshot(&self) -> &S::Snapshot {
        self.inner.snapshot()
    }

    async fn commit(self, effects: Vec<S::Effect>, to: Cursor) -> Result<Self::Claim, Failure> {
        let Watched { inner, who, seen } = self;
        let committed = inner.commit(effects, to).await;
        seen.see(who, "commit", &committed);
        Ok(Watched { inner: committed?, who, seen })
    }
}
