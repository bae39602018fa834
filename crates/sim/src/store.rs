//! What a simulated process needs of a store, and what the simulation needs of it besides.
//!
//! Planted defects are wrappers around these traits: the product holds none.

use crate::evidence::Evidence;
use semel_core::event::Event;
use semel_core::exactly_once::{Cursor, Failure};
use semel_core::ledger::door::LedgerTarget;
use semel_core::publish::Log;
use semel_store::rows::Binding;
use std::future::Future;
use std::sync::Arc;

/// A process's handle to a store: as in the product, it is all that a process has of it.
pub trait Store: Rest + Clone + Send + Sync + 'static {
    /// A leg or a door on a ledger.
    type Target: LedgerTarget + 'static;
    /// What publishing reads.
    type Log: Log + Send + 'static;

    /// Where requests enter a ledger.
    fn door(&self, ledger: u32) -> Self::Target;

    /// Where a source enters a ledger; it is bound to it the first time.
    fn leg(
        &self,
        ledger: u32,
        binding: Binding,
    ) -> impl Future<Output = Result<Self::Target, Failure>> + Send;

    /// A ledger's log.
    fn log(&self, ledger: u32) -> Self::Log;

    /// Whether another server has taken over which nobody has held against the wire yet.
    ///
    /// # Errors
    /// As every read.
    fn is_rewound(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// It was held against the wire, and fits: go on.
    ///
    /// # Errors
    /// As every write.
    fn adopt(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What a process does when there is nothing else to do.
pub trait Rest {
    /// Write accounts whose rows lag behind a ledger's log, if that is idle.
    ///
    /// # Errors
    /// As every write.
    fn write_accounts(&self, ledger: u32) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A store as the simulation sees it: where it lives, not who uses it.
pub trait Backend: Send + Sync + 'static {
    /// A process's handle.
    type Store: Store;

    /// The handle of a new process.
    fn open(&self) -> Self::Store;

    /// All processes that use it have died.
    fn crash(&self);

    /// What it holds, for the auditor.
    fn tell(&self, evidence: &mut Evidence);

    /// Where a leg's cursor stands, if there is such a leg.
    fn cursor(&self, source: &str) -> Option<Cursor>;

    /// A ledger's log.
    fn events(&self, ledger: u32) -> Vec<Arc<Event>>;
}
