//! The writer: a thread that owns the one connection that writes, and does one job after another.
//!
//! A step is a job that answers its snapshot and then waits for the commit, so nothing else is
//! written between the two. Whoever drops the step, or lets it lie, ends the wait: rolled back.
//! A job that panics is a named stop like any other: its caller and all later ones are told.

use super::Options;
use super::classify::classify;
use super::commit::Commit;
use super::memory::Memory;
use super::open::WriterLock;
use super::row;
use super::step::Open;
use crate::rows::{Binding, Commits, Ledger};
use rusqlite::{Connection, OptionalExtension, params};
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::ledger::{Position, Snapshot};
use semel_core::payment::Identity;
use semel_core::problem::Code;
use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Ledgers remembered at once.
const LEDGERS_MAX: usize = 16;
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
            Writer { conn, options, memory: HashMap::new(), committed, stopped: stopped.clone() };
        let thread = thread::spawn(move || {
            let _held_to_the_end = lock;
            for job in queue {
                job(&mut writer);
            }
            // The file first, then its lock.
            drop(writer);
        });
        Ok(Handle { jobs, commits, stopped, thread: Some(thread) })
    }

    /// Run `job` on the writer's thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer) -> Result<T, Failure> + Send + 'static,
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

/// What is half done is rolled back by whoever ran the job, and nothing is done after it.
fn panicked(cause: &(dyn Any + Send)) -> Stop {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
    Stop::new(Code::StoreDefect, format!("the writer panicked: {}", text.unwrap_or("no message")))
}

/// What the writer's thread owns.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) options: Options,
    memory: HashMap<u32, Memory>,
    committed: watch::Sender<Commits>,
    stopped: Arc<Mutex<Option<Stop>>>,
}

impl Writer {
    /// After a permanent failure nothing is tried any more: the process is about to stop.
    fn unless_stopped<T>(
        &mut self,
        job: impl FnOnce(&mut Writer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Some(stop) = &*self.stopped.lock().expect("nobody panics while holding it") {
            return Err(Failure::Permanent(stop.clone()));
        }
        let result = catch_unwind(AssertUnwindSafe(|| job(self)))
            .unwrap_or_else(|cause| Err(panicked(&*cause).into()));
        if let Err(failure) = &result {
            self.note(failure);
        }
        result
    }

    fn note(&self, failure: &Failure) {
        // A bound source is the caller's mistake; the store is well.
        if let Failure::Permanent(stop) = failure
            && stop.code != Code::SourceBound
        {
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
        let mut memory = self.memory.remove(&ledger).unwrap_or_default();
        let snapshot = match self.unless_stopped(|writer| writer.begin(open, &mut memory)) {
            Ok(snapshot) => snapshot,
            Err(failure) => {
                self.give_up(ledger, memory);
                let _ = answer.send(Err(failure));
                return;
            }
        };
        let (commit, commits) = mpsc::channel();
        if answer.send(Ok((snapshot, commit))).is_err() {
            return self.give_up(ledger, memory);
        }
        let Ok(Commit { effects, to, answer }) = commits.recv_timeout(STEP_IDLE_MAX) else {
            return self.give_up(ledger, memory);
        };
        let done =
            self.unless_stopped(|writer| writer.commit(ledger, leg.as_ref(), memory, effects, to));
        let done = done.map(|memory| {
            let last_seq = memory.last_seq();
            self.keep(ledger, memory);
            self.committed.send_modify(|commits| commits.add(ledger, last_seq));
        });
        if done.is_err() {
            // What it remembered may be wrong now; the log knows better.
            self.roll_back();
        }
        let _ = answer.send(done);
    }

    /// Nothing happened, so what was remembered before still holds.
    fn give_up(&mut self, ledger: u32, memory: Memory) {
        self.roll_back();
        self.keep(ledger, memory);
    }

    /// Remember a ledger; when there are many, another one is written down and forgotten.
    fn keep(&mut self, ledger: u32, memory: Memory) {
        self.memory.insert(ledger, memory);
        let other = self.memory.keys().copied().find(|no| *no != ledger);
        if let Some(other) = other.filter(|_| self.memory.len() > LEDGERS_MAX) {
            // A failure is noted; what was not written is read from the log again.
            let _ = self.unless_stopped(|writer| writer.index_keys(other));
            self.roll_back();
        }
    }

    fn roll_back(&self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            self.note(&classify(&error));
        }
    }

    pub(super) fn ledger(&mut self, id: &str) -> Result<Ledger, Failure> {
        const INSERT: &str = "INSERT INTO ledger (no, id, next_seq, tail, indexed_seq)
            SELECT coalesce(max(no), 0) + 1, ?1, 1, ?2, 0 FROM ledger";
        let run = || -> rusqlite::Result<Ledger> {
            if let Some(ledger) = row::ledger_by_id(&self.conn, id)? {
                return Ok(ledger);
            }
            self.conn.execute(INSERT, params![id, Position::start(id).tail.0])?;
            row::ledger_by_id(&self.conn, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
        };
        let ledger = run().map_err(|error| classify(&error))?;
        // What the key index lacks is read now rather than under the first request.
        let mut memory = self.memory.remove(&ledger.no).unwrap_or_default();
        memory.catch_up(&self.conn, ledger.no, ledger.position)?;
        self.keep(ledger.no, memory);
        Ok(ledger)
    }

    /// Bind a source to a ledger and an ingest; a name for the owner of its claims.
    pub(super) fn bind(&mut self, ledger: u32, binding: &Binding) -> Result<[u8; 16], Failure> {
        const BIND: &str = "INSERT INTO leg
                (source, ledger, ingest, file, mapping, next, tail, hint, until)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
            ON CONFLICT (source) DO UPDATE SET mapping = excluded.mapping, file = excluded.file
                WHERE ledger = excluded.ledger AND ingest = excluded.ingest";
        let Binding { source, ingest, file, mapping } = binding;
        let Cursor { next, tail, hint } = Cursor::START;
        let bound = self.conn.execute(
            BIND,
            params![source, ledger, ingest, file, mapping, next as i64, tail.0, hint as i64],
        );
        if 0 < bound.map_err(|error| classify(&error))? {
            let name = self.conn.query_row("SELECT randomblob(16)", [], |row| row.get(0));
            return name.map_err(|error| classify(&error));
        }
        let owner = self.conn.query_row(
            "SELECT leg.ingest, ledger.id FROM leg JOIN ledger ON ledger.no = leg.ledger
             WHERE source = ?1",
            [source],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        );
        let (ingest, ledger) = owner.map_err(|error| classify(&error))?;
        let detail = format!("{source} belongs to the ingest {ingest} of the ledger {ledger}");
        Err(Stop::new(Code::SourceBound, detail).into())
    }

    pub(super) fn recorded(
        &mut self,
        ledger: u32,
        identity: Identity,
    ) -> Result<Option<Event>, Failure> {
        let position = self.position(ledger)?;
        let mut memory = self.memory.remove(&ledger).unwrap_or_default();
        memory.catch_up(&self.conn, ledger, position)?;
        let hash = Identity::hash(&identity.namespace, &identity.key);
        let found = memory.keys.look_up(&self.conn, ledger, &[(identity, hash)])?;
        self.memory.insert(ledger, memory);
        Ok(found.into_iter().flatten().next().map(Arc::unwrap_or_clone))
    }

    /// The end of a ledger's log.
    pub(super) fn position(&self, ledger: u32) -> Result<Position, Failure> {
        const ASK: &str = "SELECT next_seq, tail FROM ledger WHERE no = ?1";
        let mut ask = self.conn.prepare_cached(ASK).map_err(|error| classify(&error))?;
        let found = ask
            .query_row([ledger], |row| {
                Ok(Position { next_seq: row::seq(row, 0)?, tail: row::hash(row, 1)? })
            })
            .optional()
            .map_err(|error| classify(&error))?;
        found.ok_or_else(|| {
            Stop::new(Code::StoreDefect, format!("there is no ledger numbered {ledger}")).into()
        })
    }

    /// Bring the key index up to the log, and the write-ahead log into the file.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        let ledgers: Vec<u32> = self.memory.keys().copied().collect();
        for ledger in ledgers {
            self.index_keys(ledger)?;
        }
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize";
        self.conn.execute_batch(checkpoint).map_err(|error| classify(&error))
    }

    fn index_keys(&mut self, ledger: u32) -> Result<(), Failure> {
        const KEEP: &str = "UPDATE ledger SET indexed_seq = ?2 WHERE no = ?1";
        let sql = |error: rusqlite::Error| classify(&error);
        let Some(mut memory) = self.memory.remove(&ledger) else { return Ok(()) };
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(sql)?;
        let position = self.position(ledger)?;
        memory.catch_up(&self.conn, ledger, position)?;
        let indexed = memory.keys.write_all(&self.conn, position)?;
        let kept = [i64::from(ledger), row::sql(indexed).map_err(sql)?];
        self.conn.execute(KEEP, kept).map_err(sql)?;
        self.conn.execute_batch("COMMIT").map_err(sql)
    }

    /// Nothing more is tried: the process is about to stop.
    pub(super) fn stop(&self, stop: Stop) {
        let mut stopped = self.stopped.lock().expect("nobody panics while holding it");
        stopped.get_or_insert(stop);
    }
}
