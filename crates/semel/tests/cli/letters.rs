//! Dead letters by command line: listed beside a server, redriven once, discarded for good.

use super::harness::{MAPPING, Place, payment};
use serde_json::json;

/// Three letters: one that another mapping can take, a conflict, and rubbish.
fn place() -> Place {
    let place = Place::new();
    let euro = payment("2").replace("\"a\"", "\"amount\"");
    let conflict = payment("1").replace("\"a\":1", "\"a\":2");
    place.write("a.jsonl", [payment("1"), euro, conflict, "rubbish".into()].join("\n"));
    place.write("better.toml", MAPPING.replace("at = \"/a\"", "at = \"/amount\""));
    place.import("a.jsonl");
    place
}

#[test]
fn letters_are_listed_and_shown() {
    let place = place();
    let all = [(2, "missing_field"), (3, "conflict"), (4, "undecodable")];
    assert_eq!(place.reasons(), all.map(|(line, reason)| (line, reason.to_owned())));
    let some = place.json(&["dead-letters", "list", "--reason", "conflict"]);
    assert_eq!(some["data"].as_array().unwrap().len(), 1);
    assert_eq!(some["data"][0]["source"]["ingest"], "shop");
    let none = place.json(&["dead-letters", "list", "--ingest", "other"]);
    assert_eq!(none, json!({ "data": [] }));
    let table = place.run(&["dead-letters", "list", "--limit", "1"]);
    assert!(table.stdout.contains("dl_1") && !table.stdout.contains("dl_2"), "{table:?}");
    assert!(table.stderr.contains("more than 1"), "{table:?}");
    assert!(place.run(&["dead-letters", "show", "dl_3"]).stdout.contains("rubbish"));
    assert_eq!(place.json(&["dead-letters", "show", "3"])["id"], "dl_3");
    let missing = place.run(&["dead-letters", "show", "dl_9"]);
    assert!(missing.code == 2 && missing.stderr.contains("dl_9"), "{missing:?}");
}

#[test]
fn a_redrive_with_a_better_mapping_pays_once() {
    let place = place();
    let redrive = ["dead-letters", "redrive", "--mapping", "better.toml"];
    let plan = place.json(&redrive);
    let reasons = json!({ "missing_field": 1, "conflict": 1, "undecodable": 1 });
    assert_eq!(plan, json!({ "dry_run": true, "letters": 3, "reasons": reasons }));
    assert_eq!(place.reasons().len(), 3, "a dry run does nothing");

    let done = place.json(&[&redrive[..], &["--yes"]].concat());
    assert_eq!((&done["accepted"], &done["duplicates"]), (&json!(1), &json!(0)));
    assert_eq!(done["refused"], json!({ "missing_field": 1, "undecodable": 1 }));
    let again = place.json(&[&redrive[..], &["--yes"]].concat());
    assert_eq!((&again["accepted"], &again["redriven"]), (&json!(0), &json!(2)));
    let letter = place.json(&["dead-letters", "show", "dl_3"]);
    assert_eq!(letter["attempts"], 3);
}

#[test]
fn a_cap_an_id_and_a_reason_say_which() {
    let place = place();
    let capped = place.json(&["dead-letters", "redrive", "--cap", "2", "--yes"]);
    assert_eq!(capped["redriven"], 2);
    let one = place.json(&["dead-letters", "discard", "dl_3"]);
    assert_eq!((&one["dry_run"], &one["letters"]), (&json!(true), &json!(1)));
    assert_eq!(place.reasons().len(), 3, "a dry run does nothing");
    let discarded = place.json(&["dead-letters", "discard", "--reason", "conflict", "--yes"]);
    assert_eq!(discarded["discarded"], 1);
    let discarded = place.json(&["dead-letters", "discard", "dl_3", "--yes"]);
    assert_eq!(discarded["discarded"], 1);
    assert_eq!(place.reasons(), [(2, "missing_field".to_owned())]);
}

#[test]
fn a_csv_letter_is_decoded_again_under_its_header() {
    let place = Place::new();
    let sheet = "m,k,amount,c,d,n,x,a\nm:1,1,5,USD,c:1,,,\n";
    place.write("a.csv", sheet);
    place.write("better.toml", MAPPING.replace("at = \"/a\"", "at = \"/amount\""));
    assert_eq!(place.import("a.csv")["dead_letters"], 1);
    let args = ["dead-letters", "redrive", "--mapping", "better.toml", "--yes"];
    assert_eq!(place.json(&args)["accepted"], 1);
}

#[test]
fn lists_read_beside_a_server_and_writers_are_told_to_ask_it() {
    let place = place();
    let (_server, _) = place.serve(&[]);
    assert_eq!(place.reasons().len(), 3);
    assert_eq!(place.json(&["dead-letters", "redrive"])["letters"], 3);
    for args in [
        &["dead-letters", "redrive", "--yes"][..],
        &["dead-letters", "discard", "--yes"],
        &["import", "a.jsonl", "--mapping", "map.toml"],
        &["ledger", "create", "b"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, 3, "{args:?}: {ran:?}");
        let told = ran.stderr.contains("SEMEL-0101") && ran.stderr.contains("stop");
        assert!(told && ran.stderr.lines().count() == 1, "{args:?}: {ran:?}");
    }
}
