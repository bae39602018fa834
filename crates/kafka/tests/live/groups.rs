//! The group that dashboards look at: how far a topic is taken, and no further.

use crate::{Broker, PATIENCE, numbered, offsets, put, unused};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use semel_core::wire::Topic as _;
use tokio::time::Instant;

/// What the group was told of the first partition; none while its broker gets ready.
fn told(consumer: &BaseConsumer, name: &str) -> Option<i64> {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(name, 0);
    let told = consumer.committed_offsets(asked, PATIENCE).ok()?;
    told.find_partition(name, 0)?.offset().to_raw().filter(|offset| *offset >= 0)
}

#[tokio::test]
async fn a_group_is_told_what_was_read_on_behind() {
    let Some(broker) = Broker::shared() else { return };
    let (name, _) = broker.topic(1).await;
    let group = unused("group");
    let topic = broker.cluster.topic(&name, Some(&group)).unwrap();
    let consumer: BaseConsumer = broker.config(&[("group.id", &group)]).create().unwrap();
    put(&broker.foreign(&[]), &name, &numbered(0..1));
    let until = Instant::now() + PATIENCE;
    // One record is brought, and it is not known whether it was taken.
    assert_eq!(offsets(&topic.fetch(0, 0, 9).await.unwrap().records), [0]);
    while told(&consumer, &name) != Some(0) {
        assert_eq!(told(&consumer, &name).filter(|told| *told != 0), None);
        assert!(Instant::now() < until, "{:?}", told(&consumer, &name));
    }
    put(&broker.foreign(&[]), &name, &numbered(1..5));
    let table = [
        // from limit  brought         is told
        (0, 9, vec![0, 1, 2, 3, 4], 0),
        (2, 2, vec![2, 3], 2),
        (3, 1, vec![3], 4),
        (4, 9, vec![4], 5),
    ];
    for (from, limit, brought, expected) in table {
        let mut fetched = topic.fetch(0, from, limit).await.unwrap();
        while fetched.records.len() < brought.len() {
            fetched = topic.fetch(0, from, limit).await.unwrap();
        }
        assert_eq!(offsets(&fetched.records), brought);
        while told(&consumer, &name) != Some(expected) {
            assert!(Instant::now() < until, "{:?}, not {expected}", told(&consumer, &name));
        }
    }
}
