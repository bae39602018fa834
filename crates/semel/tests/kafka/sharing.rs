//! Several processes on one database and one topic: killed, stopped and joined by others while
//! orders come, and each order is a payment once.

use super::broker::{record, shared};
use super::ingest::{POINTERS, credits, follows, ingest, order, taking};
use super::service::{Kind, Running, Service, wait, wait_for};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 6;
/// A leg's deadline of 10 s, and what it takes to begin on a busy machine.
const TAKEOVER: Duration = Duration::from_secs(20);

#[test]
fn partitions_are_shared_and_move_when_a_process_dies_or_stands_still() {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("shared", PARTITIONS);
    let config = taking(&broker, &[ingest("shop", &topic, POINTERS)]);
    let Some(service) = Service::new(Kind::Postgres, &config) else { return };
    let mut processes: Vec<Running> = (0..3).map(|_| service.serve()).collect();
    let (sent, is_over) = (AtomicI64::new(0), AtomicBool::new(false));
    let slowest = std::thread::scope(|scope| {
        let traffic = || {
            let writer = broker.idempotent();
            while !is_over.load(Ordering::Relaxed) {
                let from = sent.load(Ordering::Relaxed);
                // Every tenth comes again.
                let orders: Vec<_> = (from..from + 60)
                    .map(|number| {
                        let id = if number % 10 == 9 { number - 1 } else { number };
                        record((number % i64::from(PARTITIONS)) as i32, order(id, "0.01"))
                    })
                    .collect();
                writer.send(&topic, &orders);
                sent.fetch_add(60, Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(20));
            }
        };
        scope.spawn(traffic);
        let _end = End(&is_over);
        // All that was sent by now is taken soon, by whoever is there.
        let catch_up = |by: &Running| {
            let (now, begun) = (sent.load(Ordering::Relaxed) + 600, Instant::now());
            wait("all partitions are taken", || {
                let ends = broker.ends(&topic, PARTITIONS);
                let told = broker.committed("semel-shop", &topic, PARTITIONS);
                let read = by.counts("shop")[0];
                if now <= read { Ok(()) } else { Err(format!("{read}/{now} {told:?} {ends:?}")) }
            });
            begun.elapsed()
        };
        let mut slowest = catch_up(&processes[0]);
        // One dies, one comes.
        processes.remove(0).kill();
        slowest = slowest.max(caught_up(&processes[0], &broker, &topic));
        processes.push(service.serve());
        // One stands still past its deadline.
        processes[0].signal("STOP");
        slowest = slowest.max(caught_up(&processes[1], &broker, &topic));
        processes[0].signal("CONT");
        catch_up(&processes[0]);
        // All but one die.
        processes.drain(..2).for_each(Running::kill);
        slowest.max(caught_up(&processes[0], &broker, &topic))
    });
    let sent = sent.load(Ordering::Relaxed);
    let (again, once) = (sent / 10, sent - sent / 10);
    let running = &processes[0];
    wait_for("all are taken", &[sent, once, once, 0, again, 0, 0], || running.counts("shop"));
    assert_eq!(credits(running, "merchant:9"), once);
    follows(&broker, "semel-shop", &topic, PARTITIONS);
    assert_eq!(service.verify()["payments"], once);
    assert!(slowest < TAKEOVER, "partitions stood still for {slowest:?}");
}

/// How long it takes until each partition has moved on behind where it ends now.
fn caught_up(by: &Running, broker: &super::broker::Broker, topic: &str) -> Duration {
    let begun = Instant::now();
    let ends = broker.ends(topic, PARTITIONS);
    wait("partitions move on", || {
        // Only who takes a partition knows how far it is.
        let told = broker.committed("semel-shop", topic, PARTITIONS);
        let is_past = |(end, told): (&i64, &Option<i64>)| *end <= told.unwrap_or(0);
        match ends.iter().zip(&told).all(is_past) {
            true => Ok(()),
            false => Err(format!("{told:?} of {ends:?}; {:?}", by.counts("shop"))),
        }
    });
    begun.elapsed()
}

/// Ends the traffic also where the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
