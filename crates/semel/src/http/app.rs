//! What the handlers share: the store, who may come in, and the doors of their ledgers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::access::{Access, Scope};
use super::events::Followers;
use super::limits::Limits;
use super::problem::Problem;
use crate::doors::{Books, Door, Shut};
use crate::meters::Meters;
use crate::wiring::{Reader, Store};

/// A server's inside; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    access: Access,
    limits: Limits,
    meters: Meters,
    /// By the ledger's id.
    ledgers: BTreeMap<String, Ledger>,
    /// The name of the failure that the process cannot go on from, once there is one.
    stop: watch::Sender<Option<Stop>>,
    /// Whether the server is shutting down: streams end, and it is no longer ready.
    closing: watch::Sender<bool>,
    /// Who follows the events.
    followers: Arc<Followers>,
    /// The tasks of the doors. They end when the last clone of their door is dropped.
    tasks: TaskTracker,
}

/// A ledger that somebody may come into.
pub(super) struct Ledger {
    /// Its number in the store.
    pub(super) no: u32,
    /// The way in.
    pub(super) door: Door,
}

impl App {
    /// A server over `store` for whoever `access` lets in. Their ledgers are found or created.
    ///
    /// # Errors
    /// What the store says when it is asked for the ledgers.
    pub async fn new(store: Store, access: Access, limits: Limits) -> Result<App, Failure> {
        let doors = store.clone();
        App::over(store, access, limits, |ledger| doors.door(ledger)).await
    }

    /// As [`App::new`], with doors over the targets that `target` makes for a ledger's number.
    ///
    /// # Errors
    /// As [`App::new`].
    pub async fn over<T: Books + 'static>(
        store: Store,
        access: Access,
        limits: Limits,
        target: impl Fn(u32) -> T,
    ) -> Result<App, Failure> {
        let (stop, _) = watch::channel(None);
        let (closing, _) = watch::channel(false);
        let (meters, tasks) = (Meters::new(), TaskTracker::new());
        let mut ledgers = BTreeMap::new();
        for id in access.ledgers() {
            let no = store.ledger(id).await?.no;
            let (door, task) =
                Door::open(target(no), limits.backlog, meters.door(id), stop.clone());
            tasks.spawn(task);
            ledgers.insert(id.to_owned(), Ledger { no, door });
        }
        let followers = Arc::new(Followers::new());
        let inner =
            Inner { store, access, limits, meters, ledgers, stop, closing, followers, tasks };
        Ok(App(Arc::new(inner)))
    }

    /// The ledger that these headers open for `scope`.
    pub(super) fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<&Ledger, Problem> {
        let id = self.0.access.admit(headers, scope)?;
        let unknown = || Problem::new(Code::Internal, "The key's ledger has no door");
        self.0.ledgers.get(id).ok_or_else(unknown)
    }

    /// Read the store beside its writer, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Problem> {
        let reader = self.store().reader().clone();
        let task = tokio::task::spawn_blocking(move || read(&reader));
        match task.await {
            Ok(result) => result.map_err(|failure| Problem::unreadable(&failure)),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Problem::new(Code::StoreUnavailable, "The server is shutting down")),
            },
        }
    }

    /// The store.
    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Who follows the events.
    pub(super) fn followers(&self) -> &Arc<Followers> {
        &self.0.followers
    }

    /// The bounds.
    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The metrics.
    pub(super) fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Every ledger with a door, by id.
    pub(super) fn ledgers(&self) -> &BTreeMap<String, Ledger> {
        &self.0.ledgers
    }

    /// What a client is told of a failure behind the door; a named stop ends the server.
    pub(super) fn failed(&self, failure: Failure) -> Problem {
        if let Failure::Permanent(stop) = &failure {
            self.raise(stop);
        }
        Shut::Failed(failure).into()
    }

    /// The process cannot go on. The first cause is the one to act on.
    fn raise(&self, stop: &Stop) {
        self.0.stop.send_if_modified(|told| {
            let first = told.is_none();
            told.get_or_insert_with(|| stop.clone());
            first
        });
    }

    /// The named stop, once there is one.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.0.stop.borrow().clone().or_else(|| self.0.store.stopped())
    }

    /// Becomes true when the server shuts down.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    /// Wait until the process cannot go on.
    pub(super) async fn stopped(&self) {
        // The sender lives as long as the server.
        let _ = self.0.stop.subscribe().wait_for(Option::is_some).await;
    }

    /// What has to be done now and then.
    pub(super) fn upkeep(&self) {
        self.0.meters.tidy();
        if let Some(stop) = self.0.store.stopped() {
            self.raise(&stop);
        }
    }

    /// Shut down: end the streams.
    pub(super) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Wait for the doors to finish what is waiting; tell the named stop if there was one.
    pub(super) async fn end(self) -> Result<(), Stop> {
        let (tasks, drain_time) = (self.0.tasks.clone(), self.0.limits.drain_time);
        let stop = self.stop();
        drop(self);
        tasks.close();
        if timeout(drain_time, tasks.wait()).await.is_err() {
            tracing::warn!("a door did not finish in time");
        }
        stop.map_or(Ok(()), Err)
    }
}
