//! `cargo xtask sim`: the simulator, built to be quick with every assertion on.
//!
//! What it takes and prints is its own affair; see `docs/simulation.md`.

use crate::shell::{self, Outcome, cargo};

/// Runs the simulator with `arguments`.
pub fn run(arguments: &[&str]) -> Outcome {
    let build = ["run", "--quiet", "--profile", "sim", "--package", "semel-sim", "--"];
    shell::run(cargo(&[&build, arguments].concat()))
}

/// What every change has to pass: the planted defects are caught, and some hundred runs are well.
pub fn check() -> Outcome {
    run(&["--defects", "--payments", "300"])?;
    run(&["--seeds", "500", "--payments", "2000"])
}
