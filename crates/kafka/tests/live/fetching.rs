//! What a fetch brings, and from where.

use crate::{Broker, contents, numbered, offsets, put, read};
use semel_core::dead_letter::Raw;
use semel_core::wire::{Fetched, Topic as _};

fn told(fetched: &Fetched) -> (u64, u64, Vec<u64>, u64) {
    (fetched.start, fetched.end, offsets(&fetched.records), fetched.next)
}

#[tokio::test]
async fn a_fetch_begins_where_it_is_told_to() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    assert_eq!(told(&topic.fetch(0, 0, 9).await.unwrap()), (0, 0, vec![], 0));
    assert_eq!(told(&topic.fetch(0, 1, 9).await.unwrap()), (0, 0, vec![], 1));
    put(&broker.foreign(&[]), &name, &numbered(0..10));
    let table = [
        // from  limit  start end records          next
        (0, 3, (0, 10, vec![0, 1, 2], 3)),
        (3, 2, (0, 10, vec![3, 4], 5)),
        (5, 9, (0, 10, vec![5, 6, 7, 8, 9], 10)),
        // Told from memory, and at the end.
        (9, 9, (0, 10, vec![9], 10)),
        (9, 1, (0, 10, vec![9], 10)),
        (10, 9, (0, 10, vec![], 10)),
        (10, 9, (0, 10, vec![], 10)),
        // Back, beyond, and back.
        (4, 1, (0, 10, vec![4], 5)),
        (11, 9, (0, 10, vec![], 11)),
        (u64::MAX, 9, (0, 10, vec![], u64::MAX)),
        (0, 0, (0, 10, vec![0], 1)),
    ];
    for (from, limit, expected) in table {
        let fetched = topic.fetch(0, from, limit).await.unwrap();
        assert_eq!(told(&fetched), expected, "from {from}, {limit} at most");
    }
    assert_eq!(topic.bounds(0).await, Ok((0, 10)));
    let again = [topic.fetch(0, 9, 1).await.unwrap(), topic.fetch(0, 9, 5).await.unwrap()];
    assert_eq!(again[0].records[0].digest(), again[1].records[0].digest());
    assert_eq!(&*again[0].topic, &*topic.about().await.unwrap().id);
    // What comes later is brought by a reading that waits at the end.
    let later = topic.fetch(0, 9, 9);
    put(&broker.foreign(&[]), &name, &numbered(10..11));
    let mut records = later.await.unwrap().records;
    records.extend(read(&topic, records.last().unwrap().offset + 1, 9).await);
    assert_eq!(offsets(&records), [9, 10]);
}

#[tokio::test]
async fn what_was_deleted_is_below_the_start() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..10));
    broker.delete_below(&name, 4).await;
    assert_eq!(told(&topic.fetch(0, 0, 9).await.unwrap()), (4, 10, vec![], 0));
    assert_eq!(told(&topic.fetch(0, 3, 9).await.unwrap()), (4, 10, vec![], 3));
    assert_eq!(told(&topic.fetch(0, 4, 2).await.unwrap()), (4, 10, vec![4, 5], 6));
    broker.delete_below(&name, 10).await;
    assert_eq!(topic.bounds(0).await, Ok((10, 10)));
    assert_eq!(told(&topic.fetch(0, 0, 9).await.unwrap()), (10, 10, vec![], 0));
    assert_eq!(told(&topic.fetch(0, 10, 9).await.unwrap()), (10, 10, vec![], 10));
    put(&broker.foreign(&[]), &name, &numbered(10..11));
    assert_eq!(offsets(&read(&topic, 10, 9).await), [10]);
}

#[tokio::test]
async fn a_fetch_that_was_given_up_takes_nothing_with_it() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    put(&broker.foreign(&[]), &name, &numbered(0..2_000));
    let mut next = 0;
    for turn in 0..200 {
        // A fetch is given up at its first, second, ... wait.
        let mut left = turn % 7;
        let mut fetch = std::pin::pin!(topic.fetch(0, next, 10));
        let given_up = std::future::poll_fn(|context| {
            let polled = fetch.as_mut().poll(context);
            left -= 1;
            match polled.is_pending() && left < 0 {
                true => std::task::Poll::Ready(None),
                false => polled.map(Some),
            }
        });
        if let Some(fetched) = given_up.await {
            let fetched = fetched.unwrap();
            assert_eq!(offsets(&fetched.records), (next..next + 10).collect::<Vec<_>>());
            next = fetched.next;
        }
    }
    assert_eq!(contents(&read(&topic, 0, 700).await), numbered(0..2_000));
}

/// One of each kind, by number.
fn odd(number: usize) -> Raw {
    let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_owned());
    let bytes = |length: usize| (0..length).map(|at| (at * 31 + number) as u8).collect::<Vec<u8>>();
    let keys = [None, Some(vec![]), Some(bytes(9)), Some(vec![0xff, 0, 0xc3])];
    let values = [None, Some(vec![]), Some(bytes(100)), Some(vec![0, 0xff]), Some(b"{}".to_vec())];
    let headers = [
        vec![],
        vec![header("b", b"1"), header("a", b""), header("b", b"2"), header("", &[0xff, 0])],
        vec![header("one", &bytes(300))],
    ];
    let of = |count: usize| number % count;
    let (key, value) = (keys[of(4)].clone(), values[of(5)].clone());
    Raw { key, value, headers: headers[of(3)].clone() }
}

#[tokio::test]
async fn records_come_as_they_were_written_however_they_were_compressed() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    let mut written = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let mut some: Vec<Raw> = (0..1_000).map(odd).collect();
        let large: Vec<u8> = (0..1_000_000_u32).map(|at| (at ^ at >> 8) as u8).collect();
        some.push(Raw { key: None, value: Some(large), headers: vec![] });
        let settings = [("compression.type", codec), ("message.max.bytes", "1048000")];
        put(&broker.foreign(&settings), &name, &some);
        written.extend(some);
    }
    for limit in [333, 100_000] {
        let records = read(&topic, 0, limit).await;
        assert_eq!(offsets(&records), (0..written.len() as u64).collect::<Vec<_>>());
        assert!(contents(&records) == written, "{limit} at a time");
        assert!(records.iter().all(|record| record.timestamp > 1_600_000_000_000));
    }
}

#[tokio::test]
async fn a_long_partition_comes_whole_in_many_fetches() {
    let Some(broker) = Broker::shared() else { return };
    let (name, topic) = broker.topic(1).await;
    let written = numbered(0..60_000);
    put(&broker.foreign(&[]), &name, &written);
    for limit in [1_000, 7_777] {
        let records = read(&topic, 0, limit).await;
        assert!(contents(&records) == written, "{limit} at a time");
    }
}
