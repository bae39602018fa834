//! Everything that a store keeps, for `verify`, by backend.

use semel_core::account::Account;
use semel_core::chain::Hash;
use semel_core::failure::Failure;
use semel_core::verify::{Named, Slot};
use semel_store::rows::{LedgerRow, LogRow, Read, Sources};
use semel_store::{postgres, sqlite};
use std::ops::RangeInclusive;

/// Everything that a store keeps, as it was at one moment.
pub enum Audit {
    /// Of a file.
    Sqlite(sqlite::Audit),
    /// Of a database.
    Postgres(postgres::Audit),
}

impl Audit {
    handed! {
        /// All ledgers, by number.
        fn ledgers() -> Result<Vec<Read<LedgerRow>>, Failure>;
        /// The anchors of a ledger, in order.
        fn anchors(ledger: u32) -> Result<Vec<Read<(u64, Hash)>>, Failure>;
        /// The log of a ledger, in order.
        fn log(ledger: u32, each: impl FnMut(LogRow)) -> Result<(), Failure>;
        /// The accounts of a ledger, by number.
        fn accounts(ledger: u32, each: impl FnMut(Read<Account>)) -> Result<(), Failure>;
        /// The index of a ledger's keys, by slot.
        fn index(ledger: u32, each: impl FnMut(Read<Slot>)) -> Result<(), Failure>;
        /// The index of a ledger's references.
        fn references(ledger: u32, each: impl FnMut(Read<(u64, u64)>)) -> Result<(), Failure>;
        /// What the database itself finds wrong.
        fn small_tables() -> Result<Vec<String>, Failure>;
        /// The key of an event.
        fn named(ledger: u32, seq: u64) -> Option<Named>;
        /// A span of the log, and what the index has for it.
        fn span(
            ledger: u32, seqs: RangeInclusive<u64>
        ) -> Result<(Vec<Slot>, Vec<Slot>), Failure>;
        /// All sources and what is kept of their dead letters.
        fn sources() -> Result<Sources, Failure>;
        /// Rows of no ledger.
        fn strays(ledgers: &[u32]) -> Result<Vec<String>, Failure>;
    }
}
