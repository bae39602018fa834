//! The law's types on SQLite: a target, its claims and steps. Each only carries the writer's
//! handle; what they do happens on the writer's thread.

use super::commit::Commit;
use super::step::{LegClaim, Open};
use super::writer::Handle;
use semel_core::Text;
use semel_core::exactly_once::{Claim, Cursor, Failure, Step, Target};
use semel_core::ledger::{Effect, Keys, Snapshot};
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// A ledger as a target, for one source or, at a door, for none.
#[derive(Clone)]
pub struct SqliteTarget {
    writer: Arc<Handle>,
    ledger: u32,
    /// The source, and who this is in the row of its claims.
    source: Option<(Text, [u8; 16])>,
}

impl SqliteTarget {
    pub(super) fn door(writer: Arc<Handle>, ledger: u32) -> SqliteTarget {
        SqliteTarget { writer, ledger, source: None }
    }

    pub(super) fn leg(
        writer: Arc<Handle>,
        ledger: u32,
        source: Text,
        owner: [u8; 16],
    ) -> SqliteTarget {
        SqliteTarget { writer, ledger, source: Some((source, owner)) }
    }
}

impl Target for SqliteTarget {
    type Claim = SqliteClaim;

    async fn claim(&self) -> Result<SqliteClaim, Failure> {
        let SqliteTarget { writer, ledger, source } = self.clone();
        let leg = match source {
            None => None,
            Some((source, owner)) => {
                Some(writer.run(move |thread| thread.claim(source, owner)).await?)
            }
        };
        Ok(SqliteClaim { writer, ledger, leg })
    }
}

/// The right to commit to a ledger.
pub struct SqliteClaim {
    writer: Arc<Handle>,
    ledger: u32,
    leg: Option<LegClaim>,
}

impl Claim for SqliteClaim {
    type Keys = Keys;
    type Step = SqliteStep;

    fn cursor(&self) -> &Cursor {
        self.leg.as_ref().map_or(&Cursor::START, |leg| &leg.cursor)
    }

    async fn begin(self, keys: Keys) -> Result<SqliteStep, Failure> {
        let open = Open { ledger: self.ledger, leg: self.leg.clone(), keys };
        let (snapshot, commit) = self.writer.begin(open).await?;
        Ok(SqliteStep { claim: self, snapshot, commit })
    }
}

/// An open step: the writer's thread writes keys that are due and waits for its commit; no other
/// job comes between.
pub struct SqliteStep {
    claim: SqliteClaim,
    snapshot: Snapshot,
    commit: mpsc::Sender<Commit>,
}

impl Step for SqliteStep {
    type Claim = SqliteClaim;
    type Snapshot = Snapshot;
    type Effect = Effect;

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    async fn commit(self, effects: Vec<Effect>, to: Cursor) -> Result<SqliteClaim, Failure> {
        let SqliteStep { mut claim, commit, .. } = self;
        let (answer, answered) = oneshot::channel();
        let sent = commit.send(Commit { effects, to, answer });
        sent.map_err(|_| Failure::Retryable("the step lay open for too long".into()))?;
        // Without an answer it was most likely given up just before; only asking again will tell.
        answered.await.map_err(|_| Failure::Unknown("the writer gave no answer".into()))??;
        if let Some(leg) = &mut claim.leg {
            leg.cursor = to;
        }
        Ok(claim)
    }
}
