//! What `/metrics` tells, in Prometheus' text format.
//!
//! Every server has its own registry, so nothing here is global and servers can run side by side.
//! Deliberately absent: a listener (the HTTP door serves the text) and labels that clients choose.

use crate::legs::LegMeters;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use semel_core::ledger::{Outcome, Refusal};

/// Upper bounds of the buckets for durations, in seconds.
const SECONDS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// Upper bounds of the buckets for the sizes of steps, in commands.
const COMMANDS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// A server's registry; cheap to clone.
#[derive(Clone)]
pub struct Meters {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    outcomes: IntCounterVec,
    step_commands: HistogramVec,
    step_seconds: HistogramVec,
    waiting: IntGaugeVec,
    events: IntGaugeVec,
    connections: IntGauge,
    legs: LegMeters,
}

impl Meters {
    /// An empty registry.
    pub fn new() -> Meters {
        let registry = Registry::new();
        let counter = |name, help, labels: &[&str]| {
            registered(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let gauge = |name, help, labels: &[&str]| {
            registered(&registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let histogram = |name, help, labels: &[&str], buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            registered(&registry, HistogramVec::new(options, labels))
        };
        Meters {
            requests: counter(
                "semel_http_requests_total",
                "Answers by method, route and status",
                &["method", "route", "status"],
            ),
            request_seconds: histogram(
                "semel_http_request_seconds",
                "From a request's headers to its answer",
                &["method", "route"],
                &SECONDS,
            ),
            outcomes: counter(
                "semel_outcomes_total",
                "What became of commands: events by type, replays, refusals by cause",
                &["ledger", "outcome"],
            ),
            step_commands: histogram(
                "semel_step_commands",
                "Commands that were decided together",
                &["ledger"],
                &COMMANDS,
            ),
            step_seconds: histogram(
                "semel_step_seconds",
                "From the begin of a step to its commit, further tries included",
                &["ledger"],
                &SECONDS,
            ),
            waiting: gauge(
                "semel_door_waiting",
                "Commands that wait at a door or are being decided",
                &["ledger"],
            ),
            events: gauge("semel_ledger_events", "Events in a ledger's log", &["ledger"]),
            connections: registered(
                &registry,
                IntGauge::new("semel_http_connections", "Open connections"),
            ),
            legs: LegMeters::new(&registry),
            registry,
        }
    }

    /// The part of the legs beside the doors.
    pub fn legs(&self) -> &LegMeters {
        &self.legs
    }

    /// Everything, as text.
    pub fn render(&self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.expect("every family has a name and a type")
    }

    /// A request was answered.
    pub fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        self.request_seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
    }

    /// So many connections are open.
    pub fn connections(&self, open: usize) {
        self.connections.set(open as i64);
    }

    /// A ledger's log has so many events, and so many commands wait at its door.
    pub fn ledger(&self, ledger: &str, events: Option<u64>, waiting: usize) {
        self.waiting.with_label_values(&[ledger]).set(waiting as i64);
        if let Some(events) = events {
            self.events.with_label_values(&[ledger]).set(events as i64);
        }
    }

    /// The part of a ledger's door.
    pub fn door(&self, ledger: &str) -> DoorMeters {
        DoorMeters {
            ledger: ledger.into(),
            commands: self.step_commands.with_label_values(&[ledger]),
            seconds: self.step_seconds.with_label_values(&[ledger]),
            outcomes: self.outcomes.clone(),
        }
    }
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

/// What `made` is, shown by `registry` from now on.
pub(crate) fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> C {
    let collector = made.expect("names and labels are words");
    registry.register(Box::new(collector.clone())).expect("every name is used once");
    collector
}

/// What a ledger's door records.
#[derive(Clone)]
pub struct DoorMeters {
    ledger: Arc<str>,
    commands: Histogram,
    seconds: Histogram,
    outcomes: IntCounterVec,
}

impl DoorMeters {
    /// A step over `commands` ended, well or not.
    pub fn step(&self, commands: usize, took: Duration) {
        self.commands.observe(commands as f64);
        self.seconds.observe(took.as_secs_f64());
    }

    /// What became of the commands of a step.
    pub fn outcomes(&self, outcomes: &[Outcome]) {
        let mut tally: BTreeMap<&'static str, u64> = BTreeMap::new();
        for outcome in outcomes {
            *tally.entry(word(outcome)).or_default() += 1;
        }
        for (outcome, count) in tally {
            self.outcomes.with_label_values(&[&*self.ledger, outcome]).inc_by(count);
        }
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Recorded { replayed: true, .. } | Outcome::Account { replayed: true, .. } => {
            "replay"
        }
        Outcome::Recorded { event, .. } => event.kind.as_str(),
        Outcome::Account { account, .. } if account.closed => "account.closed",
        Outcome::Account { .. } => "account.opened",
        Outcome::Refused(refusal) => match refusal {
            Refusal::Conflict(_) => "conflict",
            Refusal::Invalid(_) => "invalid",
            Refusal::UnknownPayment | Refusal::UnknownAccount => "unknown",
            Refusal::ExceedsPayment | Refusal::WrongState(_) => "exceeds_payment",
            Refusal::AccountDiffers => "account_differs",
        },
    }
}
