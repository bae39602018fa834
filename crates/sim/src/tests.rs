//! The simulator held to its own promises.

use crate::defects::Planted;
use crate::run::{Plan, run};

fn plan(seed: u64) -> Plan {
    Plan { seed, payments: 150, without: [].into(), defect: Planted(None), told: true }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..12 {
        let [first, second] = [run(&plan(seed)), run(&plan(seed))];
        assert!(first.history.len() > 1_000, "seed {seed} has a history");
        assert_eq!(first.history, second.history, "seed {seed}");
        assert_eq!(first.faults, second.faults, "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_history() {
    assert_ne!(run(&plan(1)).history, run(&plan(2)).history);
}
