//! `bench` and `demo` on a PostgreSQL server: nothing lost, nothing doubled, nothing left behind.

use super::harness::Place;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// A database of a test's own, and a session with it.
struct Database {
    url: String,
    runtime: Runtime,
    client: Client,
}

impl Database {
    /// `None` where there is no server.
    fn new(name: &str) -> Option<Database> {
        let server = semel_servers::postgres_for_tests()?;
        let runtime = Runtime::new().unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let name = format!("semel_test_{}_{name}", std::process::id());
        let maker = session(&runtime, &server);
        for make in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"),
        ] {
            runtime.block_on(maker.batch_execute(&make)).unwrap();
        }
        let url = format!("{base}/{name}");
        let client = session(&runtime, &url);
        Some(Database { url, runtime, client })
    }

    /// Schemas that were made to be thrown away.
    fn schemas(&self) -> i64 {
        const ASK: &str = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'semel%'";
        self.runtime.block_on(self.client.query_one(ASK, &[])).unwrap().get(0)
    }

    fn stages(&self, args: &[&str]) -> Vec<Value> {
        let ran = Place::new().json(&[&["bench", "--store", &self.url], args].concat());
        assert_eq!(self.schemas(), 0, "{args:?}");
        ran["stages"].as_array().unwrap().clone()
    }
}

fn session(runtime: &Runtime, url: &str) -> Client {
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    })
}

/// What a stage on a server tells besides time.
const TOLD: [&str; 6] = [
    "limit_2_per_second",
    "wal_bytes_per_payment",
    "rows_per_payment",
    "index_entries_per_payment",
    "round_trips_per_payment",
    "bytes_per_payment",
];

#[test]
fn a_bench_on_a_server_counts_what_the_server_does() {
    let Some(database) = Database::new("bench") else { return };
    for (form, rows) in [("plain", 1.5), ("resident", 1.0)] {
        let args = ["--stage", "batch", "--payments", "2000", "--accounts", form, "--batch", "500"];
        let [stage] = &database.stages(&args)[..] else { panic!("one stage") };
        assert_eq!((&stage["lost"], &stage["doubled"]), (&0.into(), &0.into()), "{stage}");
        assert_eq!((&stage["accounts"], &stage["batch"]), (&form.into(), &500.into()), "{stage}");
        for name in TOLD {
            assert!(stage[name].as_f64().unwrap() > 0.0, "{name}: {stage}");
        }
        assert!(stage["rows_per_payment"].as_f64().unwrap() > rows, "{stage}");
        // The primary key and the slot, and whatever updates left.
        let entries = stage["index_entries_per_payment"].as_f64().unwrap();
        assert!((2.0..3.0).contains(&entries), "{stage}");
        assert!(stage["lock_waiting"].is_number(), "{stage}");
    }
}

#[test]
fn the_other_stages_run_on_a_server_too() {
    let Some(database) = Database::new("stages") else { return };
    // `alone` is `http` with one connection, and `half` needs it first.
    let args = ["--stage", "ledgers", "--stage", "half", "--stage", "import"];
    let stages = database.stages(&[&args[..], &["--payments", "1000", "--hot"]].concat());
    let shown = |stage: &Value| (stage["stage"].clone(), stage["ledgers"].as_u64());
    let shown: Vec<_> = stages.iter().map(shown).collect();
    let ledgers = |count| ("ledgers".into(), Some(count));
    let one = |stage: &str| (stage.into(), None);
    let [http, half, import] = ["http", "half", "import"].map(one);
    assert_eq!(shown, [ledgers(1), ledgers(2), ledgers(4), http, half, import]);
    for stage in stages {
        assert_eq!((&stage["lost"], &stage["doubled"]), (&0.into(), &0.into()), "{stage}");
        assert!(stage["wal_bytes_per_payment"].as_f64().unwrap() > 0.0, "{stage}");
    }
}

#[test]
fn a_demo_on_a_server_finds_nothing_and_leaves_nothing() {
    let Some(database) = Database::new("demo") else { return };
    // Where nothing else is named, by custom.
    let place = Place::new();
    let mut command = place.command(&["demo", "--payments", "300", "--json"]);
    let output = command.env("DATABASE_URL", &database.url).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (name, count) in [("unique", 300), ("applied", 300), ("lost", 0), ("doubled", 0)] {
        assert_eq!(report[name], count, "{report}");
    }
    assert!(report["kills"].as_u64().unwrap() >= 5, "{report}");
    assert_eq!(database.schemas(), 0);
}

#[test]
fn what_is_interrupted_leaves_nothing() {
    let Some(database) = Database::new("interrupted") else { return };
    for (args, schemas) in [(&["bench", "--stage", "http"][..], 2), (&["demo"], 1)] {
        let place = Place::new();
        let mut command = place.command(args);
        command.env("SEMEL_STORE", &database.url).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        while database.schemas() < schemas {
            assert!(begun.elapsed() < Duration::from_secs(60), "{args:?}");
            std::thread::yield_now();
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(3), "{args:?}");
        assert_eq!(database.schemas(), 0, "{args:?}");
    }
}

#[test]
fn a_choice_that_only_a_server_has_needs_one() {
    let ran = Place::new().run(&["bench", "--accounts", "plain"]);
    assert!(ran.code == 2 && ran.stderr.contains("--store"), "{ran:?}");
}
