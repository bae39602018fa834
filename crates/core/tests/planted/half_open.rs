//! A defect of its own kind: it remembers from one step to the next.

use super::tampered::{Open, Tamper};
use semel_core::exactly_once::{Cursor, EffectOf, Failure, Step, Target};
use std::sync::{Arc, Mutex};

/// A dropped step's session is used again, with what the step had written still in it.
#[derive(Clone)]
pub struct HalfOpenSession<E>(Arc<Mutex<Vec<E>>>);

impl<E> HalfOpenSession<E> {
    pub fn new() -> HalfOpenSession<E> {
        HalfOpenSession(Arc::default())
    }
}

impl<T: Target + Send> Tamper<T> for HalfOpenSession<EffectOf<T>>
where
    EffectOf<T>: Clone,
{
    async fn commit(
        &self,
        open: Open<T>,
        effects: Vec<EffectOf<T>>,
        to: Cursor,
    ) -> Result<T::Claim, Failure> {
        let mut written = std::mem::take(&mut *self.0.lock().unwrap());
        written.extend(effects);
        let outcome = open.step.commit(written.clone(), to).await;
        if let Err(Failure::Retryable(_)) = &outcome {
            *self.0.lock().unwrap() = written;
        }
        outcome
    }
}
