//! A real PostgreSQL through everything that the tests of other crates will do to it.
//!
//! Deliberately absent: `up` and `down`, which would stop the servers of whoever runs the tests.

mod client;

use client::Client;
use semel_servers::{Binaries, Mode, Postgres, place, private};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

fn count(server: &Postgres) -> String {
    let rows = Client::new(server.port()).unwrap().run("SELECT count(*) FROM kept").unwrap();
    rows[0][0].clone()
}

#[test]
fn what_was_committed_outlives_every_end() {
    let Some(mut server) = private(&[]) else { return };
    let (port, first) = (server.port(), server.pid().unwrap());
    assert_eq!(server.url("a"), format!("postgres://semel@127.0.0.1:{port}/a"));
    Client::new(port).unwrap().run("CREATE TABLE kept (n int)").unwrap();
    let end = |server: &Postgres, how: &str| match how {
        "fast" => server.stop(Mode::Fast),
        "immediate" => server.stop(Mode::Immediate),
        _ => server.kill(),
    };
    for (ends, how) in (1..).zip(["fast", "immediate", "killed"]) {
        let mut open = Client::new(port).unwrap();
        open.run("INSERT INTO kept VALUES (1)").unwrap();
        end(&server, how).unwrap();
        assert_eq!(server.pid(), None, "{how}");
        assert!(open.run("SELECT 1").is_err(), "{how}");
        assert!(Client::new(port).is_err(), "{how}");
        end(&server, how).unwrap();
        server.start_again().unwrap();
        server.start_again().unwrap();
        assert_ne!(server.pid().unwrap(), first, "{how}");
        assert_eq!(server.port(), port, "{how}");
        assert_eq!(count(&server), ends.to_string(), "{how}");
    }
}

#[test]
fn settings_are_the_callers_or_honest() {
    let Some(server) = private(&[("max_connections", "7"), ("synchronous_commit", "off")]) else {
        return;
    };
    let table = [
        // setting             value
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("max_connections", "7"),
        ("server_encoding", "UTF8"),
        ("shared_buffers", "256MB"),
        ("synchronous_commit", "off"),
    ];
    let mut client = Client::new(server.port()).unwrap();
    for (name, value) in table {
        assert_eq!(client.run(&format!("SHOW {name}")).unwrap(), [[value]], "{name}");
    }
    let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
    UnixStream::connect(socket).unwrap();
}

#[test]
fn a_password_is_wanted_when_the_caller_says_so() {
    let Some(server) = private(&[]) else { return };
    let mut open = Client::new(server.port()).unwrap();
    server.write("pg_hba.conf", "local all all trust\nhost all all all scram-sha-256\n").unwrap();
    server.reload().unwrap();
    // The postmaster reads it in its own time.
    let read = "SELECT count(*) FROM pg_hba_file_rules";
    assert_eq!(open.run(read).unwrap(), [["2"]]);
    let refused = std::iter::repeat_with(|| Client::new(server.port())).find_map(Result::err);
    assert_eq!(refused.unwrap().to_string(), "wants a password");
}

#[test]
fn a_backup_is_recovered_with_what_was_archived_since() {
    let Some(server) = private(&[("archive_mode", "on")]) else { return };
    let archive = server.directory("archive").unwrap().display().to_string();
    let mut client = Client::new(server.port()).unwrap();
    client.run(&format!("ALTER SYSTEM SET archive_command = 'cp %p {archive}/%f'")).unwrap();
    server.reload().unwrap();
    client.run("CREATE TABLE kept (n int)").unwrap();
    client.run("SELECT pg_backup_start('test', true)").unwrap();
    let copied = server.data().with_file_name("copied");
    server.copy_data(&copied).unwrap();
    client.run("INSERT INTO kept VALUES (1)").unwrap();
    let label = client.run("SELECT labelfile FROM pg_backup_stop()").unwrap();
    client.run("INSERT INTO kept VALUES (2)").unwrap();
    client.run("SELECT pg_switch_wal()").unwrap();
    server.stop(Mode::Fast).unwrap();

    let settings = [("restore_command", &*format!("cp {archive}/%f %p")), ("archive_mode", "off")];
    let place = place::servers().unwrap();
    let binaries = Binaries::installed(&place).unwrap();
    let mut recovered = Postgres::prepare(&binaries, &copied, &settings).unwrap();
    recovered.write("backup_label", &label[0][0]).unwrap();
    recovered.write("recovery.signal", "").unwrap();
    recovered.start_again().unwrap();
    assert_eq!(count(&recovered), "2");
}

#[test]
fn what_does_not_start_says_why() {
    let Some(server) = private(&[]) else { return };
    let place = place::servers().unwrap();
    let binaries = Binaries::installed(&place).unwrap();
    let twice = Postgres::start(&binaries, server.data(), &[]).unwrap_err();
    assert!(twice.contains("a server runs on"), "{twice}");
    let data = server.data().with_file_name("other");
    let unknown = Postgres::start(&binaries, &data, &[("shared_buffers", "much")]).unwrap_err();
    assert!(unknown.contains("invalid value for parameter \"shared_buffers\""), "{unknown}");
    let full = server.data().parent().unwrap();
    let full = Postgres::start(&binaries, full, &[]).unwrap_err();
    assert!(full.contains("exists but is not empty"), "{full}");
}

#[test]
fn a_port_that_is_taken_meanwhile_is_exchanged_until_somebody_knows_it() {
    let Some(server) = private(&[]) else { return };
    let binaries = Binaries::installed(&place::servers().unwrap()).unwrap();
    let data = server.data().with_file_name("other");
    let mut other = Postgres::prepare(&binaries, &data, &[]).unwrap();
    let port = other.port();
    let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    other.start_again().unwrap();
    assert_ne!(other.port(), port);
    Client::new(other.port()).unwrap();
}

/// Who is started by the test below, and killed.
const STARTER: &str = "SEMEL_SERVERS_TEST_STARTER";

#[test]
fn a_server_ends_with_its_starter_however_that_ends() {
    let Some(server) = private(&[]) else { return };
    if std::env::var_os(STARTER).is_some() {
        println!("\nstarted {} {}", server.pid().unwrap(), server.data().display());
        // Until it is killed.
        loop {
            std::thread::park();
        }
    }
    let mut starter = Command::new(std::env::current_exe().unwrap());
    starter.args(["--exact", "a_server_ends_with_its_starter_however_that_ends", "--nocapture"]);
    let mut starter = starter.env(STARTER, "").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("started ")).unwrap();
    let [_, pid, data] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let home = std::path::Path::new(data).parent().unwrap();
    assert!(home.exists());
    let port = std::fs::read_to_string(home.join("data/semel.conf")).unwrap();
    let port = port.lines().last().unwrap().strip_prefix("port = ").unwrap().parse().unwrap();
    let mut client = Client::new(port).unwrap();
    starter.kill().unwrap();
    starter.wait().unwrap();
    // Its end is seen by its clients, and then its directory goes away.
    while client.run("SELECT 1").is_ok() {}
    while home.exists() {
        std::thread::yield_now();
    }
    assert!(!std::path::Path::new("/proc").join(pid).join("cwd").exists());
    assert!(server.pid().is_some());
}
