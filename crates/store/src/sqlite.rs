//! The store on SQLite: one file, one writer thread, readers beside it.
//!
//! Reading order: `target` (the law's types), `lock` (who may write), `writer` (the thread that
//! owns the connection), `bindings` (ledgers and sources by name), `step` and `commit` (what
//! happens under a ledger's lock), `memory` and `key_memory` (what the writer knows without
//! looking), `row` (rows and what they mean), `reader`. PostgreSQL takes its place beside this with
//! the same outline.

mod about;
mod audit;
mod bare;
mod bindings;
mod classify;
mod columns;
mod commit;
mod key_memory;
mod lock;
mod memory;
mod open;
mod reader;
mod row;
mod step;
mod target;
mod writer;

pub use crate::rows::Sources;
pub use audit::Audit;
pub use bare::{Bare, Rows};
pub use reader::Reader;
pub use target::{SqliteClaim, SqliteStep, SqliteTarget};

use crate::clock;
use crate::rows::{Binding, Commits, Ledger, Version};
use semel_core::event::Event;
use semel_core::failure::{Failure, Stop};
use semel_core::leg::DEADLINE;
use semel_core::payment::Identity;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use writer::Handle;

/// What a store can be told; the defaults are for production.
#[derive(Clone)]
pub struct Options {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How long a leg's claim holds without a commit.
    pub leg_deadline: Duration,
    /// How many keys of a ledger are remembered at least before they are written to its index in
    /// order: more make the index cheaper, fewer the memory and the next start.
    pub key_generation: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { clock: Arc::new(clock::system), leg_deadline: DEADLINE, key_generation: 200_000 }
    }
}

/// The one writer of a store. Cheap to clone; the last clone to go closes the file, and waits for
/// that.
#[derive(Clone)]
pub struct Sqlite {
    // Before the writer, so that the last to close the file is the writer, which tidies it up.
    reader: Reader,
    writer: Arc<Handle>,
}

impl Sqlite {
    /// Open the store at `path` for writing; made and migrated as needed. Blocks.
    ///
    /// # Errors
    /// `StoreLocked` when another process writes it, `StoreNewer`, `StoreCorrupt`, `StoreFull`,
    /// `StoreReadOnly`, `StoreSettings`, `DataUnusable`: nothing was changed.
    pub fn open(path: &Path) -> Result<Sqlite, Stop> {
        Sqlite::open_with(path, Options::default())
    }

    /// [`Sqlite::open`] with a clock and a deadline of one's own.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(path: &Path, options: Options) -> Result<Sqlite, Stop> {
        let lock = lock::lock(path)?;
        let conn = open::writer(path)?;
        let writer =
            Handle::start(conn, lock, options).map_err(|error| open::stop(&error, path))?;
        Ok(Sqlite { writer: Arc::new(writer), reader: Reader::open(path)? })
    }

    /// The versions of the schema that this program knows, and which of them the file at `path`
    /// has, none if there is none. Changes nothing.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn versions(path: &Path) -> Result<Vec<Version>, Stop> {
        open::versions(path)
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
        let id = id.to_owned();
        self.writer.run(move |writer| writer.ledger(&id)).await
    }

    /// Where requests enter the ledger numbered `ledger`: a target without a source.
    pub fn door(&self, ledger: u32) -> SqliteTarget {
        SqliteTarget::door(self.writer.clone(), ledger)
    }

    /// Where a source enters the ledger numbered `ledger`. The first time binds the source to that
    /// ledger and ingest for ever.
    ///
    /// # Errors
    /// `SourceBound` when it belongs to another, `NotFound` when there is no such ledger; else as
    /// every write.
    pub async fn leg(&self, ledger: u32, binding: Binding) -> Result<SqliteTarget, Failure> {
        let source = binding.source.clone();
        let owner = self.writer.run(move |writer| writer.bind(ledger, &binding)).await?;
        Ok(SqliteTarget::leg(self.writer.clone(), ledger, source, owner))
    }

    /// Bind a source as [`Sqlite::leg`] does, if it is not bound; whose claims hold stays as it is.
    ///
    /// # Errors
    /// As there.
    pub async fn bind(&self, ledger: u32, binding: Binding) -> Result<(), Failure> {
        self.writer.run(move |writer| writer.bind(ledger, &binding)).await.map(drop)
    }

    /// The event that carries a key.
    ///
    /// # Errors
    /// `NotFound` when there is no such ledger; else as every read.
    pub async fn recorded(
        &self,
        ledger: u32,
        namespace: &str,
        key: &str,
    ) -> Result<Option<Event>, Failure> {
        let identity = Identity { namespace: namespace.into(), key: key.into() };
        self.writer.run(move |writer| writer.recorded(ledger, identity)).await
    }

    /// Changes after every commit.
    pub fn watch(&self) -> watch::Receiver<Commits> {
        self.writer.watch()
    }

    /// Why the writer cannot go on, once it cannot.
    pub fn stopped(&self) -> Option<Stop> {
        self.writer.stopped()
    }

    /// Write what the writer kept in memory to the file and tidy up, so that the next start has
    /// nothing to catch up with. Dropping the store loses nothing either.
    pub async fn close(self) {
        // A store that stopped cannot be tidied up; its next start catches up instead.
        let _ = self.writer.run(|writer| writer.tidy_up()).await;
    }
}
