//! Rules of size, and the line that every file of Rust opens with.

use super::source::{File, Tree, body, declarations, line_of, numbered};
use super::{Finding, Rule};

const FILE_AIM: usize = 300;
const FILE_MAX: usize = 500;
const FUNCTION_MAX: usize = 70;
const TRAIT_MAX: usize = 5;
const COLUMNS_MAX: usize = 100;

/// What must be readable in one sitting.
const BUDGETS: [(&str, usize); 2] =
    [("crates/core/src/exactly_once.rs", 250), ("crates/core/src/exactly_once/pump.rs", 80)];

pub const RULES: &[Rule] = &[
    Rule {
        name: "head",
        reason: "a reader learns from the first line what a file is, which law it keeps and what \
                 is deliberately absent",
        check: |tree| each(tree.rust(), head),
    },
    Rule {
        name: "file-length",
        reason: "a file past that holds more than one idea; give the second one its own name",
        check: |tree| each(tree.rust(), file_length),
    },
    Rule {
        name: "function-length",
        reason: "what does not fit on a screen is not seen at once; split it where a sentence ends",
        check: |tree| each(tree.rust(), function_length),
    },
    Rule {
        name: "trait-methods",
        reason: "every backend has to write each of them; a wide trait is two traits",
        check: |tree| each(tree.rust(), trait_methods),
    },
    Rule {
        name: "columns",
        reason: "two files have to fit side by side on one screen",
        check: |tree| each(tree.files.iter(), columns),
    },
    Rule {
        name: "law-length",
        reason: "the whole guarantee rests on these files and has to be read in one sitting",
        check: |tree| BUDGETS.iter().filter_map(|budget| law_length(tree, budget)).collect(),
    },
];

/// What is worth a look and breaks no rule.
pub fn notes(tree: &Tree) -> Vec<String> {
    let long = |file: &File| {
        let lines = file.text.lines().count();
        let told = (FILE_AIM + 1..=FILE_MAX).contains(&lines);
        told.then(|| format!("{}: {lines} lines; files aim at {FILE_AIM}", file.path))
    };
    let missing = |(path, _): &(&str, usize)| {
        tree.file(path).is_none().then(|| format!("{path}: not there, so its length is not held"))
    };
    tree.rust().filter_map(long).chain(BUDGETS.iter().filter_map(missing)).collect()
}

fn each<'a>(
    files: impl Iterator<Item = &'a File>,
    check: impl Fn(&File) -> Vec<Finding>,
) -> Vec<Finding> {
    files.flat_map(check).collect()
}

fn head(file: &File) -> Vec<Finding> {
    let first = file.text.lines().next().unwrap_or_default();
    let says_something = first.strip_prefix("//! ").is_some_and(|rest| !rest.trim().is_empty());
    if says_something {
        return Vec::new();
    }
    vec![Finding::new(file, 1, "the first line is not `//!` with what the file is")]
}

fn file_length(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().count();
    if lines <= FILE_MAX {
        return Vec::new();
    }
    vec![Finding::new(file, lines, format!("{lines} lines, more than {FILE_MAX}"))]
}

fn function_length(file: &File) -> Vec<Finding> {
    let too_long = |start| {
        let first = line_of(&file.code, start);
        let lines = line_of(&file.code, body(&file.code, start)?.end) + 1 - first;
        let what = format!("a function of {lines} lines, more than {FUNCTION_MAX}");
        (lines > FUNCTION_MAX).then(|| Finding::new(file, first, what))
    };
    declarations(&file.code, "fn").filter_map(too_long).collect()
}

fn trait_methods(file: &File) -> Vec<Finding> {
    let too_wide = |start| {
        let body = &file.code[body(&file.code, start)?];
        // A function inside a default method is no method of the trait.
        let depth = |at: usize| body[..at].matches('{').count() - body[..at].matches('}').count();
        let methods = declarations(body, "fn").filter(|&at| depth(at) == 1).count();
        let what = format!("a trait of {methods} methods, more than {TRAIT_MAX}");
        (methods > TRAIT_MAX).then(|| Finding::new(file, line_of(&file.code, start), what))
    };
    declarations(&file.code, "trait").filter_map(too_wide).collect()
}

/// Prose wraps itself, an address cannot be wrapped, and a lock file is cargo's.
fn columns(file: &File) -> Vec<Finding> {
    if !["rs", "sql", "toml", "sh"].iter().any(|extension| file.is(extension)) {
        return Vec::new();
    }
    let too_long = |(number, line): (usize, &str)| {
        let columns = line.chars().count();
        let what = format!("{columns} columns, more than {COLUMNS_MAX}");
        (columns > COLUMNS_MAX && !line.contains("://")).then(|| Finding::new(file, number, what))
    };
    numbered(&file.text).filter_map(too_long).collect()
}

fn law_length(tree: &Tree, &(path, most): &(&str, usize)) -> Option<Finding> {
    let file = tree.file(path)?;
    let lines = file.text.lines().count();
    (lines > most).then(|| Finding::new(file, lines, format!("{lines} lines, more than {most}")))
}
