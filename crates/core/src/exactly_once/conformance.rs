//! The suite that proves the law on any target.
//!
//! Each check is a sentence of the law, tried on an empty subject with scripted or seeded faults.
//! Checks never panic: they return what they saw, so that a defective target can be shown to be
//! caught, and by which check. They assume no executor: any `block_on` and any runtime will do.
//!
//! **Each layer alone.** Checks of laws 1 to 4 send *nameless* items, which identity cannot
//! recognise, so a repeat that cursor and claim let through is seen. Checks of doors send *named*
//! ones, which only identity protects. See [`Item`].
//!
//! **A new target** is a [`Subject`] and one test:
//!
//! ```
//! use semel_core::exactly_once::conformance::{Bench, Grant, Model, run_all};
//!
//! // 1. `impl Subject for Store`: legs and doors are `Faulty::new(…, faults)`; `applied` reads the
//! //    keys of the log in order, through `Item::number_in`.
//! // 2. `impl Decide<Item, _> for Store`: an item becomes a request whose key is
//! //    `item.to_string()`; decide it as in production.
//! // 3. The test:
//! let bench = Bench::new(0..4, || async { Model::new(Grant::AtOnce) });
//! let violations = block_on(run_all(&bench));
//! assert!(violations.is_empty(), "{violations:?}");
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! ```
//!
//! A new source calls [`reads_stably`].
//!
//! Deliberately absent: clocks and deadlines (a subject grants every claim at once), and a check of
//! the compare-and-set alone: while the claim's name is checked too, no caller can tell whether it
//! is there. The planted defects in `tests/defects.rs` take each layer away to show exactly that.

mod doors;
mod faulty;
mod fencing;
mod model;
mod pumps;
mod schedule;
mod source;
mod steps;
mod subject;

pub use faulty::{Fault, Faults, Faulty, FaultyClaim, FaultyStep};
pub use model::{Grant, Model, ModelClaim, ModelStep, ModelTarget};
pub use schedule::Rng;
pub use source::{List, reads_stably};
pub use subject::{Item, Subject};

use super::Failure;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::ops::Range;
use core::pin::Pin;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The check that saw it.
    pub name: &'static str,
    /// What it saw.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)
    }
}

impl core::error::Error for Violation {}

/// Where the checks get their subjects from, and how often a seeded check is repeated.
pub struct Bench<S> {
    seeds: Range<u64>,
    make: Box<dyn Fn() -> Pin<Box<dyn Future<Output = S> + Send>> + Send + Sync>,
}

impl<S: Subject> Bench<S> {
    /// `make` gives an empty subject each time. A seeded check runs once for each of `seeds`; when
    /// it fails it names the seed, and `seed..seed + 1` runs that one alone.
    pub fn new<F>(seeds: Range<u64>, make: impl Fn() -> F + Send + Sync + 'static) -> Bench<S>
    where
        F: Future<Output = S> + Send + 'static,
    {
        Bench { seeds, make: Box::new(move || Box::pin(make())) }
    }

    async fn subject(&self) -> S {
        (self.make)().await
    }
}

/// One check of the suite.
pub struct Check<S> {
    /// A sentence of the law.
    pub name: &'static str,
    run: for<'a> fn(&'a Bench<S>) -> schedule::Task<'a>,
}

impl<S> Check<S> {
    /// Run it.
    ///
    /// # Errors
    /// What was seen, when the law is broken.
    pub async fn run(&self, bench: &Bench<S>) -> Result<(), Violation> {
        let checked = (self.run)(bench).await;
        checked.map_err(|Broken(detail)| Violation { name: self.name, detail })
    }
}

macro_rules! checks {
    ($($group:ident :: $name:ident,)*) => {
        /// All checks of targets, in the order of the law.
        pub fn checks<S: Subject>() -> Vec<Check<S>> {
            Vec::from([$(Check {
                name: stringify!($name),
                run: |bench| Box::pin($group::$name(bench)),
            }),*])
        }
    };
}

checks! {
    steps::commits_effects_and_cursor_together,
    steps::a_dropped_step_changes_nothing,
    steps::unknown_commit_is_answered_by_claiming,
    steps::reopening_resumes_at_the_cursor,
    steps::sources_are_independent,
    fencing::refuses_a_stale_start,
    fencing::a_new_claim_fences_the_old_before_begin,
    fencing::a_new_claim_fences_the_old_before_commit,
    fencing::a_new_claim_fences_the_old_during_a_commit,
    doors::a_key_is_taken_once_at_a_door,
    doors::a_door_runs_an_unknown_step_again,
    pumps::pump_survives_any_fault,
    pumps::doors_and_legs_side_by_side,
}

/// Run every check. Empty: the target keeps the law.
pub async fn run_all<S: Subject>(bench: &Bench<S>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for check in checks() {
        violations.extend(check.run(bench).await.err());
    }
    violations
}

/// What a check saw, before it is known which check it was.
#[derive(Debug)]
struct Broken(String);

/// The remedy, when a fault did not come out.
const NO_FAULTY: &str =
    "does the subject wrap its targets in `Faulty`, with the faults it is given?";

type Verdict = Result<(), Broken>;

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken(format!("failed where nothing was in the way: {failure}"))
    }
}
