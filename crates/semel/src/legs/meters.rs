//! What `/metrics` tells of the legs of this process, read when somebody asks.

use super::board::{Board, Kind, Shown};
use crate::meters::registered;
use crate::wiring::Reader;
use prometheus::{IntGaugeVec, Opts, Registry};
use semel_core::failure::Failure;
use semel_store::clock;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The metrics of legs.
#[derive(Clone)]
pub struct LegMeters {
    up: IntGaugeVec,
    lag: IntGaugeVec,
    held_back: IntGaugeVec,
    items: IntGaugeVec,
    unconfirmed: IntGaugeVec,
    age: IntGaugeVec,
    records: IntGaugeVec,
}

impl LegMeters {
    /// Metrics that `registry` shows.
    pub fn new(registry: &Registry) -> LegMeters {
        let gauge = |name, help, labels: &[&str]| {
            registered(registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        LegMeters {
            up: gauge(
                "semel_leg_up",
                "1 while a leg runs, 0 while it waits or is stopped",
                &["leg", "ledger", "name"],
            ),
            lag: gauge(
                "semel_ingest_lag_records",
                "Offsets not yet taken of a partition",
                &["ingest", "partition"],
            ),
            held_back: gauge(
                "semel_ingest_held_back_records",
                "Offsets behind an open Kafka transaction",
                &["ingest", "partition"],
            ),
            items: gauge(
                "semel_ingest_items",
                "What became of an ingest's items, for ever",
                &["ledger", "ingest", "outcome"],
            ),
            unconfirmed: gauge(
                "semel_publish_unconfirmed_events",
                "Events that were not yet found on the wire",
                &["ledger"],
            ),
            age: gauge(
                "semel_publish_unconfirmed_age_seconds",
                "The age of the oldest of them",
                &["ledger"],
            ),
            records: gauge(
                "semel_publish_records",
                "What was found on the wire since the start, by verdict",
                &["ledger", "verdict"],
            ),
        }
    }

    /// Take in how the legs on `board` are now; `reader` tells the rest. Blocks.
    pub fn look(&self, board: &Board, reader: &Reader) {
        for leg in board.shown() {
            let labels = [leg.kind.word(), &leg.ledger, &leg.name];
            self.up.with_label_values(&labels).set(i64::from(leg.trouble.is_none()));
            match leg.kind {
                Kind::Ingest => self.ingest(&leg),
                Kind::Publish => self.publish(&leg, reader),
            }
        }
        // A store that cannot be read is told elsewhere.
        let _unread = self.items(reader);
    }

    fn ingest(&self, leg: &Shown) {
        for (partition, taken) in leg.topic.progress().all() {
            let labels = [&*leg.name, &partition.to_string()];
            let set = |gauge: &IntGaugeVec, count: u64| {
                gauge.with_label_values(&labels).set(count.cast_signed());
            };
            set(&self.lag, taken.end.saturating_sub(taken.next));
            set(&self.held_back, taken.held_back);
        }
    }

    fn publish(&self, leg: &Shown, reader: &Reader) {
        let tally = leg.leg.tally();
        let counts = [
            ("taken", &tally.taken),
            ("repeat", &tally.repeats),
            ("hole", &tally.holes),
            ("foreign", &tally.foreign),
            ("loss", &tally.losses),
        ];
        for (verdict, count) in counts {
            let count = count.load(Ordering::Relaxed).cast_signed();
            self.records.with_label_values(&[&*leg.ledger, verdict]).set(count);
        }
        let [on_their_way, walked, settled] = [&tally.unconfirmed, &tally.walked, &tally.settled]
            .map(|count| count.load(Ordering::Relaxed));
        let Ok(Some(ledger)) = reader.ledger(&leg.ledger) else { return };
        let head = ledger.position.next_seq - 1;
        let unconfirmed = on_their_way + head.saturating_sub(walked);
        let oldest = (unconfirmed > 0).then(|| reader.events(ledger.no, settled, 1));
        let oldest = oldest.and_then(|found| found.ok()?.pop()).map(|event| event.at);
        let age = oldest.map_or(0, |at| clock::system().saturating_sub(at).max(0) / 1_000_000);
        self.unconfirmed.with_label_values(&[&leg.ledger]).set(unconfirmed.cast_signed());
        self.age.with_label_values(&[&leg.ledger]).set(age);
    }

    fn items(&self, reader: &Reader) -> Result<(), Failure> {
        let ledgers = reader.ledgers()?;
        let names: BTreeMap<u32, &str> = ledgers.iter().map(|it| (it.no, &*it.id)).collect();
        for (no, ledger) in names {
            for row in reader.ingests(no)?.iter().filter(|row| !row.name.is_empty()) {
                for (outcome, count) in row.counts.named() {
                    let labels = [ledger, &*row.name, outcome];
                    self.items.with_label_values(&labels).set(count);
                }
            }
        }
        Ok(())
    }
}
