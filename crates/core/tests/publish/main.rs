//! Events on the wire and topics taken from it, from outside: on a topic, a ledger and a clock that
//! live in memory ([`broker`], [`books`], [`clock`]).
//!
//! Nothing waits: where everybody sleeps, time moves to whoever wakes first. What a test asks in
//! the end is what a strict reader sees ([`reader`]), who knows the headers and nothing else.

#[path = "../block_on/mod.rs"]
mod block_on;
#[path = "../ledger/script.rs"]
mod script;
#[path = "../ledger/store.rs"]
mod store;

mod books;
mod broker;
mod reader;
mod time;
mod world;

mod filling;
mod forks;
mod legs;
mod losses;
mod messages;

mod intake;
mod topics;

mod doors;

mod mended;
