//! Semel's ledgers in SQL. One folder a database, each with the same outline.
//!
//! A store keeps what the core decides and decides nothing: it locks the ledger's row, looks up
//! what a step's keys name, and writes a closed list of effects together with the cursor.
//! Deliberately absent: any rule about payments, and any knowledge of HTTP.

pub mod clock;
mod decode;
mod effects;
mod entries;
pub mod places;
pub mod resident;
pub mod rows;
mod sources;

pub mod postgres;
pub mod sqlite;
