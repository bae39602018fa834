//! Taking a topic of other people: every committed record once, and a named stop where one could
//! have been missed.

use crate::intake::Shop;
use semel_core::dead_letter::Raw;
use semel_core::failure::Failure;
use semel_core::leg::{DEADLINE, Pace};
use semel_core::problem::Code;
use std::time::Duration;

fn numbers(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

#[test]
fn every_record_is_taken_once_whatever_the_offsets_and_the_steps() {
    for step in [1, 2, 3, 100] {
        let shop = Shop::new(2, step);
        shop.broker.mark(0);
        shop.orders(0, 0..5);
        (0..4).for_each(|_| shop.broker.mark(0));
        shop.orders(0, 5..8);
        shop.broker.mark(0);
        shop.takes();
        assert_eq!(shop.paid(), numbers(0..8), "{step} a step");
        assert_eq!((shop.read("t1", 0), shop.read("t1", 1)), ((8, 0), (0, 0)), "{step} a step");

        // Another process goes on, also with a repeat and with something that is no order.
        shop.orders(1, 8..10);
        shop.orders(0, 7..8);
        shop.broker.put(1, Raw::default());
        shop.takes();
        assert_eq!(shop.paid(), numbers(0..10), "{step} a step");
        assert_eq!((shop.read("t1", 0), shop.read("t1", 1)), ((9, 1), (3, 0)), "{step} a step");
        let letters = &shop.books.state().store.letters;
        let dead: Vec<_> = letters.values().map(|letter| (&*letter.source, letter.line)).collect();
        assert_eq!(dead, [("topic:t1/1", 2)], "{step} a step");
    }
}

#[test]
fn what_comes_later_is_taken_by_who_runs() {
    let shop = Shop::new(1, 4);
    let mut come = 0;
    let ended = shop.take_while(1, || {
        if come < 30 {
            shop.orders(0, come..come + 1);
            come += 1;
            shop.broker.mark(0);
        }
        shop.paid().len() < 30
    });
    assert_eq!((ended, shop.paid()), (None, numbers(0..30)));
}

#[test]
fn what_happens_to_a_topic_between_two_processes_has_a_name() {
    type Change = fn(&Shop);
    // Ten orders at the offsets 0 to 9 were taken.
    #[rustfmt::skip]
    let cases: [(&str, Change, Option<Code>); 13] = [
        ("nothing", |_| {}, None),
        ("it is compacted now", |shop| shop.broker.state().about.compacted = true,
            Some(Code::TopicCompacted)),
        ("records that were read expired", |shop| shop.broker.expire(0, 7), None),
        ("all that was read expired", |shop| shop.broker.expire(0, 10), None),
        ("unread records expired", |shop| {
            shop.orders(0, 10..13);
            shop.broker.expire(0, 11);
        }, Some(Code::IngestGap)),
        ("all records expired, also unread ones", |shop| {
            shop.orders(0, 10..13);
            shop.broker.expire(0, 13);
        }, Some(Code::IngestGap)),
        ("the log is shorter", |shop| shop.broker.truncate(0, 9), Some(Code::SourceChanged)),
        ("the log is empty", |shop| shop.broker.truncate(0, 0), Some(Code::SourceChanged)),
        ("another record is the last", |shop| {
            shop.broker.truncate(0, 9);
            shop.order(0, "other");
        }, Some(Code::SourceChanged)),
        ("another record, and more", |shop| {
            shop.broker.truncate(0, 5);
            shop.orders(0, 100..120);
        }, Some(Code::SourceChanged)),
        ("the same record, written again", |shop| {
            shop.broker.truncate(0, 9);
            shop.orders(0, 9..10);
        }, Some(Code::SourceChanged)),
        ("a marker instead of the last record", |shop| {
            shop.broker.truncate(0, 9);
            shop.broker.mark(0);
            shop.orders(0, 10..11);
        }, Some(Code::SourceChanged)),
        ("the same record, and another one before it", |shop| {
            let other = Raw { value: Some(b"{}".to_vec()), ..Raw::default() };
            shop.broker.state().logs[0].records.insert(3, other);
        }, None),
    ];
    for (what, changes, expected) in cases {
        let shop = Shop::new(2, 4);
        shop.orders(0, 0..10);
        shop.takes();
        changes(&shop);
        let Some(expected) = expected else {
            shop.takes();
            shop.orders(0, 20..22);
            shop.takes();
            let all = numbers((0..10).chain(20..22));
            assert_eq!(shop.paid(), all, "{what}");
            continue;
        };
        assert_eq!(shop.stops(), expected, "{what}");
        assert_eq!(shop.paid(), numbers(0..10), "{what}: nothing is taken");
        assert_eq!(shop.cursor("t1", 0).next, 10, "{what}: the cursor stays");
    }
}

#[test]
fn a_compacted_topic_is_refused_before_anything_is_bound() {
    let shop = Shop::new(1, 4);
    shop.broker.state().about.compacted = true;
    shop.orders(0, 0..3);
    assert_eq!(shop.stops(), Code::TopicCompacted);
    assert!(shop.books.state().legs.is_empty());
}

#[test]
fn a_topic_begins_where_its_log_begins() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..10);
    shop.broker.expire(0, 6);
    shop.takes();
    assert_eq!(shop.paid(), numbers(6..10));
}

#[test]
fn a_topic_that_was_made_again_begins_at_its_own_beginning() {
    // While a process runs, and between two.
    for running in [true, false] {
        let shop = Shop::new(2, 4);
        shop.orders(0, 0..10);
        let mut recreated = false;
        let recreate = || {
            shop.broker.recreate("t2", 3);
            shop.orders(0, 8..12);
            shop.orders(2, 12..13);
        };
        let ended = shop.take_while(1, || {
            if running && !recreated && shop.clock.now() > Duration::from_secs(2) {
                recreate();
                recreated = true;
            }
            true
        });
        let changed = Failure::Retryable("the topic has changed".into());
        assert_eq!(ended, running.then_some(changed));
        assert_eq!((shop.paid(), shop.read("t2", 0)), (numbers(0..10), (0, 0)));
        if !running {
            recreate();
        }
        shop.takes();
        assert_eq!(shop.paid(), numbers(0..13));
        assert_eq!((shop.read("t1", 0), shop.read("t2", 0)), ((10, 0), (4, 2)));
        assert_eq!(shop.read("t2", 2), (1, 0));
    }
}

#[test]
fn new_partitions_are_taken_from_their_beginning() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    shop.takes();
    shop.broker.resize(3);
    shop.orders(2, 3..6);
    shop.takes();
    assert_eq!(shop.paid(), numbers(0..6));
}

#[test]
fn what_happens_to_a_topic_while_a_process_runs_has_the_same_name() {
    type Change = fn(&Shop);
    let cases: [(&str, Change, Option<Code>); 4] = [
        ("all that was read expired", |shop| shop.broker.expire(0, 3), None),
        ("the log is shorter", |shop| shop.broker.truncate(0, 2), Some(Code::SourceChanged)),
        ("the log is empty", |shop| shop.broker.truncate(0, 0), Some(Code::SourceChanged)),
        (
            "unread records are gone",
            |shop| {
                shop.orders(0, 3..6);
                shop.broker.expire(0, 5);
            },
            Some(Code::IngestGap),
        ),
    ];
    for (what, changes, expected) in cases {
        let shop = Shop::new(1, 4);
        shop.orders(0, 0..3);
        let mut happened = false;
        let ended = shop.take_while(1, || {
            if !happened && shop.clock.now() > Duration::from_secs(2) {
                changes(&shop);
                happened = true;
            }
            true
        });
        let stopped = ended.map(|failure| match failure {
            Failure::Permanent(stop) => stop.code,
            other => panic!("{what}: {other}"),
        });
        assert_eq!((stopped, shop.paid()), (expected, numbers(0..3)), "{what}");
    }
}

#[test]
fn a_partition_of_somebody_else_is_competed_for() {
    let shop = Shop::new(2, 4);
    shop.takes();
    shop.books.give("topic:t1/0", 2);
    shop.orders(0, 0..2);
    shop.orders(1, 2..4);
    let since = shop.clock.now();
    let ended = shop.take_while(1, || shop.clock.now() < since + DEADLINE / 2);
    assert_eq!((ended, shop.paid()), (None, numbers(2..4)));
    shop.takes();
    assert_eq!(shop.paid().len(), 4);
}

#[test]
fn taking_waits_for_the_broker() {
    let shop = Shop::new(1, 4);
    shop.broker.state().away = true;
    assert!(matches!(shop.take_while(1, || true), Some(Failure::Retryable(_))), "to begin anew");
    shop.broker.state().away = false;
    shop.orders(0, 0..2);
    let ended = shop.take_while(1, || {
        let away = (5..20).contains(&shop.clock.now().as_secs());
        if away && !shop.broker.state().away {
            shop.orders(0, 2..5);
        }
        shop.broker.state().away = away;
        true
    });
    assert_eq!((ended, shop.paid()), (None, numbers(0..5)));
}
