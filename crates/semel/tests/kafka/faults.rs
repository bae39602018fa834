//! The wire fails while money moves: afterwards every payment is applied once, and a stranger reads
//! every event in order.

use super::broker::{Broker, Record, record, shared};
use super::ingest::{POINTERS, credits, ingest, order};
use super::on_both;
use super::payers::{Payers, everything, judged, paying};
use super::publish::publishing;
use super::service::{Kind, Running, Service, wait, wait_for};
use semel_checker::Report;

on_both!(
    a_published_topic_that_is_made_again,
    records_that_are_deleted_before_and_after_they_are_confirmed,
    strangers_that_write_into_the_topic,
    an_ingests_topic_that_is_made_again,
);

#[test]
fn a_process_that_stands_still_while_another_one_takes_over() {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("still", 3);
    let config = publishing(&broker, &topic, "");
    let Some(service) = Service::new(Kind::Postgres, &config) else { return };
    let (one, two) = (service.serve(), service.serve());
    let payers = Payers::of(&[&one, &two]);
    paying(&payers, || {
        for [stands, goes] in [[&one, &two], [&two, &one]] {
            payers.wait_for(200);
            stands.signal("STOP");
            payers.are_at(&[goes]);
            // Past its deadline: the other one has told all that was paid since.
            let sent = total(&broker, &topic, 3);
            payers.wait_for(200);
            wait("the other one publishes", || match total(&broker, &topic, 3) {
                now if sent + 150 <= now => Ok(()),
                now => Err(format!("{now} records, {sent} before")),
            });
            stands.signal("CONT");
            payers.are_at(&[&one, &two]);
        }
        payers.wait_for(200);
    });
    finish(&broker, &service, &one, &topic, &payers);
    wait_for("the other one is ready", &Vec::new(), || two.troubles());
}

fn total(broker: &Broker, topic: &str, partitions: i32) -> i64 {
    broker.ends(topic, partitions).iter().sum()
}

/// Everything ends well.
fn finish(
    broker: &Broker,
    service: &Service,
    running: &Running,
    topic: &str,
    payers: &Payers,
) -> Report {
    let answers = payers.answers();
    running.published("main");
    wait_for("it is ready", &Vec::new(), || running.troubles());
    let paid = answers.len() as u64;
    let report = judged(&everything(broker, service, topic, answers));
    let verified = service.verify();
    // A payment that nobody heard of may have happened too: one for each client, at the end.
    let payments = verified["payments"].as_u64().unwrap();
    assert!((paid..=paid + 2).contains(&payments), "{payments} payments, {paid} answers");
    assert_eq!(credits(running, "merchant:9") as u64, payments);
    report
}

/// A service with payers, on either store; both share a broker that is broken.
struct Site {
    service: Service,
    running: Running,
    payers: Payers,
    topic: String,
    orders: String,
}

impl Site {
    fn both(broker: &Broker) -> Option<[Site; 2]> {
        let [sqlite, postgres] = [Kind::Sqlite, Kind::Postgres].map(|kind| {
            let [topic, orders] = ["out", "in"].map(|name| broker.topic(name, 3));
            let config = publishing(broker, &topic, &ingest("shop", &orders, POINTERS));
            let service = Service::new(kind, &config)?;
            let running = service.serve();
            let payers = Payers::of(&[&running]);
            Some(Site { service, running, payers, topic, orders })
        });
        Some([sqlite?, postgres?])
    }
}

/// Let clients pay at both for as long as `meanwhile` takes.
fn paying_at([one, other]: &[Site; 2], meanwhile: impl FnOnce()) {
    paying(&one.payers, || paying(&other.payers, meanwhile));
}

#[test]
fn a_broker_that_dies_under_traffic() {
    let Some(mut kafka) = semel_servers::private_kafka(&[]) else { return };
    let broker = Broker::at(&kafka.bootstrap());
    let Some(sites) = Site::both(&broker) else { return };
    let away = vec!["wire_unavailable".to_owned()];
    let mut sent = 0;
    paying_at(&sites, || {
        for round in 0..2 {
            let order = |number| record(number % 3, order(format!("{round}-{number}"), "0.01"));
            let many: Vec<Record> = (0..300).map(order).collect();
            sites.iter().for_each(|site| broker.idempotent().send(&site.orders, &many));
            sent += 300;
            sites.iter().for_each(|site| site.payers.wait_for(50));
            kafka.kill().unwrap();
            for Site { running, payers, .. } in &sites {
                wait_for("its absence is seen", &away, || running.troubles());
                // The doors stay open.
                payers.wait_for(50);
            }
            kafka.start_again().unwrap();
            sites.iter().for_each(|site| site.payers.wait_for(50));
        }
    });
    for Site { service, running, payers, topic, .. } in &sites {
        wait_for("all are taken", &[sent, sent, sent, 0, 0, 0, 0], || running.counts("shop"));
        running.published("main");
        wait_for("it is ready", &Vec::new(), || running.troubles());
        let answers = payers.answers();
        let all = answers.len() as i64 + sent;
        let report = judged(&everything(&broker, service, topic, answers));
        assert!((all..=all + 2).contains(&credits(running, "merchant:9")), "{report:?}");
        service.verify();
    }
}

fn a_published_topic_that_is_made_again(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("again", 3);
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let running = service.serve();
    let payers = Payers::of(&[&running]);
    paying(&payers, || {
        for _ in 0..2 {
            payers.wait_for(150);
            broker.delete(&topic);
            payers.wait_for(50);
            broker.create(&topic, 3, &[]);
        }
        payers.wait_for(50);
    });
    let report = finish(&broker, &service, &running, &topic, &payers);
    assert_eq!(report.ledgers[0].deleted_up_to, 0, "it is filled again from the first event");
}

fn records_that_are_deleted_before_and_after_they_are_confirmed(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("deleted", 3);
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let running = service.serve();
    let payers = Payers::of(&[&running]);
    paying(&payers, || {
        for _ in 0..4 {
            payers.wait_for(100);
            // Whatever is there, read by nobody yet or by everybody.
            (0..3).for_each(|partition| broker.cut(&topic, partition, None));
        }
        payers.wait_for(100);
    });
    running.published("main");
    wait_for("it is ready", &Vec::new(), || running.troubles());
    let mut asked = everything(&broker, &service, &topic, payers.answers());
    asked.follow.may_begin_late = true;
    judged(&asked);
    // Only what was confirmed has expired: nothing is sent again for that.
    let ends = broker.ends(&topic, 3);
    (0..3).for_each(|partition| broker.cut(&topic, partition, None));
    running.account("customer:last", "none");
    running.published("main");
    let more: i64 = broker.ends(&topic, 3).iter().zip(&ends).map(|(now, then)| now - then).sum();
    assert_eq!(more, 1, "what has expired is left");
    service.verify();
}

#[test]
fn logs_that_are_wiped() {
    let Some(mut kafka) = semel_servers::private_kafka(&[]) else { return };
    let broker = Broker::at(&kafka.bootstrap());
    let Some(sites) = Site::both(&broker) else { return };
    paying_at(&sites, || {
        for _ in 0..2 {
            sites.iter().for_each(|site| site.payers.wait_for(100));
            kafka.kill().unwrap();
            kafka.wipe_logs().unwrap();
            kafka.start_again().unwrap();
        }
        sites.iter().for_each(|site| site.payers.wait_for(50));
    });
    for Site { service, running, payers, topic, .. } in &sites {
        let report = finish(&broker, service, running, topic, payers);
        assert_eq!(report.ledgers[0].deleted_up_to, 0, "it is filled again from the first event");
    }
}

fn strangers_that_write_into_the_topic(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("strangers", 2);
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let running = service.serve();
    let payers = Payers::of(&[&running]);
    let (plain, bracketed) = (broker.plain(), broker.bracketed());
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let almost = |partition, seq: &str| Record {
        headers: vec![header("semel-ledger", "main"), header("semel-seq", seq)],
        ..record(partition, "{}")
    };
    paying(&payers, || {
        for round in 0..6 {
            payers.wait_for(40);
            for partition in 0..2 {
                let garbage = [
                    record(partition, "no message"),
                    Record { partition, ..Record::default() },
                    almost(partition, "1"),
                    almost(partition, "999999999999"),
                    almost(partition, "-1"),
                ];
                plain.send(&topic, &garbage);
                bracketed.begin();
                bracketed.send(&topic, &garbage);
                if round % 2 == 0 { bracketed.commit() } else { bracketed.abort() }
            }
        }
        // A process that begins reads all that again.
    });
    let report = finish(&broker, &service, &running, &topic, &payers);
    assert_eq!(report.foreign, 6 * 2 * 5 + 3 * 2 * 5);
    running.kill();
    let running = service.serve();
    running.account("customer:last", "none");
    running.published("main");
    judged(&everything(&broker, &service, &topic, payers.answers()));
}

fn an_ingests_topic_that_is_made_again(kind: Kind) {
    let Some(broker) = shared() else { return };
    let [topic, orders] = ["out", "in"].map(|name| broker.topic(name, 3));
    let config = publishing(&broker, &topic, &ingest("shop", &orders, POINTERS));
    let Some(service) = Service::new(kind, &config) else { return };
    let running = service.serve();
    let send = |numbers: std::ops::Range<i32>| {
        let all: Vec<Record> =
            numbers.map(|number| record(number % 3, order(number, "1"))).collect();
        broker.idempotent().send(&orders, &all);
    };
    send(0..500);
    wait_for("the first", &500, || running.counts("shop")[0]);
    broker.delete(&orders);
    broker.create(&orders, 3, &[]);
    send(400..900);
    let all = [1000, 900, 900, 0, 100, 0, 0];
    wait_for("those in the other topic", &all, || running.counts("shop"));
    running.published("main");
    judged(&everything(&broker, &service, &topic, Vec::new()));
    assert_eq!(credits(&running, "merchant:9"), 900 * 100);
    wait_for("it is ready", &Vec::new(), || running.troubles());
    service.verify();
}
