//! The server under test: a child process on a temporary directory, killed without warning.

use super::{broken, command};
use semel_core::failure::Failure;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use tempfile::TempDir;

/// A running server. Dropped, it is killed, and its directory goes away.
pub struct Server {
    process: Process,
    address: SocketAddr,
    kills: u64,
    directory: TempDir,
}

impl Server {
    /// A server on a new directory.
    ///
    /// # Errors
    /// What the directory, the process or its log says.
    pub async fn start() -> Result<Server, Failure> {
        let directory = tempfile::Builder::new().prefix("semel-").tempdir();
        let directory = directory.map_err(|error| broken(format!("no directory: {error}")))?;
        let (process, address) = spawn(directory.path()).await?;
        Ok(Server { process, address, kills: 0, directory })
    }

    /// Kill it with SIGKILL, and start another on the same directory.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restarted(self) -> Result<Server, Failure> {
        let Server { process, kills, directory, .. } = self;
        drop(process);
        let (process, address) = spawn(directory.path()).await?;
        Ok(Server { process, address, kills: kills + 1, directory })
    }

    /// Kill it with SIGKILL; the directory that its store is in, which goes away with the value.
    pub fn killed(self) -> TempDir {
        let Server { process, directory, .. } = self;
        drop(process);
        directory
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// How often it has been killed.
    pub fn kills(&self) -> u64 {
        self.kills
    }
}

/// A child that does not outlive this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

async fn spawn(directory: &Path) -> Result<(Process, SocketAddr), Failure> {
    let directory = directory.to_owned();
    let spawned = tokio::task::spawn_blocking(move || spawn_blocking(&directory));
    spawned.await.map_err(|ended| broken(ended.to_string()))?
}

fn spawn_blocking(directory: &Path) -> Result<(Process, SocketAddr), Failure> {
    let failed = |error: std::io::Error| broken(format!("no server: {error}"));
    let log_path = directory.join("server.log");
    let log = std::fs::File::options().create(true).append(true).open(&log_path).map_err(failed)?;
    let mut command = command(directory).map_err(failed)?;
    command.args(["--json", "serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    let mut child = command.stderr(log).spawn().map_err(failed)?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let process = Process(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
    match address(&line) {
        Some(address) => Ok((process, address)),
        None => {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing");
            Err(broken(format!("the server did not start: {last}")))
        }
    }
}

fn address(line: &str) -> Option<SocketAddr> {
    let said: serde_json::Value = serde_json::from_str(line).ok()?;
    said["listening"].as_str()?.strip_prefix("http://")?.parse().ok()
}
