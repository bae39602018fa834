//! The suite sees every planted defect, and says by which check.
//!
//! Run with `--nocapture` for the table. A layer whose loss another layer makes good is listed too:
//! it shows what the suite cannot see, and why that is right.

use planted::Careless;
use planted::half_open::HalfOpenSession;
use planted::layers::{Layered, Layers, Names};
use planted::tampered::{
    CursorFirst, DroppedCommits, EffectsFirst, EffectsTwice, Tamper, Tampered, UnknownIsNothing,
};
use semel_core::exactly_once::conformance::{
    Bench, Faulty, Grant, List, Model, ModelTarget, Subject, checks, reads_stably, run_all,
};
use semel_core::exactly_once::{Claim, EffectOf, KeysOf, SnapshotOf, Step, StepOf, Target};
use sources::{HintTrusted, TailUnchecked};
use std::cell::Cell;

mod block_on;
mod planted;
// Apart from the rest, since it fits no target: backends need not take it in.
#[path = "planted/sources.rs"]
mod sources;
use block_on::block_on;

const DROPPED: &str = "a_dropped_step_changes_nothing";
const UNKNOWN: &str = "unknown_commit_is_answered_by_claiming";
const INDEPENDENT: &str = "sources_are_independent";
const STALE: &str = "refuses_a_stale_start";
const FENCE_BEGIN: &str = "a_new_claim_fences_the_old_before_begin";
const FENCE_COMMIT: &str = "a_new_claim_fences_the_old_before_commit";
const FENCE_DURING: &str = "a_new_claim_fences_the_old_during_a_commit";
const KEY_ONCE: &str = "a_key_is_taken_once_at_a_door";
const DOOR_AGAIN: &str = "a_door_runs_an_unknown_step_again";
const PUMP: &str = "pump_survives_any_fault";
const SIDE_BY_SIDE: &str = "doors_and_legs_side_by_side";

const SEEDS: u64 = 40;

type Leg = Faulty<ModelTarget>;

#[test]
fn each_planted_defect_is_caught_by_name() {
    let every: Vec<&str> = checks::<Model>().iter().map(|check| check.name).collect();
    const ALL: Layers = Layers::ALL;

    caught("nothing", || layered(ALL), &[]);
    caught("no compare-and-set", || layered(Layers { compare_and_set: false, ..ALL }), &[]);
    // Without its name a claim fences nobody, yet the cursor lets nothing in twice or out of order:
    // only those checks fail that ask for the fence itself.
    let fences = [FENCE_BEGIN, FENCE_COMMIT, FENCE_DURING];
    caught("no claim check", || layered(Layers { claim_check: false, ..ALL }), &fences);
    let expected = [INDEPENDENT];
    caught("one claim for all sources", one_source, &expected);
    const NEITHER: Layers = Layers { compare_and_set: false, claim_check: false, ..ALL };
    let expected = [STALE, FENCE_BEGIN, FENCE_COMMIT, FENCE_DURING, SIDE_BY_SIDE];
    caught("neither of the two", || layered(NEITHER), &expected);
    let expected = [KEY_ONCE, SIDE_BY_SIDE];
    caught("lock not taken", || layered(Layers { lock: false, ..ALL }), &expected);

    let expected = [UNKNOWN, FENCE_COMMIT, FENCE_DURING, PUMP, SIDE_BY_SIDE];
    caught("cursor apart, after the effects", || tampered(EffectsFirst), &expected);
    let expected = [UNKNOWN, FENCE_COMMIT, FENCE_DURING, KEY_ONCE, DOOR_AGAIN, PUMP, SIDE_BY_SIDE];
    caught("cursor apart, before the effects", || tampered(CursorFirst), &expected);
    caught("effects applied twice", || tampered(EffectsTwice), &every);
    let expected = [UNKNOWN, DOOR_AGAIN, PUMP, SIDE_BY_SIDE];
    caught("unknown treated as not done", || tampered(UnknownIsNothing), &expected);
    // The cursor moves along, so a pump goes on behind it: only who asks sees the lie.
    let expected = [DROPPED, DOOR_AGAIN, SIDE_BY_SIDE];
    caught("a dropped step commits", || tampered(DroppedCommits), &expected);
    let expected = [DROPPED, DOOR_AGAIN, PUMP, SIDE_BY_SIDE];
    caught("a dropped step's session goes on", || tampered(HalfOpenSession::new()), &expected);

    let expected = [KEY_ONCE, DOOR_AGAIN, SIDE_BY_SIDE];
    let defect = |inner| Careless { inner, identity: false, faults: true };
    run("identity check removed", defect, &expected);
    let expected = [DROPPED, UNKNOWN, DOOR_AGAIN, PUMP];
    let defect = |inner| Careless { inner, identity: true, faults: false };
    run("faults not injected", defect, &expected);
}

#[test]
fn each_planted_defect_of_a_source_is_caught() {
    let numbers: Vec<u64> = (0..20).collect();
    let list = || List::partly_named(&numbers, |_| true);
    for (defect, kept) in [
        ("nothing", block_on(reads_stably(list))),
        ("tail not checked", block_on(reads_stably(|| TailUnchecked(list())))),
        ("hint taken for the position", block_on(reads_stably(|| HintTrusted(list())))),
        ("another list at each opening", {
            let opened = Cell::new(0);
            block_on(reads_stably(|| {
                opened.set(opened.get() + 1);
                List::partly_named(&numbers[opened.get() % 2..], |_| true)
            }))
        }),
    ] {
        println!("{defect:<34} {kept:?}");
        assert_eq!(kept.is_err(), defect != "nothing", "{defect}");
    }
}

/// Only those layers are left that are kept.
fn layered(keep: Layers) -> impl Fn(Leg, Option<&str>) -> Layered<Leg> {
    let names = Names::default();
    move |target, source| Layered::new(target, source, names.clone(), keep)
}

/// A claim on any source fences the claims on all.
fn one_source() -> impl Fn(Leg, Option<&str>) -> Layered<Leg> {
    let layered = layered(Layers::ALL);
    move |target, source| layered(target, source.map(|_| "one"))
}

/// Commits go wrong in one way.
fn tampered<W: Tamper<Leg>>(tamper: W) -> impl Fn(Leg, Option<&str>) -> Tampered<Leg, W> {
    move |target, _| Tampered::new(target, tamper.clone())
}

/// With this in front of every target of the model, those checks fail and no others.
fn caught<F, W>(defect: &str, plant: impl Fn() -> F + Send + Sync + 'static, expected: &[&str])
where
    F: Fn(Leg, Option<&str>) -> W + Send + Sync + 'static,
    W: Target + Send + 'static,
    W::Claim: Claim<Keys = KeysOf<Leg>>,
    StepOf<W>: Step<Snapshot = SnapshotOf<Leg>, Effect = EffectOf<Leg>>,
{
    run(defect, move |model| planted::subject(model, plant()), expected);
}

fn run<S: Subject + 'static>(
    defect: &str,
    make: impl Fn(Model) -> S + Send + Sync + 'static,
    expected: &[&str],
) {
    let bench = Bench::new(0..SEEDS, move || {
        let subject = make(Model::new(Grant::AfterOpenStep));
        async move { subject }
    });
    let violations = block_on(run_all(&bench));
    let names: Vec<&str> = violations.iter().map(|violation| violation.name).collect();
    for (row, name) in names.iter().chain(names.is_empty().then_some(&"(holds)")).enumerate() {
        println!("{:<34} {name}", if row == 0 { defect } else { "" });
    }
    assert_eq!(names, expected, "{defect}: {violations:#?}");
}
