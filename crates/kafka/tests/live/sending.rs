//! What a producer delivers, and what it says when it does not know.

use crate::{Broker, PATIENCE, contents, fetched, numbered, offsets, put, read, unused};
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::problem::Code;
use semel_core::wire::{Message, Producer as _, Topic as _};
use semel_kafka::{KafkaProducer, Wanted};
use semel_servers::for_tests::private_kafka;
use tokio::time::Instant;

fn to(partition: u32, raws: Vec<Raw>) -> Vec<Message> {
    raws.into_iter().map(|raw| Message { partition, raw, beside: None }).collect()
}

/// What it says in the end of what it was given.
async fn says(producer: &mut KafkaProducer) -> Failure {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Err(failure) = producer.send(Vec::new()).await {
            return failure;
        }
        assert!(Instant::now() < until, "it says nothing");
        tokio::task::yield_now().await;
    }
}

fn is_unknown(failure: &Failure) -> bool {
    matches!(failure, Failure::Unknown(_))
}

#[tokio::test]
async fn each_partition_gets_all_in_order() {
    let Some(broker) = Broker::shared() else { return };
    let (_, topic) = broker.topic(3).await;
    let mut producer = topic.producer();
    // More than its queue takes at once.
    let messages = (0..150_000).map(|number| {
        let raw = Raw { value: Some(format!("{number}").into()), ..Raw::default() };
        Message { partition: number % 3, raw, beside: None }
    });
    let mut messages = messages.collect::<Vec<_>>();
    while !messages.is_empty() {
        let rest = messages.split_off(messages.len().min(40_000));
        producer.send(std::mem::replace(&mut messages, rest)).await.unwrap();
    }
    let until = Instant::now() + PATIENCE;
    for partition in 0..3 {
        let (mut next, mut number) = (0, u64::from(partition));
        while next < 50_000 {
            let fetched = topic.fetch(partition, next, 5_000).await.unwrap();
            for record in &fetched.records {
                assert_eq!(record.raw.value, Some(number.to_string().into()));
                number += 3;
            }
            next = fetched.next;
            assert!(Instant::now() < until);
        }
        assert_eq!(topic.bounds(partition).await, Ok((0, 50_000)));
    }
}

#[tokio::test]
async fn contents_are_delivered_as_they_are() {
    let Some(broker) = Broker::shared() else { return };
    let (_, topic) = broker.topic(1).await;
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_owned());
    let sent = vec![
        Raw::default(),
        Raw { key: Some(vec![]), value: Some(vec![]), headers: vec![] },
        Raw { key: Some(vec![0xff, 0]), value: None, headers: vec![header("a", b"")] },
        Raw { key: None, value: Some(vec![0xc3; 900_000]), headers: vec![] },
        Raw {
            headers: vec![header("b", b"1"), header("a", &[0xff]), header("b", b"2")],
            ..Raw::default()
        },
    ];
    let mut producer = topic.producer();
    producer.send(to(0, sent.clone())).await.unwrap();
    let until = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < sent.len() {
        records.extend(read(&topic, records.len() as u64, 9).await);
        assert!(Instant::now() < until);
    }
    assert!(contents(&records) == sent);
}

#[tokio::test]
async fn what_no_broker_takes_is_in_doubt_at_once() {
    let Some(broker) = Broker::shared() else { return };
    let name = unused("narrow");
    let settings = vec![("max.message.bytes", "1000")];
    let wanted = Wanted { name: &name, partitions: 1, replication: None, settings };
    broker.cluster.create(&wanted).await.unwrap();
    let topic = broker.cluster.topic(&name, None).unwrap();
    let sized = |size| vec![Raw { value: Some(vec![b'a'; size]), ..Raw::default() }];
    let table = [
        // messages           what
        (to(0, sized(5_000)), "larger than the topic takes"),
        (to(0, sized(5_000_000)), "larger than any topic takes"),
        (to(7, sized(1)), "for a partition that is not there"),
    ];
    for (messages, what) in table {
        let began = Instant::now();
        let mut producer = topic.producer();
        let sent = producer.send(messages).await;
        let failure = match sent {
            Ok(()) => says(&mut producer).await,
            Err(failure) => failure,
        };
        assert!(is_unknown(&failure), "{what}: {failure}");
        assert!(is_unknown(&producer.send(to(0, sized(1))).await.unwrap_err()), "{what}");
        assert!(began.elapsed().as_secs() < 15, "{what}");
    }
    let mut producer = topic.producer();
    producer.send(to(0, sized(1))).await.unwrap();
    assert_eq!(fetched_all(&topic, 1).await.len(), 1);
}

#[tokio::test]
async fn settings_that_do_not_go_together_are_a_stop() {
    let Some(broker) = Broker::shared() else { return };
    let settings = [("linger.ms", "2000"), ("message.timeout.ms", "1000")];
    let topic = Broker::at(&broker.servers, &settings).cluster.topic("none", None).unwrap();
    let message = to(0, vec![Raw::default()]);
    let Err(Failure::Permanent(stop)) = topic.producer().send(message).await else { panic!() };
    assert_eq!(stop.code, Code::WireRefused);
    assert!(stop.detail.contains("message.timeout.ms"), "{stop}");
}

/// The first `count` records, when they are there.
async fn fetched_all(topic: &semel_kafka::KafkaTopic, count: usize) -> Vec<Raw> {
    let until = Instant::now() + PATIENCE;
    let (mut next, mut all) = (0, Vec::new());
    while all.len() < count {
        let fetched = fetched(topic, next, 1_000).await;
        next = fetched.next;
        all.extend(contents(&fetched.records));
        assert!(Instant::now() < until, "{} of {count}", all.len());
    }
    all
}

#[tokio::test]
async fn a_broker_that_stands_still_leaves_doubt_and_a_new_producer_works() {
    let Some(server) = private_kafka(&[]) else { return };
    let broker = Broker::at(&server.bootstrap(), &[("message.timeout.ms", "2000")]);
    let (_, topic) = broker.topic(1).await;
    let mut producer = topic.producer();
    producer.send(to(0, numbered(0..10))).await.unwrap();
    assert_eq!(fetched_all(&topic, 10).await, numbered(0..10));
    server.pause().unwrap();
    producer.send(to(0, numbered(10..20))).await.unwrap();
    assert!(is_unknown(&says(&mut producer).await));
    assert!(is_unknown(&producer.send(to(0, numbered(20..21))).await.unwrap_err()));
    // Nobody waits for what it had on its way.
    let began = Instant::now();
    drop(producer);
    let mut waiting = topic.producer();
    waiting.send(to(0, numbered(90..95))).await.unwrap();
    drop(waiting);
    assert!(began.elapsed().as_secs() < 2);
    server.resume().unwrap();
    let mut producer = topic.producer();
    producer.send(to(0, numbered(30..40))).await.unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let all = contents(&fetched(&topic, 0, 1_000).await.records);
        if all.ends_with(&numbered(30..40)) {
            break;
        }
        assert!(Instant::now() < until, "{all:?}");
    }
}

#[tokio::test]
async fn a_kill_while_sending_leaves_doubt_or_everything_and_order() {
    let Some(mut server) = private_kafka(&[]) else { return };
    let broker = Broker::at(&server.bootstrap(), &[("message.timeout.ms", "20000")]);
    let (name, topic) = broker.topic(1).await;
    let mut producer = topic.producer();
    let mut sent = 0;
    let mut doubt = None;
    for round in 0..60 {
        if round == 20 {
            server.kill().unwrap();
        }
        if round == 40 {
            server.start_again().unwrap();
        }
        match producer.send(to(0, numbered(sent..sent + 500))).await {
            Ok(()) => sent += 500,
            Err(failure) => doubt = Some(failure),
        }
    }
    let until = Instant::now() + PATIENCE;
    let (mut next, mut all) = (0, Vec::new());
    while doubt.is_none() && (all.len() as u64) < sent {
        doubt = producer.send(Vec::new()).await.err();
        let fetched = fetched(&topic, next, 10_000).await;
        next = fetched.next;
        all.extend(contents(&fetched.records));
        assert!(Instant::now() < until, "{} of {sent}", all.len());
    }
    if let Some(failure) = &doubt {
        assert!(is_unknown(failure), "{failure}");
    }
    drop(producer);
    put(&broker.foreign(&[]), &name, &[Raw::default()]);
    let records = read(&topic, 0, 10_000).await;
    assert_eq!(offsets(&records), (0..records.len() as u64).collect::<Vec<_>>());
    let all = contents(&records);
    let count = all.len() as u64 - 1;
    // In order and once each, be it with an end that is missing.
    assert!(count <= sent && (doubt.is_some() || count == sent), "{count} of {sent}");
    assert!(all[..all.len() - 1] == numbered(0..count));
}
