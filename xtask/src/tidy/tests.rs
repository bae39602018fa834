//! Every rule fires on a planted violation and is silent on clean text; no rule goes untested.

use super::source::{File, Tree};
use super::{message, rules};
use std::collections::BTreeSet;

/// A rule, a tree that breaks it, and the nearest tree that does not.
struct Case {
    rule: &'static str,
    broken: Tree,
    clean: Tree,
}

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree { files: files.iter().map(|&(path, text)| File::new(path, text)).collect() }
}

fn case(rule: &'static str, broken: (&str, &str), clean: (&str, &str)) -> Case {
    Case { rule, broken: tree(&[broken]), clean: tree(&[clean]) }
}

/// Both texts in one file of the core.
fn code(rule: &'static str, broken: &str, clean: &str) -> Case {
    case(rule, ("crates/core/src/a.rs", broken), ("crates/core/src/a.rs", clean))
}

#[test]
fn every_rule_fires_on_a_planted_violation_and_on_nothing_else() {
    let cases: Vec<Case> =
        [sizes(), lengths_of_items(), words(), transactions(), layers(), pairs(), places()]
            .into_iter()
            .flatten()
            .collect();
    for Case { rule: name, broken, clean } in &cases {
        let rule = rules().find(|rule| rule.name == *name).expect("the rule exists");
        let text = |tree: &Tree| tree.files.last().map(|file| file.text.clone());
        assert!(!(rule.check)(broken).is_empty(), "{name} is silent on {:?}", text(broken));
        let alarms =
            (rule.check)(clean).iter().map(|finding| message(rule, finding)).collect::<Vec<_>>();
        assert!(alarms.is_empty(), "false alarm on {:?}: {alarms:?}", text(clean));
    }
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.rule).collect();
    let known: BTreeSet<&str> = rules().map(|rule| rule.name).collect();
    assert_eq!(tested, known, "each rule has a planted violation");
}

#[test]
fn a_message_names_place_rule_and_reason() {
    let tree = tree(&[("crates/core/src/a.rs", "//! A.\n\nuse std::collections::HashMap;\n")]);
    let rule = rules().find(|rule| rule.name == "core-maps").expect("the rule exists");
    let [finding] = &(rule.check)(&tree)[..] else { panic!("one finding") };
    let message = message(rule, finding);
    assert!(message.starts_with("crates/core/src/a.rs:3: core-maps: `HashMap`\n    because the "));
}

#[test]
fn code_prose_and_strings_are_told_apart() {
    let table = [
        // text                          code            prose        strings
        ("a // b", "a", "// b", ""),
        ("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */", ""),
        ("a \"b // c\" d", "a d", "", "\"b // c\""),
        ("a \"b \\\" c\" d", "a d", "", "\"b \\\" c\""),
        ("r#\"a \" { b\"# c", "c", "", "r#\"a \" { b\"#"),
        ("br\"a\\\" b", "b", "", "br\"a\\\""),
        ("r#type a", "r#type a", "", ""),
        ("'{' a", "a", "", "'{'"),
        ("'\\'' a '\"' b", "a b", "", "'\\'' '\"'"),
        ("fn a<'a>(b: &'a u8) {}", "fn a<'a>(b: &'a u8) {}", "", ""),
        ("'ä' \"ö\" a", "a", "", "'ä' \"ö\""),
    ];
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (text, code, prose, strings) in table {
        let file = File::new("a.rs", text);
        let views = [&file.code, &file.prose, &file.strings];
        assert_eq!(views.map(|view| words(view)), [code, prose, strings], "{text}");
        assert!(views.iter().all(|view| view.len() == text.len()), "{text}");
    }
}

#[test]
fn style_names_every_rule() {
    let style = include_str!("../../../STYLE.md");
    for rule in rules() {
        assert!(style.contains(&format!("tidy `{}`", rule.name)), "STYLE.md: {}", rule.name);
    }
}

fn sizes() -> Vec<Case> {
    let lines = |count: usize| "//! A.\n".repeat(count);
    let law = "crates/core/src/exactly_once.rs";
    let pump = "crates/core/src/exactly_once/pump.rs";
    let wide = |columns: usize| format!("// {}", "x".repeat(columns - 3));
    vec![
        code("head", "use core::fmt;\n", "//! What it is.\nuse core::fmt;\n"),
        code("head", "//!\n//! Too late.\n", "//! What it is.\n"),
        code("head", "", "//! What it is."),
        code("file-length", &lines(501), &lines(500)),
        case("law-length", (law, &lines(251)), (law, &lines(250))),
        case("law-length", (pump, &lines(81)), (pump, &lines(80))),
        code("columns", &wide(101), &wide(100)),
        code("columns", &wide(101), &format!("// https://{}", "x".repeat(100))),
        case("columns", ("schema/1.sql", &wide(101)), ("README.md", &wide(101))),
    ]
}

fn lengths_of_items() -> Vec<Case> {
    let function = |head: &str, lines: usize| format!("{head} {{\n{}}}\n", "a();\n".repeat(lines));
    let methods = |count: usize| format!("pub trait T {{\n{}}}\n", "fn a(&self);\n".repeat(count));
    let nested = format!("trait T {{ fn a() {{ {} }} }}", "fn b() {} ".repeat(9));
    vec![
        code("function-length", &function("fn a()", 69), &function("fn a()", 68)),
        code("function-length", &function("fn a(b: [u8; 4])", 69), &function("mod a", 99)),
        code("function-length", &function("fn a(b: char)\nwhere T: B", 68), "fn a(b: u8);\n"),
        // A brace in a string or a character does not end a function.
        code(
            "function-length",
            &format!("{}}}", function("fn a() { f('}', \"}\", r#\"}\"#); // }\n if b", 68)),
            &function("type A = fn(u8); struct B", 99),
        ),
        code("trait-methods", &methods(6), &methods(5)),
        code("trait-methods", &methods(6), &nested),
    ]
}

fn words() -> Vec<Case> {
    let glossary = "| Word | Is | Never say |\n|---|---|---|\n| **claim** | a right | `lease` |\n";
    let said = |text: &str| tree(&[("GLOSSARY.md", glossary), ("crates/core/src/a.rs", text)]);
    let says = |broken: &str, clean: &str| Case {
        rule: "glossary",
        broken: said(broken),
        clean: said(clean),
    };
    let test = |line: &str| format!("#[cfg(test)]\nmod tests {{\n{line}\n}}\n");
    vec![
        says("// A lease ends.", "// A release ends; a claim does not."),
        says("struct LeaseName;", "struct ReleaseName;"),
        says("let all_leases = 1;", "let please = 1;"),
        says("print(\"the lease is over\");", "// Not a `lease`."),
        Case { rule: "glossary", broken: tree(&[]), clean: said("") },
        case("glossary", ("GLOSSARY.md", "| Word | Is |\n"), ("GLOSSARY.md", glossary)),
        code("unfinished", "fn a() { todo!() }", "fn a() { f(\"todo!\") } // todo!"),
        code("unfinished", "dbg!(a);", "my_dbg!(a);"),
        code("unfinished", "unimplemented!()", "implemented()"),
        code("unfinished", "// TODO: more", "// METODO"),
        case("unfinished", ("README.md", "FIXME later"), ("README.md", "never write `FIXME`")),
        code("ignored-test", "#[ignore = \"slow\"]", "// #[ignore]"),
        code("sleep-in-tests", &test("thread::sleep(a)"), "thread::sleep(a)"),
        case(
            "sleep-in-tests",
            ("crates/semel/tests/a.rs", "tokio::time::sleep(a)"),
            ("crates/semel/tests/a.rs", "let asleep = time::asleep(a)"),
        ),
        code("unwrap", "a.unwrap()", &test("a.unwrap()")),
        code("unwrap", "a.unwrap()", "a.unwrap_or(b); // a.unwrap()"),
        code("unwrap", &format!("{}a.unwrap()", test("")), "a.expect(\"why\")"),
        code("core-maps", "HashSet::new()", "BTreeMap::new() // no HashMap"),
        case(
            "core-maps",
            ("crates/core/src/a.rs", "HashMap::new()"),
            ("crates/store/src/a.rs", "HashMap::new()"),
        ),
        code("clock", "SystemTime::now()", "Instant::now()"),
        case(
            "clock",
            ("crates/store/src/a.rs", "Timestamp::now()"),
            ("crates/store/src/clock.rs", "Timestamp::now()"),
        ),
        Case {
            rule: "clock",
            broken: tree(&[("crates/store/src/clock.rs", ""), ("crates/semel/src/clock.rs", "")]),
            clean: tree(&[("crates/store/src/clock.rs", "")]),
        },
    ]
}

fn transactions() -> Vec<Case> {
    let rule = "transaction";
    vec![
        code(rule, "// a transaction ends", "// an SQL transaction ends"),
        code(rule, "/// Transactions", "/// of one SQL\n/// transaction, or Kafka transactions"),
        code(rule, "f(\"the transaction\")", "f(\"BEGIN TRANSACTION\")"),
        code(rule, "f(\"a transaction. One\")", "f(\"transaction.timeout.ms\")"),
        code(rule, "let transaction = a;", "let sql_transaction = a.transaction()?;"),
        code(
            rule,
            "struct PaymentTransaction;",
            "use rusqlite::{Transaction, TransactionBehavior};",
        ),
        code(rule, "fn post_transactions() {}", "// see `Transaction`; it is transactional"),
        case(rule, ("README.md", "no transaction"), ("README.md", "a Kafka transaction")),
        case(rule, ("a.sql", "-- one transaction"), ("a.sql", "BEGIN TRANSACTION;")),
    ]
}

fn layers() -> Vec<Case> {
    let core = "crates/core/Cargo.toml";
    let store = "crates/store/Cargo.toml";
    let semel = "crates/semel/src/http.rs";
    let lints = "[lints]\nworkspace = true\n";
    vec![
        case(
            "layers",
            (core, "[dependencies]\nsemel-store.workspace = true"),
            (core, "name = \"semel-core\"\n[dev-dependencies]\nsemel-core = { path = \".\" }"),
        ),
        case(
            "layers",
            (store, "[dependencies.semel]\npath = \"../semel\""),
            (store, "[dependencies]\nsemel-core = { workspace = true }"),
        ),
        case(
            "layers",
            (core, "[dev-dependencies]\na = { path = \"../store\", package = \"semel-store\" }"),
            (core, "[dependencies]\n# semel-store = 1\nserde.workspace = true"),
        ),
        // The servers are for tests alone, and not for everybody's.
        case(
            "layers",
            (store, "[dependencies]\nsemel-servers.workspace = true"),
            (store, "[dev-dependencies]\nsemel-servers.workspace = true"),
        ),
        case(
            "layers",
            ("crates/sim/Cargo.toml", "[dev-dependencies.semel-servers]\nworkspace = true"),
            (store, "[dev-dependencies.semel-servers]\nworkspace = true"),
        ),
        case(
            "layers",
            ("crates/servers/Cargo.toml", "[dev-dependencies]\nsemel-core.workspace = true"),
            ("xtask/Cargo.toml", "[dependencies]\nsemel-servers.workspace = true"),
        ),
        case("layers", ("crates/new/Cargo.toml", ""), ("crates/core/no_std/Cargo.toml", "")),
        case(
            "wiring",
            (semel, "use semel_store::sqlite::Store;"),
            ("crates/semel/src/wiring.rs", "use semel_store::sqlite::Store;"),
        ),
        case("wiring", (semel, "let a = SqliteStore::open();"), (semel, "// SqliteStore")),
        case(
            "wiring",
            (semel, "rusqlite::Connection::open(a)"),
            ("crates/semel/tests/a.rs", "rusqlite::Connection::open(a)"),
        ),
        case("lints", (core, "[package]\n"), (core, lints)),
        case(
            "lints",
            ("Cargo.toml", ""),
            ("Cargo.toml", "[workspace.lints.rust]\nmissing_docs = 1"),
        ),
        code("lints", "#![expect(missing_docs)]", "// #![expect(missing_docs)]"),
        code("lints", "#[allow(dead_code)]", "#[expect(dead_code, reason = \"why\")]"),
    ]
}

fn pairs() -> Vec<Case> {
    let page = ("docs/errors/SEMEL-0001.md", "# SEMEL-0001: what\n");
    let problem = ("crates/core/src/problem.rs", "const A: &str = \"SEMEL-0001\";\n");
    let pages = |broken: &[(&str, &str)]| Case {
        rule: "error-pages",
        broken: tree(broken),
        clean: tree(&[page, problem]),
    };
    let sqlite = ("crates/store/src/sqlite/leg.rs", "");
    let postgres = ("crates/store/src/postgres/leg.rs", "");
    let schema = ("crates/store/src/postgres/schema.rs", "");
    let lock = ("crates/store/src/sqlite/lock.rs", "");
    let twin_of_lock = ("crates/store/src/postgres/lock.rs", "");
    vec![
        pages(&[problem]),
        pages(&[page]),
        pages(&[page, ("crates/core/src/a.rs", "// SEMEL-0001\n")]),
        pages(&[page, ("crates/core/tests/a.rs", "f(\"SEMEL-0001\")\n")]),
        pages(&[page, problem, ("README.md", "see SEMEL-0002\n")]),
        pages(&[problem, (page.0, "# Something else\n")]),
        Case {
            rule: "twins",
            broken: tree(&[sqlite, postgres, schema]),
            clean: tree(&[sqlite, postgres]),
        },
        Case { rule: "twins", broken: tree(&[sqlite, schema]), clean: tree(&[sqlite]) },
        Case {
            rule: "twins",
            broken: tree(&[sqlite, postgres, twin_of_lock]),
            clean: tree(&[sqlite, postgres, lock]),
        },
    ]
}

fn places() -> Vec<Case> {
    let host = |name: &str| format!("see https://{name}/a");
    vec![
        case("machine-paths", ("a.sh", "cd /home/me"), ("a.sh", "cd ../home/me")),
        case(
            "machine-paths",
            ("a.toml", "a = \"/work/a\""),
            ("a.toml", "a = \"framework/work/a\""),
        ),
        case("machine-paths", ("README.md", "`/root/a`"), ("Cargo.lock", "/root/a")),
        case("registry-hosts", ("a.md", &host("crates.io")), ("a.md", &host("crates.iota"))),
        case("registry-hosts", ("a.md", &host("static.crates.io")), ("Cargo.lock", "crates.io")),
    ]
}
