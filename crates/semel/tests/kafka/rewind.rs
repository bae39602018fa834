//! A store that came back older than it was, while the wire tells of what it forgot: publishing
//! stops by name, and what others have read stays what it is.

use super::broker::{Broker, block_on, shared};
use super::on_both;
use super::payers::{Payers, answer, paying};
use super::publish::publishing;
use super::service::{Kind, Running, Service, statement, wait, wait_for};
use semel_checker::{Options, Until, follow};
use semel_servers::{Binaries, Mode, Postgres, place};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

on_both!(a_store_without_its_last_events_does_not_publish);

/// What a stranger takes, in the order of the log: seqs and chain hashes.
fn told(broker: &Broker, topic: &str) -> BTreeMap<u64, Vec<u8>> {
    let mut told = BTreeMap::new();
    for record in broker.records(topic, 3) {
        let header = |name: &str| {
            let found = record.headers.iter().find(|header| header.0 == name);
            found.unwrap().1.clone()
        };
        let seq = String::from_utf8(header("semel-seq")).unwrap().parse().unwrap();
        let hash = header("semel-hash");
        let known = told.entry(seq).or_insert_with(|| hash.clone());
        assert_eq!(*known, hash, "event {seq} is told in two ways");
    }
    let options = Options {
        bootstrap: broker.at.clone(),
        topic: topic.into(),
        ledgers: Vec::new(),
        uncommitted: true,
        until: Until::End,
        patience: super::service::PATIENCE,
        may_begin_late: false,
    };
    let followed = block_on(follow(&options)).unwrap();
    assert_eq!(followed.reader.findings.codes(), [""; 0]);
    told
}

/// Pay, and wait until it is told.
fn pay(running: &Running, key: &str) {
    let body = json!({ "amount": 1, "currency": "USD", "debit_account": "customer:0",
                       "credit_account": "merchant:9" });
    let (status, told) = running.post("/v1/payments", Some(key), &body);
    assert_eq!(status, 201, "{:?}", answer(key, status, &told));
}

fn a_store_without_its_last_events_does_not_publish(kind: Kind) {
    let Some(broker) = shared() else { return };
    let topic = broker.topic("rewound", 3);
    let Some(service) = Service::new(kind, &publishing(&broker, &topic, "")) else { return };
    let running = service.serve();
    let payers = Payers::of(&[&running]);
    paying(&payers, || payers.wait_for(40));
    running.published("main");
    running.kill();
    let kept = keep(kind, &service);
    let running = service.serve();
    for number in 0..5 {
        pay(&running, &format!("lost-{number}"));
    }
    running.published("main");
    running.kill();
    let before = told(&broker, &topic);
    bring_back(kind, &service, &kept);
    let running = service.serve();
    wait_for("it says so", &vec!["wire_fork".to_owned()], || running.troubles());
    // Whatever the doors still do, nobody is told another history.
    pay(&running, "another");
    running.kill();
    let running = service.serve();
    wait_for("it says so again", &vec!["wire_fork".to_owned()], || running.troubles());
    assert_eq!(told(&broker, &topic), before);
}

/// A copy of the store.
fn keep(kind: Kind, service: &Service) -> String {
    let copy = service.place.path("kept");
    match kind {
        Kind::Sqlite => copy_files(service.place.store().parent().unwrap(), &copy),
        Kind::Postgres => return copy_database(&service.url, "kept"),
    }
    copy.to_str().unwrap().to_owned()
}

/// Put the copy where the store was.
fn bring_back(kind: Kind, service: &Service, kept: &str) {
    match kind {
        Kind::Sqlite => {
            let data = service.place.store().parent().unwrap().to_owned();
            std::fs::remove_dir_all(&data).unwrap();
            copy_files(Path::new(kept), &data);
        }
        Kind::Postgres => {
            let (server, name) = service.url.rsplit_once('/').unwrap();
            let admin = format!("{server}/postgres");
            statement(&admin, &format!("DROP DATABASE {name} (FORCE)"));
            statement(&admin, &format!("CREATE DATABASE {name} TEMPLATE {kept}"));
        }
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A copy of a database that nobody is in any more; its name.
fn copy_database(url: &str, suffix: &str) -> String {
    let (server, name) = url.rsplit_once('/').unwrap();
    let copy = format!("{name}_{suffix}");
    let admin = format!("{server}/postgres");
    const GONE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
    statement(&admin, &format!("{GONE} = '{name}'"));
    statement(&admin, &format!("CREATE DATABASE {copy} TEMPLATE {name}"));
    copy
}

#[test]
fn a_restored_server_closes_the_doors() {
    let Some(broker) = shared() else { return };
    let archive = ("archive_command", "test ! -f ../archive/%f && cp %p ../archive/%f");
    let settings = [("archive_mode", "on"), ("wal_level", "replica"), archive];
    let Some(server) = semel_servers::private(&settings) else { return };
    server.directory("archive").unwrap();
    let topic = broker.topic("restored", 3);
    let config = publishing(&broker, &topic, "");
    let service = Service::on(&server.url("postgres"), &config);
    let running = service.serve();
    let payers = Payers::of(&[&running]);
    paying(&payers, || payers.wait_for(20));
    running.published("main");
    let (copy, label) = back_up(&server);
    for number in 0..5 {
        pay(&running, &format!("lost-{number}"));
    }
    running.published("main");
    running.kill();
    let before = told(&broker, &topic);
    server.stop(Mode::Immediate).unwrap();
    let _restored = restore(&copy, &label);
    let mut running = service.serve();
    let ended = wait("it stops by name", || {
        running.server.0.try_wait().unwrap().ok_or_else(|| "it runs".to_owned())
    });
    assert_eq!(ended.code(), Some(3));
    assert_eq!(told(&broker, &topic), before);
}

/// A copy of the server's data as it is now, with the label that belongs into it.
fn back_up(server: &Postgres) -> (std::path::PathBuf, String) {
    block_on(async {
        let url = server.url("postgres");
        let (shell, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        shell.execute("SELECT pg_backup_start('before', true)", &[]).await.unwrap();
        let copy = server.data().with_file_name("restored");
        server.copy_data(&copy).unwrap();
        let label = shell.query_one("SELECT labelfile FROM pg_backup_stop()", &[]).await.unwrap();
        (copy, label.get(0))
    })
}

/// The server as it was then, at the same place.
fn restore(copy: &Path, label: &str) -> Postgres {
    let binaries = Binaries::installed(&place::servers().unwrap()).unwrap();
    let settings = [
        ("restore_command", "cp ../archive/%f %p"),
        ("recovery_target", "immediate"),
        ("recovery_target_action", "promote"),
        ("archive_mode", "off"),
    ];
    let mut restored = Postgres::prepare(&binaries, copy, &settings).unwrap();
    restored.write("backup_label", label).unwrap();
    restored.write("recovery.signal", "").unwrap();
    restored.start_again().unwrap();
    wait("it is promoted", || {
        let asked = block_on(async {
            let (shell, connection) =
                tokio_postgres::connect(&restored.url("postgres"), tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            shell.query_one("SELECT pg_is_in_recovery()", &[]).await
        });
        match asked.map(|row| row.get(0)) {
            Ok(false) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    restored
}
