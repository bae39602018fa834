//! Whole Semel installations under every fault, from one seed.

mod evidence;
mod world;

fn main() {}
