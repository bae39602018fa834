//! A ledger as a target, by backend.

use semel_core::exactly_once::{Claim, Cursor, Step, Target};
use semel_core::failure::Failure;
use semel_core::ledger::{Effect, Keys, Snapshot};
use semel_store::{postgres, sqlite};

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
