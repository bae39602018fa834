//! Topics in: several at once, each mapped in its own way, written by producers of every kind.

use super::broker::{Broker, Record, record, shared};
use super::on_both;
use super::service::{Kind, Running, Service, wait, wait_for};
use serde_json::json;

on_both!(
    topics_are_mapped_each_in_its_own_way,
    producers_of_every_kind_are_read_as_committed,
    what_is_open_holds_back_what_is_behind_it,
);

/// Mappings that take a topic by nothing but its records' values.
pub const POINTERS: &str = r#"
idempotency_key = { at = "/order/id", prefix = "o-" }
amount = { at = "/total", unit = "major" }
currency = { at = "/currency" }
debit_account = { at = "/user", prefix = "customer:" }
credit_account = { value = "merchant:9" }
description = { at = "/note" }
metadata = { at = "/more" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;

/// An ingest's table.
pub fn ingest(name: &str, topic: &str, mapping: &str) -> String {
    format!("[[ingest]]\nname = \"{name}\"\ntopic = \"{topic}\"\n{mapping}\n")
}

/// A configuration in which nothing is published.
pub fn taking(broker: &Broker, ingests: &[String]) -> String {
    format!("[kafka]\nbootstrap.servers = \"{}\"\n{}", broker.at, ingests.concat())
}

/// An order as [`POINTERS`] reads it.
pub fn order(id: impl std::fmt::Display, total: &str) -> String {
    format!(r#"{{"order":{{"id":"{id}"}},"total":{total},"currency":"USD","user":1}}"#)
}

/// What an account was paid.
pub fn credits(running: &Running, account: &str) -> i64 {
    running.get(&format!("/v1/accounts/{account}"))["posted"]["credits"].as_i64().unwrap()
}

const BY_HEADER: &str = r#"
idempotency_key = { header = "key" }
amount = { header = "amount", unit = "minor" }
currency = { header = "currency" }
debit_account = { header = "from" }
credit_account = { value = "merchant:9" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;
const CONSTANT: &str = r#"
amount = { value = "0.07", unit = "major" }
currency = { value = "USD" }
debit_account = { value = "customer:1" }
credit_account = { value = "merchant:9" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;

fn topics_are_mapped_each_in_its_own_way(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topics = ["pointers", "headers", "keys", "positions"].map(|name| broker.topic(name, 3));
    let [pointers, headers, keys, positions] = &topics;
    let by = |part: &str| format!("idempotency_key = {{ record = \"{part}\" }}\n{CONSTANT}");
    let ingests = [
        ingest("pointers", pointers, POINTERS),
        ingest("headers", headers, BY_HEADER),
        ingest("keys", keys, &by("key")),
        ingest("positions", positions, &by("position")),
    ];
    let Some(service) = Service::new(kind, &taking(&broker, &ingests)) else { return };
    write_all(&broker, &topics);
    let running = service.serve();
    let told = [
        ("pointers", [400, 200, 200, 0, 180, 20, 20]),
        ("headers", [100, 50, 50, 0, 0, 0, 50]),
        ("keys", [50, 40, 40, 0, 10, 0, 0]),
        ("positions", [50, 50, 50, 0, 0, 0, 0]),
    ];
    for (name, counts) in told {
        wait_for(name, &counts, || running.counts(name));
    }
    assert_eq!(running.troubles(), [""; 0]);
    // 20 orders are paid as whichever of the two came first.
    let few = 200 * 100 + 50 * 5 + 40 * 7 + 50 * 7;
    assert!((few..=few + 20 * 100).contains(&credits(&running, "merchant:9")));
    let found = running.get("/v1/payments?idempotency_key=o-7&ingest=pointers");
    assert_eq!(found["data"][0]["amount"], 100, "{found}");
    // A restart takes nothing again.
    running.kill();
    let running = service.serve();
    broker.plain().send(pointers, &[record(2, order("last", "9"))]);
    wait_for("the last", &[401, 201, 201, 0, 180, 20, 20], || running.counts("pointers"));
    assert_eq!(running.counts("positions"), told[3].1);
    assert_eq!(service.verify()["payments"], 201 + 50 + 40 + 50);
}

/// Records for each of the mappings.
fn write_all(broker: &Broker, [pointers, headers, keys, positions]: &[String; 4]) {
    let writer = broker.idempotent();
    let mut orders = Vec::new();
    for number in 0..200 {
        // Every order comes again in another partition, and every tenth with another content.
        let again = if number % 10 == 0 { "2" } else { "1.00" };
        for (more, total) in [(0, "1"), (1, again)] {
            orders.push(record((number + more) % 3, order(number, total)));
        }
    }
    writer.send(pointers, &orders);
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let noise = |partition| record(partition, *b"\xff not JSON");
    for number in 0..50 {
        let own = vec![
            header("key", "another"),
            header("key", &format!("key-{number}")),
            header("amount", "5"),
            header("currency", "USD"),
            header("from", "customer:2"),
            header("Key", "matters not"),
        ];
        writer.send(headers, &[Record { headers: own, ..noise(0) }, noise(0)]);
        let key = Some(format!("k{}", number % 40).into_bytes());
        writer.send(keys, &[Record { key, ..noise(number % 3) }]);
        writer.send(positions, &[record(number % 3, "one and the same")]);
    }
}

fn producers_of_every_kind_are_read_as_committed(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("kinds", 2);
    let config = taking(&broker, &[ingest("shop", &topic, POINTERS)]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    let (plain, idempotent, bracketed) = (broker.plain(), broker.idempotent(), broker.bracketed());
    let mut expected = 0;
    for round in 0..10 {
        let orders = |who: &str| {
            let order = |number| record(number % 2, order(format!("{who}-{round}-{number}"), "1"));
            (0..20).map(order).collect::<Vec<_>>()
        };
        plain.send(&topic, &orders("plain"));
        bracketed.begin();
        bracketed.send(&topic, &orders("bracketed"));
        idempotent.send(&topic, &orders("idempotent"));
        if round % 2 == 0 {
            bracketed.commit();
            expected += 60;
        } else {
            bracketed.abort();
            expected += 40;
        }
    }
    let counts = [expected, expected, expected, 0, 0, 0, 0];
    wait_for("all that was committed", &counts, || running.counts("shop"));
    let aborted = running.get("/v1/payments?idempotency_key=o-bracketed-1-1&ingest=shop");
    assert_eq!(aborted, json!({ "data": [], "next": null }));
    assert_eq!(credits(&running, "merchant:9"), expected * 100);
    // Offsets that nobody can pay are taken too, and people see it.
    follows(&broker, "semel-shop", &topic, 2);
    assert_eq!(service.verify()["payments"], expected);
}

/// Wait until a group stands where its topic ends, or before a last marker.
pub fn follows(broker: &Broker, group: &str, topic: &str, partitions: i32) {
    let ends = broker.ends(topic, partitions);
    wait("the group follows", || {
        let told = broker.committed(group, topic, partitions);
        let mut lags = ends.iter().zip(&told).map(|(end, told)| end - told.unwrap_or(0));
        if lags.all(|lag| (0..=1).contains(&lag)) { Ok(()) } else { Err(format!("{told:?}")) }
    });
}

fn what_is_open_holds_back_what_is_behind_it(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("open", 1);
    let config = taking(&broker, &[ingest("shop", &topic, POINTERS)]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    let (plain, bracketed) = (broker.plain(), broker.bracketed());
    plain.send(&topic, &[record(0, order("before", "1"))]);
    wait_for("the first", &[1, 1, 1, 0, 0, 0, 0], || running.counts("shop"));
    bracketed.begin();
    bracketed.send(&topic, &[record(0, order("open", "1"))]);
    plain.send(&topic, &[record(0, order("behind", "1"))]);
    let held = "semel_ingest_held_back_records{ingest=\"shop\",partition=\"0\"}";
    wait_for("two are held back", &Some(2.0), || running.metric(held));
    assert_eq!(running.counts("shop")[0], 1);
    bracketed.abort();
    wait_for("the one behind", &[2, 2, 2, 0, 0, 0, 0], || running.counts("shop"));
    wait_for("nothing is held back", &Some(0.0), || running.metric(held));
}
