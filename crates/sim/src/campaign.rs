//! Many runs, on all cores; and what is shown of one that failed.

use crate::defects::{Defect, Planted};
use crate::evidence::Violation;
use crate::report::{self, Report};
use crate::run::{self, Plan};
use crate::{seeds, shrink};
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(10);
/// How many failing seeds are shown in full.
const SHOWN: usize = 3;
/// So many seeds are run before it is asked whether a planted defect was caught.
const CHUNK: usize = 16;
/// How many lines of a timeline are shown.
const LINES: usize = 40;
/// How much of a line.
const COLUMNS: usize = 150;

/// Run the kept seeds and then `count` more from `plan.seed` on, or as many as there is time for;
/// whether all is well.
pub fn run(plan: &Plan, count: u64, time: Option<Duration>, json: bool) -> bool {
    let kept = if plan.defect.0.is_some() { Vec::new() } else { seeds::kept(plan) };
    let plans = kept.into_iter().map(|(_, plan)| plan);
    let plans: Vec<Plan> = plans
        .chain((0..count).map(|number| Plan { seed: plan.seed + number, ..plan.clone() }))
        .collect();
    let (report, failed) = all(&plans, time, true);
    for (plan, violations) in failed.iter().take(SHOWN) {
        explain(plan, violations);
    }
    if failed.len() > SHOWN {
        let rest = failed[SHOWN..].iter().map(|(plan, _)| plan.seed.to_string());
        eprintln!("other seeds that failed: {}", rest.collect::<Vec<_>>().join(", "));
    }
    match json {
        true => println!("{}", report.json()),
        false => println!("{}", report.table()),
    }
    report.is_well()
}

/// The invariant of a run that ended by an assertion of the product's or of the simulator's.
const PANICKED: &str = "panicked";

/// A run that failed.
type Failed = (Plan, Vec<Violation>);

fn all(plans: &[Plan], time: Option<Duration>, told: bool) -> (Report, Vec<Failed>) {
    let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new((Report::default(), Vec::new()));
    let began = Instant::now();
    let worker = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed) as usize;
            let is_late = time.is_some_and(|time| time < began.elapsed());
            let Some(plan) = plans.get(place).filter(|_| !is_late) else { return };
            let judged = catch_unwind(|| {
                let mut outcome = run::run(plan);
                let verdict = report::judge(&mut outcome);
                (outcome, verdict)
            });
            let mut sum = sum.lock().expect("nobody panics while holding it");
            let violations = match judged {
                Ok((outcome, verdict)) => {
                    sum.0.add(&outcome, &verdict);
                    verdict.violations
                }
                Err(_) => {
                    sum.0.add_panic();
                    let detail = "see the message of the panic".into();
                    vec![Violation { invariant: PANICKED, detail }]
                }
            };
            if let Some(first) = violations.first() {
                if told {
                    eprintln!("seed {} failed: {}", plan.seed, first.invariant);
                }
                sum.1.push((plan.clone(), violations));
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let teller = scope.spawn(|| tell(&is_over, &sum, plans.len(), began));
        let ended: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        teller.thread().unpark();
        assert!(ended.iter().all(Result::is_ok), "workers catch what panics");
    });
    let (report, mut failed) = sum.into_inner().expect("nobody panics while holding it");
    failed.sort_by_key(|(plan, _)| plan.seed);
    (report, failed)
}

/// Tell how far the runs are, now and then.
fn tell(is_over: &AtomicBool, sum: &Mutex<(Report, Vec<Failed>)>, count: usize, began: Instant) {
    let every = if std::io::stderr().is_terminal() { PROGRESS } else { PROGRESS * 6 };
    loop {
        thread::park_timeout(every);
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let sum = sum.lock().expect("nobody panics while holding it");
        let Report { seeds, payments, violations, .. } = &sum.0;
        let seconds = began.elapsed().as_secs().max(1);
        let rates = format!("{} seeds/s, {} payments/s", seeds / seconds, payments / seconds);
        eprintln!("{seeds} of {count} seeds, {violations} failed, {rates}");
    }
}

/// Show what is wrong with a run, how to run it again, and a smaller one that fails too.
fn explain(plan: &Plan, violations: &[Violation]) {
    eprintln!("\nseed {} breaks:", plan.seed);
    for Violation { invariant, detail } in violations.iter().take(10) {
        eprintln!("  {invariant}: {detail}");
    }
    eprintln!("run it again: {}", command(plan));
    if violations[0].invariant == PANICKED {
        return;
    }
    let small = shrink::shrink(plan, violations[0].invariant);
    eprintln!("a smaller one: {}", command(&small));
    let outcome = run::run(&Plan { told: true, ..small });
    let lines: Vec<&str> = outcome.history.lines().collect();
    eprintln!("its last {LINES} of {} lines:", lines.len());
    for line in lines.iter().rev().take(LINES).rev() {
        eprintln!("  {}", line.chars().take(COLUMNS).collect::<String>());
    }
}

fn command(plan: &Plan) -> String {
    let Plan { seed, payments, without, defect, .. } = plan;
    let mut command = format!("cargo xtask sim --seed {seed} --payments {payments}");
    if !without.is_empty() {
        let ids: Vec<&str> = without.iter().map(|fault| fault.id()).collect();
        command += &format!(" --without {}", ids.join(","));
    }
    if let Some(defect) = defect.0 {
        command += &format!(" --defect {:?}", defect.name());
    }
    command
}

/// Run one seed and show its timeline; whether all is well.
pub fn show(plan: &Plan) -> bool {
    let mut outcome = run::run(plan);
    let verdict = report::judge(&mut outcome);
    print!("{}", outcome.history);
    for (fault, is_planned, fired) in &outcome.faults {
        if *is_planned || *fired > 0 {
            println!("{:<22} happened {fired} times", fault.id());
        }
    }
    for stop in &outcome.evidence.stops {
        println!("{} stopped: {}: {}", stop.what, stop.name, stop.detail);
    }
    for Violation { invariant, detail } in &verdict.violations {
        println!("VIOLATION {invariant}: {detail}");
    }
    let store = if outcome.on_files { "SQLite on files" } else { "the model" };
    println!("seed {}: {} payments, {store}", plan.seed, outcome.payments);
    verdict.violations.is_empty()
}

/// Plant each defect in turn; whether each is caught in time.
pub fn plant_all(plan: &Plan) -> bool {
    println!("{:<46} {:>6} {:>7}  caught by", "planted defect", "seeds", "at most");
    let mut are_caught = true;
    for (defect, name, limit, invariants) in Defect::ALL {
        let plan = Plan { defect: Planted(Some(*defect)), ..plan.clone() };
        let caught = catch(&plan, *limit, invariants);
        match &caught {
            Some((seeds, names)) => println!("{name:<46} {seeds:>6} {limit:>7}  {names}"),
            None => println!("{name:<46} {:>6} {limit:>7}  NOT CAUGHT", "-"),
        }
        are_caught &= caught.is_some();
    }
    are_caught
}

/// The number of the first seed in which one of the `invariants` catches the planted defect, and
/// which of them do.
fn catch(plan: &Plan, limit: u64, invariants: &[&str]) -> Option<(u64, String)> {
    // It is the defect that was caught only if nothing is wrong without it.
    let is_well = |plan: &Plan| {
        let without = Plan { defect: Planted(None), ..plan.clone() };
        report::judge(&mut run::run(&without)).violations.is_empty()
    };
    (0..limit).step_by(CHUNK).find_map(|from| {
        let numbers = from..(from + CHUNK as u64).min(limit);
        let plans = numbers.map(|number| Plan { seed: plan.seed + number, ..plan.clone() });
        let (_, failed) = all(&plans.collect::<Vec<_>>(), None, false);
        failed.into_iter().find_map(|(failed, violations)| {
            let names: BTreeSet<&str> = violations.iter().map(|it| it.invariant).collect();
            let by: Vec<&str> = names.into_iter().filter(|it| invariants.contains(it)).collect();
            let is_caught = !by.is_empty() && is_well(&failed);
            is_caught.then(|| (failed.seed - plan.seed + 1, by.join(", ")))
        })
    })
}
