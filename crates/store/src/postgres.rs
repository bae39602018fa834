//! The store on PostgreSQL: one database, many processes.
//!
//! Reading order: `target` (the law's types), `step` and `commit` (what happens under a ledger's
//! lock), `insert` and `values` (how many rows are sent), `memory` (what a process has in mind),
//! `catch_up`, `bindings` (ledgers and sources by name), `rewind`, `address`, `session` and
//! `settings` (how the server is spoken to), `migrate`, `row` and `columns` (rows and what they
//! mean), `reader`. SQLite stands beside this with the same outline.

mod about;
mod address;
mod audit;
mod bare;
mod bindings;
mod catch_up;
mod classify;
mod columns;
mod commit;
mod insert;
mod memory;
mod meter;
mod migrate;
mod reader;
mod rewind;
mod rights;
mod row;
mod scratch;
mod session;
mod settings;
mod step;
mod target;
mod values;

pub use crate::resident::Form;
pub use crate::rows::Sources;
pub use audit::Audit;
pub use bare::{Bare, Rows};
pub use meter::{Counters, Meter};
pub use reader::Reader;
pub use scratch::Scratch;
pub use target::{PostgresClaim, PostgresStep, PostgresTarget};

use crate::rows::{Binding, Commits, Ledger, Version};
use address::Address;
use columns::Columns;
use memory::Known;
use semel_core::Text;
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::leg::DEADLINE;
use semel_core::payment::Identity;
use session::{Sessions, within};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// What a store can be told; the defaults are for production.
#[derive(Clone)]
pub struct Options {
    /// How long a leg's claim holds without a commit.
    pub leg_deadline: Duration,
    /// How accounts and keys are kept in mind.
    pub form: Form,
    /// Whether steps go on by themselves in another history of the server's than before. If not,
    /// they are `Retryable` until [`Postgres::adopt`]. `None`: unless something was published.
    pub adopts: Option<bool>,
}

impl Default for Options {
    fn default() -> Options {
        Options { leg_deadline: DEADLINE, form: Form::Resident, adopts: None }
    }
}

/// A store, as this process uses it. Cheap to clone.
#[derive(Clone)]
pub struct Postgres {
    shared: Arc<Shared>,
    reader: Reader,
}

/// What all parts of a store in this process share.
struct Shared {
    sessions: Sessions,
    /// By source, who this is in the row of its claims.
    owners: Mutex<BTreeMap<Text, [u8; 16]>>,
    options: Options,
    /// Whether steps go on by themselves in another history.
    adopts: bool,
    known: Arc<Known>,
    commits: watch::Sender<Commits>,
    stopped: Mutex<Option<Stop>>,
}

impl Postgres {
    /// Open the store in the database at `url`; made and migrated as needed.
    ///
    /// # Errors
    /// `Configuration`, `StoreSettings`, `StoreRefused`, `StoreReadOnly`, `StoreNewer`,
    /// `StoreCorrupt`; `Retryable` when the server cannot be reached. Nothing was changed.
    pub async fn open(url: &str) -> Result<Postgres, Failure> {
        Postgres::open_with(url, Options::default()).await
    }

    /// [`Postgres::open`] with options of one's own.
    ///
    /// # Errors
    /// As there.
    pub async fn open_with(url: &str, options: Options) -> Result<Postgres, Failure> {
        let sessions = Sessions::new(&Address::parse(url)?)?;
        let mut first = sessions.first().await?;
        migrate::migrate(&mut first).await?;
        rights::assert(&first).await?;
        let adopts = match options.adopts {
            Some(adopts) => adopts,
            None => !rewind::is_published(&first).await?,
        };
        let (known, stopped) = (Arc::new(Known::new(options.form)), Mutex::new(None));
        let commits = watch::channel(Commits::default()).0;
        let reader = Reader::beside(sessions.clone(), known.clone());
        let shared = Arc::new(Shared {
            sessions,
            owners: Mutex::default(),
            options,
            adopts,
            known,
            commits,
            stopped,
        });
        tokio::spawn(follow_heads(Arc::downgrade(&shared)));
        tokio::spawn(write_idle(Arc::downgrade(&shared)));
        Ok(Postgres { shared, reader })
    }

    /// The versions of the schema that this program knows, and which of them the database at `url`
    /// has. Changes nothing.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub async fn versions(url: &str) -> Result<Vec<Version>, Failure> {
        let sessions = Sessions::new(&Address::parse(url)?)?;
        migrate::versions(&*sessions.first().await?).await
    }

    /// Readers beside the writer.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The ledger named `id`, made if there is none.
    ///
    /// # Errors
    /// `Configuration` when it would be one too many; else as every write.
    pub async fn ledger(&self, id: &str) -> Result<Ledger, Failure> {
        within("the making of a ledger", bindings::ledger(&self.shared, id)).await
    }

    /// Where requests enter the ledger numbered `ledger`: a target without a source.
    pub fn door(&self, ledger: u32) -> PostgresTarget {
        PostgresTarget::door(self.shared.clone(), ledger)
    }

    /// Where a source enters the ledger numbered `ledger`. The first time binds the source to that
    /// ledger and ingest for ever.
    ///
    /// # Errors
    /// `SourceBound` when it belongs to another, `NotFound` when there is no such ledger; else as
    /// every write.
    pub async fn leg(&self, ledger: u32, binding: Binding) -> Result<PostgresTarget, Failure> {
        let bound = bindings::bind(&self.shared, ledger, &binding);
        let owner = within("the binding of a source", bound).await?;
        let mut owners = self.shared.owners.lock().expect("nobody panics while holding it");
        owners.insert(binding.source.clone(), owner);
        drop(owners);
        Ok(PostgresTarget::leg(self.shared.clone(), ledger, binding.source, owner))
    }

    /// Bind a source as [`Postgres::leg`] does, if it is not bound; who holds its claim goes on.
    ///
    /// # Errors
    /// As there.
    pub async fn bind(&self, ledger: u32, binding: Binding) -> Result<(), Failure> {
        let bound = bindings::bind(&self.shared, ledger, &binding);
        within("the binding of a source", bound).await.map(drop)
    }

    /// The event that carries a key.
    ///
    /// # Errors
    /// As every read.
    pub async fn recorded(
        &self,
        ledger: u32,
        namespace: &str,
        key: &str,
    ) -> Result<Option<Event>, Failure> {
        let identity = Identity { namespace: namespace.into(), key: key.into() };
        let session = self.shared.sessions.lend().await?;
        let found = within("a read", step::recorded(&session, ledger, &identity)).await?;
        session.give_back();
        Ok(found)
    }

    /// Whether the server's history is another one than that in which some ledger was written last:
    /// a replica was promoted, or a backup restored.
    ///
    /// # Errors
    /// As every read.
    pub async fn is_rewound(&self) -> Result<bool, Failure> {
        let session = self.shared.sessions.lend().await?;
        let told = within("a read", rewind::is_rewound(&session)).await?;
        session.give_back();
        Ok(told)
    }

    /// What was told to others fits: go on in the server's history.
    ///
    /// # Errors
    /// As every write.
    pub async fn adopt(&self) -> Result<(), Failure> {
        let session = self.shared.sessions.lend().await?;
        within("the adoption of a history", rewind::adopt_all(&session)).await?;
        session.give_back();
        Ok(())
    }

    /// Changes after every commit.
    pub fn watch(&self) -> watch::Receiver<Commits> {
        self.shared.commits.subscribe()
    }

    /// Why this process cannot go on, once it cannot.
    pub fn stopped(&self) -> Option<Stop> {
        self.shared.stopped.lock().expect("nobody panics while holding it").clone()
    }

    /// Give up all claims, so that nobody waits for them, and write accounts whose rows lag behind
    /// the log, so that the next start has nothing to catch up with. Dropping the store loses
    /// nothing either.
    pub async fn close(self) {
        bindings::release(&self.shared).await;
        for (ledger, at) in self.shared.known.unwritten() {
            write_rest(&self.shared, ledger, at).await;
        }
    }
}

/// How often it is looked what other processes have committed, and what there is to tidy up.
const UPKEEP: Duration = Duration::from_millis(250);

/// For as long as the store is used: see how far the ledgers have come.
async fn follow_heads(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        let Some(shared) = shared.upgrade() else { return };
        // What is not seen now is seen the next time.
        let _ = within("a look at all ledgers", shared.look()).await;
    }
}

/// For as long as the store is used: write accounts of ledgers that nobody is writing to, and keep
/// what is remembered within its bounds.
async fn write_idle(shared: Weak<Shared>) {
    let mut before = HashMap::new();
    loop {
        tokio::time::sleep(UPKEEP).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.known.make_room();
        // Whoever writes to a ledger, in whatever process, writes its accounts too.
        let head = |(ledger, at): (u32, u64)| (ledger, at.max(shared.head(ledger) + 1));
        let unwritten: HashMap<u32, u64> = shared.known.unwritten().into_iter().map(head).collect();
        for (ledger, at) in unwritten.iter().filter(|(no, at)| before.get(*no) == Some(*at)) {
            write_rest(&shared, *ledger, *at).await;
        }
        before = unwritten;
    }
}

/// Write the accounts of a ledger whose log stands still before the seq `next`. What fails is done
/// later, or met again from the log.
async fn write_rest(shared: &Shared, ledger: u32, next: u64) {
    let _ = shared.noted(commit::write_accounts(shared, ledger, next)).await;
}

impl Shared {
    /// What a step comes to; a permanent failure is this process's last.
    async fn noted<T>(&self, job: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let stopped = self.stopped.lock().expect("nobody panics while holding it").clone();
        if let Some(stop) = stopped {
            return Err(stop.into());
        }
        let done = job.await;
        if let Err(Failure::Permanent(stop)) = &done {
            let mut stopped = self.stopped.lock().expect("nobody panics while holding it");
            stopped.get_or_insert(stop.clone());
        }
        done
    }

    /// See how far the ledgers have come that this process has to do with.
    async fn look(&self) -> Result<(), Failure> {
        const ASK: &str = "SELECT no, next_seq - 1 FROM ledger WHERE no = ANY($1)";
        let ledgers: Result<Vec<i32>, _> =
            self.commits.borrow().ledgers().map(i32::try_from).collect();
        let ledgers = ledgers.unwrap_or_default();
        if ledgers.is_empty() {
            return Ok(());
        }
        let session = self.sessions.lend().await?;
        let head = |row: Columns<'_>| Ok((row::ledger_no(row, 0)?, row.natural(1)?));
        let heads = row::all(&session, ASK, &[&ledgers], head).await?;
        session.give_back();
        heads.into_iter().for_each(|(ledger, last_seq)| self.reached(ledger, last_seq));
        Ok(())
    }

    /// The last seq of a ledger, as it was seen last; 0 before that.
    fn head(&self, ledger: u32) -> u64 {
        self.commits.borrow().last_seq(ledger)
    }

    /// How long a claim holds, in microseconds.
    fn leg_deadline(&self) -> i64 {
        i64::try_from(self.options.leg_deadline.as_micros()).unwrap_or(i64::MAX)
    }

    /// A step was committed and left the ledger at `last_seq`.
    fn committed(&self, ledger: u32, last_seq: u64) {
        self.commits.send_modify(|commits| commits.add(ledger, last_seq));
    }

    /// The ledger stands at `last_seq`.
    fn reached(&self, ledger: u32, last_seq: u64) {
        self.commits.send_if_modified(|commits| {
            let before = commits.last_seq(ledger);
            commits.reach(ledger, last_seq);
            before < last_seq
        });
    }
}
