//! What others write in Kafka transactions, and what readers see of it.

use crate::{Broker, PATIENCE, contents, numbered, offsets, put, read};
use rdkafka::producer::Producer as _;
use semel_core::wire::{Place, Read, Topic as _, read_on};
use tokio::time::Instant;

#[tokio::test]
async fn committed_records_come_and_aborted_ones_do_not() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..2));
    put(&broker.foreign(&[("enable.idempotence", "true")]), &name, &numbered(2..4));
    let producer = broker.transactional();
    for (numbers, is_committed) in [(4..6, true), (90..95, false), (6..8, true)] {
        producer.begin_transaction().unwrap();
        put(&producer, &name, &numbered(numbers));
        match is_committed {
            true => producer.commit_transaction(PATIENCE).unwrap(),
            false => producer.abort_transaction(PATIENCE).unwrap(),
        }
    }
    for limit in [1, 3, 100] {
        let records = read(&topic, 0, limit).await;
        assert_eq!(contents(&records), numbered(0..8));
        // A marker stands at 6, at 12 and at 15; what was aborted from 7 on.
        assert_eq!(offsets(&records), [0, 1, 2, 3, 4, 5, 13, 14]);
    }
    for (from, first) in [(6, 13), (9, 13), (13, 13), (14, 14)] {
        let fetched = topic.fetch(0, from, 9).await.unwrap();
        assert_eq!((fetched.records[0].offset, fetched.start), (first, 0), "from {from}");
    }
    let fetched = topic.fetch(0, 15, 9).await.unwrap();
    assert_eq!((fetched.records.len(), fetched.next, fetched.end), (0, 16, 16));
    // Read on from the last record over the marker behind it, which is all that is there.
    let last = read(&topic, 14, 9).await.remove(0);
    let place = Place { next: 15, seen: Some((14, last.digest())) };
    let by = (&topic, &*topic.about().await.unwrap().id, 0);
    let Ok(Read::On(on)) = read_on(by, &place, 9).await else { panic!("not read on") };
    assert_eq!((on.records.len(), on.end), (0, 16));
}

#[tokio::test]
async fn an_open_kafka_transaction_holds_back_what_is_behind_it() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..3));
    let open = broker.transactional();
    open.begin_transaction().unwrap();
    put(&open, &name, &numbered(50..54));
    put(&broker.foreign(&[]), &name, &numbered(3..5));
    let fetched = topic.fetch(0, 0, 9).await.unwrap();
    assert_eq!((contents(&fetched.records), fetched.end), (numbered(0..3), 3));
    let fetched = topic.fetch(0, 2, 9).await.unwrap();
    assert_eq!((offsets(&fetched.records), fetched.end, fetched.next), (vec![2], 3, 3));
    let held = topic.progress().all()[&0];
    assert_eq!((held.end, held.held_back), (3, 6));
    let since = held.held_since.unwrap();
    assert_eq!(topic.bounds(0).await, Ok((0, 3)));
    // Behind what readers see, and before what is written.
    for from in [4, 9] {
        let fetched = topic.fetch(0, from, 9).await.unwrap();
        assert_eq!((fetched.records.len(), fetched.end, fetched.next), (0, 3, from));
    }
    topic.fetch(0, 2, 9).await.unwrap();
    topic.fetch(0, 3, 9).await.unwrap();
    let held = topic.progress().all()[&0];
    assert_eq!((held.held_back, held.held_since), (6, Some(since)));
    open.abort_transaction(PATIENCE).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut fetched = topic.fetch(0, 3, 9).await.unwrap();
    while fetched.records.is_empty() {
        assert!(Instant::now() < until);
        fetched = topic.fetch(0, 3, 9).await.unwrap();
    }
    assert_eq!(contents(&fetched.records), numbered(3..5));
    // Three, four that were aborted, two, and a marker.
    while fetched.next < 10 {
        assert!(Instant::now() < until);
        fetched = topic.fetch(0, fetched.next, 9).await.unwrap();
    }
    let held = topic.progress().all()[&0];
    assert_eq!((held.held_back, held.held_since), (0, None));
}

#[tokio::test]
async fn a_desert_of_aborted_records_is_crossed() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..1));
    let producer = broker.transactional();
    for _ in 0..5 {
        producer.begin_transaction().unwrap();
        put(&producer, &name, &numbered(0..10_000));
        producer.abort_transaction(PATIENCE).unwrap();
    }
    let fetched = topic.fetch(0, 1, 9).await.unwrap();
    assert_eq!((fetched.records.len(), fetched.next, fetched.end), (0, 50_006, 50_006));
    put(&broker.foreign(&[]), &name, &numbered(1..2));
    for from in [0, 1, 30_000, 50_005] {
        let records = read(&topic, from, 1).await;
        assert_eq!(contents(&records), numbered(u64::from(from > 0)..2), "from {from}");
    }
}
