//! Rules of pairs: what has to stand beside something else.
//!
//! Every problem code has a page in `docs/errors`, and every page a code; every backend has the
//! same files as its twin.

use super::source::{File, Tree, numbered};
use super::{Finding, Rule};
use std::collections::BTreeSet;

const PAGES: &str = "docs/errors/";
const PREFIX: &str = "SEMEL-";
const TWINS: [&str; 2] = ["crates/store/src/sqlite/", "crates/store/src/postgres/"];

pub const RULES: &[Rule] = &[
    Rule {
        name: "error-pages",
        reason: "the `type` of a problem is a link to its page: a code without one strands its \
                 reader, a page without a code documents nothing",
        check: error_pages,
    },
    Rule {
        name: "twins",
        reason: "the backends are read side by side, so they have the same outline",
        check: twins,
    },
];

fn error_pages(tree: &Tree) -> Vec<Finding> {
    let page = |code: &str| format!("{PAGES}{code}.md");
    let mut found = Vec::new();
    let (mut declared, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for file in tree.files.iter().filter(|file| !file.path.starts_with("xtask/")) {
        if !(file.is("rs") || file.is("md")) {
            continue;
        }
        for (number, code) in numbered(&file.text).flat_map(codes) {
            if tree.file(&page(&code)).is_none() && missing.insert(code.clone()) {
                found.push(Finding::new(file, number, format!("`{code}` has no page")));
            }
        }
        // A code is declared by a string of the program, not by a comment or a test.
        let program = numbered(&file.strings).filter(|&(number, _)| !file.is_test(number));
        declared.extend(program.flat_map(codes).map(|(_, code)| code));
    }
    for file in tree.files.iter().filter(|file| file.path.starts_with(PAGES)) {
        let name = file.path[PAGES.len()..].trim_end_matches(".md");
        if !name.starts_with(PREFIX) {
            continue;
        }
        if !declared.contains(name) {
            found.push(Finding::new(file, 1, format!("nothing answers with `{name}`")));
        }
        if !file.text.starts_with(&format!("# {name}")) {
            found.push(Finding::new(file, 1, format!("the page does not open with `# {name}`")));
        }
    }
    found
}

/// The codes in a line: the prefix and exactly four digits.
fn codes((number, line): (usize, &str)) -> Vec<(usize, String)> {
    let code = |after: &str| {
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        (digits == 4).then(|| (number, format!("{PREFIX}{}", &after[..4])))
    };
    line.split(PREFIX).skip(1).filter_map(code).collect()
}

fn twins(tree: &Tree) -> Vec<Finding> {
    let within = |folder: &'static str| {
        tree.rust().filter(move |file| file.path.starts_with(folder)).map(move |file| {
            let name: &str = &file.path[folder.len()..];
            (name, file)
        })
    };
    // One backend alone has no twin yet.
    if TWINS.iter().any(|folder| within(folder).next().is_none()) {
        return Vec::new();
    }
    let missing = |from, to| {
        within(from).filter(move |(name, _)| within(to).all(|(other, _)| other != *name)).map(
            move |(name, file): (&str, &File)| {
                Finding::new(file, 1, format!("there is no {to}{name}"))
            },
        )
    };
    missing(TWINS[0], TWINS[1]).chain(missing(TWINS[1], TWINS[0])).collect()
}
