//! Records that are no payments: each a dead letter with its reason, whole but for card numbers,
//! and taken up again when what was missing is there.

use super::broker::{Record, record, shared};
use super::ingest::{POINTERS, ingest, order, taking};
use super::on_both;
use super::service::{Kind, Running, Service, wait_for};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

on_both!(
    every_bad_record_is_a_letter_and_the_partition_goes_on,
    letters_are_redriven_when_their_account_is_there,
    letters_keep_position_and_headers_for_a_redrive,
);

fn every_bad_record_is_a_letter_and_the_partition_goes_on(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("bad", 1);
    let mapping = POINTERS.replace("debit = \"unlimited\", ", "");
    let config = taking(&broker, &[ingest("shop", &topic, &mapping)]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    running.account("customer:1", "unlimited");
    let euro = json!({ "id": "customer:e", "currency": "EUR", "overdraft": "unlimited" });
    assert_eq!(running.post("/v1/accounts", None, &euro).0, 201);
    let bad = bad();
    let writer = broker.idempotent();
    for (number, (record, _)) in bad.iter().enumerate() {
        // Each stands before a good one.
        let good = super::broker::record(0, order(format!("good-{number}"), "1"));
        writer.send(&topic, &[record.clone(), good]);
    }
    let (all, conflicts) = (bad.len() as i64, 1);
    let counts = [2 * all, all, all, 0, 0, conflicts, all];
    wait_for("all of them", &counts, || running.counts("shop"));
    let letters = letters(&running);
    for ((number, (sent, reason)), letter) in bad.iter().enumerate().zip(&letters) {
        let source =
            json!({ "ingest": "shop", "topic": topic, "partition": 0, "offset": 2 * number });
        assert_eq!((&letter["reason"], &letter["source"]), (&json!(reason), &source), "{letter}");
        assert_eq!(letter["attempts"], 1, "{letter}");
        if *reason == "card_number" {
            continue;
        }
        let bytes = |bytes: &Option<Vec<u8>>| json!(bytes.as_ref().map(|it| base64(it)));
        assert_eq!(letter["key_base64"], bytes(&sent.key), "{reason}");
        assert_eq!(letter["value_base64"], bytes(&sent.value), "{reason}");
    }
    assert_eq!(letters.len(), bad.len());
    masked(&letters);
    assert_eq!(service.verify()["payments"], all);
}

/// Nothing of a card number is kept but its end, wherever it stands.
fn masked(letters: &[Value]) {
    let all = serde_json::to_string(letters).unwrap();
    assert!(!all.contains("4111111111111111") && !all.contains("5555555555554444"), "{all}");
    let card = letters.iter().find(|letter| letter["reason"] == "card_number").unwrap();
    let value = BASE64_STANDARD.decode(card["value_base64"].as_str().unwrap()).unwrap();
    let value = String::from_utf8(value).unwrap();
    assert!(value.contains("************1111"), "{value}");
    let shown = card["headers"].to_string();
    let header = "************4444";
    assert!(shown.contains(header) || shown.contains(&base64(header.as_bytes())), "{shown}");
}

/// Records that are no payments, each with its reason.
fn bad() -> Vec<(Record, &'static str)> {
    let json = |text: &str| record(0, text.replace('\'', "\""));
    let with = |name: &str, value: &str| {
        let whole = r#"{"order":{"id":"bad"},"total":1,"currency":"USD","user":1,"note":"n"}"#;
        let (before, rest) = whole.split_once(&format!("\"{name}\":")).unwrap();
        let end = rest.find([',', '}']).unwrap();
        record(0, format!("{before}\"{name}\":{value}{}", &rest[end..]))
    };
    let nested = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let large = format!("{{\"pad\":\"{}\"}}", "x".repeat(1_000_000));
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let card = Record {
        headers: vec![header("card", "5555555555554444")],
        key: Some(b"4111111111111111".to_vec()),
        ..with("note", "\"paid by 4111111111111111\"")
    };
    let keyed = Record { key: Some(b"\x00\xff".to_vec()), ..json("nothing") };
    vec![
        (Record::default(), "tombstone"),
        (record(0, ""), "empty"),
        (record(0, *b"{\"order\":\"\xff\"}"), "undecodable"),
        (keyed, "undecodable"),
        (json("[1]"), "undecodable"),
        (json(r"{'a':'\ud800'}"), "undecodable"),
        (json("{'a':1} {}"), "undecodable"),
        (json(&nested), "undecodable"),
        (json("{'order':{'id':'1'},'order':{'id':'2'},'total':1}"), "duplicate_field"),
        (json("{'order':{'id':'1','id':'2'},'total':1}"), "duplicate_field"),
        (json("{'total':1}"), "missing_field"),
        (json(&large), "missing_field"),
        (with("id", "\"\""), "missing_field"),
        (with("id", "true"), "wrong_type"),
        (with("id", "\"a b\""), "invalid_key"),
        (with("id", "\"\\\"\""), "invalid_key"),
        (with("total", "12.345"), "amount_inexact"),
        (with("total", "\"012.34\""), "wrong_type"),
        (with("total", "\"1,000.00\""), "wrong_type"),
        (with("total", "1e20"), "amount_too_large"),
        (with("total", "99999999999999999999999999"), "amount_too_large"),
        (with("total", "0"), "amount_not_positive"),
        (with("total", "-1"), "amount_not_positive"),
        (with("currency", "\"usd\""), "unknown_currency"),
        (with("currency", "\"EUR\""), "currency_mismatch"),
        (with("user", "\"nobody\""), "unknown_account"),
        (with("user", "\"a b\""), "invalid_account"),
        (record(0, order("good-0", "2")), "conflict"),
        (card, "card_number"),
    ]
}

fn letters(running: &Running) -> Vec<Value> {
    let page = running.get("/v1/dead-letters?limit=1000");
    let mut letters = page["data"].as_array().unwrap().clone();
    letters.sort_by_key(|letter| letter["source"]["offset"].as_u64().unwrap());
    letters
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn letters_are_redriven_when_their_account_is_there(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("redriven", 2);
    let mapping = POINTERS.replace("debit = \"unlimited\", ", "");
    let config = taking(&broker, &[ingest("shop", &topic, &mapping)]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    let orders: Vec<Record> =
        (0..30).map(|number| record(number % 2, order(number, "1.5"))).collect();
    broker.plain().send(&topic, &orders);
    broker.plain().send(&topic, &orders[..5]);
    let lost = [35, 0, 0, 0, 0, 0, 35];
    wait_for("all are letters", &lost, || running.counts("shop"));
    running.account("customer:1", "unlimited");
    let dry = json!({ "ingest": "shop", "dry_run": true });
    let (status, plan) = running.post("/v1/dead-letters:redrive", None, &dry);
    assert_eq!((status, &plan["letters"]), (200, &json!(35)), "{plan}");
    let some = json!({ "ingest": "shop", "cap": 10 });
    let (status, done) = running.post("/v1/dead-letters:redrive", None, &some);
    assert_eq!((status, &done["redriven"]), (200, &json!(10)), "{done}");
    // The rest by command line: with SQLite when nobody else has the store.
    if kind == Kind::Sqlite {
        running.kill();
    }
    let more = service.place.json(&["dead-letters", "redrive", "--ingest", "shop", "--yes"]);
    assert_eq!(more["redriven"], 25, "{more}");
    let running = service.serve();
    let accepted = |answer: &Value| answer["accepted"].as_i64().unwrap();
    assert_eq!(accepted(&done) + accepted(&more), 30);
    let counts = running.counts("shop");
    assert_eq!(counts, [35, 30, 30, 0, 5, 0, 0], "redriven letters are counted as they are now");
    assert_eq!(super::ingest::credits(&running, "merchant:9"), 30 * 150);
    assert_eq!(service.verify()["payments"], 30);
}

fn letters_keep_position_and_headers_for_a_redrive(kind: Kind) {
    let Some(broker) = shared() else { return };
    let [positions, headers] = ["positions", "headers"].map(|name| broker.topic(name, 1));
    let rest = r#"
        currency = { value = "USD" }
        debit_account = { value = "customer:7" }
        credit_account = { value = "merchant:9" }
        open_accounts = { credit = "none" }"#;
    let by_position = "idempotency_key = { record = \"position\" }\n\
                       amount = { value = \"3\", unit = \"minor\" }";
    let by_header = "idempotency_key = { header = \"key\" }\n\
                     amount = { header = \"amount\", unit = \"minor\" }";
    let ingests = [
        ingest("positions", &positions, &format!("{by_position}{rest}")),
        ingest("headers", &headers, &format!("{by_header}{rest}")),
    ];
    let Some(service) = Service::new(kind, &taking(&broker, &ingests)) else { return };
    let running = service.serve();
    let writer = broker.plain();
    writer.send(&positions, &[record(0, "a"), record(0, "a")]);
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let own = [
        vec![header("key", "wrong"), header("key", "h1"), header("amount", "5")],
        vec![header("key", "h1"), header("amount", "5")],
    ];
    for headers_of in own {
        writer.send(&headers, &[Record { headers: headers_of, ..record(0, "a") }]);
    }
    for name in ["positions", "headers"] {
        wait_for(name, &[2, 0, 0, 0, 0, 0, 2], || running.counts(name));
    }
    running.account("customer:7", "unlimited");
    let all = json!({ "reason": "unknown_account" });
    let (status, done) = running.post("/v1/dead-letters:redrive", None, &all);
    assert_eq!((status, &done["accepted"], &done["duplicates"]), (200, &json!(3), &json!(1)));
    assert_eq!(super::ingest::credits(&running, "merchant:9"), 3 + 3 + 5);
    let found = running.get("/v1/payments?idempotency_key=h1&ingest=headers");
    assert_eq!(found["data"][0]["amount"], 5, "{found}");
    // Read again from the beginning, the same positions are the same payments.
    let page = running.get("/v1/payments?idempotency_key=wrong&ingest=headers");
    assert_eq!(page["data"], json!([]));
    assert_eq!(service.verify()["payments"], 3);
}
