//! The dependency rule: which crate may know which, and who may name a backend.
//!
//! The compiler holds most of it, since a crate cannot name what its manifest leaves out; these
//! rules hold the manifests.

use super::source::{File, numbered};
use super::{Finding, Rule};

/// Who may depend on whom. An arrow points inward; siblings never know each other.
///
/// `semel-servers` is there because `xtask` and the tests of several crates start the same servers.
/// `semel-checker` knows nobody, and no product knows it: it judges the others from the outside,
/// and shared code would share its mistakes. The binary's tests ask it for its judgement.
const GRAPH: [(&str, &[&str]); 8] = [
    ("crates/checker/Cargo.toml", &[]),
    ("crates/core/Cargo.toml", &[]),
    ("crates/kafka/Cargo.toml", &["semel-core"]),
    ("crates/servers/Cargo.toml", &[]),
    ("crates/store/Cargo.toml", &["semel-core"]),
    ("crates/semel/Cargo.toml", &["semel-kafka", "semel-store", "semel-core"]),
    ("crates/sim/Cargo.toml", &["semel-store", "semel-core"]),
    ("xtask/Cargo.toml", &["semel-servers"]),
];

/// Who may depend on what in its tests alone, so that no product links it.
const IN_TESTS: [(&str, &str); 5] = [
    ("crates/kafka/Cargo.toml", "semel-servers"),
    ("crates/checker/Cargo.toml", "semel-servers"),
    ("crates/store/Cargo.toml", "semel-servers"),
    ("crates/semel/Cargo.toml", "semel-checker"),
    ("crates/semel/Cargo.toml", "semel-servers"),
];

/// The one module that names concrete backends.
const WIRING: &str = "crates/semel/src/wiring";

pub const RULES: &[Rule] = &[
    Rule {
        name: "layers",
        reason: "dependencies point inward: core knows nobody, store knows core, the binary knows \
                 both, the checker nobody, their tests the real servers; another crate needs a \
                 reason, written down in xtask/src/tidy/layers.rs",
        check: |tree| tree.files.iter().filter(|file| is_member(file)).flat_map(layers).collect(),
    },
    Rule {
        name: "wiring",
        reason: "everything but wiring is written against the law's traits, so that another \
                 backend changes one module",
        check: |tree| tree.rust().flat_map(backends).collect(),
    },
    Rule {
        name: "lints",
        reason: "the lints (missing_docs holds the documentation of public items) are written \
                 once, in the root's manifest, and hold everywhere",
        check: |tree| tree.files.iter().flat_map(lints).collect(),
    },
];

/// A manifest in the workspace; the proof that the core needs no `std` lies outside.
fn is_member(file: &File) -> bool {
    let is_crate = file.path.starts_with("crates/") || file.path.starts_with("xtask/");
    is_crate && file.path.ends_with("/Cargo.toml") && !file.path.contains("/no_std/")
}

fn layers(manifest: &File) -> Vec<Finding> {
    let Some((path, allowed)) = GRAPH.iter().find(|(path, _)| *path == manifest.path) else {
        return vec![Finding::new(manifest, 1, "a crate that is not in the graph")];
    };
    let own = package_name(manifest);
    let wrong = |found: &Dependency| {
        let Dependency { name, in_tests, .. } = found;
        // A crate may depend on itself, with other features, in its own tests.
        let is_allowed = *name == own
            || allowed.contains(&name.as_str())
            || *in_tests && IN_TESTS.contains(&(*path, name.as_str()));
        is_ours(name) && !is_allowed
    };
    let said = |Dependency { line, name, .. }| {
        Finding::new(manifest, line, format!("{path} depends on `{name}`"))
    };
    dependencies(manifest).into_iter().filter(wrong).map(said).collect()
}

fn is_ours(name: &str) -> bool {
    name == "semel" || name == "xtask" || name.starts_with("semel-")
}

fn package_name(manifest: &File) -> String {
    let name = manifest.text.lines().find_map(|line| line.strip_prefix("name = "));
    name.unwrap_or_default().trim_matches('"').to_string()
}

/// A dependency as a manifest names it.
struct Dependency {
    line: usize,
    name: String,
    /// Whether it is one of `dev-dependencies`.
    in_tests: bool,
}

/// Each dependency, of whatever kind; also under another name.
fn dependencies(manifest: &File) -> Vec<Dependency> {
    let mut found = Vec::new();
    let (mut inside, mut in_tests) = (false, false);
    for (line, text) in numbered(&manifest.text) {
        let mut find = |name: &str, in_tests| {
            let name = name.trim().trim_matches('"').to_string();
            found.push(Dependency { line, name, in_tests });
        };
        if let Some(header) = text.trim().strip_prefix('[') {
            let header = header.trim_end_matches(']');
            inside = header.ends_with("dependencies");
            in_tests = header.contains("dev-dependencies");
            // `[dependencies.semel-core]`
            if let Some((_, name)) = header.rsplit_once("dependencies.") {
                find(name, in_tests);
            }
            continue;
        }
        if let Some((_, renamed)) = text.split_once("package = \"") {
            find(renamed.split('"').next().unwrap_or_default(), in_tests);
        }
        if inside && !text.trim_start().starts_with('#') {
            find(text.split(['=', '.']).next().unwrap_or_default(), in_tests);
        }
    }
    found
}

fn backends(file: &File) -> Vec<Finding> {
    if !file.path.starts_with("crates/semel/src/") || file.path.starts_with(WIRING) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in numbered(&file.code).filter(|&(number, _)| !file.is_test(number)) {
        let names = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for name in names {
            let is_type =
                ["Sqlite", "Postgres", "Kafka"].iter().any(|backend| name.starts_with(backend));
            let is_module = ["sqlite", "postgres"].contains(&name) && line.contains("semel_store");
            let is_driver =
                ["rusqlite", "tokio_postgres", "semel_kafka", "rdkafka"].contains(&name);
            if is_type || is_module || is_driver {
                found.push(Finding::new(file, number, format!("`{name}` outside wiring")));
            }
        }
    }
    found
}

fn lints(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    if is_member(file) && !file.text.contains("[lints]\nworkspace = true") {
        found.push(Finding::new(file, 1, "no `[lints] workspace = true`"));
    }
    if file.path == "Cargo.toml" && !file.text.contains("\nmissing_docs = ") {
        found.push(Finding::new(file, 1, "`missing_docs` is not among the lints"));
    }
    for (number, line) in numbered(&file.code) {
        if line.contains("[allow(") {
            found.push(Finding::new(file, number, "`allow`; say `expect`, with a reason"));
        }
        if line.contains("missing_docs") {
            found.push(Finding::new(file, number, "`missing_docs` is silenced"));
        }
    }
    found
}
