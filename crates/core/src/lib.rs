//! Semel's core: the law of exactly-once effects, and the pure ledger that keeps it.
//!
//! `no_std`: no clock, file, socket, thread or randomly seeded map exists here, so the compiler
//! proves that every decision is a function of what it is given.
//!
//! Reading order: [`exactly_once`] (the law), [`ledger`] (the decisions), [`event`] (what they
//! leave behind), [`render`] (what the outside sees of it).

#![no_std]

extern crate alloc;

pub mod exactly_once;
pub mod failure;
pub mod retry;

pub mod account;
pub mod ledger;
pub mod money;
pub mod movement;
pub mod payment;

pub mod chain;
pub mod event;
pub mod id;
pub mod render;

pub mod leg;
pub mod publish;
pub mod wire;

pub mod card;
pub mod dead_letter;
pub mod ingest;
pub mod json;
pub mod limits;
pub mod mapping;
pub mod reason;

pub mod verify;

pub mod problem;

/// Text that is shared, not copied: ids, keys, descriptions.
pub type Text = alloc::sync::Arc<str>;
