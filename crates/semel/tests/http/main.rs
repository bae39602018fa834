//! The HTTP door from outside: every row of the contract's status table and every rule of its first
//! section, over real connections to a server in this process with a store of its own.

mod described;
mod harness;
mod payments;
