//! The writer: a thread that owns the one connection that writes, and does one job after another.
//!
//! A step is a job that answers its snapshot, writes the next few keys of the index and waits for
//! the commit; no other job comes between. Whoever drops the step, or lets it lie, ends the wait:
//! rolled back. A job that panics is a named stop like any other: its caller and all later ones are
//! told.

use super::Options;
use super::classify::classify;
use super::commit::Commit;
use super::lock::WriterLock;
use super::memory::{Known, Memory};
use super::row;
use super::step::Open;
use crate::rows::Commits;
use rusqlite::Connection;
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::Snapshot;
use semel_core::problem::Code;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How long a step may stay open without a commit before it is given up.
const STEP_IDLE_MAX: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Writer) + Send>;

/// The way to the writer's thread.
pub(super) struct Handle {
    jobs: mpsc::Sender<Job>,
    commits: watch::Receiver<Commits>,
    stopped: Arc<Mutex<Option<Stop>>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Handle {
    /// Waits until the file is closed and its lock released: the next to open it finds it free.
    fn drop(&mut self) {
        let (closed, _) = mpsc::channel();
        self.jobs = closed;
        if let Some(thread) = self.thread.take() {
            // However it ended, it has ended.
            let _ = thread.join();
        }
    }
}

impl Handle {
    pub(super) fn start(
        conn: Connection,
        lock: WriterLock,
        options: Options,
    ) -> rusqlite::Result<Handle> {
        // Whoever claimed a source before this process could write the file can no longer commit.
        conn.execute("UPDATE leg SET until = 0 WHERE until > 0", [])?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let (committed, commits) = watch::channel(Commits::default());
        let stopped = Arc::new(Mutex::new(None));
        let mut writer =
            Writer { conn, options, known: Known::default(), committed, stopped: stopped.clone() };
        let thread = thread::spawn(move || {
            let _held_to_the_end = lock;
            for job in queue {
                job(&mut writer);
                // After its answer: nobody waits for what is tidied up.
                writer.make_room();
            }
            // The file first, then its lock.
            drop(writer);
        });
        Ok(Handle { jobs, commits, stopped, thread: Some(thread) })
    }

    /// Run `job` on the writer's thread.
    pub(super) async fn run<T: Send + 'static, E: Into<Undone>>(
        &self,
        job: impl FnOnce(&mut Writer) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        self.send(move |writer| {
            let result = writer.unless_stopped(job);
            // Whoever asked may have gone; what was done stays done.
            let _ = answer.send(result);
        })?;
        answered.await.map_err(|_| gone())?
    }

    /// Open a step: the snapshot, and where to send the commit.
    pub(super) async fn begin(
        &self,
        open: Open,
    ) -> Result<(Snapshot, mpsc::Sender<Commit>), Failure> {
        let (answer, answered) = oneshot::channel();
        self.send(move |writer| writer.step(open, answer))?;
        answered.await.map_err(|_| gone())?
    }

    pub(super) fn watch(&self) -> watch::Receiver<Commits> {
        self.commits.clone()
    }

    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stopped.lock().expect("nobody panics while holding it").clone()
    }

    fn send(&self, job: impl FnOnce(&mut Writer) + Send + 'static) -> Result<(), Failure> {
        self.jobs.send(Box::new(job)).map_err(|_| gone())
    }
}

fn gone() -> Failure {
    Stop::new(Code::StoreDefect, "the writer's thread has ended").into()
}

/// What is half done is rolled back, and nothing is done after it.
fn panicked(cause: &(dyn Any + Send)) -> Stop {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
    Stop::new(Code::StoreDefect, format!("the writer panicked: {}", text.unwrap_or("no message")))
}

/// Why a job was not done.
pub(super) enum Undone {
    /// The store failed; a permanent failure is its last.
    Failed(Failure),
    /// The caller asked for what cannot be. The store is well and goes on.
    Refused(Stop),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Undone {
        Undone::Failed(failure)
    }
}

/// What the writer's thread owns.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) options: Options,
    pub(super) known: Known,
    pub(super) committed: watch::Sender<Commits>,
    stopped: Arc<Mutex<Option<Stop>>>,
}

impl Writer {
    /// After a permanent failure nothing is tried any more: the process is about to stop. What a
    /// job that failed left half done is rolled back.
    fn unless_stopped<T, E: Into<Undone>>(
        &mut self,
        job: impl FnOnce(&mut Writer) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let stopped = self.stopped.lock().expect("nobody panics while holding it").clone();
        let result = match stopped {
            Some(stop) => Err(Undone::Refused(stop)),
            None => catch_unwind(AssertUnwindSafe(|| job(self).map_err(Into::into)))
                .unwrap_or_else(|cause| Err(Undone::Failed(panicked(&*cause).into()))),
        };
        result.map_err(|undone| {
            let failure = match undone {
                Undone::Refused(stop) => stop.into(),
                Undone::Failed(failure) => {
                    self.note(&failure);
                    failure
                }
            };
            self.roll_back();
            failure
        })
    }

    fn note(&self, failure: &Failure) {
        if let Failure::Permanent(stop) = failure {
            self.stop(stop.clone());
        }
    }

    fn step(
        &mut self,
        open: Open,
        answer: oneshot::Sender<Result<(Snapshot, mpsc::Sender<Commit>), Failure>>,
    ) {
        if answer.is_closed() {
            // Nobody waits any more: the next in the queue need not wait for it either.
            return;
        }
        let (ledger, leg) = (open.ledger, open.leg.clone());
        let mut memory = self.known.take(ledger);
        let snapshot = match self.unless_stopped(|writer| writer.begin(open, &mut memory)) {
            Ok(snapshot) => snapshot,
            Err(failure) => {
                self.known.keep(ledger, memory);
                let _ = answer.send(Err(failure));
                return;
            }
        };
        let (commit, commits) = mpsc::channel();
        let new_keys = snapshot.recorded.iter().filter(|event| event.is_none()).count();
        if answer.send(Ok((snapshot, commit))).is_err() {
            return self.give_up(ledger, memory);
        }
        // While that is decided.
        let written = self.unless_stopped(|writer| memory.keys.write_some(&writer.conn, new_keys));
        let Ok(Commit { effects, to, answer }) = commits.recv_timeout(STEP_IDLE_MAX) else {
            return self.give_up(ledger, memory);
        };
        let done = self.unless_stopped(|writer| {
            written.and_then(|()| writer.commit(ledger, leg.as_ref(), &mut memory, effects, to))
        });
        if let Err(failure) = done {
            // What was remembered may be wrong; the log knows better.
            let _ = answer.send(Err(failure));
            return;
        }
        self.committed.send_modify(|commits| commits.add(ledger, memory.last_seq()));
        let _ = answer.send(Ok(()));
        memory.committed(self.options.key_generation);
        self.known.keep(ledger, memory);
    }

    /// Nothing happened, so what was remembered before still holds.
    fn give_up(&mut self, ledger: u32, mut memory: Memory) {
        self.roll_back();
        memory.keys.rolled_back();
        self.known.keep(ledger, memory);
    }

    /// When too much is remembered, the ledger that was used least recently is forgotten; many keys
    /// are written down first.
    fn make_room(&mut self) {
        while let Some((ledger, memory)) = self.known.surplus() {
            if memory.is_worth_writing() {
                // A failure is noted; what was not written is read from the log again.
                let _ = self.unless_stopped(|writer| writer.index_keys(ledger, memory));
            }
        }
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            self.note(&classify(&error));
        }
    }

    /// Bring the key index up to the log, and the write-ahead log into the file.
    pub(super) fn tidy_up(&mut self) -> Result<(), Undone> {
        while let Some((ledger, memory)) = self.known.oldest() {
            self.index_keys(ledger, memory)?;
        }
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize";
        Ok(self.conn.execute_batch(checkpoint).map_err(|error| classify(&error))?)
    }

    /// Write all keys of a ledger to its index. On failure the caller rolls back.
    fn index_keys(&mut self, ledger: u32, mut memory: Memory) -> Result<(), Undone> {
        const KEEP: &str = "UPDATE ledger SET indexed_seq = ?2 WHERE no = ?1";
        let sql = |error: rusqlite::Error| classify(&error);
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(sql)?;
        let position = self.position(ledger)?;
        memory.catch_up(&self.conn, ledger, position)?;
        let indexed = memory.keys.write_all(&self.conn, position)?;
        let kept = [i64::from(ledger), row::sql(indexed).map_err(sql)?];
        self.conn.execute(KEEP, kept).map_err(sql)?;
        Ok(self.conn.execute_batch("COMMIT").map_err(sql)?)
    }

    /// Nothing more is tried: the process is about to stop.
    pub(super) fn stop(&self, stop: Stop) {
        let mut stopped = self.stopped.lock().expect("nobody panics while holding it");
        stopped.get_or_insert(stop);
    }
}
