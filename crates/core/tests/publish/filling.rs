//! Publishing onto a topic that lacks something: what arrives where, and what is skipped.

use crate::broker::Fate::{self, Arrives, Doubted, Fails, Late, Lost, Twice};
use crate::reader::{Reader, records, strict};
use crate::script::compare;
use crate::world::{OWNER, World};
use semel_core::dead_letter::Raw;
use semel_core::id::EventId;
use semel_core::leg::Pace;
use semel_core::publish::Key;
use semel_core::wire::{Link, Stamp};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One event of every kind, behind the accounts.
const EVERY_KIND: &str = "
  pay     p1 500 USD bank  alice           | succeeded
  refund  r1 p1 100                        | refunded 100
  pay     p2 500 USD alice shop            | declined insufficient_funds
  pay     p3 300 USD bank  shop  later     | pending
  capture c3 p3 200                        | captured 200
  pay     p4 300 USD bank  shop  later     | pending
  void    v4 p4                            | voided 300
  pay     p5 400 USD alice shop            | succeeded
  refund  r5 p5 all                        | refunded 400
  pay     p6 400 USD alice shop            | succeeded
  pay     p7 600 USD shop  bank            | succeeded
  refund  r6 p6 all                        | refund_declined 400 insufficient_funds
  close   shop                             | new
";

#[test]
fn an_empty_topic_is_filled_and_all_of_it_confirmed() {
    for partitions in [1, 2, 3, 7] {
        let world = World::new(partitions);
        compare(&mut world.books.state().store, EVERY_KIND);
        world.settle();
        let events = world.books.state().store.log.len();
        assert_eq!(world.broker.state().sent, events, "each is sent once");
        for (partition, records) in (0..partitions).map(|n| (n, records(&world.broker, n as usize)))
        {
            let last = records.last().map_or(0, |record| record.offset);
            assert_eq!(world.cursor(partition).hint, last, "the hint is the last one's offset");
        }
        assert_eq!(world.tally.taken.load(Ordering::Relaxed), events as u64);
        world.pay(0, 3);
        world.settle();
        let later = world.books.state().store.log.len();
        assert!(later > events);
        assert_eq!(world.broker.state().sent, later, "what comes later is sent alone");
        assert_eq!(world.sends(), 0, "who has nothing to do sends nothing");
    }
}

#[test]
fn more_than_a_page_is_sent_in_order() {
    let world = World::with_payments(3, 2_500);
    world.settle();
    assert_eq!(world.broker.state().sent, 2_517);
}

#[test]
fn what_belongs_together_has_one_key() {
    #[rustfmt::skip]
    let rows = [
        // seq, and its key by   debit account  credit account  payment
        (1,  "account.opened",          "bank",  "bank",  "bank"),
        (6,  "account.opened",          "gone",  "gone",  "gone"),
        (7,  "account.closed",          "gone",  "gone",  "gone"),
        (8,  "payment.succeeded",       "bank",  "alice", "8"),
        (9,  "payment.refunded",        "bank",  "alice", "8"),
        (10, "payment.declined",        "alice", "shop",  "10"),
        (11, "payment.pending",         "bank",  "shop",  "11"),
        (12, "payment.captured",        "bank",  "shop",  "11"),
        (13, "payment.pending",         "bank",  "shop",  "13"),
        (14, "payment.voided",          "bank",  "shop",  "13"),
        (15, "payment.succeeded",       "alice", "shop",  "15"),
        (16, "payment.refunded",        "alice", "shop",  "15"),
        (19, "payment.refund_declined", "alice", "shop",  "17"),
        (20, "account.closed",          "shop",  "shop",  "shop"),
    ];
    for (column, key) in [Key::DebitAccount, Key::CreditAccount, Key::Payment].iter().enumerate() {
        let mut world = World::new(1);
        compare(&mut world.books.state().store, EVERY_KIND);
        world.publication.key = *key;
        world.settle();
        for (seq, kind, debit, credit, payment) in rows {
            let raw = &records(&world.broker, 0)[seq - 1].raw;
            assert_eq!(header(raw, "ce_type"), kind, "{seq}");
            let said = text(raw.key.as_deref().unwrap());
            let said = match EventId::parse("pay", &said) {
                Some(id) => id.seq.to_string(),
                None => said,
            };
            assert_eq!(said, [debit, credit, payment][column], "{key:?}: {seq} {kind}");
        }
    }
}

#[test]
fn every_header_is_there_once() {
    let world = World::new(2);
    compare(&mut world.books.state().store, EVERY_KIND);
    world.settle();
    let links = world.links();
    for partition in 0..2 {
        let mut prev = Link::NONE;
        for record in records(&world.broker, partition) {
            let names: Vec<&str> = record.raw.headers.iter().map(|(name, _)| &**name).collect();
            let ours = ["semel-ledger", "semel-seq", "semel-hash", "semel-prev", "semel-prev-hash"];
            let theirs = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"];
            assert_eq!(names, [&ours[..], &theirs, &["content-type"]].concat());
            let stamp = Stamp::read(&record.raw.headers).unwrap();
            assert_eq!((stamp.this, stamp.prev), (links[stamp.this.seq as usize], prev));
            prev = stamp.this;

            let value: serde_json::Value =
                serde_json::from_slice(record.raw.value.as_deref().unwrap()).unwrap();
            for (name, field) in [("ce_id", "id"), ("ce_type", "type"), ("ce_time", "at")] {
                assert_eq!(header(&record.raw, name), value[field].as_str().unwrap(), "{name}");
            }
            assert_eq!(value["seq"], stamp.this.seq);
        }
    }
}

#[test]
fn what_goes_wrong_on_the_way_is_sent_again() {
    let [once, again] = [0, 1];
    #[rustfmt::skip]
    let cases: [(&[Fate], usize); 10] = [
        // what becomes of the first messages      is anything sent again?
        (&[Arrives, Twice, Twice, Arrives, Twice],                once),
        (&[Arrives, Arrives, Fails],                              again),
        (&[Fails, Fails, Fails, Fails],                           again),
        (&[Arrives, Arrives, Doubted],                            again),
        (&[Lost],                                                 again),
        (&[Arrives, Arrives, Lost],                               again),
        (&[Lost, Arrives, Lost, Arrives, Lost, Arrives, Arrives], again),
        (&[Arrives, Arrives, Late],                               again),
        (&[Late, Late, Late, Late, Late, Late, Late],             again),
        (&[Twice, Fails, Twice, Lost, Late, Doubted, Arrives],    again),
    ];
    for (fates, expected) in cases {
        for partitions in [1, 3] {
            let world = World::with_payments(partitions, 10);
            world.broker.plan(fates);
            world.settle();
            let events = world.books.state().store.log.len();
            let again = usize::from(world.broker.state().sent > events);
            assert_eq!(again, expected, "{fates:?} on {partitions} partitions");

            // Those that were late come when nobody expects them: whoever reads on skips them.
            let mut readers: Vec<Reader> = (0..partitions).map(|_| Reader::default()).collect();
            for (partition, reader) in readers.iter_mut().enumerate() {
                reader.read(&world.broker, partition);
            }
            world.broker.deliver_late();
            assert_eq!(world.sends(), 0, "{fates:?}: a zombie changes nothing");
            for (partition, reader) in readers.iter_mut().enumerate() {
                assert_eq!(reader.read(&world.broker, partition), [0; 0]);
            }
            world.pay(10, 5);
            world.settle();
        }
    }
}

#[test]
fn a_hole_and_a_repeat_are_counted() {
    let world = World::new(1);
    world.broker.plan(&[Arrives, Arrives, Fails, Arrives]);
    world.settle();
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let all: Vec<u64> = records(&world.broker, 0).iter().map(seq).collect();
    assert_eq!(all[..5], [1, 2, 4, 5, 6], "the log has a hole");
    assert!(count(&world.tally.holes) > 0, "and it was seen");
    assert_eq!(count(&world.tally.taken), 7, "each is taken once");
    assert_eq!(count(&world.tally.losses), 0, "nothing was lost that was confirmed");
}

#[test]
fn records_of_others_are_skipped() {
    let world = World::new(1);
    let raw = |headers| Raw { key: None, value: Some(b"theirs".to_vec()), headers };
    let stamp = |ledger: &str| {
        let (this, prev) = (Link { seq: 1, hash: world.links()[1].hash }, Link::NONE);
        Stamp { ledger: ledger.into(), this, prev }.headers()
    };
    let mut cut = stamp("main");
    cut.pop();
    let strangers = [raw(vec![]), raw(cut), raw(stamp("other"))];
    strangers.iter().for_each(|record| world.broker.put(0, record.clone()));
    let mut come = 0;
    let ended = world.publish_while(OWNER, || {
        // One in front of everything, and more between our own.
        if come < 20 {
            come += 1;
            world.broker.put(0, strangers[come % 3].clone());
            world.pay(come, 1);
        }
        !world.is_confirmed() || come < 20
    });
    assert_eq!((ended, strict(&world.broker)), (None, world.expected()));
    assert!(world.tally.foreign.load(Ordering::Relaxed) >= 2, "they are counted");
    assert_eq!(world.broker.state().sent, world.books.state().store.log.len());
}

#[test]
fn publishing_waits_for_the_broker() {
    let world = World::with_payments(2, 10);
    let ended = world.publish_while(OWNER, || {
        let now = world.clock.now();
        let away = Duration::from_secs(2) < now && now < Duration::from_secs(30);
        world.broker.state().away = away;
        if now < Duration::from_secs(29) && away && world.is_confirmed() {
            world.pay(now.as_millis() as usize, 1);
        }
        now < Duration::from_secs(31) || !world.is_confirmed()
    });
    assert_eq!((ended, strict(&world.broker)), (None, world.expected()));
}

pub fn header(raw: &Raw, name: &str) -> String {
    let found = raw.headers.iter().find(|header| header.0 == name);
    text(&found.unwrap_or_else(|| panic!("no {name}")).1)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn seq(record: &semel_core::wire::Record) -> u64 {
    Stamp::read(&record.raw.headers).unwrap().this.seq
}
