//! A broker that is killed and comes back, with its logs and without.

use crate::{Broker, PATIENCE, contents, fetched, numbered, offsets, put, unused};
use semel_core::failure::Failure;
use semel_core::wire::{Place, Read, Topic as _, read_on};
use semel_kafka::KafkaTopic;
use semel_servers::for_tests::private_kafka;
use tokio::time::Instant;

/// What reading on brings when the broker is there again.
async fn on(topic: &KafkaTopic, id: &str, place: &Place) -> Read {
    let until = Instant::now() + PATIENCE;
    loop {
        match read_on((topic, id, 0), place, 50).await {
            Ok(read) => return read,
            Err(Failure::Retryable(why)) => assert!(Instant::now() < until, "{why}"),
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_read_is_the_same_after_a_kill_and_another_after_a_loss() {
    let Some(mut server) = private_kafka(&[]) else { return };
    let broker = Broker::at(&server.bootstrap(), &[]);
    let name = unused("kept");
    broker.make(&name, 1).await;
    let topic = broker.cluster.topic(&name, None).unwrap();
    put(&broker.foreign(&[]), &name, &numbered(0..20));
    let first = topic.fetch(0, 0, 10).await.unwrap();
    let place = Place { next: 10, seen: Some((9, first.records[9].digest())) };

    server.kill().unwrap();
    let away = topic.fetch(0, 10, 5).await;
    assert!(matches!(away, Err(Failure::Retryable(_))), "{away:?}");
    assert!(topic.trouble().is_some());
    server.start_again().unwrap();
    put(&broker.foreign(&[]), &name, &numbered(20..30));
    let Read::On(rest) = on(&topic, &first.topic, &place).await else { panic!("not read on") };
    assert_eq!(rest.records[0].offset, 10);
    let mut records = [first.records.clone(), rest.records].concat();
    while records.len() < 30 {
        records.extend(fetched(&topic, records.len() as u64, 50).await.records);
    }
    assert_eq!(contents(&records), numbered(0..30));
    assert_eq!(topic.trouble(), None);
    let same = fetched(&topic, 9, 1).await.records.remove(0);
    assert_eq!(same.digest(), first.records[9].digest());

    // The reader stands at the end, with the last record in its memory.
    let last = fetched(&topic, 29, 50).await.records.remove(0);
    let at_end = Place { next: 30, seen: Some((29, last.digest())) };
    let later = broker.cluster.topic(&name, None).unwrap();
    server.kill().unwrap();
    server.wipe_logs().unwrap();
    server.start_again().unwrap();
    // Others write as much, and more than anybody has read.
    put(&broker.foreign(&[]), &name, &numbered(100..140));
    for (topic, place) in [(&topic, &at_end), (&topic, &place), (&later, &at_end), (&later, &place)]
    {
        match on(topic, &first.topic, place).await {
            Read::Changed(offset) => assert_eq!(Some(offset), place.seen.map(|seen| seen.0)),
            other => panic!("{other:?}"),
        }
    }
    let refilled = fetched(&topic, 0, 50).await;
    assert_eq!((refilled.topic, refilled.end), (first.topic, 40));
    assert_eq!(offsets(&refilled.records).first(), Some(&0));
}

#[tokio::test]
async fn a_slow_broker_is_waited_for() {
    let Some(server) = private_kafka(&[]) else { return };
    let broker = Broker::at(&server.bootstrap(), &[]);
    let name = unused("slow");
    broker.make(&name, 1).await;
    let topic = broker.cluster.topic(&name, None).unwrap();
    put(&broker.foreign(&[]), &name, &numbered(0..3));
    let first = topic.fetch(0, 0, 9).await.unwrap();
    let place = Place { next: 3, seen: Some((2, first.records[2].digest())) };
    // Whatever is answered while it stands still, it is not that anything has changed.
    server.pause().unwrap();
    let answer = read_on((&topic, &*first.topic, 0), &place, 9).await;
    assert!(matches!(answer, Err(Failure::Retryable(_))), "{answer:?}");
    let anew = broker.cluster.topic(&name, None).unwrap();
    assert!(matches!(anew.fetch(0, 2, 9).await, Err(Failure::Retryable(_))));
    server.resume().unwrap();
    assert!(matches!(on(&topic, &first.topic, &place).await, Read::On(_)));
    assert!(matches!(on(&anew, &first.topic, &place).await, Read::On(_)));
}
