//! Whose turn it is to publish, and what a topic's number of partitions means.

use crate::reader::strict;
use crate::world::{OWNER, World};
use semel_core::exactly_once::{Cursor, Target};
use semel_core::failure::Failure;
use semel_core::leg::{DEADLINE, Pace};
use semel_core::problem::Code;
use semel_core::publish::publish;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Somebody else.
const OTHER: u32 = 2;

#[test]
fn another_number_of_partitions_is_a_stop() {
    for (before, after) in [(3, 4), (3, 2), (3, 1), (1, 2), (2, 12)] {
        let world = World::with_payments(before, 20);
        world.settle();
        let sent = world.broker.state().sent;
        world.broker.resize(after);
        let legs = world.books.state().legs.len();
        assert_eq!(world.stops(), Code::SpreadChanged, "{before} to {after}");
        assert_eq!(world.broker.state().sent, sent, "{before} to {after}: nothing is sent");
        assert_eq!(world.books.state().legs.len(), legs, "{before} to {after}: nothing is bound");
        world.broker.resize(before);
        // A topic that shrank and grew again has lost something, and gets it back.
        assert_eq!(world.publish_while(OWNER, || true), None);
        assert_eq!(strict(&world.broker), world.expected());
    }
}

#[test]
fn it_is_noticed_while_publishing() {
    let world = World::with_payments(3, 20);
    let resize = Duration::from_secs(8);
    let ended = world.publish_while(OWNER, || {
        if world.clock.now() > resize {
            world.broker.resize(4);
        }
        true
    });
    assert_eq!(ended, Some(Failure::Retryable("the topic has changed".into())));
    assert!(world.clock.now() < resize + DEADLINE, "before long");
    assert_eq!(world.stops(), Code::SpreadChanged);
}

#[test]
fn a_crash_while_binding_is_no_change() {
    const PARTITIONS: u32 = 4;
    for bound in 0..=PARTITIONS {
        let world = World::with_payments(PARTITIONS, 20);
        let left = Cell::new(bound);
        let targets = |source: semel_core::Text, first| {
            let is_there = left.get() > 0;
            left.set(left.get().saturating_sub(1));
            let leg = || world.books.leg(&source, first, OWNER);
            let crash = || Failure::Retryable("the process died".into());
            std::future::ready(is_there.then(leg).ok_or_else(crash))
        };
        let by = (&world.broker, &world.books, &world.clock);
        let published = publish(&world.publication, by, &world.tally, targets);
        let ended = world.clock.run(published, || true);
        assert!(matches!(ended, Some(Failure::Retryable(_))), "{bound} bound: {ended:?}");
        assert_eq!(world.books.state().legs.len(), bound as usize);
        world.settle();
    }
}

#[test]
fn one_publishes_at_a_time() {
    let world = World::with_payments(2, 10);
    assert_eq!(world.publish_while(OTHER, || !world.is_confirmed()), None);
    world.pay(10, 10);
    let sent = world.broker.state().sent;
    assert_eq!(world.publish_while(OWNER, || true), Some(Failure::Fenced));
    assert_eq!(world.broker.state().sent, sent, "it is not its turn");
    world.clock.pass(DEADLINE);
    world.settle();
}

#[test]
fn who_loses_the_first_partition_ends_and_who_loses_another_competes() {
    for (partition, ends) in [(0, true), (1, false), (2, false)] {
        let world = World::with_payments(3, 10);
        let (source, mut given) = (world.source(partition), false);
        let ended = world.publish_while(OWNER, || {
            if !given && world.clock.now() > Duration::from_secs(3) {
                world.books.give(&source, OTHER);
                world.pay(100, 10);
                given = true;
            }
            !given || !world.is_confirmed()
        });
        assert_eq!(ended, ends.then_some(Failure::Fenced), "partition {partition}");
        assert_eq!(world.is_confirmed(), !ends, "partition {partition}");
        if ends {
            world.clock.pass(DEADLINE);
        }
        world.settle();
    }
}

#[test]
fn an_idle_publisher_keeps_its_turn() {
    let world = World::with_payments(2, 10);
    let first = world.source(0);
    let ended = world.publish_while(OWNER, || {
        let now = world.clock.now();
        if now > Duration::from_secs(1) {
            let other = world.books.leg(&first, Cursor::START, OTHER);
            let claimed = crate::block_on::block_on(other.claim());
            assert!(matches!(claimed, Err(Failure::Fenced)), "after {now:?}");
        }
        true
    });
    assert_eq!(ended, None);
}

#[test]
fn two_publishers_of_one_ledger_only_repeat() {
    // The former owner is paused with a producer that has not delivered; the other one publishes.
    let world = World::with_payments(2, 20);
    world.broker.plan(&[crate::broker::Fate::Late; 37]);
    let ended = world.publish_while(OWNER, || world.clock.now() < Duration::from_secs(2));
    assert_eq!(ended, None);
    world.clock.pass(DEADLINE);
    let mut late = 0;
    let ended = world.publish_while(OTHER, || {
        if world.clock.now() > Duration::from_secs(15) {
            late += world.broker.deliver_late();
        }
        late == 0 || !world.is_confirmed()
    });
    assert_eq!((ended, late), (None, 37));
    assert_eq!(strict(&world.broker), world.expected());
}

#[test]
fn legs_that_a_rewound_store_forgot_are_bound_again() {
    const PARTITIONS: u32 = 3;
    for kept in 0..=PARTITIONS as usize {
        let world = World::with_payments(PARTITIONS, 40);
        let bound = RefCell::new(Vec::new());
        let targets = |source: semel_core::Text, first| {
            bound.borrow_mut().push(source.clone());
            std::future::ready(Ok(world.books.leg(&source, first, OWNER)))
        };
        let mut is_rewound = false;
        let by = (&world.broker, &world.books, &world.clock);
        let published = publish(&world.publication, by, &world.tally, targets);
        let ended = world.clock.run(published, || {
            if !is_rewound && world.clock.now() > Duration::from_secs(3) {
                // It lacks the last commits.
                for source in bound.borrow().iter().skip(kept) {
                    world.books.state().legs.remove(source);
                }
                is_rewound = true;
            }
            true
        });
        assert_eq!(ended, Some(Failure::Fenced), "{kept} kept: it is to be begun anew");
        world.settle();
    }
}
