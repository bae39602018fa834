//! The law on the model target and on the suite's own source.

use semel_core::exactly_once::conformance::{Bench, Grant, List, Model, checks, reads_stably};

mod block_on;
use block_on::block_on;

#[test]
fn the_model_keeps_the_law() {
    for grant in [Grant::AfterOpenStep, Grant::AtOnce] {
        let bench = Bench::new(0..100, move || async move { Model::new(grant) });
        for check in checks() {
            let kept = block_on(check.run(&bench));
            assert_eq!(kept, Ok(()), "{grant:?}");
            println!("kept ({grant:?}): {}", check.name);
        }
    }
}

#[test]
fn the_list_reads_stably() {
    let numbers: Vec<u64> = (0..20).collect();
    let kept = block_on(reads_stably(|| List::partly_named(&numbers, |_| true)));
    assert_eq!(kept, Ok(()));
}
