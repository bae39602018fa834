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
            let mut by: std::collections::BTreeMap<&str, (usize, &str)> = Default::default();
            for v in &verdict.violations {
                by.entry(v.invariant).or_insert((0, &v.detail)).0 += 1;
            }
            for (k, (c, d)) in by {
                println!("   {k} x{c}: {d}");
            }
            if let Ok(l) = std::env::var("DUMP") {
                for (p, part) in out.evidence.wire.iter().enumerate() {
                    for r in part {
                        let g = |n: &str| r.headers.iter().find(|h| h.0 == n).map(|h| String::from_utf8_lossy(&h.1).into_owned()).unwrap_or_default();
                        if g("semel-ledger") == l { println!("w {p} {} {} <- {}", r.offset, g("semel-seq"), g("semel-prev")); }
                    }
                }
                for l in &out.evidence.legs { println!("leg {} {} {:?}", l.source, l.next, l.counts); }
            }
            let f: Vec<_> = out
                .faults
                .iter()
                .filter(|f| f.2 > 0 && !f.0.id().contains("task") && !f.0.id().contains("client"))
                .map(|f| format!("{}={}", f.0.id(), f.2))
                .collect();
            println!("   {}", f.join(" "));
            for s in &out.evidence.stops {
                println!("   stop {} {} {}", s.what, s.name, s.detail);
            }
        }
    }
}
