//! Readers beside the writer, each in a session that it has to itself meanwhile.
//!
//! All calls block for as long as the server reads: on a thread of its own, or on one of a runtime
//! with several. What they answer is committed.

mod letters;
mod log;

use super::about;
use super::address::Address;
use super::catch_up::exact;
use super::classify::{classify, is_ended};
use super::columns::damaged;
use super::memory::Known;
use super::migrate;
use super::row::{self, EVENT, LEDGER_BY_ID, all, one, place};
use super::session::{Sessions, within};
use crate::entries::{BadLink, Walk};
use crate::places::{last_pos, pos};
use crate::rows::{About, Entry, Ledger, payment_kinds};
use deadpool_postgres::ClientWrapper;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::id::{EventId, SEQ_MAX};
use semel_core::ledger::Position;
use semel_core::payment::Payment;
use semel_core::problem::Code;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

/// Sessions that read at once, of those that a process has; the rest is for those that write.
const READ_MAX: usize = 12;
/// Events that are fetched at once to find entries, at least and at most.
const WALK: (usize, usize) = (16, 1_000);

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
        if !migrate::is_there(&*sessions.own().await?).await? {
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

    /// The account named `id`.
    ///
    /// # Errors
    /// As every read.
    pub fn account(&self, ledger: u32, id: &str) -> Result<Option<Account>, Failure> {
        self.ask(async |client| {
            snapshot(client).await?;
            let account = self.exact_account(client, ledger, id).await?;
            end(client).await?;
            Ok(account)
        })
    }

    /// Accounts whose ids come after `after`, by id.
    ///
    /// # Errors
    /// As every read.
    pub fn accounts(
        &self,
        ledger: u32,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, Failure> {
        let ask = format!(
            "SELECT {} FROM account WHERE ledger = $1 AND id > $2 ORDER BY id LIMIT $3",
            row::ACCOUNT
        );
        // No text here has the character NUL, which comes before all that an id has.
        let after = after.and_then(|after| after.split('\0').next()).unwrap_or_default();
        let (no, limit) = (ledger_no(ledger), count(limit));
        self.ask(async |client| {
            snapshot(client).await?;
            let rows = all(client, &ask, &[&no, &after, &limit], row::account).await?;
            let accounts = self.exact(client, ledger, rows).await?;
            end(client).await?;
            Ok(accounts)
        })
    }

    /// An account's entries, newest first, from its last one or from the event `from` on, whose
    /// balance after it is given too; `None` when there is no such account. From an event that is
    /// not the account's there are none.
    ///
    /// # Errors
    /// As every read.
    pub fn entries(
        &self,
        ledger: u32,
        account_id: &str,
        from: Option<(u64, i128)>,
        limit: usize,
    ) -> Result<Option<Vec<Entry>>, Failure> {
        self.ask(async |client| {
            // One snapshot for the account and its events.
            snapshot(client).await?;
            let entries = match self.exact_account(client, ledger, account_id).await? {
                Some(account) => Some(entries(client, ledger, &account, from, limit).await?),
                None => None,
            };
            end(client).await?;
            Ok(entries)
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

    /// Accounts as they are, whose rows were read in the same snapshot and may lag behind the log.
    /// The writer of this process knows them, unless another one has written since.
    async fn exact(
        &self,
        client: &ClientWrapper,
        ledger: u32,
        mut accounts: Vec<Account>,
    ) -> Result<Vec<Account>, Failure> {
        const ASK: &str = "SELECT next_seq, tail, accounts_seq FROM ledger WHERE no = $1";
        let stands = one(client, ASK, &[&ledger_no(ledger)], |row| {
            Ok((row::position(row, 0)?, row.natural(2)?))
        })
        .await?;
        let Some((position, accounts_seq)) = stands else { return Ok(accounts) };
        if accounts_seq + 1 == position.next_seq || self.known_at(ledger, position, &mut accounts) {
            return Ok(accounts);
        }
        let seqs = accounts_seq + 1..position.next_seq;
        let (accounts, astray) = exact(client, ledger, accounts, seqs).await?;
        match astray.first() {
            None => Ok(accounts),
            Some(no) => Err(damaged(format!("account {no} does not fit its events"))),
        }
    }

    /// Whether the writer of this process stands at `position` and has all `accounts` in mind; then
    /// they are as it knows them. One that it has not may have been written since.
    fn known_at(&self, ledger: u32, position: Position, accounts: &mut [Account]) -> bool {
        let Some(mind) = self.known.find(ledger) else { return false };
        let known = mind.read();
        if known.position() != Some(position) {
            return false;
        }
        let exact = accounts.iter().map(|account| known.account(account.no).cloned());
        let Some(exact) = exact.collect::<Option<Vec<Account>>>() else { return false };
        accounts.clone_from_slice(&exact);
        true
    }

    async fn exact_account(
        &self,
        client: &ClientWrapper,
        ledger: u32,
        id: &str,
    ) -> Result<Option<Account>, Failure> {
        let ask = format!("SELECT {} FROM account WHERE ledger = $1 AND id = $2", row::ACCOUNT);
        let row = all(client, &ask, &[&ledger_no(ledger), &id], row::account).await?;
        Ok(self.exact(client, ledger, row).await?.pop())
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
    fn ask<T>(
        &self,
        ask: impl AsyncFn(&ClientWrapper) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
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

/// A ledger's number as its columns have it.
fn ledger_no(ledger: u32) -> i32 {
    i32::try_from(ledger).unwrap_or(i32::MAX)
}

async fn entries(
    client: &ClientWrapper,
    ledger: u32,
    account: &Account,
    from: Option<(u64, i128)>,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let astray = |BadLink(seq)| damaged(format!("a link to event {seq}"));
    let mut walk = Walk::new(account, from, limit);
    let mut fetched = HashMap::new();
    while let Some(seq) = walk.wanted() {
        if !fetched.contains_key(&seq) {
            // Some of them post nothing, such as holds.
            let page = walk.left().saturating_mul(2).clamp(WALK.0, WALK.1);
            fetched = linked(client, ledger, account.no, seq, page).await?;
        }
        walk.take(fetched.remove(&seq)).map_err(astray)?;
    }
    Ok(walk.entries())
}

/// The event numbered `seq` and those that an account's links lead to from there, so many at most.
async fn linked(
    client: &ClientWrapper,
    ledger: u32,
    account: u64,
    seq: u64,
    limit: usize,
) -> Result<HashMap<u64, Event>, Failure> {
    const PREV: &str = "CASE WHEN debit = $2 THEN debit_prev WHEN credit = $2 THEN credit_prev END";
    let Some(first) = pos(ledger, seq) else { return Ok(HashMap::new()) };
    // A link that does not lead back is followed no further. Each event is looked up by its place,
    // whatever the server knows of its tables: it cannot turn LATERAL and ARRAY round.
    let ask = format!(
        "WITH RECURSIVE walk AS (
            SELECT pos, {PREV} AS prev, 1::bigint AS met FROM event WHERE pos = $1
            UNION ALL
            SELECT next.pos, next.prev, walk.met + 1 FROM walk, LATERAL (
                SELECT pos, {PREV} AS prev FROM event
                WHERE pos = (walk.pos >> 40 << 40) + walk.prev LIMIT 1) next
            WHERE walk.prev BETWEEN 1 AND (walk.pos & {SEQ_MAX}) - 1 AND walk.met < $3)
         {EVENT} WHERE e.pos = ANY(ARRAY(SELECT pos FROM walk))"
    );
    let (account, limit) = (row::number(account)?, count(limit));
    let events = all(client, &ask, &[&first, &account, &limit], row::event).await?;
    Ok(events.into_iter().map(|event| (event.seq, event)).collect())
}
