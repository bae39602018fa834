//! The parts of a leg, run beside each other until one ends; then all end.

use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use tokio::task::JoinSet;

/// Tasks that end together. Dropped, they end where they are.
#[derive(Default)]
pub struct Crew(JoinSet<Failure>);

impl Crew {
    /// One more.
    pub fn add(&mut self, part: impl Future<Output = Failure> + Send + 'static) {
        self.0.spawn(part);
    }

    /// Why the first of them ended.
    pub async fn first(mut self) -> Failure {
        match self.0.join_next().await {
            Some(Ok(failure)) => failure,
            Some(Err(ended)) => {
                let detail = format!("a defect ended a part of a leg: {ended}");
                Stop::new(Code::Internal, detail).into()
            }
            None => Failure::Retryable("there was nothing to do".into()),
        }
    }
}
