//! Every way in which a line of a file can fail to be a payment, one row each.

use super::harness::{Place, counts};

/// Each line of JSON, and what becomes of it: a reason, or nothing for a payment.
const LINES: &[(&str, &str)] = &[
    (r#"{"k":"1","a":"12.34","c":"USD","d":"c:1","m":"m:1"}"#, ""),
    (r#"{"k":2,"a":1e2,"c":"JPY","d":7,"m":"m:jpy","n":null,"x":{}}"#, ""),
    (r#"{"k":"3","a":90071992547409.93,"c":"USD","d":"c:1","m":"m:1","n":"é","x":{"a":[1]}}"#, ""),
    (r#"{"k":"4","a":1,"c":"USD","d":"c:1","m":"m:1"} x"#, "undecodable"),
    (r#"{"k":"4","a":1,"c":"USD","d":"c:1","m":"m:1""#, "undecodable"),
    (r#"[{"k":"4"}]"#, "undecodable"),
    (r#""\ud800""#, "undecodable"),
    (r#"{"a":1,"c":"USD","d":"c:1","m":"m:1"}"#, "missing_field"),
    (r#"{"k":"","a":1,"c":"USD","d":"c:1","m":"m:1"}"#, "missing_field"),
    (r#"{"k":true,"a":1,"c":"USD","d":"c:1","m":"m:1"}"#, "wrong_type"),
    (r#"{"k":"4","a":"1,000.00","c":"USD","d":"c:1","m":"m:1"}"#, "wrong_type"),
    (r#"{"k":"4","a":1,"c":"USD","d":1.5,"m":"m:1"}"#, "wrong_type"),
    (r#"{"k":"4","k":"5","a":1,"c":"USD","d":"c:1","m":"m:1"}"#, "duplicate_field"),
    (r#"{"k":"4","a":0.125,"c":"USD","d":"c:1","m":"m:1"}"#, "amount_inexact"),
    (r#"{"k":"4","a":0.1,"c":"JPY","d":"c:1","m":"m:1"}"#, "amount_inexact"),
    (r#"{"k":"4","a":0,"c":"USD","d":"c:1","m":"m:1"}"#, "amount_not_positive"),
    (r#"{"k":"4","a":-1,"c":"USD","d":"c:1","m":"m:1"}"#, "amount_not_positive"),
    (r#"{"k":"4","a":1e16,"c":"USD","d":"c:1","m":"m:1"}"#, "amount_too_large"),
    (r#"{"k":"4","a":1,"c":"usd","d":"c:1","m":"m:1"}"#, "unknown_currency"),
    (r#"{"k":"4","a":1,"c":"EUR","d":"c:1","m":"m:1"}"#, "currency_mismatch"),
    (r#"{"k":"4","a":1,"c":"USD","d":"c 1","m":"m:1"}"#, "invalid_account"),
    (r#"{"k":"4","a":1,"c":"USD","d":"c:1","m":"c:1"}"#, "same_account"),
    (r#"{"k":"a \"b","a":1,"c":"USD","d":"c:1","m":"m:1"}"#, "invalid_key"),
    (r#"{"k":"4","a":1,"c":"USD","d":"c:1","m":"m:1","n":"4111 1111 1111 1111"}"#, "card_number"),
    (r#"{"k":"1","a":"12.35","c":"USD","d":"c:1","m":"m:1"}"#, "conflict"),
];

#[test]
fn every_reason_is_told_by_its_word_and_line() {
    let place = Place::new();
    let long = format!(r#"{{"k":"{}","a":1,"c":"USD","d":"c:1","m":"m:1"}}"#, "k".repeat(256));
    let mut lines: Vec<&str> = LINES.iter().map(|(line, _)| *line).collect();
    lines.push(&long);
    // The same bad record twice is two dead letters.
    lines.push(LINES[5].0);
    let mut bytes = lines.join("\n").into_bytes();
    bytes.extend_from_slice(b"\n{\"k\":\"\xff\"}\n");
    place.write("a.jsonl", bytes);

    let (read, dead) = (lines.len() as i64 + 1, lines.len() as i64 + 1 - 3);
    assert_eq!(place.import("a.jsonl"), counts([read, 3, 3, 0, 0, 1, dead]));

    let reasons = LINES.iter().map(|(_, reason)| *reason);
    let reasons = reasons.chain(["too_long", "undecodable", "undecodable"]);
    let wanted = (1..).zip(reasons).filter(|(_, reason)| !reason.is_empty());
    let wanted: Vec<(u64, String)> = wanted.map(|(line, reason)| (line, reason.into())).collect();
    assert_eq!(place.reasons(), wanted);
}

#[test]
fn an_account_that_may_not_be_opened_is_unknown() {
    let place = Place::new();
    let closed = super::harness::MAPPING.replace(", credit = \"none\"", "");
    place.write("map.toml", closed);
    place.write("a.jsonl", super::harness::payment("1"));
    assert_eq!(place.import("a.jsonl"), counts([1, 0, 0, 0, 0, 0, 1]));
    assert_eq!(place.reasons(), [(1, "unknown_account".to_owned())]);
}

#[test]
fn a_payment_beyond_the_overdraft_is_declined_and_uses_up_its_key() {
    let place = Place::new();
    let poor = super::harness::MAPPING.replace("debit = \"unlimited\"", "debit = 150");
    place.write("map.toml", poor);
    let lines = ["1", "2", "2"].map(super::harness::payment).join("\n");
    place.write("a.jsonl", lines);
    assert_eq!(place.import("a.jsonl"), counts([3, 2, 1, 1, 1, 0, 0]));
}

#[test]
fn card_numbers_are_masked_before_anything_is_kept() {
    let place = Place::new();
    place.write("a.jsonl", r#"{"k":"4111-1111-1111-1111","a":1,"other":4111111111111111}"#);
    assert_eq!(place.import("a.jsonl"), counts([1, 0, 0, 0, 0, 0, 1]));
    let shown = place.run(&["dead-letters", "show", "dl_1"]).stdout;
    assert!(
        shown.contains(r#"{"k":"****-****-****-1111","a":1,"other":************1111}"#),
        "{shown}"
    );
    assert!(shown.contains("card_number"), "{shown}");
    let redriven = place.json(&["dead-letters", "redrive", "--yes"]);
    assert_eq!((&redriven["masked"], &redriven["redriven"]), (&1.into(), &0.into()));
    for file in std::fs::read_dir(place.path("data")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"4111111111111111"));
        assert!(!bytes.windows(19).any(|window| window == b"4111-1111-1111-1111"));
    }
}
