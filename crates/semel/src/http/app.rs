//! What the handlers share: the store, who may come in, and the doors of their ledgers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::access::{Access, Scope};
use super::events::Followers;
use super::limits::Limits;
use super::problem::Problem;
use crate::config::Roles;
use crate::doors::{self, Door};
use crate::legs::Board;
use crate::meters::Meters;
use crate::wiring::{Reader, Store};
use semel_core::ledger::door::LedgerTarget;

/// A server's inside; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    access: Access,
    limits: Limits,
    meters: Meters,
    /// One permit for each byte of a body that is held.
    bodies: Arc<Semaphore>,
    /// One permit for each read of the store.
    reads: Arc<Semaphore>,
    /// One permit, for whoever redrives or discards.
    letters: Semaphore,
    /// By the ledger's id.
    ledgers: BTreeMap<String, Ledger>,
    /// The name of the failure that the process cannot go on from, once there is one.
    stop: watch::Sender<Option<Stop>>,
    /// Whether the server is shutting down: streams end, and it is no longer ready.
    closing: watch::Sender<bool>,
    /// Who follows the events.
    followers: Arc<Followers>,
    /// The legs that run beside the doors.
    board: Board,
    /// What the process does.
    roles: Roles,
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
    pub async fn over<T: LedgerTarget + 'static>(
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
        let bodies = Arc::new(Semaphore::new(limits.held_bytes));
        let reads = Arc::new(Semaphore::new(limits.reads));
        Ok(App(Arc::new(Inner {
            store,
            access,
            limits,
            meters,
            bodies,
            reads,
            letters: Semaphore::new(1),
            ledgers,
            stop,
            closing,
            followers: Arc::new(Followers::new()),
            board: Board::default(),
            roles: Roles::ALL,
            tasks,
        })))
    }

    /// With the legs on `board` beside it, in a process that does what `roles` says.
    ///
    /// # Panics
    /// When it serves already.
    #[must_use]
    pub fn beside(mut self, board: &Board, roles: Roles) -> App {
        let inner = Arc::get_mut(&mut self.0).expect("nobody has it yet");
        inner.board = board.clone();
        inner.roles = roles;
        self
    }

    /// The legs that run beside the doors.
    pub(super) fn board(&self) -> &Board {
        &self.0.board
    }

    /// What takes the named stop for which the process cannot go on.
    pub fn alarm(&self) -> &watch::Sender<Option<Stop>> {
        &self.0.stop
    }

    /// The ledger that these headers open for `scope`. What writes needs the role `http` too.
    pub(super) fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<&Ledger, Problem> {
        let id = self.0.access.admit(headers, scope)?;
        if scope.is_writing() && !self.0.roles.http {
            let roles = self.0.roles.words().join(", ");
            let detail =
                format!("This process has no role `http`, only: {roles}; ask one that has");
            return Err(Problem::new(Code::Forbidden, detail));
        }
        let unknown = || Problem::new(Code::Internal, "The key's ledger has no door");
        self.0.ledgers.get(id).ok_or_else(unknown)
    }

    /// Read the store beside its writer, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Problem> {
        let reader = self.store().reader().clone();
        let turn = self.0.reads.clone().acquire_owned().await.expect("it is never closed");
        let task = tokio::task::spawn_blocking(move || {
            // Kept until the read has ended, even if nobody waits for it any more.
            let _turn = turn;
            read(&reader)
        });
        match task.await {
            Ok(result) => result.map_err(|failure| Problem::unreadable(&failure)),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Problem::new(Code::StoreUnavailable, "The server is shutting down")),
            },
        }
    }

    /// Room for so many bytes of a body, if there is some.
    pub(super) fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        self.0.bodies.clone().try_acquire_many_owned(bytes).ok()
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

    /// The turn to redrive or discard: one at a time, for each holds many letters.
    pub(super) async fn letters_turn(&self) -> SemaphorePermit<'_> {
        self.0.letters.acquire().await.expect("it is never closed")
    }

    /// What a client is told when steps that follow each other failed, after some of them may have
    /// been stored. A named stop of the writer ends the server; a read that failed does not.
    pub(super) fn failed(&self, failure: Failure) -> Problem {
        self.upkeep();
        tracing::warn!(%failure, "a request of several steps failed");
        let detail = "Some of it may have been stored; send it again, nothing is applied twice";
        Problem::new(Code::OutcomeUnknown, detail)
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

    /// Tell that the process cannot go on, if the store cannot.
    pub(super) fn upkeep(&self) {
        if let Some(stop) = self.0.store.stopped() {
            doors::raise(&self.0.stop, &stop);
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

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn reads_wait_their_turn() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let store = Store::embedded(&directory.path().join("semel.db")).expect("the store opens");
        let limits = Limits { reads: 3, ..Limits::STANDARD };
        let app = App::new(store, Access::Open, limits).await.expect("the ledger can be made");
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let meet = Arc::new(Barrier::new(3));
        let read = |_| {
            let (now, most, meet) = (now.clone(), most.clone(), meet.clone());
            app.read(move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Three meet here or nobody goes on.
                meet.wait();
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        };
        let reads = futures_util::future::join_all((0..12).map(read)).await;
        assert_eq!((reads.len(), most.load(Ordering::SeqCst)), (12, 3));
        assert!(reads.iter().all(Result::is_ok));
    }
}
