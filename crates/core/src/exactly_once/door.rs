//! A door's step: **claim, begin, decide, commit** for requests that have an identity, no position.
//!
//! A commit whose answer is lost is answered by running the same requests again: those that were
//! recorded are found by their keys and replayed, the others are recorded now.
//! Deliberately absent: a queue, a timer, and knowledge of HTTP.

use super::{Claim, Cursor, EffectOf, Failure, KeysOf, SnapshotOf, Step, Target};
use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;

/// Why a step was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// The last try's failure.
    pub last: Failure,
    /// Why a try's outcome is not known, if one stayed so.
    pub in_doubt: Option<String>,
}

impl GivenUp {
    /// What whoever asked is told: `Unknown` if any try's outcome stayed unknown, so that nobody is
    /// told "nothing happened" when something may have.
    pub fn told(self) -> Failure {
        self.in_doubt.map_or(self.last, Failure::Unknown)
    }
}

/// What the process goes by: a named stop before all else.
impl From<GivenUp> for Failure {
    fn from(given_up: GivenUp) -> Failure {
        match given_up.last {
            Failure::Permanent(_) => given_up.last,
            _ => given_up.told(),
        }
    }
}

/// Run one step at `target`, again while that may help, at most `tries` times.
///
/// `keys` and `decide` are asked anew in each try, since the snapshot may have changed; the answer
/// is that of the try that committed. `wait` is as in [`super::pump::pump`].
///
/// # Errors
/// The last try's failure, and whether any try's outcome stayed unknown.
pub async fn pass<T, A, F>(
    target: &T,
    keys: impl Fn() -> KeysOf<T>,
    decide: impl Fn(&SnapshotOf<T>) -> (A, Vec<EffectOf<T>>),
    tries: u32,
    wait: impl Fn(u32, &Failure) -> F,
) -> Result<A, GivenUp>
where
    T: Target,
    F: Future<Output = ()>,
{
    let (mut failed, mut in_doubt) = (0, None);
    loop {
        let failure = match once(target, &keys, &decide).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        if let Failure::Unknown(cause) = &failure {
            in_doubt = Some(cause.clone());
        }
        failed += 1;
        if failed >= tries || matches!(failure, Failure::Permanent(_)) {
            return Err(GivenUp { last: failure, in_doubt });
        }
        wait(failed - 1, &failure).await;
    }
}

async fn once<T: Target, A>(
    target: &T,
    keys: impl Fn() -> KeysOf<T>,
    decide: impl Fn(&SnapshotOf<T>) -> (A, Vec<EffectOf<T>>),
) -> Result<A, Failure> {
    let step = target.claim().await?.begin(keys()).await?;
    let (answer, effects) = decide(step.snapshot());
    step.commit(effects, Cursor::START).await?;
    Ok(answer)
}
