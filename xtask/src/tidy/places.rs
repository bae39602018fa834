//! Rules of place: nothing here depends on the machine or the network it was written on.

use super::source::{File, numbered};
use super::{Finding, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "machine-paths",
        reason: "what works in one person's directory has to work in everybody's",
        check: |tree| tree.files.iter().filter(|file| is_ours(file)).flat_map(paths).collect(),
    },
    Rule {
        name: "registry-hosts",
        reason: "where packages come from is each machine's own setting; a mirror has to do",
        check: |tree| tree.files.iter().filter(|file| is_ours(file)).flat_map(hosts).collect(),
    },
];

const ROOTS: [&str; 4] = ["/home/", "/root/", "/work/", "/Users/"];

/// In pieces, because this file keeps its own rule.
const HOSTS: [(&str, &str); 6] = [
    ("crates", "io"),
    ("pypi", "org"),
    ("npmjs", "org"),
    ("docker", "io"),
    ("ghcr", "io"),
    ("golang", "org"),
];

/// Cargo writes lock files; the tests of tidy plant what it forbids.
fn is_ours(file: &File) -> bool {
    !file.path.ends_with("Cargo.lock") && !file.path.starts_with("xtask/src/tidy/")
}

fn paths(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in numbered(&file.text) {
        for root in ROOTS {
            // Behind a letter it is a part of an address or of a relative path.
            let begins = |at: usize| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && !"_-.~}*".contains(c))
            };
            if line.match_indices(root).any(|(at, _)| begins(at)) {
                found.push(Finding::new(file, number, format!("a path below `{root}`")));
            }
        }
    }
    found
}

fn hosts(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in numbered(&file.text) {
        for (name, top) in HOSTS {
            let host = format!("{name}.{top}");
            if super::source::find_word(line, &host).is_some() {
                found.push(Finding::new(file, number, format!("the host `{host}`")));
            }
        }
    }
    found
}
