//! A server whose history is another one than before: a replica that was promoted, a backup that was
//! restored. What it had acknowledged may be gone.
//!
//! Each ledger's row names the history that its log was last compared with. A step on a server that
//! writes another one is refused until the comparison is done, whichever process does it.

use semel_core::failure::Failure;

/// Why a step is refused.
pub(super) fn other_history(known: &str, now: &str) -> Failure {
    Failure::Retryable(format!(
        "the server's history was {known} and is {now}; what it still holds is being compared"
    ))
}
