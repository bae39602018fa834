//! A server whose history is another one than before: a replica was promoted, or a backup restored.
//! What the former server had acknowledged may be gone.
//!
//! Whatever this process has seen committed must still lead to where the log ends; if it does not,
//! the process stops by name, because others rely on what it told them. Each ledger's row names the
//! history that its log was last held against, so that a change is noticed too by a process that
//! has seen nothing yet: it goes on, and says so.

use super::row::{ledger_value, rows};
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
    /// A step was committed that says so in the ledger's row.
    pub(super) fn tell(&self, ledger: u32) {
        let Change { was, is } = self;
        tracing::warn!(
            "ledger {ledger}: the server's history was {was} and is {is}, so a replica was \
             promoted or a backup restored; what was acknowledged before may be gone"
        );
    }
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
