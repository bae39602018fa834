//! `cargo xtask test`: the README's test command. It runs everything there is and skips nothing.
//!
//! The proof that the core needs no `std` comes first, because it is the quickest to fail, then the
//! simulator; cargo's own result lines come last. Before all of them come the servers that
//! tests need, because what is missing on a machine has to be said before minutes have passed.

use crate::servers::ForTests;
use crate::shell::{self, Outcome, cargo, has_cargo, root};
use crate::sim;
use std::fs;
use std::process::Command;

/// Runs every test.
pub fn run() -> Outcome {
    let servers = ForTests::find()?;
    let cargo = |arguments: &[&str]| -> Command {
        let mut command = cargo(arguments);
        servers.name_in(&mut command);
        command
    };
    prove_no_std(&[])?;
    prove_no_std(&["--features", "conformance"])?;
    sim::check()?;
    if has_cargo("nextest") {
        eprintln!("\nTests run under cargo-nextest, which is installed; doc tests under cargo.");
        shell::run(cargo(&["nextest", "run", "--workspace", "--no-tests", "pass"]))?;
        shell::run(cargo(&["test", "--workspace", "--doc"]))
    } else {
        eprintln!("\nTests run under `cargo test`; cargo-nextest, which is quicker, is not here.");
        shell::run(cargo(&["test", "--workspace"]))
    }
}

/// Builds a program that has no `std` around the core; see `crates/core/no_std`.
///
/// It starts from the workspace's lock file, so that the proof speaks of the same versions.
fn prove_no_std(features: &[&str]) -> Outcome {
    let program = root().join("crates/core/no_std");
    fs::copy(root().join("Cargo.lock"), program.join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock cannot be copied to crates/core/no_std: {error}"))?;
    let manifest = "crates/core/no_std/Cargo.toml";
    let build = ["build", "--manifest-path", manifest, "--target-dir", "target/no_std"];
    shell::run(cargo(&[&build, features].concat())).map_err(|failure| {
        format!("{failure}\nThe core, or something it depends on, links `std` (or does not build).")
    })
}
