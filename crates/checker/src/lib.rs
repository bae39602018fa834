//! An independent reader: what the published topic tells, against what the database holds and what
//! clients were told.
//!
//! It is written from the contract alone and shares no code with the product, its client of Kafka
//! included, so that a mistake there is not repeated here. [`follow()`] reads the topic by the
//! strict reader's rule ([`links`]), [`check()`] compares; [`judge`] is the comparison without any
//! reading.
//! Deliberately absent: any knowledge of how the product works, and any cure.

mod balances;
mod clients;
mod compare;
pub mod database;
pub mod findings;
mod follow;
mod ids;
mod kind;
pub mod links;
mod message;
mod murmur2;
pub mod record;
mod report;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod wire;

pub use clients::Answer;
pub use follow::{Away, Followed, Options, Until, follow};
pub use message::Key;
pub use report::{Check, Held, OfLedger, Report, check, judge};
