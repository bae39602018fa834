//! `kill -9` in the middle of an import, and again; then the totals are exact.

use super::harness::{Place, payment};
use semel::wiring::Reader;
use std::process::Stdio;

const LINES: i64 = 40_000;

#[test]
fn a_killed_import_goes_on_where_it_was() {
    let place = Place::new();
    // Every tenth line repeats the one before it, every hundredth is no payment.
    let mut file = String::new();
    let (mut accepted, mut duplicates, mut dead) = (0, 0, 0);
    for line in 0..LINES {
        match line {
            _ if line % 100 == 99 => {
                file += "nothing\n";
                dead += 1;
            }
            _ if line % 10 == 5 => {
                file += &payment(&format!("key-{}", line - 1));
                file += "\n";
                duplicates += 1;
            }
            _ => {
                file += &payment(&format!("key-{line}"));
                file += "\n";
                accepted += 1;
            }
        }
    }
    place.write("a.jsonl", file);
    let args = ["import", "a.jsonl", "--mapping", "map.toml"];
    let mut kills = 0;
    for _ in 0..3 {
        let before = read(&place);
        let mut command = place.command(&args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Some steps have been committed and some have not.
        while child.try_wait().unwrap().is_none() && read(&place) <= before {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += i32::from(read(&place) < LINES);
    }
    assert!(kills > 0, "no kill came in the middle");

    assert_eq!(place.run(&args).code, 0);
    assert_eq!(place.run(&["verify"]).code, 0);
    let row = ingest(&place).unwrap();
    let named = row.counts.named().map(|(_, count)| count);
    assert_eq!(named, [LINES, accepted, accepted, 0, duplicates, 0, dead]);
    let reader = Reader::embedded(&place.store()).unwrap();
    let account = |id| reader.account(1, id).unwrap().unwrap().totals;
    assert_eq!(account("customer:1").debits, accepted * 100);
    assert_eq!(account("merchant:1").credits, accepted * 100);
    assert_eq!(place.import("a.jsonl")["read"], 0);
}

fn ingest(place: &Place) -> Option<semel_store::rows::IngestRow> {
    let reader = Reader::embedded(&place.store()).ok()?;
    reader.ingest(1, "shop").ok()?
}

fn read(place: &Place) -> i64 {
    ingest(place).map_or(0, |row| row.counts.read)
}

#[test]
fn no_setting_of_the_caller_reaches_what_the_bench_and_the_demo_start() {
    let place = Place::new();
    let (kept, elsewhere) = (place.path("kept"), place.path("kept/semel.db"));
    std::fs::create_dir(&kept).unwrap();
    // The other stages start the same server as the demo.
    let bench = ["bench", "--payments", "1000", "--stage", "import", "--json"];
    for args in [&bench[..], &["demo", "--payments", "100", "--json"]] {
        let mut command = place.command(args);
        command.env("SEMEL_STORE", &elsewhere).env("SEMEL_DATA", &kept);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn the_demo_finds_nothing_lost_and_nothing_doubled() {
    let place = Place::new();
    let report = place.json(&["demo", "--payments", "400"]);
    for (name, count) in [("unique", 400), ("applied", 400), ("lost", 0), ("doubled", 0)] {
        assert_eq!(report[name], count, "{report}");
    }
    assert!(report["kills"].as_u64().unwrap() >= 5, "{report}");
    assert!(report["sent"].as_u64().unwrap() > 400, "{report}");
    assert!(report["repeats"].as_u64().unwrap() > 0, "{report}");
}
