//! What `/metrics` tells, in Prometheus' text format.
//!
//! Every server has its own registry, so nothing here is global and servers can run side by side.
//! Deliberately absent: a listener (the HTTP door serves the text) and labels that clients choose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use semel_core::ledger::{Outcome, Refusal};

/// Upper bounds of the buckets for durations, in seconds.
const SECONDS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// Upper bounds of the buckets for the sizes of steps, in commands.
const COMMANDS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// Name, and what it tells.
const DESCRIPTIONS: [(&str, &str); 8] = [
    (REQUESTS, "Answers by method, route and status"),
    (REQUEST_SECONDS, "From a request's headers to its answer"),
    (OUTCOMES, "What became of commands: events by type, replays, refusals by cause"),
    (STEP_COMMANDS, "Commands that were decided together"),
    (STEP_SECONDS, "From the begin of a step to its commit, further tries included"),
    (WAITING, "Commands that wait at a door or are being decided"),
    (EVENTS, "Events in a ledger's log"),
    (CONNECTIONS, "Open connections"),
];

const REQUESTS: &str = "semel_http_requests_total";
const REQUEST_SECONDS: &str = "semel_http_request_seconds";
const OUTCOMES: &str = "semel_outcomes_total";
const STEP_COMMANDS: &str = "semel_step_commands";
const STEP_SECONDS: &str = "semel_step_seconds";
const WAITING: &str = "semel_door_waiting";
const EVENTS: &str = "semel_ledger_events_total";
const CONNECTIONS: &str = "semel_http_connections";

const METADATA: Metadata<'static> = Metadata::new("semel", Level::INFO, Some("semel"));

/// A server's registry; cheap to clone.
#[derive(Clone)]
pub struct Meters {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Meters {
    /// An empty registry.
    pub fn new() -> Meters {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_commands".into()), &COMMANDS)
            })
            .expect("neither list of buckets is empty")
            .build_recorder();
        for (name, description) in DESCRIPTIONS {
            match name {
                REQUEST_SECONDS | STEP_COMMANDS | STEP_SECONDS => {
                    recorder.describe_histogram(name.into(), None, description.into());
                }
                WAITING | CONNECTIONS => {
                    recorder.describe_gauge(name.into(), None, description.into());
                }
                _ => recorder.describe_counter(name.into(), None, description.into()),
            }
        }
        Meters { handle: recorder.handle(), recorder: Arc::new(recorder) }
    }

    /// Everything, as text. Moves what was recorded into the buckets, as [`Meters::tidy`] does.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Move what was recorded into the buckets, so that memory does not grow while nobody looks.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }

    /// A request was answered.
    pub fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = Label::new("route", route.to_owned());
        let method = Label::from_static_parts("method", method);
        let status = Label::new("status", status.to_string());
        self.histogram(REQUEST_SECONDS, vec![method.clone(), route.clone()]).record(took);
        self.counter(REQUESTS, vec![method, route, status]).increment(1);
    }

    /// So many connections are open.
    pub fn connections(&self, open: usize) {
        self.gauge(CONNECTIONS, Vec::new()).set(count(open));
    }

    /// A ledger's log has so many events, and so many commands wait at its door.
    pub fn ledger(&self, ledger: &str, events: Option<u64>, waiting: usize) {
        let label = || vec![Label::new("ledger", ledger.to_owned())];
        self.gauge(WAITING, label()).set(count(waiting));
        if let Some(events) = events {
            self.counter(EVENTS, label()).absolute(events);
        }
    }

    /// The part of a ledger's door.
    pub fn door(&self, ledger: &str) -> DoorMeters {
        let label = || vec![Label::new("ledger", ledger.to_owned())];
        DoorMeters {
            ledger: ledger.into(),
            commands: self.histogram(STEP_COMMANDS, label()),
            seconds: self.histogram(STEP_SECONDS, label()),
            meters: self.clone(),
        }
    }

    fn counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        self.recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
    }

    fn gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        self.recorder.register_gauge(&Key::from_parts(name, labels), &METADATA)
    }

    fn histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        self.recorder.register_histogram(&Key::from_parts(name, labels), &METADATA)
    }
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

/// What a ledger's door records.
#[derive(Clone)]
pub struct DoorMeters {
    ledger: Arc<str>,
    commands: Histogram,
    seconds: Histogram,
    meters: Meters,
}

impl DoorMeters {
    /// For a door whose numbers nobody asks for.
    pub fn unheard() -> DoorMeters {
        Meters::new().door("")
    }

    /// A step over `commands` ended, well or not.
    pub fn step(&self, commands: usize, took: Duration) {
        self.commands.record(count(commands));
        self.seconds.record(took);
    }

    /// What became of the commands of a step.
    pub fn outcomes(&self, outcomes: &[Outcome]) {
        let mut tally: BTreeMap<&'static str, u64> = BTreeMap::new();
        for outcome in outcomes {
            *tally.entry(word(outcome)).or_default() += 1;
        }
        for (outcome, count) in tally {
            let ledger = Label::new("ledger", self.ledger.clone());
            let outcome = Label::from_static_parts("outcome", outcome);
            self.meters.counter(OUTCOMES, vec![ledger, outcome]).increment(count);
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

/// Prometheus counts in floats; nothing here comes near the end of their exact range.
fn count(items: usize) -> f64 {
    items as f64
}
