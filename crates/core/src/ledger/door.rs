//! The door of a ledger: requests that arrive together are committed together, without a timer.
//!
//! Whatever is waiting is one step of the law ([`door::pass`]). While it commits, the next one
//! gathers by itself, so a lone request waits for nobody and a crowd shares its commits.
//!
//! Promises kept here: P1 (identity is looked up inside the step) and *never silently wrong*: a
//! step whose outcome stays unknown is told as unknown.
//! Deliberately absent: the queue, which is its owner's, and HTTP.

use super::{Command, Effect, Keys, Outcome, Snapshot, decide};
use crate::exactly_once::door::{self, GivenUp};
use crate::exactly_once::{Claim, Step, Target};
use crate::failure::Failure;
use alloc::vec;
use alloc::vec::Vec;
use core::future::Future;

/// A step is closed to further requests once it holds this many commands.
pub const STEP_COMMANDS: usize = 4_096;

/// How often a step is tried before its requests are told that it failed.
pub const TRIES: u32 = 5;

/// What a door writes to: a target that keeps a ledger.
pub trait LedgerTarget:
    Target<Claim: Claim<Keys = Keys, Step: Step<Snapshot = Snapshot, Effect = Effect>>> + Send
{
}

impl<T> LedgerTarget for T where
    T: Target<Claim: Claim<Keys = Keys, Step: Step<Snapshot = Snapshot, Effect = Effect>>> + Send
{
}

/// Somebody who waits at a door.
pub trait Request: Sync {
    /// What is asked for: decided in one step, in this order.
    fn commands(&self) -> &[Command];

    /// Tell what became of it: one outcome for each command, or why there is none.
    fn answer(self, told: Result<Vec<Outcome>, Failure>);
}

/// `first` and everything behind it that is waiting already, up to a step's size.
pub fn gather<R: Request>(first: R, mut next: impl FnMut() -> Option<R>) -> Vec<R> {
    let mut commands = first.commands().len();
    let mut waiting = vec![first];
    while commands < STEP_COMMANDS
        && let Some(request) = next()
    {
        commands += request.commands().len();
        waiting.push(request);
    }
    waiting
}

/// Run one step for all that are waiting; `wait` is as in [`door::pass`].
///
/// # Errors
/// As [`door::pass`].
pub async fn step<T, R, F>(
    target: &T,
    waiting: &[R],
    wait: impl Fn(u32, &Failure) -> F,
) -> Result<Vec<Outcome>, GivenUp>
where
    T: LedgerTarget,
    R: Request,
    F: Future<Output = ()>,
{
    let commands = || waiting.iter().flat_map(Request::commands);
    let keys = || Keys::of(commands());
    let decide = |snapshot: &Snapshot| {
        let decision = decide(commands(), snapshot);
        (decision.outcomes, decision.effects)
    };
    door::pass(target, keys, decide, TRIES, wait).await
}

/// Tell everybody what became of their part of the step.
pub fn answer<R: Request>(waiting: Vec<R>, result: Result<Vec<Outcome>, GivenUp>) {
    let result = result.map(Vec::into_iter).map_err(GivenUp::told);
    match result {
        Ok(mut outcomes) => {
            for request in waiting {
                let own = outcomes.by_ref().take(request.commands().len()).collect();
                request.answer(Ok(own));
            }
        }
        Err(told) => waiting.into_iter().for_each(|request| request.answer(Err(told.clone()))),
    }
}
