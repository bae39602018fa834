//! What many runs come to: payments, faults that really happened, what was reached, what was wrong.

use crate::audit::{self, TRANSITIONS, Verdict};
use crate::coverage::{RARE, VERBS, VERDICTS};
use crate::faults::{Fault, Manner};
use crate::run::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// So many seeds have to meet and reach everything; fewer may not.
const ENOUGH: u64 = 300;

/// The sum of runs.
#[derive(Default)]
pub struct Report {
    pub seeds: u64,
    pub payments: u64,
    pub violations: u64,
    /// For each fault: in how many runs it was planned, in how many it happened, how often.
    faults: BTreeMap<Fault, (u64, u64, u64)>,
    reached: BTreeSet<String>,
}

/// Judge a run.
pub fn judge(outcome: &mut Outcome) -> Verdict {
    let verdict = audit::audit(&outcome.evidence);
    outcome.reached.extend(verdict.reached.iter().cloned());
    verdict
}

impl Report {
    /// Add a run and what was wrong with it.
    pub fn add(&mut self, outcome: &Outcome, verdict: &Verdict) {
        self.seeds += 1;
        self.payments += outcome.payments;
        self.violations += u64::from(!verdict.violations.is_empty());
        for (fault, is_planned, fired) in &outcome.faults {
            let (planned, happened, times) = self.faults.entry(*fault).or_default();
            *planned += u64::from(*is_planned);
            *happened += u64::from(*fired > 0);
            *times += fired;
        }
        self.reached.extend(outcome.reached.iter().cloned());
    }

    /// Add a run that ended by an assertion.
    pub fn add_panic(&mut self) {
        self.seeds += 1;
        self.violations += 1;
    }

    /// Faults that were planned, or follow from others, and never happened.
    pub fn never_fired(&self) -> Vec<&'static str> {
        let never = |(fault, (planned, _, times)): (&Fault, &(u64, u64, u64))| {
            let is_due = *planned > 0 || fault.manner() == Manner::Follows;
            (is_due && *times == 0).then(|| fault.id())
        };
        self.faults.iter().filter_map(never).collect()
    }

    /// What runs have to reach and did not.
    pub fn unreached(&self) -> Vec<&'static str> {
        let all = [VERBS, VERDICTS, TRANSITIONS].concat();
        all.into_iter().filter(|name| !self.reached.contains(*name)).collect()
    }

    /// Nothing was wrong and, in a run that is long enough, nothing was left out.
    pub fn is_well(&self) -> bool {
        let is_reached = self.unreached().iter().all(|name| RARE.contains(name));
        let is_whole = self.never_fired().is_empty() && is_reached;
        self.violations == 0 && (is_whole || self.seeds < ENOUGH)
    }

    /// For machines.
    pub fn json(&self) -> String {
        let fired = self.faults.iter().map(|(fault, (_, _, times))| (fault.id(), *times));
        serde_json::json!({
            "seeds": self.seeds,
            "payments": self.payments,
            "faults": fired.collect::<BTreeMap<_, _>>(),
            "violations": self.violations,
            "never_fired": self.never_fired(),
            "unreached": self.unreached(),
        })
        .to_string()
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text =
            format!("{:<22} {:>8} {:>8} {:>10}\n", "fault", "planned", "met in", "times");
        for (fault, (planned, happened, times)) in &self.faults {
            let id = fault.id();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{id:<22} {planned:>8} {happened:>8} {times:>10}");
        }
        for id in self.never_fired() {
            let _ = writeln!(text, "NEVER HAPPENED: {id}");
        }
        for name in self.unreached() {
            let _ = writeln!(text, "NOT REACHED: {name}");
        }
        let Report { seeds, payments, violations, .. } = self;
        let _ =
            write!(text, "{seeds} seeds, {payments} payments, {violations} of the seeds failed");
        text
    }
}
