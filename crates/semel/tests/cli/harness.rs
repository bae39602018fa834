//! A directory of its own for each test, and the program run in it.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A mapping that takes `{"k", "a", "c", "d", "m", "n", "x"}`.
pub const MAPPING: &str = r#"
[[ingest]]
name = "shop"
topic = "payments"
from = "earliest"
idempotency_key = { at = "/k" }
amount = { at = "/a", unit = "major" }
currency = { at = "/c" }
debit_account = { at = "/d" }
credit_account = { at = "/m" }
description = { at = "/n" }
metadata = { at = "/x" }
open_accounts = { debit = "unlimited", credit = "none" }
"#;

/// Longer than any command here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory with the mapping `map.toml`, where the program runs.
pub struct Place {
    directory: TempDir,
}

/// How the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Place {
        let directory = TempDir::new().unwrap();
        let place = Place { directory };
        place.write("map.toml", MAPPING);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("data/semel.db")
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn append(&self, name: &str, bytes: &str) {
        let mut all = std::fs::read(self.path(name)).unwrap();
        all.extend_from_slice(bytes.as_bytes());
        self.write(name, all);
    }

    /// The program with `args`, not started yet, untouched by this machine's settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_semel"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SEMEL_") {
                command.env_remove(name);
            }
        }
        command.args(args).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args))
    }

    pub fn run_in(&self, name: impl AsRef<OsStr>, value: &str, args: &[&str]) -> Ran {
        let mut command = self.command(args);
        command.env(name, value);
        ran(command)
    }

    /// The document that `args` with `--json` give.
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Import `name` and tell its summary without the time.
    pub fn import(&self, name: &str) -> Value {
        let mut summary = self.json(&["import", name, "--mapping", "map.toml"]);
        summary.as_object_mut().unwrap().remove("seconds").unwrap();
        summary
    }

    /// Each dead letter's line and reason, in the order of the lines.
    pub fn reasons(&self) -> Vec<(u64, String)> {
        let letters = self.json(&["dead-letters", "list", "--limit", "10000"]);
        let letters = letters["data"].as_array().unwrap().iter();
        letters
            .map(|letter| {
                let reason = letter["reason"].as_str().unwrap().to_owned();
                (letter["source"]["line"].as_u64().unwrap(), reason)
            })
            .collect()
    }

    /// A running server, and where it listens.
    pub fn serve(&self, args: &[&str]) -> (Server, String) {
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        let mut command = self.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap();
        (Server(child), address.to_owned())
    }
}

/// Run `command` to its end, which it is helped to if it takes too long.
fn ran(mut command: Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (pid, (ended, end)) = (child.id().to_string(), mpsc::channel::<()>());
    let watch = std::thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            Command::new("kill").args(["-s", "KILL", &pid]).status().unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watch.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().expect("it ends by itself, and in time");
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A server that does not outlive its test.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A summary as a test writes it: the counts in the contract's order.
pub fn counts(counts: [i64; 7]) -> Value {
    let [read, accepted, succeeded, declined, duplicates, conflicts, dead_letters] = counts;
    serde_json::json!({
        "read": read, "accepted": accepted, "succeeded": succeeded, "declined": declined,
        "duplicates": duplicates, "conflicts": conflicts, "dead_letters": dead_letters,
    })
}

/// A line that is a payment of one dollar.
pub fn payment(key: &str) -> String {
    format!(r#"{{"k":"{key}","a":1,"c":"USD","d":"customer:1","m":"merchant:1"}}"#)
}
