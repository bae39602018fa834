//! What stops an ingest by name, and that it stops that ingest, or that partition, alone.

use super::broker::{Broker, record, shared, unique};
use super::ingest::{POINTERS, ingest, order, taking};
use super::on_both;
use super::service::{Kind, Running, Service, wait, wait_for};
use serde_json::{Value, json};

on_both!(
    latest_counts_at_the_first_attach_alone,
    a_topic_that_is_made_later_is_taken,
    another_name_on_a_topic_is_a_stop,
    a_compacted_topic_is_refused,
    a_gap_stops_its_partition_until_it_is_resumed,
);

/// Orders with these numbers, each in the partition that it has room in.
fn send(broker: &Broker, topic: &str, partitions: i32, numbers: std::ops::Range<i32>) {
    let orders: Vec<_> =
        numbers.map(|number| record(number % partitions, order(number, "1"))).collect();
    broker.idempotent().send(topic, &orders);
}

/// Wait until all of so many are payments.
fn taken(running: &Running, name: &str, count: i64) {
    wait_for(name, &[count, count, count, 0, 0, 0, 0], || running.counts(name));
}

/// Wait until an ingest is stopped, or is not.
fn stopped(running: &Running, name: &str, code: Option<&str>) -> Value {
    wait(&format!("{name} is {code:?}"), || {
        let shown = running.ingest(name);
        let is_so = shown["stopped"].as_str() == code;
        if is_so { Ok(shown) } else { Err(shown.to_string()) }
    })
}

fn latest_counts_at_the_first_attach_alone(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("latest", 2);
    send(&broker, &topic, 2, 0..10);
    let mapping = format!("from = \"latest\"\n{POINTERS}");
    let config = taking(&broker, &[ingest("shop", &topic, &mapping)]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    // It is known where it begins as soon as anything behind that is taken.
    wait("it is attached", || {
        let at = broker.committed("semel-shop", &topic, 2);
        if at == [Some(5), Some(5)] { Ok(()) } else { Err(format!("{at:?}")) }
    });
    assert_eq!(running.counts("shop"), [0; 7]);
    send(&broker, &topic, 2, 10..20);
    taken(&running, "shop", 10);
    running.kill();
    send(&broker, &topic, 2, 20..30);
    let running = service.serve();
    taken(&running, "shop", 20);
    // What comes later is taken from its beginning: partitions, and the whole topic made again.
    broker.grow(&topic, 3);
    wait("the partition is there", || match broker.bounds(&topic, 3)[2] {
        (0, 0) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    broker
        .idempotent()
        .send(&topic, &[record(2, order("in the new partition", "1").replace(' ', "-"))]);
    taken(&running, "shop", 21);
    running.kill();
    broker.delete(&topic);
    broker.create(&topic, 2, &[]);
    send(&broker, &topic, 2, 100..110);
    let running = service.serve();
    taken(&running, "shop", 31);
    // Under its eyes as well; what is sent again is known.
    broker.delete(&topic);
    broker.create(&topic, 2, &[]);
    send(&broker, &topic, 2, 105..115);
    wait_for("all", &[41, 36, 36, 0, 5, 0, 0], || running.counts("shop"));
    assert_eq!(service.verify()["payments"], 36);
}

fn a_topic_that_is_made_later_is_taken(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = unique("later");
    let config = taking(&broker, &[ingest("shop", &topic, POINTERS)]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    wait_for("it waits", &vec!["wire_unavailable".to_owned()], || running.troubles());
    running.account("customer:1", "unlimited");
    broker.create(&topic, 3, &[]);
    send(&broker, &topic, 3, 0..30);
    taken(&running, "shop", 30);
    wait_for("it is ready", &Vec::new(), || running.troubles());
}

fn another_name_on_a_topic_is_a_stop(kind: Kind) {
    let Some(broker) = shared() else { return };
    let [topic, other] = ["named", "beside"].map(|name| broker.topic(name, 2));
    send(&broker, &topic, 2, 0..10);
    let beside = ingest("beside", &other, POINTERS);
    let config = taking(&broker, &[ingest("shop", &topic, POINTERS), beside.clone()]);
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    taken(&running, "shop", 10);
    running.kill();
    service.configure(&taking(&broker, &[ingest("renamed", &topic, POINTERS), beside]));
    let running = service.serve();
    wait_for("it says so", &vec!["source_bound".to_owned()], || running.troubles());
    let shown = stopped(&running, "renamed", Some("source_bound"));
    assert!(shown["detail"].as_str().unwrap().contains("shop"), "{shown}");
    send(&broker, &other, 2, 0..5);
    taken(&running, "beside", 5);
    assert_eq!(running.counts("renamed")[0], 0);
    assert_eq!(service.verify()["payments"], 15);
}

fn a_compacted_topic_is_refused(kind: Kind) {
    let Some(broker) = shared() else { return };
    for policy in ["compact", "compact,delete"] {
        let topic = unique("compacted");
        broker.create(&topic, 1, &[("cleanup.policy", policy)]);
        let Some(service) =
            Service::new(kind, &taking(&broker, &[ingest("shop", &topic, POINTERS)]))
        else {
            return;
        };
        let running = service.serve();
        wait_for("it is refused", &vec!["topic_compacted".to_owned()], || running.troubles());
        running.account("customer:1", "unlimited");
        // Its remedy helps while it runs.
        broker.set(&topic, "cleanup.policy", "delete");
        send(&broker, &topic, 1, 0..3);
        taken(&running, "shop", 3);
        wait_for("it is ready", &Vec::new(), || running.troubles());
    }
}

fn a_gap_stops_its_partition_until_it_is_resumed(kind: Kind) {
    let Some(broker) = shared() else { return };
    let [topic, other] = ["gap", "beside"].map(|name| broker.topic(name, 2));
    let ingests = [ingest("shop", &topic, POINTERS), ingest("beside", &other, POINTERS)];
    let Some(service) = Service::new(kind, &taking(&broker, &ingests)) else { return };
    send(&broker, &topic, 2, 0..20);
    let running = service.serve();
    taken(&running, "shop", 20);
    running.kill();
    // Read ones may go; of the first partition unread ones go too.
    send(&broker, &topic, 2, 20..40);
    broker.cut(&topic, 0, Some(15));
    broker.cut(&topic, 1, Some(7));
    let mut running = service.serve();
    let shown = stopped(&running, "shop", Some("ingest_gap"));
    assert!(shown["detail"].as_str().unwrap().contains("partition 0"), "{shown}");
    assert_eq!(running.troubles(), ["ingest_gap"]);
    taken(&running, "shop", 30);
    send(&broker, &topic, 2, 40..50);
    send(&broker, &other, 2, 0..10);
    taken(&running, "shop", 35);
    taken(&running, "beside", 10);
    running.account("customer:other", "none");
    let resume = ["ingest", "resume", "shop"];
    let told = json!([{ "partition": 0, "from": 10, "to": 15 }]);
    let shown = service.place.json(&resume);
    assert_eq!((&shown["done"], &shown["partitions"]), (&json!(false), &told));
    if kind == Kind::Sqlite {
        running.kill();
        let done = service.place.json(&[&resume[..], &["--yes"]].concat());
        assert_eq!((&done["done"], &done["partitions"]), (&json!(true), &told));
        running = service.serve();
    } else {
        let done = service.place.json(&[&resume[..], &["--yes"]].concat());
        assert_eq!((&done["done"], &done["partitions"]), (&json!(true), &told));
    }
    // Five are lost: half of ten, and the rest is there.
    taken(&running, "shop", 45);
    stopped(&running, "shop", None);
    wait_for("it is ready", &Vec::new(), || running.troubles());
    let nothing = service.place.json(&resume);
    assert_eq!(nothing["partitions"], json!([]));
    assert_eq!(service.verify()["payments"], 55);
}

#[test]
fn a_truncated_topic_is_a_stop() {
    let Some(mut kafka) = semel_servers::private_kafka(&[]) else { return };
    let broker = Broker::at(&kafka.bootstrap());
    let mut sites = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let topic = broker.topic("truncated", 2);
        let config = taking(&broker, &[ingest("shop", &topic, POINTERS)]);
        let Some(service) = Service::new(kind, &config) else { return };
        send(&broker, &topic, 2, 0..20);
        let running = service.serve();
        taken(&running, "shop", 20);
        sites.push((kind, topic, service, running));
    }
    // The logs are lost. One partition is shorter now, in the other one stands something else.
    kafka.kill().unwrap();
    kafka.wipe_logs().unwrap();
    kafka.start_again().unwrap();
    for (kind, topic, service, running) in sites {
        broker.ends(&topic, 2);
        let others: Vec<_> = (0..15).map(|number| record(1, order(number + 100, "1"))).collect();
        broker.plain().send(&topic, &others);
        broker.plain().send(&topic, &[record(0, order("short", "1"))]);
        let shown = stopped(&running, "shop", Some("source_changed"));
        assert!(shown["detail"].as_str().unwrap().contains("partition"), "{shown}");
        wait_for("it says so", &vec!["source_changed".to_owned()], || running.troubles());
        assert_eq!(running.counts("shop")[0], 20, "nothing is taken behind a change");
        let refused = service.place.run(&["ingest", "resume", "shop", "--yes"]);
        assert!(refused.code == 3 && refused.stderr.contains("--from-beginning"), "{refused:?}");
        // With SQLite a running server has the store for itself.
        let running = match kind {
            Kind::Sqlite => {
                running.kill();
                None
            }
            Kind::Postgres => Some(running),
        };
        service.place.json(&["ingest", "resume", "shop", "--from-beginning", "--yes"]);
        let running = running.unwrap_or_else(|| service.serve());
        taken(&running, "shop", 36);
        stopped(&running, "shop", None);
        assert_eq!(service.verify()["payments"], 36);
    }
}
