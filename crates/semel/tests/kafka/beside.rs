//! A second topic beside the events: what stands in the one stands in the other, whoever is killed;
//! and whoever comes under the same name fences who was there, who says so and competes again.

use super::broker::{Broker, record, shared};
use super::on_both;
use super::payers::{Payers, everything, judged, paying};
use super::publish::publishing;
use super::service::{Kind, Service, wait};
use serde_json::Value;
use std::collections::BTreeMap;

on_both!(rows_stand_beside_their_events, a_namesake_fences_and_is_fenced);

const PARTITIONS: i32 = 3;

/// Topics for events and for rows, and a store from which both are written.
fn with_rows(broker: &Broker, kind: Kind) -> Option<([String; 2], Service)> {
    let topics = ["events", "rows"].map(|name| broker.topic(name, PARTITIONS));
    let more = format!("transactional = true\nanalytics_topic = \"{}\"", topics[1]);
    let service = Service::new(kind, &publishing(broker, &topics[0], &more))?;
    Some((topics, service))
}

/// What each committed record of a topic says of its event, by seq; what comes again says the same.
fn told(broker: &Broker, topic: &str) -> BTreeMap<u64, Value> {
    let mut told = BTreeMap::new();
    for record in broker.records(topic, PARTITIONS) {
        let value: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        let before = told.insert(value["seq"].as_u64().unwrap(), value.clone());
        assert!(before.is_none_or(|before| before == value), "{topic}: {value}");
    }
    told
}

fn rows_stand_beside_their_events(kind: Kind) {
    let Some(broker) = shared() else { return };
    let Some(([events, rows], service)) = with_rows(&broker, kind) else { return };
    let mut running = service.serve();
    let payers = Payers::of(&[&running]);
    let running = paying(&payers, || {
        for _ in 0..3 {
            payers.wait_for(60);
            running.kill();
            running = service.serve();
            payers.are_at(&[&running]);
        }
        payers.wait_for(30);
        running
    });
    judged(&everything(&broker, &service, &events, payers.answers()));
    running.published("main");
    let [events, rows] = [&events, &rows].map(|topic| told(&broker, topic));
    assert!(210 < events.len() && events.keys().eq(rows.keys()), "{} {}", events.len(), rows.len());
    for (event, row) in events.values().zip(rows.values()) {
        for name in ["id", "type", "at"] {
            assert_eq!(event[name], row[name], "{row}");
        }
        assert_eq!(event["payment"]["id"], row["payment_id"], "{row}");
        let is_flat = |value: &Value| !value.is_object() && !value.is_array();
        assert!(row.as_object().unwrap().values().all(is_flat), "{row}");
    }
    service.verify();
}

fn a_namesake_fences_and_is_fenced(kind: Kind) {
    let Some(broker) = shared() else { return };
    let Some(([events, rows], service)) = with_rows(&broker, kind) else { return };
    let running = service.serve();
    running.account("customer:0", "unlimited");
    running.published("main");
    let namesake = broker.bracketed_as(&format!("semel-publish-{events}-main"));
    running.account("customer:1", "unlimited");
    wait("it says so", || match service.said(0).contains("another instance publishes under") {
        true => Ok(()),
        false => Err(service.said(0)),
    });
    running.account("customer:2", "unlimited");
    running.published("main");
    assert!(namesake.is_fenced(&rows, &record(0, "{}")));
    running.account("customer:3", "unlimited");
    running.published("main");
    let report = judged(&everything(&broker, &service, &events, Vec::new()));
    assert_eq!((report.ledgers[0].taken, report.foreign), (4, 0));
    assert!(told(&broker, &events).keys().eq(told(&broker, &rows).keys()));
}
