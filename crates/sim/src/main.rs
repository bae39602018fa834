//! Whole Semel installations under every fault, from one seed.

mod audit;
mod broker;
mod clients;
mod copy;
mod coverage;
mod defects;
mod evidence;
mod fate;
mod faults;
mod feeds;
mod model;
mod net;
mod process;
mod run;
mod setup;
mod site;
mod store;
#[path = "../../core/tests/planted/tampered.rs"]
mod tampered;
mod world;

fn main() {
    let seed: u64 = std::env::args().nth(1).map_or(1, |s| s.parse().unwrap());
    let n: u64 = std::env::args().nth(2).map_or(1, |s| s.parse().unwrap());
    let payments: u64 = std::env::args().nth(3).map_or(200, |s| s.parse().unwrap());
    for seed in seed..seed + n {
        let plan = run::Plan {
            seed,
            payments,
            without: Default::default(),
            defect: Default::default(),
            told: n == 1,
        };
        let out = run::run(&plan);
        if n == 1 {
            print!("{}", out.history);
            for f in &out.faults {
                if f.1 || f.2 > 0 {
                    println!("{} {:?}", f.0.id(), f)
                }
            }
            println!("{:?}", out.reached);
        }
        let verdict = audit::audit(&out.evidence);
        if !verdict.violations.is_empty() || n == 1 {
            println!("seed {seed} payments {}", out.payments);
            for v in verdict.violations.iter().take(6) { println!("   {}: {}", v.invariant, v.detail); }
        }
    }
}
