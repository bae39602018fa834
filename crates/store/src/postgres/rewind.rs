//! A server whose history is another one than before: a replica was promoted, or a backup restored.
//! What the former server had acknowledged may be gone.
//!
//! Whatever this process has seen committed must still lead to where the log ends; if it does not,
//! the process stops by name, because others rely on what it told them. Each ledger's row names the
//! history that its log was last held against, so that a change is noticed too by a process that
//! has seen nothing yet: it goes on, and says so.

use super::row::{ledger_value, one, rows};
use super::session::Session;
use deadpool_postgres::ClientWrapper;
use semel_core::Text;
use semel_core::failure::Failure;

/// The server's history, system identifier and timeline, before and now.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) was: Text,
    pub(super) is: Text,
}

impl Change {
    /// Nothing is written before somebody says that it may be.
    pub(super) fn waits(&self, ledger: u32) -> Failure {
        let Change { was, is } = self;
        Failure::Retryable(format!(
            "ledger {ledger}: the server's history was {was} and is {is}; nothing is written until \
             what was published is held against it"
        ))
    }

    /// A step was committed that says so in the ledger's row.
    pub(super) fn tell(&self, ledger: u32) {
        let Change { was, is } = self;
        tracing::warn!(
            "ledger {ledger}: the server's history was {was} and is {is}, so a replica was \
             promoted or a backup restored; what was acknowledged before may be gone"
        );
    }
}

/// Whether a ledger's log was last held against another history than this session's.
pub(super) async fn is_rewound(session: &Session) -> Result<bool, Failure> {
    const ASK: &str = "SELECT EXISTS (SELECT FROM ledger WHERE timeline <> $1)";
    let told = one(session, ASK, &[&&*session.history], |row| row.flag(0)).await?;
    Ok(told.unwrap_or(false))
}

/// Whether anything was ever published of a ledger here: others may have read what is forgotten.
pub(super) async fn is_published(client: &ClientWrapper) -> Result<bool, Failure> {
    const ASK: &str = "SELECT EXISTS (SELECT FROM leg WHERE source LIKE 'publish:%')";
    let told = one(client, ASK, &[], |row| row.flag(0)).await?;
    Ok(told.unwrap_or(false))
}

/// Go on in this session's history, with all ledgers.
pub(super) async fn adopt_all(session: &Session) -> Result<(), Failure> {
    const ADOPT: &str = "UPDATE ledger SET timeline = $1 WHERE timeline <> $1";
    rows(session, ADOPT, &[&&*session.history]).await.map(drop)
}

/// Go on in the server's history, with the step that is open.
pub(super) async fn adopt(
    client: &ClientWrapper,
    ledger: u32,
    history: &str,
) -> Result<(), Failure> {
    const ADOPT: &str = "UPDATE ledger SET timeline = $2 WHERE no = $1";
    let no = ledger_value(ledger);
    rows(client, ADOPT, &[&no, &history]).await.map(drop)
}
