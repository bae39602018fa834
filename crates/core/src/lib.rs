//! Semel's core: the law of exactly-once effects, and the pure ledger that keeps it.
//!
//! `no_std`: no clock, file, socket, thread or randomly seeded map exists here, so the compiler
//! proves that every decision is a function of what it is given. Read [`exactly_once`] first.

#![no_std]

extern crate alloc;

pub mod chain;
pub mod exactly_once;
pub mod failure;
pub mod problem;
pub mod retry;
