//! Rules of wording: what neither code nor prose may say, and what to say instead.
//!
//! Each rule looks only where its word means what it forbids (code, comments or strings), so that a
//! false alarm never teaches people to write around the check. Inline code in prose is a quotation
//! and is not looked at.

use super::source::{File, Tree, find_word, numbered};
use super::{Finding, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "transaction",
        reason: "the word means a payment, a database's unit or a broker's unit; say which: \
                 payment, SQL transaction or Kafka transaction",
        check: |tree| tree.files.iter().filter(|file| !quotes(file)).flat_map(bare).collect(),
    },
    Rule {
        name: "glossary",
        reason: "one thing has one name; GLOSSARY.md says which, in its column `Never say`",
        check: glossary,
    },
    Rule {
        name: "unfinished",
        reason: "what is merged is finished; what is left for later belongs in the tracker",
        check: |tree| {
            let mut found = in_code(tree, |_, _| true, &["dbg!", "todo!", "unimplemented!"]);
            found.extend(in_prose(tree, &["TODO", "FIXME"]));
            found
        },
    },
    Rule {
        name: "ignored-test",
        reason: "a test that does not run proves nothing; mend it, or delete it and say why",
        check: |tree| in_code(tree, |_, _| true, &["#[ignore"]),
    },
    Rule {
        name: "sleep-in-tests",
        reason: "a test that waits for a time is slow on a quick machine and fails on a slow one; \
                 wait for the thing itself",
        check: |tree| {
            in_code(tree, File::is_test, &["thread::sleep", "time::sleep", "sleep(Duration"])
        },
    },
    Rule {
        name: "unwrap",
        reason: "outside tests a failure is a value; where it cannot happen, `expect` says why",
        check: |tree| in_code(tree, |file, line| !file.is_test(line), &[".unwrap()"]),
    },
    Rule {
        name: "core-maps",
        reason: "the order of a hashed map is random, and the core decides the same every time; \
                 use BTreeMap",
        check: |tree| in_code(tree, |file, _| file.path.starts_with(CORE), &["HashMap", "HashSet"]),
    },
    Rule {
        name: "clock",
        reason: "time is told, not asked: one file, `clock.rs`, reads the clock, so that every \
                 other can be tested at any time",
        check: clock,
    },
];

const CORE: &str = "crates/core/";

/// Words of libraries and of SQL's own grammar, which we do not choose.
const FOREIGN: [&str; 10] = [
    "Transaction",
    "TransactionBehavior",
    "TransactionState",
    "unchecked_transaction",
    "transaction_with_behavior",
    "init_transactions",
    "begin_transaction",
    "commit_transaction",
    "abort_transaction",
    "send_offsets_to_transaction",
];

/// The files of tidy name what they forbid.
fn quotes(file: &File) -> bool {
    file.path.starts_with("xtask/src/tidy/")
}

fn in_code(tree: &Tree, applies: fn(&File, usize) -> bool, needles: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.rust() {
        for (number, line) in numbered(&file.code) {
            for needle in needles.iter().filter(|needle| find_word(line, needle).is_some()) {
                if applies(file, number) {
                    found.push(Finding::new(file, number, format!("`{needle}`")));
                }
            }
        }
    }
    found
}

fn in_prose(tree: &Tree, needles: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| !quotes(file)) {
        for (number, line) in numbered(&file.prose) {
            let line = without_inline_code(line);
            let named = needles.iter().filter(|needle| find_word(&line, needle).is_some());
            found.extend(named.map(|needle| Finding::new(file, number, format!("`{needle}`"))));
        }
    }
    found
}

fn clock(tree: &Tree) -> Vec<Finding> {
    let is_clock = |file: &File| file.path.ends_with("/clock.rs");
    let mut found = in_code(
        tree,
        |file, _| !file.path.ends_with("/clock.rs"),
        &["SystemTime::now", "Timestamp::now", "Zoned::now", "Utc::now"],
    );
    let second = tree.rust().filter(|file| is_clock(file)).skip(1);
    found.extend(second.map(|file| Finding::new(file, 1, "a second `clock.rs`")));
    found
}

/// Each place of `file` that says the word without saying of what.
fn bare(file: &File) -> Vec<Finding> {
    let what = "the bare word `transaction`";
    let mut found = bare_in_text(file, &file.prose, what);
    found.extend(bare_in_text(file, &file.strings, what));
    for (number, line) in numbered(&file.code) {
        for name in identifiers(line) {
            let is_method = line.contains(&format!(".{name}("));
            let is_foreign = FOREIGN.contains(&name) || name == "transaction" && is_method;
            if !is_foreign && !is_qualified(name) {
                found.push(Finding::new(file, number, format!("the name `{name}`")));
            }
        }
    }
    found
}

fn bare_in_text(file: &File, text: &str, what: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    // The word before it may stand at the end of the line before.
    let mut before = String::new();
    for (number, line) in numbered(text) {
        let line = without_inline_code(line);
        let ends = |c: char| !(c.is_alphanumeric() || c == '_');
        let mut parts = line.split_inclusive(ends).peekable();
        while let Some(part) = parts.next() {
            let word = part.trim_end_matches(ends);
            // As in `transaction.timeout.ms`, a setting of Kafka's, whose name we do not choose.
            let is_setting = part.ends_with('.')
                && parts.peek().is_some_and(|next| next.starts_with(char::is_lowercase));
            // In capitals it is SQL's own keyword.
            let is_word = ["transaction", "transactions"].contains(&word.to_lowercase().as_str());
            let is_keyword = word == "TRANSACTION" && !file.is("md");
            if is_word && !is_keyword && !is_setting && !["SQL", "Kafka"].contains(&before.as_str())
            {
                found.push(Finding::new(file, number, what));
            }
            if !word.is_empty() {
                before = word.into();
            }
        }
    }
    found
}

/// Whether every `transaction` in a name is one of SQL's or of Kafka's.
fn is_qualified(name: &str) -> bool {
    let words = split_identifier(name);
    words.iter().enumerate().filter(|(_, word)| word.starts_with("transaction")).all(
        |(at, word)| {
            let is_word = ["transaction", "transactions"].contains(&word.as_str());
            !is_word || at > 0 && ["sql", "kafka"].contains(&words[at - 1].as_str())
        },
    )
}

/// Looks for the words in inline code of the glossary's column `Never say`.
fn glossary(tree: &Tree) -> Vec<Finding> {
    let Some(glossary) = tree.file("GLOSSARY.md") else {
        let what = "there is no glossary".into();
        return vec![Finding { path: "GLOSSARY.md".into(), line: 1, what }];
    };
    let never = never_say(&glossary.text);
    if never.is_empty() {
        return vec![Finding::new(
            glossary,
            1,
            "no table has a column `Never say` with words in it",
        )];
    }
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.path != glossary.path && !quotes(file)) {
        for view in [&file.prose, &file.strings, &file.code] {
            for (number, line) in numbered(view) {
                let said = words_of(&without_inline_code(line));
                let named = never.iter().filter(|(wrong, _)| said.contains(&format!(" {wrong} ")));
                found.extend(named.map(|(wrong, right)| {
                    Finding::new(file, number, format!("`{wrong}`; say {right}"))
                }));
            }
        }
    }
    found
}

/// Pairs of a word never to say and the row's word, lower case, plurals with them.
fn never_say(markdown: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut column = None;
    for line in markdown.lines() {
        let Some(row) = line.trim().strip_prefix('|') else {
            column = None;
            continue;
        };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        column = column.or_else(|| cells.iter().position(|&cell| cell == "Never say"));
        let Some(never) = column.and_then(|column| cells.get(column)) else { continue };
        let right = cells[0].replace(['*', '`'], "");
        for wrong in never.split('`').skip(1).step_by(2).map(str::to_lowercase) {
            pairs.push((format!("{wrong}s"), right.clone()));
            pairs.push((wrong, right.clone()));
        }
    }
    pairs
}

/// The line's words in lower case, identifiers taken apart, with a space before and after each.
fn words_of(line: &str) -> String {
    let words: Vec<String> = identifiers(line).flat_map(split_identifier).collect();
    format!(" {} ", words.join(" "))
}

fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// `begin_step` and `BeginStep` are both `begin`, `step`.
fn split_identifier(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || c.is_uppercase() && was_lower {
            words.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
        words
            .last_mut()
            .expect("it begins with one")
            .extend(c.to_lowercase().filter(|&c| c != '_'));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Blanks what stands between back quotes.
fn without_inline_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { " ` " }).collect()
}
