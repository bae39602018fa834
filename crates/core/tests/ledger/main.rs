//! The ledger's decisions, from outside: tables, properties, golden bytes and nonsense.
//!
//! Everything runs on a store of maps ([`store`]) that knows no rule about payments and makes each
//! snapshot from nothing but the effects before it. A table is a text, one command a line with the
//! expected outcome last ([`script`]).

#[path = "../block_on/mod.rs"]
mod block_on;
mod script;
mod store;
mod target;

mod accounts;
mod operations;
mod payments;

mod letters;

mod properties;
mod reference;
mod wishes;

mod total;
