//! Whole Semel installations under every fault, from one seed.

pub mod world;
