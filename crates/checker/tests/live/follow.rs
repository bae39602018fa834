//! What is followed on a real broker.

use super::broker::{Topic, write, write_within};
use semel_checker::{Followed, Options, Until, follow};
use std::time::Duration;

/// The seqs that were taken, by partition.
fn taken(followed: &Followed) -> Vec<(u32, Vec<u64>)> {
    let places = followed.reader.places.iter();
    let seqs = places.map(|((_, partition), place)| {
        (*partition, place.taken.iter().map(|taken| taken.link.seq).collect())
    });
    seqs.collect()
}

#[tokio::test]
async fn repeats_early_records_and_foreign_ones_are_told_apart() {
    let Some(topic) = Topic::new(3).await else { return };
    let producer = topic.producer().await;
    let foreign = krafka::Record::new(&*topic.name, "not ours").partition(1);
    for record in [
        topic.record(0, 0, 1),
        topic.record(1, 0, 2),
        topic.record(0, 3, 4),
        topic.record(0, 1, 3),
        foreign,
        topic.record(0, 3, 4),
        topic.record(1, 0, 2),
    ] {
        write(&producer, record).await;
    }
    let followed = follow(&topic.options()).await.expect("the broker answers");
    assert_eq!(taken(&followed), [(0, vec![1, 3, 4]), (1, vec![2])]);
    let counts = followed.reader.places.values().map(|place| (place.repeats, place.early));
    assert_eq!(counts.collect::<Vec<_>>(), [(0, 1), (1, 0)]);
    assert_eq!((followed.partitions, followed.reader.foreign), (3, 1));
    assert!(followed.reader.findings.codes().is_empty());
}

/// Also where the log ends with records that nobody may see and the marker that says so.
#[tokio::test]
async fn what_a_kafka_transaction_aborted_is_left_out() {
    let Some(topic) = Topic::new(1).await else { return };
    let producer = topic.kafka_transaction().await;
    for (records, is_committed) in [
        ([topic.record(0, 0, 1), topic.record(0, 1, 2)], true),
        ([topic.record(0, 2, 8), topic.record(0, 8, 9)], false),
        ([topic.record(0, 2, 3), topic.record(0, 3, 4)], true),
        ([topic.record(0, 4, 5), topic.record(0, 5, 6)], false),
    ] {
        producer.begin().expect("nothing is open");
        for record in records {
            write_within(&producer, record).await;
        }
        match is_committed {
            true => producer.commit().await.expect("it is committed"),
            false => producer.abort().await.expect("it is aborted"),
        }
    }
    let followed = follow(&topic.options()).await.expect("the broker answers");
    assert_eq!(taken(&followed), [(0, vec![1, 2, 3, 4])]);
    assert!(followed.reader.findings.codes().is_empty());

    let options = Options { uncommitted: true, ..topic.options() };
    let followed = follow(&options).await.expect("the broker answers");
    assert_eq!(taken(&followed), [(0, vec![1, 2, 8, 9])]);
    assert_eq!(followed.reader.findings.codes(), ["stray"]);
}

#[tokio::test]
async fn what_waits_behind_an_open_kafka_transaction_is_not_the_end() {
    let Some(topic) = Topic::new(1).await else { return };
    let open = topic.kafka_transaction().await;
    let producer = topic.producer().await;
    write(&producer, topic.record(0, 0, 1)).await;
    open.begin().expect("nothing is open");
    write_within(&open, topic.record(0, 1, 2)).await;
    write(&producer, topic.record(0, 2, 3)).await;

    let options = Options { patience: Duration::from_secs(2), ..topic.options() };
    let followed = follow(&options).await.expect("the broker answers");
    assert_eq!(taken(&followed), [(0, vec![1])]);
    assert_eq!(followed.reader.findings.codes(), ["unread"]);

    let options = topic.options();
    let (followed, ()) = tokio::join!(follow(&options), async {
        open.commit().await.expect("it is committed");
    });
    let followed = followed.expect("the broker answers");
    assert_eq!(taken(&followed), [(0, vec![1, 2, 3])]);
    assert!(followed.reader.findings.codes().is_empty());
}

#[tokio::test]
async fn it_waits_until_a_ledger_is_covered() {
    let Some(topic) = Topic::new(2).await else { return };
    let producer = topic.producer().await;
    write(&producer, topic.record(1, 0, 1)).await;
    let until = Until::Covered([("main".to_string(), 3)].into());
    let options = Options { until, ..topic.options() };
    let (followed, ()) = tokio::join!(follow(&options), async {
        for record in [topic.record(0, 0, 2), topic.record(1, 1, 3)] {
            write(&producer, record).await;
        }
    });
    let followed = followed.expect("the broker answers");
    assert_eq!(taken(&followed), [(0, vec![2]), (1, vec![1, 3])]);

    let until = Until::Covered([("main".to_string(), 4)].into());
    let options = Options { until, patience: Duration::from_secs(1), ..topic.options() };
    let followed = follow(&options).await.expect("the broker answers");
    assert_eq!(followed.reader.findings.codes(), ["uncovered"]);

    let until = Until::Quiet(Duration::from_millis(500));
    let followed = follow(&Options { until, ..topic.options() }).await;
    assert_eq!(taken(&followed.expect("the broker answers")), [(0, vec![2]), (1, vec![1, 3])]);
}

#[tokio::test]
async fn a_broker_that_is_away_and_a_topic_that_is_missing_are_told() {
    let Some(topic) = Topic::new(1).await else { return };
    let missing = Options { topic: format!("{}-other", topic.name), ..topic.options() };
    let away = follow(&missing).await.expect_err("there is no such topic");
    assert_eq!(away.what, "broker");
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports");
    let bootstrap = free.local_addr().expect("it has one").to_string();
    drop(free);
    let patience = Duration::from_secs(2);
    let away = follow(&Options { bootstrap, patience, ..topic.options() }).await;
    assert_eq!(away.expect_err("nobody listens there").what, "broker");
}
