//! The suite on PostgreSQL sees the planted defects, and says by which check.
//!
//! Deliberately absent: those whose wrapper keeps a step of its own open while it asks for another
//! claim. Here a claim waits for the step, for as long as the server lets it.

use crate::common::postgres::OnPostgres;
use planted::Careless;
use planted::half_open::HalfOpenSession;
use planted::layers::{Layered, Layers, Names};
use planted::tampered::{
    CursorFirst, DroppedCommits, EffectsFirst, EffectsTwice, Tamper, Tampered, UnknownIsNothing,
};
use semel_core::exactly_once::conformance::{Bench, Faulty, Subject, checks};
use semel_core::exactly_once::{Claim, EffectOf, KeysOf, SnapshotOf, Step, StepOf, Target};
use semel_store::postgres::{Form, PostgresTarget};

#[path = "../../../core/tests/planted/mod.rs"]
mod planted;

const DROPPED: &str = "a_dropped_step_changes_nothing";
const UNKNOWN: &str = "unknown_commit_is_answered_by_claiming";
const INDEPENDENT: &str = "sources_are_independent";
const STALE: &str = "refuses_a_stale_start";
const FENCE_BEGIN: &str = "a_new_claim_fences_the_old_before_begin";
const FENCE_COMMIT: &str = "a_new_claim_fences_the_old_before_commit";
const FENCE_DURING: &str = "a_new_claim_fences_the_old_during_a_commit";
const KEY_ONCE: &str = "a_key_is_taken_once_at_a_door";
const DOOR_AGAIN: &str = "a_door_runs_an_unknown_step_again";
const SIDE_BY_SIDE: &str = "doors_and_legs_side_by_side";

const SEEDS: u64 = 1;
const ALL: Layers = Layers::ALL;

type Leg = Faulty<PostgresTarget>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_left_out_is_caught() {
    const NO_CHECK: Layers = Layers { claim_check: false, ..ALL };
    let fences = [FENCE_BEGIN, FENCE_COMMIT, FENCE_DURING];
    caught("no claim check", || layered(NO_CHECK), &fences).await;
    caught("one claim for all sources", one_source, &[INDEPENDENT]).await;
    const NEITHER: Layers = Layers { compare_and_set: false, claim_check: false, ..ALL };
    let expected = [STALE, FENCE_BEGIN, FENCE_COMMIT, FENCE_DURING];
    caught("neither of the two", || layered(NEITHER), &expected).await;
    caught("lock not taken", || layered(Layers { lock: false, ..ALL }), &[KEY_ONCE]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_commit_is_caught() {
    let expected = [UNKNOWN];
    caught("cursor apart, after the effects", || tampered(EffectsFirst), &expected).await;
    let expected = [UNKNOWN, KEY_ONCE, DOOR_AGAIN];
    caught("cursor apart, before the effects", || tampered(CursorFirst), &expected).await;
    let expected = [KEY_ONCE, UNKNOWN];
    caught("effects applied twice", || tampered(EffectsTwice), &expected).await;
    let expected = [UNKNOWN, DOOR_AGAIN];
    caught("unknown treated as not done", || tampered(UnknownIsNothing), &expected).await;
    let expected = [DROPPED, DOOR_AGAIN];
    caught("a dropped step commits", || tampered(DroppedCommits), &expected).await;
    let session = HalfOpenSession::new;
    caught("a dropped step's session goes on", move || tampered(session()), &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_careless_subject_is_caught() {
    let defect = |inner| Careless { inner, identity: false, faults: true };
    run("identity check removed", defect, &[KEY_ONCE, DOOR_AGAIN, SIDE_BY_SIDE]).await;
    let defect = |inner| Careless { inner, identity: true, faults: false };
    run("faults not injected", defect, &[DROPPED, UNKNOWN, DOOR_AGAIN]).await;
}

/// Only those layers are left that are kept.
fn layered(keep: Layers) -> impl Fn(Leg, Option<&str>) -> Layered<Leg> {
    let names = Names::default();
    move |target, source| Layered::new(target, source, names.clone(), keep)
}

/// A claim on any source fences the claims on all.
fn one_source() -> impl Fn(Leg, Option<&str>) -> Layered<Leg> {
    let layered = layered(ALL);
    move |target, source| layered(target, source.map(|_| "one"))
}

/// Commits go wrong in one way.
fn tampered<W: Tamper<Leg>>(tamper: W) -> impl Fn(Leg, Option<&str>) -> Tampered<Leg, W> {
    move |target, _| Tampered::new(target, tamper.clone())
}

/// With this in front of every target, those checks fail.
async fn caught<F, W>(
    defect: &str,
    plant: impl Fn() -> F + Send + Sync + 'static,
    expected: &[&str],
) where
    F: Fn(Leg, Option<&str>) -> W + Send + Sync + 'static,
    W: Target + Send + 'static,
    W::Claim: Claim<Keys = KeysOf<Leg>>,
    StepOf<W>: Step<Snapshot = SnapshotOf<Leg>, Effect = EffectOf<Leg>>,
{
    run(defect, move |inner| planted::subject(inner, plant()), expected).await;
}

async fn run<S: Subject + 'static>(
    defect: &str,
    make: impl Fn(OnPostgres) -> S + Send + Sync + 'static,
    expected: &[&str],
) {
    let Some(server) = semel_servers::postgres_for_tests() else { return };
    let make = std::sync::Arc::new(make);
    let bench = Bench::new(0..SEEDS, move || {
        let (make, server) = (make.clone(), server.clone());
        async move { make(OnPostgres::empty(server, Form::Resident).await) }
    });
    for check in checks() {
        if expected.contains(&check.name) {
            let kept = check.run(&bench).await;
            println!("{defect:<34} {:<48} {kept:?}", check.name);
            assert!(kept.is_err(), "{defect}: {} saw nothing", check.name);
        }
    }
}
