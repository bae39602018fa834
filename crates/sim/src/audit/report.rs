//! Where checks tell what they found, in the order in which they found it.
//!
//! Deliberately absent: a list without an end. One defect breaks a promise a thousand times, and
//! the first few say as much.

use super::Verdict;
use super::payments::TRANSITIONS;
use crate::evidence::Violation;
use std::collections::BTreeMap;

/// How many violations of one invariant are told.
const TOLD_MAX: u32 = 20;

#[derive(Default)]
pub(super) struct Report {
    violations: Vec<Violation>,
    told: BTreeMap<&'static str, u32>,
    reached: [bool; TRANSITIONS.len()],
}

impl Report {
    /// An invariant does not hold; `detail` says what was seen.
    pub(super) fn tell(&mut self, invariant: &'static str, detail: impl FnOnce() -> String) {
        let told = self.told.entry(invariant).or_default();
        *told += 1;
        let detail = match *told {
            1..=TOLD_MAX => detail(),
            past if past == TOLD_MAX + 1 => "there are more of these".into(),
            _ => return,
        };
        self.violations.push(Violation { invariant, detail });
    }

    /// A log shows the transition of that number.
    pub(super) fn reach(&mut self, transition: usize) {
        self.reached[transition] = true;
    }

    pub(super) fn verdict(self) -> Verdict {
        let names = TRANSITIONS.iter().zip(self.reached).filter(|(_, reached)| *reached);
        let reached = names.map(|(name, _)| name.to_string()).collect();
        Verdict { violations: self.violations, reached }
    }
}
