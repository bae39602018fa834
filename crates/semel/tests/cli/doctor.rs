//! `doctor`, `ledger` and `completions`: small commands, each finding with its remedy.

use super::harness::{Place, payment};
use serde_json::{Value, json};
use std::net::TcpListener;

const DOCTOR: [&str; 4] = ["doctor", "--json", "--listen", "127.0.0.1:0"];

fn codes(place: &Place, args: &[&str], code: i32) -> Vec<Value> {
    let ran = place.run(args);
    assert_eq!(ran.code, code, "{ran:?}");
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(seen["ok"], code == 0);
    seen["findings"].as_array().unwrap().iter().map(|finding| finding["code"].clone()).collect()
}

#[test]
fn nothing_is_wrong_with_nothing_and_with_a_store_in_use() {
    let place = Place::new();
    assert!(codes(&place, &DOCTOR, 0).is_empty());
    assert!(!place.path("data").exists(), "it changes nothing");
    place.write("a.jsonl", format!("{}\nrubbish", payment("1")));
    place.import("a.jsonl");
    let seen = place.json(&["doctor", "--listen", "127.0.0.1:0"]);
    assert_eq!(seen["store"]["written_by_a_process"], false);
    assert_eq!(seen["ledgers"][0]["dead_letters"], 1);
    assert_eq!(seen["ledgers"][0]["events"], 3);
    let (_server, address) = place.serve(&[]);
    // The address is busy, but by our own server.
    let seen = place.json(&["doctor", "--listen", &address]);
    assert_eq!(seen["store"]["written_by_a_process"], true);
    let table = place.run(&["doctor", "--listen", &address]);
    assert!(table.stdout.contains("main"), "{table:?}");
    assert!(table.stderr.contains("Nothing wrong was seen"), "{table:?}");
}

#[test]
fn each_fault_is_found_by_its_code() {
    let place = Place::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let doctor = ["doctor", "--json", "--listen", &address];
    assert_eq!(codes(&place, &doctor, 1), ["SEMEL-0113"]);

    std::fs::create_dir(place.path("data")).unwrap();
    place.write("data/semel.db", "this is no store, but long enough to be looked at. ".repeat(99));
    assert_eq!(codes(&place, &DOCTOR, 1), ["SEMEL-0103"]);

    let place = Place::new();
    place.write("file", "no directory");
    let in_file = [&DOCTOR[..], &["--data", "file"]].concat();
    assert_eq!(codes(&place, &in_file, 1), ["SEMEL-0114"]);
    let ran = place.run_in("SEMEL_LISTN", "", &DOCTOR);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("SEMEL_LISTN") && ran.stdout.contains("SEMEL_LISTEN"), "{ran:?}");
}

#[test]
fn a_ledger_is_made_once() {
    let place = Place::new();
    let made = place.json(&["ledger", "create", "a"]);
    assert_eq!(place.json(&["ledger", "create", "a"]), made);
    assert_eq!(place.json(&["ledger", "list"]), json!({ "data": [made] }));
    let ran = place.run(&["ledger", "create", "two words"]);
    assert!(ran.code == 2 && ran.stderr.contains("visible ASCII"), "{ran:?}");
    assert!(place.run(&["ledger", "list"]).stdout.contains("chain"));
}

#[test]
fn where_a_chain_ends_is_printed_as_verify_takes_it() {
    let place = Place::new();
    let head = place.json(&["ledger", "create", "a"])["head"].as_str().unwrap().to_owned();
    for command in [&["ledger", "list"][..], &["verify"]] {
        assert!(place.run(command).stdout.contains(&head), "{command:?}");
    }
    assert_eq!(place.json(&["verify", "--chain", &head])["heads"], json!([head]));
    let other = head.replace(":0:", ":1:");
    let ran = place.run(&["verify", "--chain", &head, "--chain", &other]);
    assert!(ran.code == 1 && ran.stdout.contains("SEMEL-0202"), "{ran:?}");
    let ran = place.run(&["verify", "--chain", &head[1..]]);
    assert!(ran.code == 2 && ran.stderr.contains("LEDGER:SEQ:HASH"), "{ran:?}");
}

#[test]
fn every_shell_gets_its_completions() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = place.run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{shell}");
        assert!(ran.stdout.contains("dead-letters"), "{shell}");
    }
}
