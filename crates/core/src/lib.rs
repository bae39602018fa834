//! Exactly-once effects.
#![no_std]
