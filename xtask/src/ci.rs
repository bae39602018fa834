//! `cargo xtask ci`: everything a change has to pass, the quickest checks first.
//!
//! It stops at the first failure. Warnings are errors here and nowhere else, so that nobody has to
//! fight them in the middle of a change.

use crate::shell::{self, Outcome, cargo, has_cargo};
use crate::{test, tidy};

/// Runs all checks.
pub fn run() -> Outcome {
    let no_std = "crates/core/no_std/Cargo.toml";
    shell::run(cargo(&["fmt", "--all", "--check"]))?;
    shell::run(cargo(&["fmt", "--check", "--manifest-path", no_std]))?;
    tidy::run()?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
    shell::run(cargo(&[&clippy[..], &["--", "--deny", "warnings"]].concat()))?;
    test::run()?;
    document()?;
    deny()
}

/// Builds the documentation; a broken link is an error.
fn document() -> Outcome {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    shell::run(doc)
}

/// Licences, sources and advisories, by `deny.toml`.
fn deny() -> Outcome {
    if has_cargo("deny") {
        return shell::run(cargo(&["deny", "check"]));
    }
    eprintln!(
        "\nNOT CHECKED: licences and advisories, because cargo-deny is not installed \
         (`cargo install cargo-deny --locked`)."
    );
    Ok(())
}
