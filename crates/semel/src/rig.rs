//! What `demo` and `bench` are played with: this same program as a child process, and a client that
//! only knows HTTP.

mod client;
mod server;

pub use client::{Answer, Client};
pub use server::Server;

use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::path::Path;
use std::process::{Command, Stdio};

/// This program, to be run in `directory`, where it finds no configuration file. No `SEMEL_`
/// variable reaches it: one could name a store that real money is in.
///
/// # Errors
/// What the system says when it is asked where this program is.
pub fn command(directory: &Path) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"SEMEL_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// The play cannot go on.
pub fn broken(detail: impl Into<String>) -> Failure {
    Stop::new(Code::Internal, detail).into()
}
