//! What goes wrong between a caller and a target: a wrapper injects it, a script says what.
//!
//! Every verb gives way at least once, so that whoever polls decides who moves in between. What is
//! injected is what a caller of a real store can see: a refusal, a session that ends, an answer
//! that is lost before or after the commit, a caller that stops waiting half-way.

use super::schedule::{Rng, polled, yield_now};
use crate::exactly_once::{Claim, Cursor, Failure, Step, Target};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::pin::pin;
use spin::Mutex;

/// One thing that goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `claim` fails before it asks the target: retryable.
    ClaimRefused,
    /// `begin` fails before it asks the target, the claim is gone: retryable.
    BeginRefused,
    /// The step is dropped instead of committed: retryable.
    Dropped,
    /// The step is dropped instead of committed, and nobody says so: unknown.
    LostBefore,
    /// The step is committed, the answer and the claim are lost: unknown.
    LostAfter,
    /// The caller polls the commit so many times, then stops waiting: unknown.
    Cancelled {
        /// How often it is polled.
        polls: u32,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Claim,
    Begin,
    Commit,
}

/// The script of what goes wrong, shared by the check that wrote it and the targets that follow it.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug)]
struct Script {
    planned: VecDeque<Fault>,
    random: Option<Rng>,
    fired: u64,
}

/// In a seeded script one verb in so many goes wrong.
const ONE_IN: u64 = 5;
/// In a seeded script an owner is now and then paused for so many rounds: others overtake it.
const LONG_PAUSE: u64 = 40;

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Faults {
        Faults::planned(&[])
    }

    /// Each of `faults` in turn, at the first verb it fits; then nothing.
    pub fn planned(faults: &[Fault]) -> Faults {
        Faults::new(faults.iter().copied().collect(), None)
    }

    /// Anything, again and again, as `seed` decides.
    pub fn seeded(seed: u64) -> Faults {
        Faults::new(VecDeque::new(), Some(Rng::new(seed)))
    }

    /// How much has gone wrong so far.
    pub fn fired(&self) -> u64 {
        self.0.lock().fired
    }

    fn new(planned: VecDeque<Fault>, random: Option<Rng>) -> Faults {
        Faults(Arc::new(Mutex::new(Script { planned, random, fired: 0 })))
    }

    fn at(&self, verb: Verb) -> Option<Fault> {
        let mut script = self.0.lock();
        let fault = match script.planned.front() {
            Some(fault) if fault.verb() == verb => script.planned.pop_front(),
            Some(_) => None,
            None => script.random.as_mut().and_then(|rng| Fault::random(verb, rng)),
        };
        script.fired += u64::from(fault.is_some());
        fault
    }

    async fn pause(&self) {
        let rounds = match &mut self.0.lock().random {
            None => 1,
            Some(rng) => match rng.below(16) {
                0 => LONG_PAUSE,
                rounds => rounds % 4,
            },
        };
        for _ in 0..rounds {
            yield_now().await;
        }
    }
}

impl Fault {
    fn verb(self) -> Verb {
        match self {
            Fault::ClaimRefused => Verb::Claim,
            Fault::BeginRefused => Verb::Begin,
            Fault::Dropped | Fault::LostBefore | Fault::LostAfter | Fault::Cancelled { .. } => {
                Verb::Commit
            }
        }
    }

    fn random(verb: Verb, rng: &mut Rng) -> Option<Fault> {
        if rng.below(ONE_IN) != 0 {
            return None;
        }
        Some(match (verb, rng.below(4)) {
            (Verb::Claim, _) => Fault::ClaimRefused,
            (Verb::Begin, _) => Fault::BeginRefused,
            (Verb::Commit, 0) => Fault::Dropped,
            (Verb::Commit, 1) => Fault::LostBefore,
            (Verb::Commit, 2) => Fault::LostAfter,
            (Verb::Commit, _) => Fault::Cancelled { polls: rng.below(4) as u32 },
        })
    }
}

/// A target behind a line on which things go wrong.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    faults: Faults,
}

/// A claim on a [`Faulty`] target.
#[derive(Debug)]
pub struct FaultyClaim<C> {
    inner: C,
    faults: Faults,
}

/// A step on a [`Faulty`] target.
#[derive(Debug)]
pub struct FaultyStep<S> {
    inner: S,
    faults: Faults,
}

impl<T> Faulty<T> {
    /// `inner`, with what `faults` says in between.
    pub fn new(inner: T, faults: Faults) -> Faulty<T> {
        Faulty { inner, faults }
    }
}

impl<T: Target> Target for Faulty<T> {
    type Claim = FaultyClaim<T::Claim>;

    async fn claim(&self) -> Result<Self::Claim, Failure> {
        self.faults.pause().await;
        if let Some(fault) = self.faults.at(Verb::Claim) {
            return Err(fault.nothing_happened());
        }
        let inner = self.inner.claim().await?;
        Ok(FaultyClaim { inner, faults: self.faults.clone() })
    }
}

impl<C: Claim> Claim for FaultyClaim<C> {
    type Keys = C::Keys;
    type Step = FaultyStep<C::Step>;

    fn cursor(&self) -> &Cursor {
        self.inner.cursor()
    }

    async fn begin(self, keys: C::Keys) -> Result<Self::Step, Failure> {
        let FaultyClaim { inner, faults } = self;
        faults.pause().await;
        if let Some(fault) = faults.at(Verb::Begin) {
            return Err(fault.nothing_happened());
        }
        let inner = inner.begin(keys).await?;
        Ok(FaultyStep { inner, faults })
    }
}

impl<S: Step> Step for FaultyStep<S> {
    type Claim = FaultyClaim<S::Claim>;
    type Snapshot = S::Snapshot;
    type Effect = S::Effect;

    fn snapshot(&self) -> &S::Snapshot {
        self.inner.snapshot()
    }

    async fn commit(self, effects: Vec<S::Effect>, to: Cursor) -> Result<Self::Claim, Failure> {
        let FaultyStep { inner, faults } = self;
        faults.pause().await;
        let answer = match faults.at(Verb::Commit) {
            None => {
                let inner = inner.commit(effects, to).await?;
                return Ok(FaultyClaim { inner, faults });
            }
            Some(Fault::LostAfter) => Some(inner.commit(effects, to).await),
            Some(Fault::Cancelled { polls }) => {
                polled(pin!(inner.commit(effects, to)), polls).await
            }
            Some(Fault::LostBefore) => None,
            Some(fault) => return Err(fault.nothing_happened()),
        };
        // The target's own refusal reaches the caller; only an answer that says "done" is lost.
        match answer {
            Some(Err(failure)) => Err(failure),
            Some(Ok(_)) | None => Err(Failure::Unknown("injected: the answer is lost".into())),
        }
    }
}

impl Fault {
    fn nothing_happened(self) -> Failure {
        Failure::Retryable(alloc::format!("injected: {self:?}"))
    }
}
