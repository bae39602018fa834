//! The law on the model target and on the suite's own source.

use elsewhere::Elsewhere;
use semel_core::exactly_once::conformance::{
    Bench, Faults, Faulty, Grant, Item, List, Model, ModelTarget, Subject, checks, reads_stably,
};
use semel_core::exactly_once::{Decide, Failure};
use std::collections::BTreeSet;

mod block_on;
mod elsewhere;
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
fn the_model_keeps_the_law_from_other_threads() {
    for grant in [Grant::AfterOpenStep, Grant::AtOnce] {
        let bench = Bench::new(0..4, move || async move { Threaded(Model::new(grant)) });
        for check in checks() {
            assert_eq!(elsewhere::block_on(check.run(&bench)), Ok(()), "{grant:?}");
        }
    }
}

#[test]
fn the_list_reads_stably() {
    let numbers: Vec<u64> = (0..20).collect();
    let kept = block_on(reads_stably(|| List::partly_named(&numbers, |_| true)));
    assert_eq!(kept, Ok(()));
}

/// The model, with every verb on a thread of its own. Also the shortest example of a subject.
struct Threaded(Model);

impl Subject for Threaded {
    type Target = Faulty<Elsewhere<ModelTarget>>;

    fn leg(&self, source: &str, faults: Faults) -> Self::Target {
        Faulty::new(Elsewhere::new(self.0.target(Some(source))), faults)
    }

    fn door(&self, faults: Faults) -> Self::Target {
        Faulty::new(Elsewhere::new(self.0.target(None)), faults)
    }

    async fn applied(&self) -> Result<Vec<u64>, Failure> {
        self.0.applied().await
    }
}

impl Decide<Item, Faulty<Elsewhere<ModelTarget>>> for Threaded {
    fn keys(&self, items: &[Item]) -> Vec<Item> {
        self.0.keys(items)
    }

    fn decide(&self, items: &[Item], known: &BTreeSet<Item>) -> Vec<Item> {
        self.0.decide(items, known)
    }
}
