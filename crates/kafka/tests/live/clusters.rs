//! What is asked of a cluster, and topics that are made.

use crate::{Broker, unused};
use semel_core::failure::Failure;
use semel_core::wire::{Message, Producer as _, Topic as _};
use semel_kafka::{Made, Right, Wanted};
use semel_servers::for_tests::private_kafka;

#[tokio::test]
async fn a_topic_is_made_once_and_left_as_it_is() {
    let Some(broker) = Broker::shared() else { return };
    assert_eq!(broker.cluster.brokers().await, Ok(1));
    let name = unused("made");
    let settings = vec![("cleanup.policy", "compact"), ("max.message.bytes", "2000")];
    let mut wanted = Wanted { name: &name, partitions: 3, replication: None, settings };
    assert_eq!(broker.cluster.create(&wanted).await, Ok(Made::New(1)));
    (wanted.partitions, wanted.settings) = (5, Vec::new());
    assert_eq!(broker.cluster.create(&wanted).await, Ok(Made::There(3)));
    let topic = broker.cluster.topic(&name, None).unwrap();
    let about = topic.about().await.unwrap();
    assert!(about.compacted);
    assert_eq!((about.partitions, about.id.len()), (3, 22));
    let seen = broker.cluster.inspect(&name).await.unwrap();
    assert_eq!((seen.id.as_str(), seen.partitions, seen.replicas), (&*about.id, 3, 1));
    assert_eq!(seen.settings["cleanup.policy"], "compact");
    assert!(seen.rights.contains(&Right::Write), "nobody is kept out here: {seen:?}");
    assert_eq!(broker.cluster.is_recent().await, Ok(true));
    broker.cluster.delete(&name).await.unwrap();
    let gone = broker.cluster.delete(&name).await;
    assert!(matches!(gone, Err(Failure::Retryable(_))), "{gone:?}");
}

#[tokio::test]
async fn what_cannot_be_made_is_said() {
    let Some(broker) = Broker::shared() else { return };
    let (name, long) = (unused("refused"), "a".repeat(250));
    let table = [
        // name, partitions, replication, setting     says
        (&*name, 1, Some(2), ("retention.ms", "1"), "replication factor"),
        (&*name, 0, None, ("retention.ms", "1"), "partitions"),
        (&*name, 1, None, ("no.such", "1"), "configuration is invalid"),
        (&*name, 1, None, ("retention.ms", "soon"), "configuration is invalid"),
        ("", 1, None, ("retention.ms", "1"), "choose another name"),
        ("a b", 1, None, ("retention.ms", "1"), "choose another name"),
        ("a/b", 1, None, ("retention.ms", "1"), "choose another name"),
        ("a\0b", 1, None, ("retention.ms", "1"), "choose another name"),
        ("..", 1, None, ("retention.ms", "1"), "choose another name"),
        (&*long, 1, None, ("retention.ms", "1"), "choose another name"),
    ];
    for (name, partitions, replication, setting, says) in table {
        let wanted = Wanted { name, partitions, replication, settings: vec![setting] };
        let Err(refused) = broker.cluster.create(&wanted).await else { panic!("{name} is made") };
        let said = refused.to_string().to_lowercase();
        assert!(matches!(refused, Failure::Permanent(_)) && said.contains(says), "{said}");
    }
    for name in ["", "a\0b", &long, &"a".repeat(1_000)] {
        assert!(broker.cluster.topic(name, None).is_err(), "{name}");
    }
}

#[tokio::test]
async fn no_topic_is_made_by_asking_for_it() {
    let Some(server) = private_kafka(&[("auto.create.topics.enable", "true")]) else { return };
    let broker = Broker::at(&server.bootstrap(), &[("message.timeout.ms", "2000")]);
    assert_eq!(broker.cluster.brokers().await, Ok(1));
    let name = unused("absent");
    let topic = broker.cluster.topic(&name, Some("group")).unwrap();
    for _ in 0..2 {
        assert!(matches!(topic.about().await, Err(Failure::Retryable(_))));
        assert!(matches!(topic.fetch(0, 0, 1).await, Err(Failure::Retryable(_))));
        assert!(matches!(topic.bounds(0).await, Err(Failure::Retryable(_))));
    }
    assert!(topic.trouble().unwrap().contains(&name));
    let mut producer = topic.producer();
    let raw = crate::numbered(0..1).remove(0);
    let mut sent = producer.send(vec![Message { partition: 0, raw, beside: None }]).await;
    while sent.is_ok() {
        sent = producer.send(Vec::new()).await;
        tokio::task::yield_now().await;
    }
    assert!(matches!(sent, Err(Failure::Unknown(_))), "{sent:?}");
    let made = std::fs::read_dir(server.data()).unwrap();
    let made: Vec<_> = made.map(|entry| entry.unwrap().file_name()).collect();
    let is_asked = |made: &std::ffi::OsString| {
        let made = made.to_string_lossy();
        made.starts_with(&name) || made.starts_with("_-")
    };
    assert!(!made.iter().any(is_asked), "{made:?}");
}
