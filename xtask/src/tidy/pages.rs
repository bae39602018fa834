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

/// Files of one backend that the other has no need of, and why.
const ALONE: [(&str, &str); 20] = [
    ("crates/store/src/sqlite/key_memory.rs", "a server has its index in memory by itself"),
    ("crates/store/src/sqlite/key_memory/tests.rs", "they are of that"),
    ("crates/store/src/sqlite/lock.rs", "a file has one writer; a server's rows have locks"),
    ("crates/store/src/sqlite/open.rs", "a file is opened; of a server one asks a session"),
    ("crates/store/src/sqlite/reader/pool.rs", "sessions are lent by one pool, `session`"),
    ("crates/store/src/sqlite/writer.rs", "one thread has the file; a server has sessions"),
    ("crates/store/src/postgres/address.rs", "a file's address is its path"),
    ("crates/store/src/postgres/audit/log.rs", "a page at a time, for want of a long snapshot"),
    ("crates/store/src/postgres/audit/tables.rs", "SQLite looks into its tables itself"),
    ("crates/store/src/postgres/catch_up.rs", "a file's one writer has nobody to catch up with"),
    ("crates/store/src/postgres/insert.rs", "a file takes a row at a time"),
    ("crates/store/src/postgres/meter.rs", "a file counts nothing of what is written to it"),
    ("crates/store/src/postgres/migrate.rs", "several processes start at once"),
    ("crates/store/src/postgres/reader/accounts.rs", "a file's rows never lag behind the log"),
    ("crates/store/src/postgres/rewind.rs", "a file is not promoted, and has no timeline"),
    ("crates/store/src/postgres/rights.rs", "a file's are asked by opening it"),
    ("crates/store/src/postgres/scratch.rs", "what a file holds is thrown away with it"),
    ("crates/store/src/postgres/session.rs", "a file has connections, which `pool` lends"),
    ("crates/store/src/postgres/settings.rs", "a file's are set when it is opened"),
    ("crates/store/src/postgres/values.rs", "a file takes a row at a time"),
];

pub const RULES: &[Rule] = &[
    Rule {
        name: "error-pages",
        reason: "the `type` of a problem is a link to its page: a code without one strands its \
                 reader, a page without a code documents nothing",
        check: error_pages,
    },
    Rule {
        name: "twins",
        reason: "the backends are read side by side, so they have the same outline; a file that \
                 only one needs stands in xtask/src/tidy/pages.rs with its reason",
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
    let is_alone = |file: &File| ALONE.iter().any(|(path, _)| *path == file.path);
    let missing = |from, to| {
        let paired = within(from).filter(move |(_, file)| !is_alone(file));
        let lone = paired.filter(move |(name, _)| within(to).all(|(other, _)| other != *name));
        lone.map(move |(name, file)| Finding::new(file, 1, format!("there is no {to}{name}")))
    };
    missing(TWINS[0], TWINS[1]).chain(missing(TWINS[1], TWINS[0])).collect()
}
