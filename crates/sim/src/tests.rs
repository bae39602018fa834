//! The simulator held to its own promises.

use crate::defects::Planted;
use crate::run::{Plan, run};

fn plan(seed: u64) -> Plan {
    Plan { seed, payments: 150, without: [].into(), defect: Planted(None), told: true }
}

/// Some of these run on the real SQLite store.
const SEEDS: [u64; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 34, 75];

#[test]
fn the_same_seed_gives_the_same_history() {
    let mut on_files = 0;
    for seed in SEEDS {
        let [first, second] = [run(&plan(seed)), run(&plan(seed))];
        assert!(first.history.len() > 1_000, "seed {seed} has a history");
        assert_eq!(first.history, second.history, "seed {seed}");
        assert_eq!(first.faults, second.faults, "seed {seed}");
        on_files += u64::from(first.on_files);
    }
    assert!(0 < on_files && on_files < SEEDS.len() as u64, "{on_files} ran on files");
}

#[test]
fn another_seed_gives_another_history() {
    assert_ne!(run(&plan(1)).history, run(&plan(2)).history);
}
