//! What measurements need of a backend: a place that is thrown away, and the backend's own limit.

use super::Meter;
use crate::place::Place;
use crate::rig::broken;
use semel_core::failure::Failure;
use semel_core::ledger::Effect;
use semel_store::{postgres, sqlite};
use tempfile::TempDir;

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
