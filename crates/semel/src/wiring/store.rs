//! The store that this binary writes, and readers beside it, by backend.

use super::audit::Audit;
use super::target::StoreTarget;
use crate::place::Place;
use semel_core::account::Account;
use semel_core::event::Event;
use semel_core::exactly_once::Cursor;
use semel_core::failure::{Failure, Stop};
use semel_core::id::EventId;
use semel_core::payment::Payment;
use semel_core::reason::Reason;
use semel_core::wire::Link;
use semel_store::resident::Form;
use semel_store::rows::{
    About, Binding, Commits, Entry, IngestRow, Ledger, LetterFilter, LetterPage, LetterRow, Version,
};
use semel_store::{postgres, sqlite};
use std::path::Path;
use tokio::sync::watch;

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
        Store::open_in(place, Form::default(), None).await
    }

    /// [`Store::open`], where a server's accounts are kept in mind in a `form` of one's own, and
    /// where it is said whether steps go on in another history of the server's by themselves
    /// (`None`: unless something was published).
    ///
    /// # Errors
    /// As there.
    pub async fn open_in(
        place: &Place,
        form: Form,
        adopts: Option<bool>,
    ) -> Result<Store, Failure> {
        match place {
            Place::File(path) => Ok(Store::embedded(path)?),
            Place::Server(url) => {
                let options = postgres::Options { form, adopts, ..postgres::Options::default() };
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

    /// Bind a source, if it is not bound.
    ///
    /// # Errors
    /// As there.
    pub async fn bind(&self, ledger: u32, binding: Binding) -> Result<(), Failure> {
        match self {
            Store::Sqlite(store, _) => store.bind(ledger, binding).await,
            Store::Postgres(store, _) => store.bind(ledger, binding).await,
        }
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

    /// Whether the store may have forgotten what it had acknowledged, since another server is
    /// there. A file never tells.
    ///
    /// # Errors
    /// As there.
    pub async fn is_rewound(&self) -> Result<bool, Failure> {
        match self {
            Store::Sqlite(..) => Ok(false),
            Store::Postgres(store, _) => store.is_rewound().await,
        }
    }

    /// What was told to others fits what the store holds: go on.
    ///
    /// # Errors
    /// As there.
    pub async fn adopt(&self) -> Result<(), Failure> {
        match self {
            Store::Sqlite(..) => Ok(()),
            Store::Postgres(store, _) => store.adopt().await,
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
        /// The last anchor of a ledger at or below the seq `at_most`, or where its log begins.
        fn anchor(ledger: u32, at_most: u64) -> Result<Option<Link>, Failure>;
        /// The last event of a ledger and its tail.
        fn head(ledger: u32) -> Result<Option<Link>, Failure>;
        /// How far the leg on `source` has come.
        fn cursor(source: &str) -> Result<Option<Cursor>, Failure>;
        /// What the store is, besides what it keeps.
        fn about() -> Result<About, Failure>;
    }
}
