//! An independent reader: what the published topic tells, against what the database holds and what
//! clients were told.
//!
//! It is written from the contract alone and shares no code with the product, its clients of Kafka
//! included, so that a mistake there is not repeated here. [`follow()`] reads the topic by the
//! strict reader's rule ([`links`]).
//! Deliberately absent: any knowledge of how the product works, and any cure.

pub mod findings;
mod follow;
pub mod links;
mod murmur2;
pub mod record;
#[cfg(test)]
mod testing;

pub use follow::{Away, Followed, Options, Until, follow};
