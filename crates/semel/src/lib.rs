//! The binary's inside, as a library so that its tests can drive it in their own process.

pub mod verify;
pub mod wiring;
