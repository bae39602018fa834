//! Events out: whatever was answered is on the wire, once for who follows the links, word for word.

use super::broker::{Broker, Record, record, shared, unique};
use super::ingest::{POINTERS, ingest, order};
use super::on_both;
use super::payers::{Payers, answer, everything, judged, paying};
use super::service::{Kind, Service, wait, wait_for};
use semel_checker::{Answer, Key};
use serde_json::{Value, json};

on_both!(
    all_that_is_answered_is_told_under_every_key,
    ledgers_share_a_topic,
    a_process_that_is_killed_goes_on,
    publishing_waits_for_its_topic,
    another_spread_is_a_stop,
);

/// A configuration that publishes to `topic`.
pub fn publishing(broker: &Broker, topic: &str, more: &str) -> String {
    format!("wire = \"kafka://{}\"\n[publish]\ntopic = \"{topic}\"\n{more}\n", broker.at)
}

fn all_that_is_answered_is_told_under_every_key(kind: Kind) {
    let Some(broker) = shared() else { return };
    let keys = [
        ("debit_account", Key::DebitAccount),
        ("credit_account", Key::CreditAccount),
        ("payment", Key::Payment),
    ];
    for (word, key) in keys {
        let topic = broker.topic(word, 4);
        let config = publishing(&broker, &topic, &format!("key = \"{word}\""));
        let Some(service) = Service::new(kind, &config) else { return };
        let running = service.serve();
        for (id, overdraft) in
            [("customer:1", "unlimited"), ("customer:2", "none"), ("merchant:9", "none")]
        {
            running.account(id, overdraft);
        }
        let mut answers = Vec::new();
        let payment = |debit: &str, amount: i64| {
            json!({ "amount": amount, "currency": "USD", "debit_account": debit,
                    "credit_account": "merchant:9", "description": "tea \"☕\"",
                    "metadata": { "b": [1, null], "a": "é" } })
        };
        let mut paid = Vec::new();
        for (key, debit) in [("one", "customer:1"), ("none", "customer:2"), ("two", "customer:1")] {
            let (status, body) = running.post("/v1/payments", Some(key), &payment(debit, 500));
            answers.push(answer(key, status, &body));
            paid.push(body);
        }
        assert_eq!(paid[1]["state"], "declined");
        let refunds = format!("/v1/payments/{}/refunds", paid[0]["id"].as_str().unwrap());
        for (key, amount) in [("back", 200), ("more", 300), ("too much", 1)] {
            let key = key.replace(' ', "-");
            let body = json!({ "amount": amount });
            let (status, body) = running.post(&refunds, Some(&key), &body);
            assert_eq!(status, if amount == 1 { 422 } else { 201 }, "{body}");
            let state = (status == 201).then(|| "succeeded".to_owned());
            answers.push(Answer { state, ..answer(&key, status, &body) });
        }
        let mut batch = Vec::new();
        for number in 0..50 {
            let mut item = payment("customer:1", number);
            item["idempotency_key"] = json!(format!("batch-{number}"));
            batch.push(item);
        }
        let (_, results) = running.post("/v1/payments:batch", None, &json!({ "payments": batch }));
        for (number, result) in results["results"].as_array().unwrap().iter().enumerate() {
            let status = result["status"].as_u64().unwrap() as u16;
            assert_eq!(status, if number == 0 { 422 } else { 201 }, "{result}");
            answers.push(answer(&format!("batch-{number}"), status, &result["body"]));
        }
        running.published("main");
        let mut asked = everything(&broker, &service, &topic, answers);
        asked.key = key;
        let report = judged(&asked);
        assert_eq!((report.ledgers[0].taken, report.foreign), (3 + 3 + 2 + 49, 0), "{report:?}");
        told_word_for_word(&broker.records(&topic, 4), &paid[0]);
    }
}

/// The message of a payment, as the contract has it.
fn told_word_for_word(records: &[Record], payment: &Value) {
    let value = |record: &Record| -> Value {
        serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()
    };
    let is_it = |record: &&Record| {
        let value = value(record);
        value["type"] == "payment.succeeded" && value["payment"]["id"] == payment["id"]
    };
    let record = records.iter().find(is_it).unwrap();
    let value = value(record);
    let text = |name: &str| {
        let mut named = record.headers.iter().filter(|header| header.0 == name);
        let (one, none) = (named.next(), named.next());
        assert!(none.is_none(), "{name} stands twice");
        String::from_utf8(one.unwrap_or_else(|| panic!("no {name}")).1.clone()).unwrap()
    };
    assert_eq!(text("semel-ledger"), "main");
    assert_eq!(text("semel-seq"), value["seq"].to_string());
    let prev: u64 = text("semel-prev").parse().unwrap();
    assert!(prev < value["seq"].as_u64().unwrap());
    for name in ["semel-hash", "semel-prev-hash"] {
        let hash = text(name);
        let is_hex = hash.len() == 64 && hash.bytes().all(|b| b"0123456789abcdef".contains(&b));
        assert!(is_hex && (name == "semel-hash" || (prev == 0) == (hash == "0".repeat(64))));
    }
    assert_eq!(text("ce_specversion"), "1.0");
    assert_eq!(
        (json!(text("ce_id")), json!(text("ce_type"))),
        (value["id"].clone(), value["type"].clone())
    );
    assert_eq!(json!(text("ce_time")), value["at"]);
    assert_eq!(value["payment"], *payment, "the message tells what the answer told");
    assert!(value["id"].as_str().unwrap().starts_with("evt_"));
}

fn ledgers_share_a_topic(kind: Kind) {
    let Some(broker) = shared() else { return };
    let [out, one, two] = ["out", "one", "two"].map(|name| broker.topic(name, 3));
    let more = [
        ingest("one", &one, &format!("ledger = \"a\"\n{POINTERS}")),
        ingest("two", &two, &format!("ledger = \"b\"\n{POINTERS}")),
    ];
    let config = publishing(&broker, &out, &more.concat());
    let Some(service) = Service::new(kind, &config) else { return };
    // With PostgreSQL two processes do it, and either may do all of it.
    let count = if kind == Kind::Postgres { 2 } else { 1 };
    let all: Vec<_> = (0..count).map(|_| service.serve()).collect();
    let writer = broker.idempotent();
    for topic in [&one, &two] {
        let orders: Vec<_> = (0..500)
            .map(|number| {
                let user = format!("\"user\":{}", number % 7);
                record(number % 3, order(number, "1").replace("\"user\":1", &user))
            })
            .collect();
        writer.send(topic, &orders);
    }
    let outcome = |ledger: &str, ingest: &str| {
        format!(
            "semel_ingest_items{{ingest=\"{ingest}\",ledger=\"{ledger}\",outcome=\"accepted\"}}"
        )
    };
    for (ledger, name) in [("a", "one"), ("b", "two")] {
        let name = outcome(ledger, name);
        wait_for("all are taken", &Some(500.0), || all[0].metric(&name));
    }
    let report = judged(&everything(&broker, &service, &out, Vec::new()));
    let taken: Vec<_> = report
        .ledgers
        .iter()
        .map(|it| (&*it.ledger, it.taken))
        .filter(|it| it.0 != "main")
        .collect();
    assert_eq!(taken, [("a", 508), ("b", 508)]);
    assert_eq!(service.verify()["payments"], 1000);
}

fn a_process_that_is_killed_goes_on(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("killed", 4);
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let mut running = service.serve();
    let payers = Payers::of(&[&running]);
    let running = paying(&payers, || {
        for _ in 0..6 {
            payers.wait_for(150);
            running.kill();
            running = service.serve();
            payers.are_at(&[&running]);
        }
        payers.wait_for(50);
        running
    });
    let report = judged(&everything(&broker, &service, &topic, payers.answers()));
    assert!(report.ledgers[0].taken >= 950, "{report:?}");
    running.published("main");
    wait_for("it is ready", &Vec::new(), || running.troubles());
    service.verify();
}

fn publishing_waits_for_its_topic(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = unique("missing");
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let running = service.serve();
    let payers = Payers::of(&[&running]);
    paying(&payers, || payers.wait_for(20));
    wait_for("it says so", &vec!["wire_unavailable".to_owned()], || running.troubles());
    let unconfirmed = "semel_publish_unconfirmed_events{ledger=\"main\"}";
    assert!(running.metric(unconfirmed).unwrap() >= 33.0);
    let made = service.place.json(&["topics", "create", "--partitions", "5"]);
    let told = json!([{ "topic": topic, "partitions": 5, "replication": 1, "created": true }]);
    assert_eq!(made["topics"], told);
    judged(&everything(&broker, &service, &topic, payers.answers()));
    running.published("main");
    wait_for("it is ready", &Vec::new(), || running.troubles());
    let again = service.place.json(&["topics", "create"]);
    assert_eq!(again["topics"], json!([{ "topic": topic, "partitions": 5, "created": false }]));
}

fn another_spread_is_a_stop(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("spread", 2);
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let running = service.serve();
    running.account("customer:0", "unlimited");
    running.published("main");
    let before = broker.ends(&topic, 2);
    broker.grow(&topic, 3);
    wait_for("it says so", &vec!["spread_changed".to_owned()], || running.troubles());
    running.account("customer:1", "unlimited");
    running.account("customer:2", "unlimited");
    running.kill();
    // Another key is another spread as well, and both have the same remedy.
    let other = broker.topic("remedy", 3);
    service.configure(&publishing(&broker, &topic, "key = \"payment\""));
    let running = service.serve();
    wait_for("it says so", &vec!["spread_changed".to_owned()], || running.troubles());
    wait("nothing was sent", || match broker.ends(&topic, 2) {
        ends if ends == before => Ok(()),
        ends => Err(format!("{ends:?}")),
    });
    running.kill();
    service.configure(&publishing(&broker, &other, ""));
    let running = service.serve();
    let report = judged(&everything(&broker, &service, &other, Vec::new()));
    assert_eq!(report.ledgers[0].taken, 3);
    wait_for("it is ready", &Vec::new(), || running.troubles());
}
