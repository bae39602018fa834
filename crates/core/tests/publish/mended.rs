//! What went wrong once: each test showed a defect before it was mended.

use crate::block_on::block_on;
use crate::broker::Fate;
use crate::intake::Shop;
use crate::reader::strict;
use crate::script::command;
use crate::world::{OWNER, World};
use semel_core::chain::Hash;
use semel_core::dead_letter::Raw;
use semel_core::exactly_once::Cursor;
use semel_core::failure::Failure;
use semel_core::leg::Pace;
use semel_core::problem::Code;
use semel_core::publish::Key;
use semel_core::publish::compare::compare;
use semel_core::wire::partition;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[track_caller]
fn finds_the_fork(world: &World) {
    let compared = block_on(compare(&world.publication, &world.broker, &world.books));
    let Err(Failure::Permanent(stop)) = compared else { panic!("not found: {compared:?}") };
    assert_eq!(stop.code, Code::WireFork);
}

#[test]
fn the_comparison_reads_a_log_that_no_longer_begins_at_0() {
    let world = World::with_payments(1, 30);
    world.settle();
    let copy = world.books.state().clone();
    world.pay(30, 5);
    world.settle();
    *world.books.state() = copy;
    world.broker.expire(0, 10);
    finds_the_fork(&world);
}

#[test]
fn the_comparison_sees_a_fork_that_the_new_history_has_overtaken() {
    let world = World::with_payments(1, 30);
    world.settle();
    let copy = world.books.state().clone();
    world.pay(30, 5);
    world.settle();
    // The store forgets them and goes on; its publisher sends before it has read all of the wire.
    *world.books.state() = copy;
    world.pay(100, 10);
    let other = World::with_payments(1, 30);
    other.settle();
    other.pay(100, 10);
    *other.books.state() = world.books.state().clone();
    other.settle();
    let ours = other.broker.state().logs[0].clone();
    ours.records.into_values().skip(47).for_each(|raw| world.broker.put(0, raw));
    finds_the_fork(&world);
}

#[test]
fn a_partition_that_stands_still_is_sent_again_though_others_move() {
    let world = World::new(2);
    let of = |key: &str| semel_core::wire::partition(key.as_bytes(), 2);
    let stuck = (0..).find(|n| of(&format!("payer{n}")) == 0).unwrap();
    let moving = (0..).find(|n| of(&format!("payer{n}")) == 1).unwrap();
    world.pay(stuck, 1);
    world.pay(moving, 1);
    world.settle();
    world.broker.plan(&[Fate::Lost]);
    world.pay(stuck + 10, 1);
    let mut lost = None;
    let ended = world.publish_while(OWNER, || {
        let cursor = world.cursor(0);
        lost.get_or_insert(cursor);
        // One payment each time that somebody wakes.
        world.pay(moving + 10 * (2 + world.clock.now().as_millis() as usize), 1);
        lost == Some(cursor) && world.clock.now() < Duration::from_secs(60)
    });
    assert_eq!(ended, None);
    assert!(world.cursor(0) != lost.unwrap(), "a minute is long enough");
}

#[test]
fn what_took_the_place_of_what_was_confirmed_is_noticed_by_who_runs() {
    let world = World::with_payments(1, 30);
    let mut happened = false;
    let ended = world.publish_while(OWNER, || {
        if !happened && world.is_confirmed() && world.clock.now() > Duration::from_secs(5) {
            let end = world.broker.state().logs[0].end;
            world.broker.truncate(0, end - 2);
            (0..2).for_each(|_| world.broker.put(0, Raw::default()));
            happened = true;
        }
        true
    });
    assert_eq!(ended, None);
    assert_eq!(strict(&world.broker), world.expected());
}

#[test]
fn what_took_the_place_of_what_was_read_is_noticed_by_who_runs() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..10);
    let mut happened = false;
    let ended = shop.take_while(1, || {
        if !happened && shop.clock.now() > Duration::from_secs(5) {
            shop.broker.truncate(0, 8);
            shop.orders(0, 20..24);
            happened = true;
        }
        true
    });
    let stopped =
        matches!(&ended, Some(Failure::Permanent(stop)) if stop.code == Code::SourceChanged);
    assert!(stopped, "paid {:?}, and no stop: {ended:?}", shop.paid());
}

#[test]
fn a_marker_that_expired_is_no_gap() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    shop.broker.mark(0);
    shop.takes();
    shop.broker.expire(0, 4);
    shop.takes();
}

#[test]
fn a_repeat_in_the_place_of_what_was_taken_is_not_that() {
    let world = World::with_payments(1, 30);
    let mut happened = false;
    let ended = world.publish_while(OWNER, || {
        if !happened && world.is_confirmed() && world.clock.now() > Duration::from_secs(5) {
            // All but the first ten are lost; the last one comes again, late, at its own offset.
            let log = world.broker.state().logs[0].clone();
            world.broker.truncate(0, 10);
            (10..log.end - 1).for_each(|_| world.broker.put(0, Raw::default()));
            world.broker.put(0, log.records[&(log.end - 1)].clone());
            happened = true;
        }
        true
    });
    assert_eq!((ended, happened), (None, true));
    assert_eq!(strict(&world.broker), world.expected());
}

/// Two accounts, one for each of two partitions.
fn payers() -> [String; 2] {
    [0, 1].map(|wanted| {
        let mut payers = (0..).map(|n| format!("payer{n}"));
        payers.find(|payer| partition(payer.as_bytes(), 2) == wanted).unwrap()
    })
}

/// Payments of `payer`, whose keys have these numbers.
fn pay(world: &World, numbers: std::ops::Range<usize>, payer: &str) {
    let line = |n: usize| format!("pay n{n} 5 USD {payer} shop open=unlimited/-");
    let mut state = world.books.state();
    let all: Vec<_> = numbers.map(|n| command(&state.store, &line(n))).collect();
    all.chunks(1_000).for_each(|step| drop(state.store.step(step)));
}

#[test]
fn a_partition_that_takes_nothing_holds_up_no_other() {
    let (world, [dead, alive]) = (World::new(2), payers());
    pay(&world, 0..21_000, &dead);
    pay(&world, 21_000..21_010, &alive);
    world.broker.state().dead = Some(0);
    let is_there = || {
        let last = world.expected()[1].last().copied();
        last.map(|seq| seq + 1) == Some(world.cursor(1).next)
    };
    assert_eq!(world.publish_while(OWNER, || !is_there()), None);
    assert!(is_there(), "what belongs to the other one is confirmed");
    let before = world.broker.state().sent;
    assert_eq!(world.publish_while(OWNER, || true), None);
    assert!(world.broker.state().sent - before < 40_000, "a few are tried again and again");
    world.broker.state().dead = None;
    world.settle();
}

#[test]
fn what_was_walked_in_a_log_that_is_rewound_is_walked_again() {
    let (world, [dead, alive]) = (World::new(2), payers());
    world.broker.state().dead = Some(0);
    pay(&world, 0..5, &alive);
    pay(&world, 5..500, &dead);
    let (mut copy, mut happened) = (None, 0);
    let ended = world.publish_while(OWNER, || {
        let seconds = world.clock.now().as_secs();
        match happened {
            0 if seconds > 3 => {
                copy = Some(world.books.state().clone());
                pay(&world, 500..5_000, &dead);
            }
            1 if seconds > 12 => {
                *world.books.state() = copy.take().unwrap();
                pay(&world, 10_000..10_010, &alive);
                pay(&world, 10_010..15_500, &dead);
                pay(&world, 15_500..15_510, &alive);
            }
            2 if seconds > 60 => world.broker.state().dead = None,
            _ => return true,
        }
        happened += 1;
        true
    });
    assert_eq!((ended, happened), (None, 3));
    world.settle();
}

#[test]
fn a_long_stretch_without_records_is_passed_once() {
    const STRETCH: u64 = 10_000;
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    shop.takes();
    (0..STRETCH).for_each(|_| shop.broker.mark(0));
    shop.broker.state().reach = 10;
    let fetches = Arc::new(AtomicU64::new(0));
    let counted = fetches.clone();
    shop.broker.state().fetched = Some(Box::new(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    }));
    shop.takes();
    let count = fetches.load(Ordering::Relaxed);
    assert!((1_000..3_000).contains(&count), "{count} fetches, each of 10 offsets");
    shop.orders(0, 3..5);
    shop.takes();
    assert_eq!(shop.paid().len(), 5);
}

#[test]
fn markers_that_were_passed_may_expire() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    let mut happened = 0;
    let ended = shop.take_while(1, || {
        let now = shop.clock.now();
        if happened == 0 && now > Duration::from_secs(2) {
            (0..3).for_each(|_| shop.broker.mark(0));
            happened = 1;
        }
        if happened == 1 && now > Duration::from_secs(6) {
            shop.broker.expire(0, 5);
            happened = 2;
        }
        true
    });
    assert_eq!((ended, happened), (None, 2));
}

#[test]
fn a_long_stretch_whose_beginning_expires_is_passed_too() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    shop.broker.state().reach = 10;
    let mut happened = 0;
    let ended = shop.take_while(1, || {
        let seconds = shop.clock.now().as_secs();
        match happened {
            0 if seconds > 2 => (0..100).for_each(|_| shop.broker.mark(0)),
            1 if seconds > 6 => shop.broker.expire(0, 4),
            2 if seconds > 10 => shop.orders(0, 3..5),
            3 if seconds > 14 => shop.broker.expire(0, 20),
            _ => return true,
        }
        happened += 1;
        true
    });
    assert_eq!((ended, happened, shop.paid().len()), (None, 4, 5));
}

#[test]
fn what_took_the_place_of_a_marker_is_taken() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    shop.takes();
    shop.broker.mark(0);
    shop.broker.state().fetched = Some(Box::new(|broker, fetched| {
        let has_passed_it = fetched.next == 4;
        if has_passed_it {
            broker.truncate(0, 3);
            let order = br#"{"id":"3"}"#.to_vec();
            (0..2)
                .for_each(|_| broker.put(0, Raw { value: Some(order.clone()), ..Raw::default() }));
        }
        has_passed_it
    }));
    shop.takes();
    assert_eq!((shop.paid().len(), shop.read("t1", 0)), (4, (5, 1)));
}

#[test]
fn what_somebody_else_took_meanwhile_is_no_gap() {
    let shop = Shop::new(1, 4);
    let mut happened = false;
    let ended = shop.take_while(1, || {
        if !happened && shop.clock.now() > Duration::from_secs(2) {
            // Somebody takes it all in a pause of this process, and then it expires.
            shop.orders(0, 0..3);
            shop.books.give("topic:t1/0", 2);
            let to = Cursor { next: 3, tail: Hash([1; 32]), hint: 2 };
            shop.books.state().legs.get_mut("topic:t1/0").unwrap().cursor = to;
            shop.broker.expire(0, 3);
            happened = true;
        }
        shop.clock.now() < Duration::from_secs(8)
    });
    assert_eq!((ended, shop.paid()), (None, vec![]));
}

#[test]
fn a_marker_that_is_lost_behind_what_expired_is_no_change() {
    let shop = Shop::new(1, 4);
    shop.orders(0, 0..3);
    shop.broker.mark(0);
    shop.takes();
    shop.broker.expire(0, 3);
    shop.broker.truncate(0, 3);
    shop.takes();
    shop.orders(0, 3..5);
    shop.takes();
    assert_eq!(shop.paid().len(), 5);
}

#[test]
fn a_topic_that_is_made_again_is_spread_as_it_was() {
    // What was on its way may arrive there, and would mislead readers.
    let mut world = World::with_payments(2, 20);
    world.settle();
    let sent = world.broker.state().sent;
    world.broker.recreate("t2", 3);
    assert_eq!(world.stops(), Code::SpreadChanged);
    assert_eq!(world.broker.state().sent, sent, "nothing is sent");
    world.broker.recreate("t3", 2);
    world.settle();
    world.broker.recreate("t4", 3);
    world.publication.topic = "another".into();
    world.settle();
}

#[test]
fn a_partition_without_messages_does_not_make_the_log_be_read_again() {
    const PARTITIONS: u32 = 40;
    let world = World::with_payments(PARTITIONS, 4_000);
    assert!(world.expected().iter().any(Vec::is_empty));
    let (mut paid, mut before) = (0, 0);
    let ended = world.publish_while(OWNER, || {
        if paid == 0 && world.is_confirmed() && world.clock.now() > Duration::from_secs(20) {
            world.broker.plan(&[Fate::Lost]);
            world.pay(4_000, 1);
            (paid, before) = (1, world.books.state().rows_read);
        }
        paid == 0 || !world.is_confirmed()
    });
    assert_eq!(ended, None);
    let read = world.books.state().rows_read - before;
    assert!((1..4_000).contains(&read), "{read} rows for one that was sent again");
}

#[test]
fn another_key_is_a_stop() {
    let mut world = World::with_payments(2, 20);
    world.settle();
    world.publication.key = Key::Payment;
    assert_eq!(world.stops(), Code::SpreadChanged);
    world.publication.key = Key::DebitAccount;
    world.settle();
}

#[test]
fn a_log_that_grows_with_every_look_is_caught_up_with() {
    const BEFORE: usize = 21_000;
    let world = World::with_payments(1, BEFORE);
    let mut next = BEFORE;
    let ended = world.publish_while(OWNER, || {
        world.pay(next, 1);
        next += 1;
        world.cursor(0).next < BEFORE as u64 && world.clock.now() < Duration::from_secs(60)
    });
    assert_eq!(ended, None);
    assert!(world.cursor(0).next >= BEFORE as u64, "confirmed to {:?}", world.cursor(0));
}

#[test]
fn rows_that_are_missing_at_the_end_are_a_stop() {
    let world = World::with_payments(1, 30);
    world.settle();
    world.pay(30, 5);
    world.books.state().store.log.truncate(40);
    assert_eq!(world.stops(), Code::LogGap);
}
