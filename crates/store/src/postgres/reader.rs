//! Readers beside the writer, each in a session that it has to itself meanwhile.
//!
//! All calls block for as long as the server reads: on a thread of its own, or on one of a runtime
//! with several. What they answer is committed.

mod accounts;
mod letters;
mod log;

use super::about;
use super::address::Address;
use super::classify::{classify, is_ended};
use super::memory::Known;
use super::migrate;
use super::row::{self, EVENT, LEDGER_BY_ID, all, one, place};
use super::session::{Session, Sessions, within};
use crate::places::last_pos;
use crate::rows::{About, Ledger, payment_kinds};
use deadpool_postgres::ClientWrapper;
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::id::{EventId, SEQ_MAX};
use semel_core::payment::Payment;
use semel_core::problem::Code;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

/// Sessions that read at once, of those that a process has; the rest is for those that write.
const READ_MAX: usize = 12;

/// Reads beside a writer, be it in this process or in another. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    sessions: Sessions,
    turns: Arc<Semaphore>,
    runtime: Handle,
    /// What the writer of this process has in mind, if there is one.
    known: Arc<Known>,
}

impl Reader {
    /// Read the store in the database at `url`.
    ///
    /// # Errors
    /// `DataUnusable` when there is none, `StoreNewer`, `StoreSettings`, `StoreRefused`,
    /// `Configuration`; `Retryable` when the server cannot be reached.
    pub async fn open(url: &str) -> Result<Reader, Failure> {
        let address = Address::parse(url)?;
        let sessions = Sessions::new(&address)?;
        if !migrate::is_there(&*sessions.first().await?).await? {
            let database = address.shown();
            let detail = format!("there is no store in {database}; `semel serve` makes one");
            return Err(Stop::new(Code::DataUnusable, detail).into());
        }
        Ok(Reader::beside(sessions, Arc::default()))
    }

    /// Read by the sessions that somebody else writes by. Runs on the runtime that it is made on.
    pub(super) fn beside(sessions: Sessions, known: Arc<Known>) -> Reader {
        let turns = Arc::new(Semaphore::new(READ_MAX));
        Reader { sessions, turns, runtime: Handle::current(), known }
    }

    /// All ledgers, by number.
    ///
    /// # Errors
    /// As every read: a `Failure` of the store.
    pub fn ledgers(&self) -> Result<Vec<Ledger>, Failure> {
        const ASK: &str = "SELECT no, id, next_seq, tail FROM ledger ORDER BY no";
        self.ask(async |client| all(client, ASK, &[], row::ledger).await)
    }

    /// The ledger named `id`.
    ///
    /// # Errors
    /// As every read.
    pub fn ledger(&self, id: &str) -> Result<Option<Ledger>, Failure> {
        self.ask(async |client| one(client, LEDGER_BY_ID, &[&id], row::ledger).await)
    }

    /// The payment named `id` as it is now.
    ///
    /// # Errors
    /// As every read.
    pub fn payment(&self, ledger: u32, id: EventId) -> Result<Option<Payment>, Failure> {
        self.ask(async |client| row::payment(client, ledger, &id).await)
    }

    /// Payments below the seq `before`, newest first.
    ///
    /// # Errors
    /// As every read.
    pub fn payments(
        &self,
        ledger: u32,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Payment>, Failure> {
        let ask = format!(
            "{EVENT} WHERE e.pos > $1 AND e.pos < $2 AND e.kind IN ({})
             ORDER BY e.pos DESC LIMIT $3",
            payment_kinds()
        );
        let before = place(ledger, before.unwrap_or(SEQ_MAX).min(SEQ_MAX))?;
        let (start, limit) = (place(ledger, 0)?, count(limit));
        self.ask(async |client| {
            let events = all(client, &ask, &[&start, &before, &limit], row::event).await?;
            let recorded = events.into_iter().filter_map(Payment::recorded).collect();
            row::followed(client, ledger, recorded).await
        })
    }

    /// Events above the seq `after`, in order.
    ///
    /// # Errors
    /// As every read.
    pub fn events(&self, ledger: u32, after: u64, limit: usize) -> Result<Vec<Event>, Failure> {
        let ask = format!("{EVENT} WHERE e.pos > $1 AND e.pos <= $2 ORDER BY e.pos LIMIT $3");
        let (from, limit) = (place(ledger, after.min(SEQ_MAX))?, count(limit));
        let last = last_pos(ledger);
        self.ask(async |client| all(client, &ask, &[&from, &last, &limit], row::event).await)
    }

    /// The store's database as it is now.
    ///
    /// # Errors
    /// As every read.
    pub fn about(&self) -> Result<About, Failure> {
        self.ask(async |client| about::about(client).await)
    }

    /// A session of one's own, with no bound on how long a statement may take.
    pub(super) async fn own(&self) -> Result<ClientWrapper, Failure> {
        self.sessions.own().await
    }

    /// What reads run on.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Ask in an idle session, or in a new one; when too many read, wait.
    ///
    /// An idle session may have broken without a sign. Reading changes nothing, so what failed
    /// with it is asked once more, in a new one.
    fn ask<T>(&self, ask: impl AsyncFn(&Session) -> Result<T, Failure>) -> Result<T, Failure> {
        block(&self.runtime, async {
            let _turn = self.turns.acquire().await.expect("nobody closes it");
            let session = self.sessions.lend().await?;
            let answer = within("a read", ask(&session)).await;
            match &answer {
                Ok(_) => session.give_back(),
                Err(failure) if session.is_closed() || is_ended(failure) => {
                    drop(session);
                    let session = self.sessions.fresh().await?;
                    return within("a read", ask(&session)).await;
                }
                Err(_) => {}
            }
            answer
        })
    }
}

/// Wait on this thread for what runs on `runtime`.
pub(super) fn block<T>(runtime: &Handle, job: impl Future<Output = T>) -> T {
    block_in_place(|| runtime.block_on(job))
}

/// What is read until [`end`] is of one moment.
pub(super) async fn snapshot(client: &ClientWrapper) -> Result<(), Failure> {
    const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(BEGIN).await.map_err(|error| classify(&error))
}

pub(super) async fn end(client: &ClientWrapper) -> Result<(), Failure> {
    client.batch_execute("COMMIT").await.map_err(|error| classify(&error))
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
