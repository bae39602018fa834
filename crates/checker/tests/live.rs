//! The checker against a real broker: what it takes, what it leaves out, and what it says when the
//! broker is away.
//!
//! `SEMEL_TEST_KAFKA` names the broker. Without one the tests say that they were skipped; where
//! `CI` is set they fail instead.

mod live {
    pub mod broker;
    pub mod command;
    pub mod follow;
}
