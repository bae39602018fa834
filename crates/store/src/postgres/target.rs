//! The law's types on PostgreSQL: a target, its claims and steps.
//!
//! A claim is a name in the leg's row and needs no session; a step owns the session that its SQL
//! transaction is open in, and a step that is dropped closes it: the server rolls back.

use super::Shared;
use super::commit::{self, Ending};
use super::step::{self, LegClaim, Opened};
use semel_core::Text;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Effect, Keys, Snapshot};
use std::sync::Arc;

/// A ledger as a target, for one source or, at a door, for none.
#[derive(Clone)]
pub struct PostgresTarget {
    shared: Arc<Shared>,
    ledger: u32,
    /// The source, and who this is in the row of its claims.
    source: Option<(Text, [u8; 16])>,
}

impl PostgresTarget {
    pub(super) fn door(shared: Arc<Shared>, ledger: u32) -> PostgresTarget {
        PostgresTarget { shared, ledger, source: None }
    }

    pub(super) fn leg(
        shared: Arc<Shared>,
        ledger: u32,
        source: Text,
        owner: [u8; 16],
    ) -> PostgresTarget {
        PostgresTarget { shared, ledger, source: Some((source, owner)) }
    }
}

impl Target for PostgresTarget {
    type Claim = PostgresClaim;

    async fn claim(&self) -> Result<PostgresClaim, Failure> {
        let PostgresTarget { shared, ledger, source } = self.clone();
        let leg = match source {
            None => None,
            Some((source, owner)) => Some(shared.noted(step::claim(&shared, source, owner)).await?),
        };
        Ok(PostgresClaim { shared, ledger, leg })
    }
}

/// The right to commit to a ledger.
pub struct PostgresClaim {
    shared: Arc<Shared>,
    ledger: u32,
    leg: Option<LegClaim>,
}

impl Claim for PostgresClaim {
    type Keys = Keys;
    type Step = PostgresStep;

    fn cursor(&self) -> &Cursor {
        self.leg.as_ref().map_or(&Cursor::START, |leg| &leg.cursor)
    }

    async fn begin(self, keys: Keys) -> Result<PostgresStep, Failure> {
        let PostgresClaim { shared, ledger, leg } = &self;
        let opened = shared.noted(step::begin(shared, *ledger, leg.as_ref(), keys)).await?;
        let (opened, snapshot) = opened;
        Ok(PostgresStep { claim: self, opened, snapshot })
    }
}

/// An open step.
pub struct PostgresStep {
    claim: PostgresClaim,
    opened: Opened,
    snapshot: Snapshot,
}

impl Step for PostgresStep {
    type Claim = PostgresClaim;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<PostgresClaim, Failure> {
        let PostgresStep { mut claim, opened, snapshot } = self;
        let PostgresClaim { shared, ledger, leg } = &claim;
        let ending = Ending { leg: leg.as_ref(), keys: snapshot.keys, effects, to };
        let committing = commit::commit(shared, *ledger, opened, ending);
        shared.noted(committing).await?;
        if let Some(leg) = &mut claim.leg {
            leg.cursor = to;
        }
        Ok(claim)
    }
}
