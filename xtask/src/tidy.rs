//! `cargo xtask tidy`: the rules of `STYLE.md` that a program can check, each with its reason.
//!
//! A rule has a name, a reason and a check over the tree; `tidy/tests.rs` shows each of them to
//! fire on a planted violation and to be silent on clean text. There is no way to silence a rule in
//! one place: a rule that is wrong gets changed here.
//!
//! Deliberately absent: documentation of public items (rustc's `missing_docs`; the rule `lints`
//! sees that every crate has it on) and formatting (`cargo fmt`).

mod layers;
mod pages;
mod places;
mod sizes;
mod source;
#[cfg(test)]
mod tests;
mod words;

use crate::shell::{Outcome, root};
use source::{File, Tree};
use std::process::Command;

/// One rule of the house.
pub struct Rule {
    pub name: &'static str,
    /// Why the rule is there; completes the sentence "because …".
    pub reason: &'static str,
    pub check: fn(&Tree) -> Vec<Finding>,
}

/// One place where a rule is broken.
pub struct Finding {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

impl Finding {
    pub fn new(file: &File, line: usize, what: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line, what: what.into() }
    }
}

/// Checks the repository; fails when any rule finds anything.
pub fn run() -> Outcome {
    eprintln!("\ntidy");
    let tree = read_tree()?;
    sizes::notes(&tree).iter().for_each(|note| eprintln!("note: {note}"));
    let mut broken = 0;
    for rule in rules() {
        for finding in (rule.check)(&tree) {
            eprintln!("{}", message(rule, &finding));
            broken += 1;
        }
    }
    match broken {
        0 => {
            eprintln!("{} files keep {} rules", tree.files.len(), rules().count());
            Ok(())
        }
        1 => Err("one place breaks a rule".into()),
        _ => Err(format!("{broken} places break a rule")),
    }
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    [sizes::RULES, words::RULES, layers::RULES, pages::RULES, places::RULES].into_iter().flatten()
}

fn message(rule: &Rule, finding: &Finding) -> String {
    let Finding { path, line, what } = finding;
    format!("{path}:{line}: {}: {what}\n    because {}", rule.name, rule.reason)
}

/// What git tracks, and what it would track if it were added.
fn read_tree() -> Result<Tree, String> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("`git ls-files` did not start: {error}"))?;
    if !listing.status.success() {
        return Err("`git ls-files` failed: tidy needs a git checkout".into());
    }
    let listing = String::from_utf8_lossy(&listing.stdout);
    let mut paths: Vec<&str> = listing.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A file may be deleted but still tracked, or hold no text: neither is read.
    let read = |path| Some(File::new(path, std::fs::read_to_string(root().join(path)).ok()?));
    Ok(Tree { files: paths.into_iter().filter_map(read).collect() })
}
