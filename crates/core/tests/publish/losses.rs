//! A wire that loses what it had: what was confirmed is sent again, what expired is not.

use crate::block_on::block_on;
use crate::reader::strict;
use crate::world::{OWNER, World};
use semel_core::exactly_once::Source;
use semel_core::leg::Pace;
use semel_core::publish::confirm::{Confirm, Taken};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Something that happens to a topic of two partitions.
type Loss = fn(&World);

const CASES: [(&str, Loss, bool); 9] = [
    // what happens                                       is everything there again?
    ("nothing", |_| {}, true),
    ("the last record is gone", |world| cut(world, 0, 1), true),
    ("the last three of both are gone", |world| (0..2).for_each(|n| cut(world, n, 3)), true),
    ("one partition is empty", |world| world.broker.truncate(1, 0), true),
    ("all is gone", |world| (0..2).for_each(|n| world.broker.truncate(n, 0)), true),
    ("the topic is another one", |world| world.broker.recreate("t2", 2), true),
    ("the log starts above what was confirmed", |world| (0..2).for_each(|n| skip(world, n)), true),
    ("some expired", |world| (0..2).for_each(|n| world.broker.expire(n, 3)), false),
    ("all that was confirmed expired", |world| (0..2).for_each(|n| expire_all(world, n)), false),
];

#[test]
fn what_was_confirmed_and_is_gone_is_sent_again_after_a_restart() {
    for (what, happens, whole) in CASES {
        let world = World::with_payments(2, 30);
        world.settle();
        happens(&world);
        check(&world, what, whole, || world.sends());
    }
}

#[test]
fn what_was_confirmed_and_is_gone_is_sent_again_by_who_runs() {
    for (what, happens, whole) in CASES {
        let world = World::with_payments(2, 30);
        check(&world, what, whole, || {
            let (mut happened, mut sent) = (false, 0);
            let ended = world.publish_while(OWNER, || {
                if !happened && world.clock.now() > Duration::from_secs(7) {
                    assert!(world.is_confirmed(), "{what}");
                    (happened, sent) = (true, world.broker.state().sent);
                    happens(&world);
                }
                true
            });
            // Another topic is another publishing: whoever runs it begins it anew.
            let ended = ended.map(|failure| failure.to_string());
            let changed = ended.is_some_and(|why| why.contains("the topic has changed"));
            assert_eq!(changed, *world.broker.state().about.id == *"t2", "{what}");
            if changed {
                world.settle();
            }
            world.broker.state().sent - sent
        });
    }
}

#[test]
fn a_wrong_hint_costs_a_look_and_nothing_else() {
    for hint in [0, 1, 5, 46, 47, 48, 1_000_000] {
        let world = World::with_payments(1, 30);
        world.settle();
        let source = world.source(0);
        world.books.state().legs.get_mut(&source).unwrap().cursor.hint = hint;
        assert_eq!(world.sends(), 0, "hint {hint}");
        assert!(world.is_confirmed(), "hint {hint}");
        assert_eq!(world.tally.losses.load(Ordering::Relaxed), 0, "hint {hint}");
    }
}

#[test]
fn another_message_where_the_last_one_was_is_a_loss() {
    let world = World::with_payments(1, 30);
    world.settle();
    let first = world.broker.state().logs[0].records[&0].clone();
    cut(&world, 0, 1);
    world.broker.put(0, first);
    assert!(world.sends() > 0, "the last one is sent again");
    assert_eq!(strict(&world.broker), world.expected());
}

#[test]
fn a_cursor_is_set_back_once_to_the_end_of_what_is_there() {
    // By who reads on and by who begins, however much they read at once.
    for (running, limit) in [(true, 4), (true, 5_000), (false, 4), (false, 5_000)] {
        let world = World::with_payments(1, 30);
        world.settle();
        let (links, at) = (world.links(), world.cursor(0));
        let by = (&world.broker, &world.books, &world.clock);
        let (looking, what) = (AtomicBool::new(true), &world.publication);
        let mut confirm = Confirm::new(what, ("t1", 0), by, (&world.tally, &looking));
        if running {
            assert!(block_on(confirm.read(&at, limit)).unwrap().is_none(), "nothing is new");
        }
        cut(&world, 0, 7);
        let back = block_on(confirm.read(&at, limit)).unwrap().unwrap();
        assert_eq!(back.items, [Taken(links[40])], "running {running}, {limit} at once");
        assert_eq!((back.to.next, back.to.hint), (41, 39), "running {running}, {limit} at once");
        assert!(block_on(confirm.read(&back.to, limit)).unwrap().is_none());
    }
}

#[test]
fn reading_anew_takes_more_than_one_look_and_tells_nothing_before_the_end() {
    let world = World::with_payments(1, 80);
    world.settle();
    let (links, at) = (world.links(), world.cursor(0));
    let by = (&world.broker, &world.books, &world.clock);
    let (looking, what) = (AtomicBool::new(true), &world.publication);
    let mut confirm = Confirm::new(what, ("t1", 0), by, (&world.tally, &looking));
    cut(&world, 0, 7);
    let clock = world.clock.clone();
    world.broker.state().fetched = Some(Box::new(move |_, _| {
        clock.pass(Duration::from_millis(100));
        false
    }));
    let mut looks = 0;
    let back = loop {
        looks += 1;
        if let Some(back) = block_on(confirm.read(&at, 1)).unwrap() {
            break back;
        }
    };
    assert!((2..10).contains(&looks), "{looks} looks at one record after the other");
    assert!(!looking.load(Ordering::Relaxed), "it is at the end");
    assert_eq!(back.items, [Taken(links[90])]);
}

/// What happened is mended by `publish`, which says how many messages that took.
fn check(world: &World, what: &str, whole: bool, publish: impl FnOnce() -> usize) {
    let sent = publish();
    let nothing = what == "nothing";
    assert_eq!(sent > 0, whole && !nothing, "{what}: {sent} messages are sent again");
    assert!(world.is_confirmed(), "{what}");
    assert_eq!(strict(&world.broker) == world.expected(), whole, "{what}");
    let lost = world.tally.losses.load(Ordering::Relaxed);
    let another = *world.broker.state().about.id == *"t2";
    assert_eq!(lost > 0, sent > 0 && !another, "{what}: an alarm for what was lost");

    // And it goes on from there.
    world.pay(1_000, 5);
    let before = world.broker.state().sent;
    assert_eq!(world.publish_while(OWNER, || !world.is_confirmed()), None);
    assert_eq!(world.broker.state().sent - before, 5, "{what}: what is new is sent once");
    assert_eq!(strict(&world.broker) == world.expected(), whole, "{what}");
}

fn cut(world: &World, partition: usize, count: u64) {
    let end = world.broker.state().logs[partition].end;
    world.broker.truncate(partition, end - count);
}

/// Everything is deleted, and offsets go on higher than they were.
fn skip(world: &World, partition: usize) {
    (0..3).for_each(|_| world.broker.mark(partition));
    expire_all(world, partition);
}

fn expire_all(world: &World, partition: usize) {
    let end = world.broker.state().logs[partition].end;
    world.broker.expire(partition, end);
}
