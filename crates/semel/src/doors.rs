//! The door of a ledger, as this process keeps it: a bounded queue and the task that serves it
//! ([`door`] says how).
//!
//! Deliberately absent: HTTP, and any rule about payments.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use semel_core::failure::{Failure, Stop};
use semel_core::ledger::door::{self, LedgerTarget, Request};
use semel_core::ledger::{Command, Outcome};
use semel_core::problem::Code;
use semel_core::retry::Schedule;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::meters::DoorMeters;

/// The way into one ledger.
#[derive(Clone, Debug)]
pub struct Door {
    queue: mpsc::UnboundedSender<Waiting>,
    /// One permit for each command that is waiting or being decided. What finds none is refused at
    /// once, so the queue is bounded and nobody waits behind more than this.
    places: Arc<Semaphore>,
    capacity: usize,
}

/// Why a door gives no outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Too many commands are waiting. Nothing happened.
    Full,
    /// The step failed.
    Failed(Failure),
}

/// A request on its way through the door.
#[derive(Debug)]
struct Waiting {
    commands: Vec<Command>,
    answer: oneshot::Sender<Result<Vec<Outcome>, Failure>>,
    _places: OwnedSemaphorePermit,
}

impl Door {
    /// A door with room for `capacity` commands, and the task that serves it until the last clone
    /// of the door is dropped; then it finishes what is waiting.
    ///
    /// `stop` gets the name of the failure that the process cannot go on from.
    pub fn open<T>(
        target: T,
        capacity: usize,
        meters: DoorMeters,
        stop: watch::Sender<Option<Stop>>,
    ) -> (Door, impl Future<Output = ()> + Send)
    where
        T: LedgerTarget + 'static,
    {
        let (queue, waiting) = mpsc::unbounded_channel();
        let door = Door { queue, places: Arc::new(Semaphore::new(capacity)), capacity };
        (door, serve(target, waiting, meters, Alarm(stop)))
    }

    /// Pass `commands` through the door as one unit: all are decided in one step, in their order.
    ///
    /// # Errors
    /// [`Shut::Full`] at once; [`Shut::Failed`] after the step was tried again in vain.
    pub async fn pass(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, Shut> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let count = u32::try_from(commands.len()).map_err(|_| Shut::Full)?;
        let places = self.places.clone().try_acquire_many_owned(count).map_err(|_| Shut::Full)?;
        let (answer, outcomes) = oneshot::channel();
        let waiting = Waiting { commands, answer, _places: places };
        self.queue.send(waiting).map_err(|_| Shut::Failed(gone()))?;
        let lost = || Failure::Unknown("the door's task ended in the middle of a step".into());
        outcomes.await.unwrap_or_else(|_| Err(lost())).map_err(Shut::Failed)
    }

    /// As [`Door::pass`], for one command.
    ///
    /// # Errors
    /// As [`Door::pass`].
    pub async fn pass_one(&self, command: Command) -> Result<Outcome, Shut> {
        let outcome = self.pass(vec![command]).await?.pop();
        Ok(outcome.expect("one outcome for each command"))
    }

    /// How many commands are waiting or being decided.
    pub fn depth(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    /// Whether the door's task still runs.
    pub fn is_open(&self) -> bool {
        !self.queue.is_closed()
    }
}

fn gone() -> Failure {
    Failure::Retryable("the door's task has ended".into())
}

async fn serve<T>(
    target: T,
    mut queue: mpsc::UnboundedReceiver<Waiting>,
    meters: DoorMeters,
    alarm: Alarm,
) where
    T: LedgerTarget,
{
    while let Some(first) = queue.recv().await {
        let waiting = door::gather(first, || queue.try_recv().ok());
        let begun = Instant::now();
        let result = door::step(&target, &waiting, backoff).await;
        meters.step(waiting.iter().map(|request| request.commands.len()).sum(), begun.elapsed());
        match &result {
            Ok(outcomes) => meters.outcomes(outcomes),
            Err(given_up) => alarm.consider(&given_up.last),
        }
        door::answer(waiting, result);
    }
}

impl Request for Waiting {
    fn commands(&self) -> &[Command] {
        &self.commands
    }

    fn answer(self, told: Result<Vec<Outcome>, Failure>) {
        // Whoever no longer listens will ask again with the same key.
        let _ = self.answer.send(told);
    }
}

/// Say why a try failed, now, and then wait for the next as [`pause`] does.
pub fn backoff(failed: u32, failure: &Failure) -> impl Future<Output = ()> + Send + use<> {
    tracing::warn!(%failure, tries = failed.saturating_add(1), "a step failed and is tried again");
    pause(failed)
}

/// Wait as [`delay`] says.
pub async fn pause(failed: u32) {
    tokio::time::sleep(delay(failed)).await;
}

/// How long to wait after `failed` failures more: as the store's schedule says, with full jitter.
pub fn delay(failed: u32) -> Duration {
    // Its keys are random in each thread and others each time, which is enough for jitter.
    Schedule::STORE.wait(failed, RandomState::new().hash_one(failed) as u32)
}

/// Says that the process cannot go on: by the name of a failure, or because a defect ended the
/// door's task.
struct Alarm(watch::Sender<Option<Stop>>);

impl Alarm {
    fn consider(&self, failure: &Failure) {
        match failure {
            Failure::Permanent(stop) => raise(&self.0, stop),
            failure => tracing::warn!(%failure, "a step of a door failed"),
        }
    }
}

/// Tell that the process cannot go on. The first cause is the one to act on.
pub fn raise(alarm: &watch::Sender<Option<Stop>>, stop: &Stop) {
    alarm.send_if_modified(|told| {
        let first = told.is_none();
        if first {
            tracing::error!(%stop, "the process cannot go on");
            *told = Some(stop.clone());
        }
        first
    });
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let detail = "a defect ended a door's task; see the log";
            raise(&self.0, &Stop::new(Code::Internal, detail));
        }
    }
}
