//! A small run in which all is well, and what is said of it when one thing is not.
//!
//! Each invariant has a case that breaks it, so no check is there in vain. What a case breaks
//! besides stands beside it.

mod cases;
mod published;
mod rows;
mod sample;

use super::{TRANSITIONS, audit};
use crate::evidence::{Evidence, Row};
use cases::Case;
use sample::sample;
use std::collections::BTreeSet;

fn invariants(evidence: &Evidence) -> (BTreeSet<&'static str>, String) {
    let violations = audit(evidence).violations;
    let told = violations.iter().map(|v| format!("{}: {}\n", v.invariant, v.detail)).collect();
    (violations.into_iter().map(|violation| violation.invariant).collect(), told)
}

#[test]
fn a_run_in_which_all_is_well_is_told_as_such() {
    let verdict = audit(&sample());
    assert_eq!(verdict.violations, []);
    let all: BTreeSet<String> = TRANSITIONS.iter().map(|name| name.to_string()).collect();
    assert_eq!(verdict.reached, all);
}

#[test]
fn nothing_is_no_violation() {
    assert_eq!(audit(&Evidence::default()).violations, []);
}

#[test]
fn each_broken_promise_is_told_by_its_name() {
    let wrong: Vec<String> = TABLES.concat().iter().filter_map(misfit).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const TABLES: [&[Case]; 10] = [
    cases::LEDGER,
    cases::PAYMENTS,
    cases::CALLS,
    cases::ITEMS,
    cases::COMMITS,
    cases::LAG,
    cases::WIRE,
    cases::CONTENT,
    cases::READER,
    cases::ENDS,
];

/// What is told of a case, where that is not what was expected.
fn misfit((what, change, expected): &Case) -> Option<String> {
    let mut evidence = sample();
    change(&mut evidence);
    let (found, told) = invariants(&evidence);
    let is_expected = found == expected.iter().copied().collect();
    (!is_expected).then(|| format!("{what}: not {expected:?}, but\n{told}"))
}

#[test]
fn anchors_are_those_of_a_long_log() {
    let mut evidence = sample();
    while evidence.ledgers[0].next_seq <= 1_030 {
        let (from, to) =
            if evidence.ledgers[0].next_seq.is_multiple_of(2) { (2, 1) } else { (1, 2) };
        rows::pay(&mut evidence, 3, from, to, 1);
    }
    sample::seal(&mut evidence);
    assert_eq!(evidence.ledgers[0].anchors.len(), 1);
    assert_eq!(audit(&evidence).violations, []);
    let kept = evidence.clone();
    evidence.ledgers[0].anchors.clear();
    assert_eq!(invariants(&evidence).0, BTreeSet::from(["anchor_differs"]));
    evidence = kept;
    evidence.ledgers[0].anchors.insert(1_024, [1; 32]);
    assert_eq!(invariants(&evidence).0, BTreeSet::from(["anchor_differs"]));
}

/// The hashes were computed by a program of another language, from the words of the contract.
#[test]
fn the_chain_is_that_of_the_contract() {
    let mut ledger = sample().ledgers.remove(0);
    let row = Row { key: Some("k".into()), extra: Some("{}".into()), ..ledger.events[3].clone() };
    let row = Row { decline: 2, reference: Some((7, 8)), namespace: "n".into(), ..row };
    ledger.events = vec![row, ledger.events[1].clone()];
    let chain = super::chain::recompute(&ledger);
    let found: Vec<_> = chain.iter().map(|hash| super::chain::hex(hash)).collect();
    let expected = [
        "82ea60853661363a3112604e1d6e78948475bff6d34382869be243c7d59b4d23",
        "fd32d83c7dab1803b8165f6cdfe2d2b09d5ec931bf6c5824ac4d21ab64d91c96",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_broken_a_thousand_times_is_told_a_few_times() {
    let mut evidence = sample();
    evidence.unsettled = vec!["a leg".into(); 1_000];
    let violations = audit(&evidence).violations;
    assert_eq!(violations.len(), 21);
    assert_eq!(violations[20].detail, "there are more of these");
}

#[test]
fn every_invariant_that_the_source_names_has_a_case() {
    let sources = [
        include_str!("../audit.rs"),
        include_str!("index.rs"),
        include_str!("calls.rs"),
        include_str!("chain.rs"),
        include_str!("commits.rs"),
        include_str!("items.rs"),
        include_str!("lag.rs"),
        include_str!("payments.rs"),
        include_str!("replay.rs"),
        include_str!("shape.rs"),
        include_str!("wire.rs"),
        include_str!("wire/content.rs"),
        include_str!("wire/followed.rs"),
    ];
    let is_name = |text: &str| text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
    let cases = TABLES.concat();
    let cased: BTreeSet<&str> = cases.iter().flat_map(|case| case.2.iter().copied()).collect();
    let others = ["evt_", "pay_", "currency_mismatch", "same_account", "unknown_account"];
    for named in sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2)) {
        let is_other = others.contains(&named) || named.starts_with("ce_");
        if named.contains('_') && is_name(named) && !is_other {
            assert!(cased.contains(named) || named == "spread_changed", "{named}");
        }
    }
}
