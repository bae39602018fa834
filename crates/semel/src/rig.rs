//! What `demo` and `bench` are played with: this same program as a child process, and a client that
//! only knows HTTP.

mod client;
mod server;

pub use client::{Answer, Client};
pub use server::Server;

use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;

/// The play cannot go on.
pub fn broken(detail: impl Into<String>) -> Failure {
    Stop::new(Code::Internal, detail).into()
}
