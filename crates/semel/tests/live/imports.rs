//! Imports into PostgreSQL, killed and stopped half-way: somebody else goes on where they were,
//! once their claim has run out, and then the totals are exact.

use super::harness::{Place, Server, payment};
use super::{database, signal};
use semel::wiring::Reader;
use std::process::Stdio;
use std::thread::yield_now;

const LINES: i64 = 50_000;

#[test]
fn an_import_that_was_killed_or_stopped_is_taken_over_with_exact_totals() {
    let Some((_server, url)) = database() else { return };
    let place = Place::new();
    let (mut file, mut accepted, mut duplicates, mut dead) = (String::new(), 0, 0, 0);
    for line in 0..LINES {
        // Every tenth line repeats the one before it, every hundredth is no payment.
        let (text, count) = match line {
            _ if line % 100 == 99 => ("nothing".to_owned(), &mut dead),
            _ if line % 10 == 5 => (payment(&format!("key-{}", line - 1)), &mut duplicates),
            _ => (payment(&format!("key-{line}")), &mut accepted),
        };
        *count += 1;
        file += &text;
        file += "\n";
    }
    place.write("a.jsonl", file);
    // The store is there before anybody looks.
    assert_eq!(place.run(&["ledger", "create", "main", "--store", &url]).code, 0);

    drop(half_way(&place, &url));
    let mut stopped = half_way(&place, &url);
    signal(stopped.0.id(), "STOP");
    while place.run(&import(&url)).code != 0 {
        yield_now();
    }
    signal(stopped.0.id(), "CONT");
    assert_ne!(stopped.0.wait().unwrap().code(), Some(0), "somebody newer took the source over");

    let row = row(&url).unwrap();
    let named = row.counts.named().map(|(_, count)| count);
    assert_eq!(named, [LINES, accepted, accepted, 0, duplicates, 0, dead]);
    let verified = place.json(&["verify", "--store", &url]);
    assert_eq!((&verified["ok"], &verified["payments"]), (&true.into(), &accepted.into()));
}

#[test]
fn imports_of_one_file_at_once_tell_what_each_of_them_took() {
    let Some((_server, url)) = database() else { return };
    let place = Place::new();
    let lines: String = (0..LINES).map(|line| payment(&format!("key-{line}")) + "\n").collect();
    place.write("a.jsonl", lines);
    assert_eq!(place.run(&["ledger", "create", "main", "--store", &url]).code, 0);
    let args = [&import(&url)[..], &["--json"]].concat();
    let begin = |_| place.command(&args).stdout(Stdio::piped()).spawn().unwrap();
    let both: Vec<_> = (0..2).map(begin).collect();
    let mut told = 0;
    for import in both {
        let output = import.wait_with_output().unwrap();
        let told_here: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        match told_here["read"].as_i64() {
            Some(read) => told += read,
            None => assert_eq!(told_here["error"]["code"], "SEMEL-0101", "{told_here}"),
        }
    }
    assert_eq!((told, read(&url)), (LINES, LINES));
    // Whoever ends gives his claim up: nobody waits until it runs out.
    const HELD: &str = "SELECT count(*) FROM leg WHERE until > 0";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let held: i64 = runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(HELD, &[]).await.unwrap().get(0)
    });
    assert_eq!(held, 0);
    assert_eq!(place.json(&args[..args.len() - 1])["read"], 0);
}

fn import(url: &str) -> [&str; 6] {
    ["import", "a.jsonl", "--mapping", "map.toml", "--store", url]
}

/// An import that has taken something, and not all; begun as often as the one before holds on.
fn half_way(place: &Place, url: &str) -> Server {
    let before = read(url);
    loop {
        let mut command = place.command(&import(url));
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut import = Server(command.spawn().unwrap());
        while import.0.try_wait().unwrap().is_none() {
            if read(url) > before {
                signal(import.0.id(), "STOP");
                assert!(read(url) < LINES, "nothing is left to be taken over");
                signal(import.0.id(), "CONT");
                return import;
            }
            yield_now();
        }
    }
}

fn read(url: &str) -> i64 {
    row(url).map_or(0, |row| row.counts.read)
}

fn row(url: &str) -> Option<semel_store::rows::IngestRow> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let place = semel::place::Place::Server(url.into());
        Reader::open(&place).await.unwrap().ingest(1, "shop").unwrap()
    })
}
