//! What `demo` and `bench` are played with: this same program as a child process, and a client that
//! only knows HTTP.

mod client;
pub mod kafka;
mod server;

pub use client::{Answer, Client};
pub use server::Server;

use crate::place::Place;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// This program, to be run in `directory`, where it finds no configuration file, on the store at
/// `place`. That stands in the environment, because it may hold a password and everybody sees a
/// command line. No other setting reaches it: one could name a store that real money is in.
///
/// # Errors
/// What the system says when it is asked where this program is.
pub fn command(directory: &Path, place: &Place) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"SEMEL_") {
            command.env_remove(name);
        }
    }
    command.env_remove("DATABASE_URL").env_remove("KAFKA_BOOTSTRAP_SERVERS");
    command.env("SEMEL_STORE", place.written());
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// A child that does not outlive this value.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// The play cannot go on.
pub fn broken(detail: impl Into<String>) -> Failure {
    Stop::new(Code::Internal, detail).into()
}
