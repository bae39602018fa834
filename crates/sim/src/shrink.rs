//! A smaller run that still breaks the same promise: fewer payments, fewer faults.

use crate::evidence::Violation;
use crate::faults::Fault;
use crate::report;
use crate::run::{self, Plan};

/// Fewer payments than this tell no more.
const FEW: u64 = 25;

/// The smallest run found that breaks `invariant` too.
pub fn shrink(plan: &Plan, invariant: &str) -> Plan {
    let mut smallest = plan.clone();
    for fault in Fault::ALL {
        let mut smaller = smallest.clone();
        if smaller.without.insert(*fault) && breaks(&smaller, invariant) {
            smallest = smaller;
        }
    }
    while smallest.payments / 2 >= FEW {
        let smaller = Plan { payments: smallest.payments / 2, ..smallest.clone() };
        if !breaks(&smaller, invariant) {
            break;
        }
        smallest = smaller;
    }
    smallest
}

fn breaks(plan: &Plan, invariant: &str) -> bool {
    let verdict = report::judge(&mut run::run(plan));
    verdict.violations.iter().any(|violation: &Violation| violation.invariant == invariant)
}
