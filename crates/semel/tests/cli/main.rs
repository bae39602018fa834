//! The command line from outside: the built program, its exit codes, its two outputs, its files.

mod crash;
mod doctor;
mod harness;
mod imports;
mod letters;
mod reasons;
mod refusals;
mod server;
mod serving;
