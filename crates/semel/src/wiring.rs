//! The one file that names concrete backends: everything else is written against what both can do.
//!
//! Each method here only hands its call to the backend, whose own documentation says what it does.

use crate::place::Place;
use crate::rig::broken;
use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::event::Event;
use semel_core::exactly_once::{Claim, Cursor, Step, Target};
use semel_core::failure::{Failure, Stop};
use semel_core::id::EventId;
use semel_core::ledger::{Effect, Keys, Snapshot};
use semel_core::payment::Payment;
use semel_core::reason::Reason;
use semel_core::verify::{Named, Slot};
use semel_store::rows::{
    About, Binding, Commits, Entry, IngestRow, Ledger, LedgerRow, LetterFilter, LetterPage,
    LetterRow, LogRow, Read, Version,
};
use semel_store::{postgres, sqlite};
use std::ops::RangeInclusive;
use std::path::Path;
use tempfile::TempDir;
use tokio::sync::watch;

/// What a server counts by itself, for measurements; of a file nobody does.
pub type Meter = postgres::Meter;
pub use semel_store::postgres::Counters;
pub use semel_store::resident::Form;
pub use semel_store::rows::Sources;

/// Hand calls to the backend.
macro_rules! handed {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $of:ty),*) -> $told:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// As there.
        pub fn $name(&self, $($arg: $of),*) -> $told {
            match self {
                Self::Sqlite(backend) => backend.$name($($arg),*),
                Self::Postgres(backend) => backend.$name($($arg),*),
            }
        }
    )*};
}

/// The store that this binary writes. Cheap to clone.
#[derive(Clone)]
pub enum Store {
    /// One file, one writer.
    Sqlite(sqlite::Sqlite, Reader),
    /// One database, many processes.
    Postgres(postgres::Postgres, Reader),
}

impl Store {
    /// Open the store at `place` for writing; made and migrated as needed.
    ///
    /// # Errors
    /// Every stop of a store; `Retryable` when a server cannot be reached.
    pub async fn open(place: &Place) -> Result<Store, Failure> {
        Store::open_in(place, Form::default()).await
    }

    /// [`Store::open`], where a server's accounts are kept in mind in a `form` of one's own.
    ///
    /// # Errors
    /// As there.
    pub async fn open_in(place: &Place, form: Form) -> Result<Store, Failure> {
        match place {
            Place::File(path) => Ok(Store::embedded(path)?),
            Place::Server(url) => {
                let options = postgres::Options { form, ..postgres::Options::default() };
                let store = postgres::Postgres::open_with(url, options).await?;
                let reader = Reader::Postgres(store.reader().clone());
                Ok(Store::Postgres(store, reader))
            }
        }
    }

    /// The store in the file at `path`. Blocks.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn embedded(path: &Path) -> Result<Store, Stop> {
        let store = sqlite::Sqlite::open(path)?;
        let reader = Reader::Sqlite(store.reader().clone());
        Ok(Store::Sqlite(store, reader))
    }

    /// The versions of the schema, and which of them the store at `place` has.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn versions(place: &Place) -> Result<Vec<Version>, Failure> {
        match place {
            Place::File(path) => Ok(sqlite::Sqlite::versions(path)?),
            Place::Server(url) => postgres::Postgres::versions(url).await,
        }
    }

    /// Readers beside the writer.
    pub fn reader(&self) -> &Reader {
        match self {
            Store::Sqlite(_, reader) | Store::Postgres(_, reader) => reader,
        }
    }

    /// The ledger named `id`, made if there is none.
    ///
    /// # Errors
    /// As there.
    pub async fn ledger(&self, id: &str) -> Result<Ledger, Failure> {
        match self {
            Store::Sqlite(store, _) => store.ledger(id).await,
            Store::Postgres(store, _) => store.ledger(id).await,
        }
    }

    /// Where requests enter the ledger numbered `ledger`.
    pub fn door(&self, ledger: u32) -> StoreTarget {
        match self {
            Store::Sqlite(store, _) => StoreTarget::Sqlite(store.door(ledger)),
            Store::Postgres(store, _) => StoreTarget::Postgres(store.door(ledger)),
        }
    }

    /// Where a source enters the ledger numbered `ledger`.
    ///
    /// # Errors
    /// As there.
    pub async fn leg(&self, ledger: u32, binding: Binding) -> Result<StoreTarget, Failure> {
        Ok(match self {
            Store::Sqlite(store, _) => StoreTarget::Sqlite(store.leg(ledger, binding).await?),
            Store::Postgres(store, _) => StoreTarget::Postgres(store.leg(ledger, binding).await?),
        })
    }

    /// The event that carries a key.
    ///
    /// # Errors
    /// As there.
    pub async fn recorded(
        &self,
        ledger: u32,
        namespace: &str,
        key: &str,
    ) -> Result<Option<Event>, Failure> {
        match self {
            Store::Sqlite(store, _) => store.recorded(ledger, namespace, key).await,
            Store::Postgres(store, _) => store.recorded(ledger, namespace, key).await,
        }
    }

    /// Changes after every commit.
    pub fn watch(&self) -> watch::Receiver<Commits> {
        match self {
            Store::Sqlite(store, _) => store.watch(),
            Store::Postgres(store, _) => store.watch(),
        }
    }

    /// Why the store cannot be written any more, once it cannot.
    pub fn stopped(&self) -> Option<Stop> {
        match self {
            Store::Sqlite(store, _) => store.stopped(),
            Store::Postgres(store, _) => store.stopped(),
        }
    }

    /// Write what was left to be written later, and go on.
    pub async fn settle(&self) {
        if let Store::Postgres(store, _) = self {
            store.clone().close().await;
        }
    }

    /// Tidy up, so that the next start has nothing to catch up with.
    pub async fn close(self) {
        match self {
            Store::Sqlite(store, reader) => {
                // The last to close the file is the writer.
                drop(reader);
                store.close().await;
            }
            Store::Postgres(store, _) => store.close().await,
        }
    }
}

/// Reads beside a writer, be it in this process or in another. All calls block. Cheap to clone.
#[derive(Clone)]
pub enum Reader {
    /// Of a file.
    Sqlite(sqlite::Reader),
    /// Of a database.
    Postgres(postgres::Reader),
}

impl Reader {
    /// Read the store at `place`.
    ///
    /// # Errors
    /// `DataUnusable` when there is none; else every stop of a store.
    pub async fn open(place: &Place) -> Result<Reader, Failure> {
        match place {
            Place::File(path) => Ok(Reader::embedded(path)?),
            Place::Server(url) => Ok(Reader::Postgres(postgres::Reader::open(url).await?)),
        }
    }

    /// Read the file at `path`.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn embedded(path: &Path) -> Result<Reader, Stop> {
        sqlite::Reader::open(path).map(Reader::Sqlite)
    }

    /// Take a snapshot of everything, for the auditor.
    ///
    /// # Errors
    /// As there.
    pub fn audit(&self) -> Result<Audit, Failure> {
        Ok(match self {
            Reader::Sqlite(reader) => Audit::Sqlite(reader.audit()?),
            Reader::Postgres(reader) => Audit::Postgres(reader.audit()?),
        })
    }

    handed! {
        /// All ledgers, by number.
        fn ledgers() -> Result<Vec<Ledger>, Failure>;
        /// The ledger named `id`.
        fn ledger(id: &str) -> Result<Option<Ledger>, Failure>;
        /// The payment named `id` as it is now.
        fn payment(ledger: u32, id: EventId) -> Result<Option<Payment>, Failure>;
        /// Payments below the seq `before`, newest first.
        fn payments(
            ledger: u32, before: Option<u64>, limit: usize
        ) -> Result<Vec<Payment>, Failure>;
        /// The account named `id`.
        fn account(ledger: u32, id: &str) -> Result<Option<Account>, Failure>;
        /// Accounts whose ids come after `after`, by id.
        fn accounts(
            ledger: u32, after: Option<&str>, limit: usize
        ) -> Result<Vec<Account>, Failure>;
        /// An account's entries, newest first.
        fn entries(
            ledger: u32, account: &str, from: Option<(u64, i128)>, limit: usize
        ) -> Result<Option<Vec<Entry>>, Failure>;
        /// Events above the seq `after`, in order.
        fn events(ledger: u32, after: u64, limit: usize) -> Result<Vec<Event>, Failure>;
        /// The ingest named `name`, all its sources together.
        fn ingest(ledger: u32, name: &str) -> Result<Option<IngestRow>, Failure>;
        /// All ingests of a ledger, by name.
        fn ingests(ledger: u32) -> Result<Vec<IngestRow>, Failure>;
        /// Dead letters above the number `after`, in order.
        fn letters(
            ledger: u32, filter: &LetterFilter, after: i64, limit: usize
        ) -> Result<LetterPage, Failure>;
        /// One dead letter.
        fn letter(ledger: u32, id: i64) -> Result<Option<LetterRow>, Failure>;
        /// How many dead letters there are, by reason.
        fn letter_reasons(
            ledger: u32, filter: &LetterFilter, cap: Option<u64>
        ) -> Result<Vec<(Reason, u64)>, Failure>;
        /// What the store is, besides what it keeps.
        fn about() -> Result<About, Failure>;
    }
}

/// Everything that a store keeps, as it was at one moment.
pub enum Audit {
    /// Of a file.
    Sqlite(sqlite::Audit),
    /// Of a database.
    Postgres(postgres::Audit),
}

impl Audit {
    handed! {
        /// All ledgers, by number.
        fn ledgers() -> Result<Vec<Read<LedgerRow>>, Failure>;
        /// The anchors of a ledger, in order.
        fn anchors(ledger: u32) -> Result<Vec<Read<(u64, Hash)>>, Failure>;
        /// The log of a ledger, in order.
        fn log(ledger: u32, each: impl FnMut(LogRow)) -> Result<(), Failure>;
        /// The accounts of a ledger, by number.
        fn accounts(ledger: u32, each: impl FnMut(Read<Account>)) -> Result<(), Failure>;
        /// The index of a ledger's keys, by slot.
        fn index(ledger: u32, each: impl FnMut(Read<Slot>)) -> Result<(), Failure>;
        /// The index of a ledger's references.
        fn references(ledger: u32, each: impl FnMut(Read<(u64, u64)>)) -> Result<(), Failure>;
        /// What the database itself finds wrong.
        fn small_tables() -> Result<Vec<String>, Failure>;
        /// The key of an event.
        fn named(ledger: u32, seq: u64) -> Option<Named>;
        /// A span of the log, and what the index has for it.
        fn span(
            ledger: u32, seqs: RangeInclusive<u64>
        ) -> Result<(Vec<Slot>, Vec<Slot>), Failure>;
        /// All sources and what is kept of their dead letters.
        fn sources() -> Result<Sources, Failure>;
        /// Rows of no ledger.
        fn strays(ledgers: &[u32]) -> Result<Vec<String>, Failure>;
    }
}

/// A ledger as a target.
#[derive(Clone)]
pub enum StoreTarget {
    /// In a file.
    Sqlite(sqlite::SqliteTarget),
    /// In a database.
    Postgres(postgres::PostgresTarget),
}

/// The right to commit to a ledger.
pub enum StoreClaim {
    /// In a file.
    Sqlite(sqlite::SqliteClaim),
    /// In a database.
    Postgres(postgres::PostgresClaim),
}

/// An open step.
pub enum StoreStep {
    /// In a file.
    Sqlite(Box<sqlite::SqliteStep>),
    /// In a database.
    Postgres(Box<postgres::PostgresStep>),
}

impl Target for StoreTarget {
    type Claim = StoreClaim;

    async fn claim(&self) -> Result<StoreClaim, Failure> {
        Ok(match self {
            StoreTarget::Sqlite(target) => StoreClaim::Sqlite(target.claim().await?),
            StoreTarget::Postgres(target) => StoreClaim::Postgres(target.claim().await?),
        })
    }
}

impl Claim for StoreClaim {
    type Keys = Keys;
    type Step = StoreStep;

    fn cursor(&self) -> &Cursor {
        match self {
            StoreClaim::Sqlite(claim) => claim.cursor(),
            StoreClaim::Postgres(claim) => claim.cursor(),
        }
    }

    async fn begin(self, keys: Keys) -> Result<StoreStep, Failure> {
        Ok(match self {
            StoreClaim::Sqlite(claim) => StoreStep::Sqlite(Box::new(claim.begin(keys).await?)),
            StoreClaim::Postgres(claim) => StoreStep::Postgres(Box::new(claim.begin(keys).await?)),
        })
    }
}

impl Step for StoreStep {
    type Claim = StoreClaim;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        match self {
            StoreStep::Sqlite(step) => step.snapshot(),
            StoreStep::Postgres(step) => step.snapshot(),
        }
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<StoreClaim, Failure> {
        Ok(match self {
            StoreStep::Sqlite(step) => StoreClaim::Sqlite(step.commit(effects, to).await?),
            StoreStep::Postgres(step) => StoreClaim::Postgres(step.commit(effects, to).await?),
        })
    }
}

/// A place for a store that is thrown away afterwards, with nobody else's data in it.
pub enum Scratch {
    /// A directory; it goes away with the value in any case.
    Directory(TempDir),
    /// A schema in somebody's database.
    Schema(postgres::Scratch),
}

impl Scratch {
    /// In the database at the URL `server`, else in a temporary directory.
    ///
    /// # Errors
    /// As there; no directory can be made.
    pub async fn new(server: Option<&str>) -> Result<Scratch, Failure> {
        if let Some(url) = server {
            return Ok(Scratch::Schema(postgres::Scratch::new(url).await?));
        }
        let made = tempfile::Builder::new().prefix("semel-").tempdir();
        let directory = made.map_err(|error| broken(format!("no directory: {error}")))?;
        Ok(Scratch::Directory(directory))
    }

    /// Where the store is.
    pub fn place(&self) -> Place {
        match self {
            Scratch::Directory(directory) => Place::File(directory.path().join("semel.db")),
            Scratch::Schema(schema) => Place::Server(schema.url().to_owned()),
        }
    }

    /// What counts there.
    ///
    /// # Errors
    /// As there.
    pub async fn meter(&self) -> Result<Option<Meter>, Failure> {
        Ok(match self {
            Scratch::Directory(_) => None,
            Scratch::Schema(schema) => Some(Meter::open(schema.url()).await?),
        })
    }

    /// Throw it away.
    ///
    /// # Errors
    /// As there.
    pub async fn remove(self) -> Result<(), Failure> {
        match self {
            Scratch::Directory(directory) => directory
                .close()
                .map_err(|error| broken(format!("the directory is left behind: {error}"))),
            Scratch::Schema(schema) => schema.remove().await,
        }
    }
}

/// The store's own limit, for measurements.
pub enum Bare {
    /// Of a file.
    Sqlite(sqlite::Bare),
    /// Of a database.
    Postgres(postgres::Bare),
}

/// A step, ready to be written by a [`Bare`].
pub enum Rows<'a> {
    /// To a file.
    Sqlite(sqlite::Rows<'a>),
    /// To a database.
    Postgres(postgres::Rows),
}

impl Bare {
    /// Ledgers that `place` takes steps of at once: a file has one writer and one ledger here.
    ///
    /// # Errors
    /// As there.
    pub async fn open(place: &Place, ledgers: u32) -> Result<Vec<Bare>, Failure> {
        match place {
            Place::File(path) => Ok(vec![Bare::Sqlite(sqlite::Bare::open(path)?)]),
            Place::Server(url) => {
                let mut all = Vec::new();
                for ledger in 1..=ledgers {
                    all.push(Bare::Postgres(postgres::Bare::open(url, ledger).await?));
                }
                Ok(all)
            }
        }
    }

    /// The next step, ready to be written.
    ///
    /// # Errors
    /// As there.
    pub async fn prepare<'a>(&mut self, effects: &'a [Effect]) -> Result<Rows<'a>, Failure> {
        Ok(match self {
            Bare::Sqlite(bare) => Rows::Sqlite(bare.prepare(effects)),
            Bare::Postgres(bare) => Rows::Postgres(bare.prepare(effects).await?),
        })
    }

    /// Write a step that this one has prepared.
    ///
    /// # Errors
    /// As there.
    pub async fn write(&mut self, rows: &Rows<'_>) -> Result<(), Failure> {
        match (self, rows) {
            (Bare::Sqlite(bare), Rows::Sqlite(rows)) => bare.write(rows),
            (Bare::Postgres(bare), Rows::Postgres(rows)) => bare.write(rows).await,
            _ => Err(broken("a step of another database")),
        }
    }
}
