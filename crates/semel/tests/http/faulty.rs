//! A target that wraps the store's own and fails on demand, as no store does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use semel::http::limits::Limits;
use semel::wiring::Store;
use semel_core::exactly_once::{Claim, Cursor, Step, Target};
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::{Effect, Keys, Snapshot};
use semel_core::problem::Code;
use tokio::sync::Semaphore;

use super::harness::Server;

/// When a commit fails, and whether it happened all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Retryable,
    UnknownAndDone,
    UnknownAndNot,
    Permanent,
    /// The last of them is permanent; those before it are unknown, and done.
    Worsens,
    Panic,
}

/// What the test and its target share.
#[derive(Default)]
pub struct Script {
    /// So many commits fail from now on.
    pub faults: AtomicU32,
    /// So many commits were tried.
    pub commits: AtomicUsize,
}

/// A target that fails as its script says, and waits for a permit before each commit if it has to.
pub struct Faulty<T> {
    target: T,
    fault: Fault,
    script: Arc<Script>,
    gate: Option<Arc<Semaphore>>,
}

pub struct Held<I> {
    inner: I,
    fault: Fault,
    script: Arc<Script>,
    gate: Option<Arc<Semaphore>>,
}

impl<T> Target for Faulty<T>
where
    T: Target<Claim: Claim<Keys = Keys, Step: Step<Snapshot = Snapshot, Effect = Effect>>> + Send,
{
    type Claim = Held<T::Claim>;

    async fn claim(&self) -> Result<Self::Claim, Failure> {
        let inner = self.target.claim().await?;
        let (script, gate) = (self.script.clone(), self.gate.clone());
        Ok(Held { inner, fault: self.fault, script, gate })
    }
}

impl<C> Claim for Held<C>
where
    C: Claim<Keys = Keys, Step: Step<Snapshot = Snapshot, Effect = Effect>>,
{
    type Keys = Keys;
    type Step = HeldStep<C::Step, C>;

    fn cursor(&self) -> &Cursor {
        self.inner.cursor()
    }

    async fn begin(self, keys: Keys) -> Result<Self::Step, Failure> {
        let Held { inner, fault, script, gate } = self;
        let step = inner.begin(keys).await?;
        Ok(HeldStep { step, fault, script, gate, claim: std::marker::PhantomData })
    }
}

pub struct HeldStep<S, C> {
    step: S,
    fault: Fault,
    script: Arc<Script>,
    gate: Option<Arc<Semaphore>>,
    claim: std::marker::PhantomData<fn() -> C>,
}

impl<S, C> Step for HeldStep<S, C>
where
    S: Step<Claim = C, Snapshot = Snapshot, Effect = Effect>,
    C: Claim<Keys = Keys, Step: Step<Snapshot = Snapshot, Effect = Effect>>,
{
    type Claim = Held<C>;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        self.step.snapshot()
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<Held<C>, Failure> {
        let HeldStep { step, fault, script, gate, .. } = self;
        if let Some(gate) = &gate {
            gate.acquire().await.expect("the gate stays").forget();
        }
        script.commits.fetch_add(1, Ordering::SeqCst);
        let down = |faults: u32| faults.checked_sub(1);
        let left = script.faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, down);
        match fault {
            _ if left.is_err() => {}
            Fault::Retryable => return Err(Failure::Retryable("scripted".into())),
            Fault::UnknownAndNot => return Err(Failure::Unknown("scripted".into())),
            Fault::Worsens if left == Ok(1) => return Err(full()),
            Fault::UnknownAndDone | Fault::Worsens => {
                step.commit(effects, to).await?;
                return Err(Failure::Unknown("scripted".into()));
            }
            Fault::Permanent => return Err(full()),
            Fault::Panic => panic!("scripted"),
        }
        let inner = step.commit(effects, to).await?;
        Ok(Held { inner, fault, script, gate })
    }
}

fn full() -> Failure {
    Stop::new(Code::StoreFull, "scripted").into()
}

/// More failures than a step is tried.
pub const ALWAYS: u32 = 1_000_000;

/// A server whose commits fail with `fault` as often as the script says.
pub async fn faulty(
    fault: Fault,
    limits: Limits,
    gate: Option<Arc<Semaphore>>,
) -> (Server, Arc<Script>) {
    let script = Arc::new(Script::default());
    let own = script.clone();
    let target = move |store: &Store, ledger| Faulty {
        target: store.door(ledger),
        fault,
        script: own.clone(),
        gate: gate.clone(),
    };
    (Server::over(limits, target).await, script)
}

/// A server none of whose commits succeeds.
pub async fn failing(limits: Limits) -> Server {
    let (server, script) = faulty(Fault::Permanent, limits, None).await;
    script.faults.store(ALWAYS, Ordering::SeqCst);
    server
}
