//! A wire and a store that tell different histories, and a store that is not what it was.

use crate::block_on::block_on;
use crate::script::compare;
use crate::world::World;
use semel_core::dead_letter::Raw;
use semel_core::event::Event;
use semel_core::failure::Failure;
use semel_core::problem::Code;
use semel_core::publish::compare::compare as compare_wire;

/// What the comparison of the wire with the store says.
fn compared(world: &World) -> Option<Code> {
    match block_on(compare_wire(&world.publication, &world.broker, &world.books)) {
        Ok(()) => None,
        Err(Failure::Permanent(stop)) => Some(stop.code),
        Err(other) => panic!("no stop, but {other}"),
    }
}

#[test]
fn a_store_that_was_rewound_stops_publishing_and_is_found_out_before() {
    for partitions in [1, 3] {
        for (since, forgotten, later) in [(30, 1, 0), (30, 10, 0), (30, 10, 3), (1_500, 20, 20)] {
            let world = World::with_payments(partitions, since);
            world.settle();
            let copy = world.books.state().clone();
            world.pay(since, forgotten);
            world.settle();
            assert_eq!(compared(&world), None);

            *world.books.state() = copy;
            world.pay(100_000, later);
            let what = format!("{forgotten} forgotten, {later} in their place");
            assert_eq!(compared(&world), Some(Code::WireFork), "{what}");
            assert_eq!(world.stops(), Code::WireFork, "{what}");
        }
    }
}

#[test]
fn nothing_is_sent_before_the_wire_was_read_to_its_end() {
    let world = World::with_payments(2, 30);
    world.settle();
    world.pay(30, 300);
    let copy = world.books.state().clone();
    world.settle();
    world.pay(330, 10);
    world.settle();

    // What is confirmed there is far from where the histories part.
    *world.books.state() = copy;
    world.pay(100_000, 50);
    let sent = {
        let mut broker = world.broker.state();
        (broker.reach, broker.slow) = (5, true);
        broker.sent
    };
    assert_eq!(world.stops(), Code::WireFork);
    assert_eq!(world.broker.state().sent, sent);
}

#[test]
fn a_wire_that_fits_is_no_fork() {
    type Happens = fn(&World);
    let fits: [(&str, Happens); 7] = [
        ("it is empty", |_| {}),
        ("it is full", World::settle),
        ("it is behind", |world| {
            world.settle();
            world.pay(2_000, 5);
        }),
        ("it lost something", |world| {
            world.settle();
            world.broker.truncate(0, 900);
        }),
        ("it has records of others", |world| {
            world.settle();
            (0..2).for_each(|partition| world.broker.put(partition, Raw::default()));
        }),
        ("it has repeats", |world| {
            world.settle();
            let log = world.broker.state().logs[1].clone();
            log.records.into_values().for_each(|raw| world.broker.put(1, raw));
        }),
        ("it has holes in its offsets", |world| {
            world.settle();
            world.broker.mark(0);
            world.pay(2_000, 5);
            world.settle();
            world.broker.mark(0);
        }),
    ];
    for (what, happens) in fits {
        let world = World::with_payments(2, 1_900);
        happens(&world);
        assert_eq!(compared(&world), None, "{what}");
    }
}

#[test]
fn a_row_that_was_altered_is_not_published() {
    let alter: fn(&mut Event) = |event| event.amount += 1;
    #[rustfmt::skip]
    let cases = [
        // payments, the altered row, what stops it, how many were sent before
        (0,     3,     Code::ChainBroken,   0),
        (10,    20,    Code::ChainBroken,   0),
        (1_200, 3,     Code::AnchorDiffers, 0),
        (1_200, 1_024, Code::AnchorDiffers, 0),
        (1_200, 1_100, Code::ChainBroken,   1_024),
        (2_200, 1_100, Code::AnchorDiffers, 1_024),
    ];
    for (payments, seq, expected, sent) in cases {
        let world = World::with_payments(2, payments);
        world.books.tamper(seq, alter);
        assert_eq!(world.stops(), expected, "row {seq} of {payments} payments");
        assert_eq!(world.broker.state().sent, sent, "row {seq} of {payments} payments");
    }
}

#[test]
fn a_row_that_was_altered_after_it_was_sent_is_no_fork() {
    for (payments, seq) in [(100, 60), (1_500, 1_100)] {
        let world = World::with_payments(2, payments);
        world.settle();
        world.books.tamper(seq, |event| event.amount += 1);
        assert_eq!(compared(&world), Some(Code::ChainBroken), "row {seq}");
        world.broker.state().about.id = "t2".into();
        assert_eq!(world.stops(), Code::ChainBroken, "row {seq}");
    }
    let world = World::with_payments(2, 1_500);
    world.settle();
    world.books.tamper(60, |event| event.amount += 1);
    assert_eq!(compared(&world), Some(Code::AnchorDiffers));
}

#[test]
fn a_row_that_is_missing_stops_publishing() {
    let world = World::with_payments(2, 10);
    world.books.state().store.log.remove(4);
    assert_eq!(world.stops(), Code::LogGap);
    assert_eq!(world.broker.state().sent, 0);
}

#[test]
fn a_message_that_was_forged_is_a_fork() {
    // Somebody else's store, of the same ledger, on the same topic.
    let (world, other) = (World::new(1), World::new(1));
    compare(&mut other.books.state().store, "pay x 1 USD bank alice | succeeded");
    other.settle();
    world.settle();
    let foreign = other.broker.state().logs[0].clone();
    world.broker.put(0, foreign.records[&7].clone());
    assert_eq!(compared(&world), Some(Code::WireFork));
    assert_eq!(world.stops(), Code::WireFork);
}
