//! A topic that is deleted and made again under its name, with a reader in the middle of it.

use crate::{Broker, PATIENCE, contents, fetched, numbered, offsets, put};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use semel_core::wire::{Place, Read, Topic as _, read_on};
use tokio::time::Instant;

#[tokio::test]
async fn no_record_of_a_new_topic_comes_under_the_id_of_the_old_one() {
    let Some(broker) = Broker::shared() else { return };
    for (count, is_read_first) in [(3, true), (10, true), (30, true), (30, false)] {
        let (name, topic) = broker.topic(1).await;
        put(&broker.foreign(&[]), &name, &numbered(0..10));
        let old = topic.fetch(0, 0, 5).await.unwrap();
        assert_eq!(offsets(&old.records), [0, 1, 2, 3, 4]);
        let place = Place { next: 5, seen: Some((4, old.records[4].digest())) };
        broker.make_again(&name, &topic).await;
        let about = topic.about().await.unwrap();
        assert_ne!(about.id, old.topic);
        let reader = match is_read_first {
            true => topic.clone(),
            false => broker.cluster.topic(&name, None).unwrap(),
        };
        if is_read_first {
            // While it is empty still.
            let none = fetched(&topic, 4, 9).await;
            assert_eq!((&none.topic, none.start, none.end), (&about.id, 0, 0));
            assert!(none.records.is_empty());
        }
        put(&broker.foreign(&[]), &name, &numbered(100..100 + count));
        let until = Instant::now() + PATIENCE;
        loop {
            match read_on((&reader, &*old.topic, 0), &place, 9).await {
                Ok(Read::OtherTopic) => break,
                Err(semel_core::failure::Failure::Retryable(why)) => {
                    assert!(Instant::now() < until, "{why}");
                }
                other => panic!("{count} records: {other:?}"),
            }
        }
        // From its own beginning, it comes whole.
        let (mut next, mut records) = (0, Vec::new());
        while next < count {
            let more = fetched(&reader, next, 9).await;
            assert_eq!(more.topic, about.id);
            next = more.next;
            records.extend(more.records);
        }
        assert_eq!(contents(&records), numbered(100..100 + count));
    }
}

#[tokio::test]
async fn a_reader_in_the_middle_of_a_queue_is_not_given_the_rest_of_the_old_topic() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..1_000));
    let old = topic.fetch(0, 0, 5).await.unwrap();
    broker.make_again(&name, &topic).await;
    put(&broker.foreign(&[]), &name, &numbered(5_000..7_000));
    // All thousand lie ready; the topic that they are of is no more.
    let new = fetched(&topic, 5, 9).await;
    assert_ne!(new.topic, old.topic);
    for record in new.records {
        assert_eq!(record.raw, numbered(5_000..7_000)[record.offset as usize]);
    }
}

#[tokio::test]
async fn more_partitions_are_told() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    let before = topic.about().await.unwrap();
    assert!(topic.fetch(2, 0, 1).await.is_err());
    let admin: AdminClient<DefaultClientContext> = broker.config(&[]).create().unwrap();
    let more = NewPartitions::new(&name, 3);
    admin.create_partitions([&more], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    let until = Instant::now() + PATIENCE;
    while topic.about().await.unwrap().partitions != 3 {
        assert!(Instant::now() < until);
    }
    assert_eq!(topic.about().await.unwrap().id, before.id);
    while topic.fetch(2, 0, 1).await.is_err() {
        assert!(Instant::now() < until);
    }
    assert_eq!(topic.fetch(2, 0, 1).await.unwrap().end, 0);
}
