//! Exactly-once effects.
#![no_std]

extern crate alloc;

pub mod account;
pub mod card;
pub mod json;
pub mod limits;
pub mod mapping;
pub mod money;
pub mod reason;
