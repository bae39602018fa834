//! The time of legs: the machine's clock, and what they wait for when there is nothing to do.

use crate::doors;
use crate::wiring::Store;
use semel_core::failure::Failure;
use semel_core::leg::Pace;
use semel_store::rows::Commits;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a topic is left alone; asking it has waited for news already.
const REST: Duration = Duration::from_millis(5);
/// How long after another process's commit this one notices.
const UNHEARD: Duration = Duration::from_millis(100);

/// The pace of a leg.
pub struct LegPace {
    began: Instant,
    /// Changes when the log grows or something is confirmed.
    commits: Option<watch::Receiver<Commits>>,
}

impl LegPace {
    /// Of one that waits for the log of `store`.
    pub fn of(store: &Store) -> LegPace {
        LegPace { began: Instant::now(), commits: Some(store.watch()) }
    }

    /// Of one that waits for a topic.
    pub fn of_topic() -> LegPace {
        LegPace { began: Instant::now(), commits: None }
    }
}

impl Pace for LegPace {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn idle(&self, at_most: Duration) {
        let Some(commits) = &self.commits else {
            return tokio::time::sleep(at_most.min(REST)).await;
        };
        let mut commits = commits.clone();
        commits.mark_unchanged();
        let _news = tokio::time::timeout(at_most.min(UNHEARD), commits.changed()).await;
    }

    fn backoff(&self, failed: u32, failure: &Failure) -> Duration {
        let tries = failed.saturating_add(1);
        tracing::warn!(%failure, tries, "a leg failed and is tried again");
        doors::delay(failed)
    }
}
