//! The HTTP door from outside: every row of the contract's status table and every rule of its first
//! section, over real connections to a server in this process with a store of its own.

mod described;
mod faulty;
mod harness;

mod access;
mod accounts;
mod batch;
mod coverage;
mod doors;
mod events;
mod letters;
mod limits;
mod lists;
mod pages;
mod payments;
mod refunds;
mod refusals;
