//! Several processes of the built binary on one PostgreSQL database: killed, stopped and cut off,
//! with traffic on all of them.

mod client;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../cli/harness.rs"]
mod harness;
mod imports;
mod line;
mod serving;

/// A server of the test's own, with an empty database; where that is.
fn database() -> Option<(semel_servers::Postgres, String)> {
    let server = semel_servers::private(&[])?;
    let url = server.url("postgres");
    Some((server, url))
}

/// Send a signal to a process that a test started.
fn signal(pid: u32, name: &str) {
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-s", name, &pid.to_string()]).status().unwrap().success());
}
