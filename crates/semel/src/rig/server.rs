//! The server under test: a child process on a store that is thrown away, killed without warning.

use super::{Process, broken, command};
use crate::place::Place;
use semel_core::failure::Failure;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// A running server. Dropped, it is killed; its store is the caller's.
pub struct Server {
    process: Process,
    address: SocketAddr,
    kills: u64,
    place: Place,
    /// Of its log and its configuration.
    directory: TempDir,
}

impl Server {
    /// A server on the store at `place`.
    ///
    /// # Errors
    /// What the directory, the process or its log says.
    pub async fn start(place: Place) -> Result<Server, Failure> {
        Server::start_with(place, "").await
    }

    /// A server on the store at `place`, with a configuration file that holds `config`.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(place: Place, config: &str) -> Result<Server, Failure> {
        let directory = tempfile::Builder::new().prefix("semel-log-").tempdir();
        let directory = directory.map_err(|error| broken(format!("no directory: {error}")))?;
        std::fs::write(directory.path().join("semel.toml"), config)
            .map_err(|error| broken(format!("no configuration: {error}")))?;
        let (process, address) = spawn(directory.path(), &place).await?;
        Ok(Server { process, address, kills: 0, place, directory })
    }

    /// Kill it with SIGKILL, and start another on the same store.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restarted(self) -> Result<Server, Failure> {
        let Server { process, kills, place, directory, .. } = self;
        drop(process);
        let (process, address) = spawn(directory.path(), &place).await?;
        Ok(Server { process, address, kills: kills + 1, place, directory })
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

async fn spawn(directory: &Path, place: &Place) -> Result<(Process, SocketAddr), Failure> {
    let (directory, place) = (directory.to_owned(), place.clone());
    let spawned = tokio::task::spawn_blocking(move || spawn_blocking(&directory, &place));
    spawned.await.map_err(|ended| broken(ended.to_string()))?
}

fn spawn_blocking(directory: &Path, place: &Place) -> Result<(Process, SocketAddr), Failure> {
    let failed = |error: std::io::Error| broken(format!("no server: {error}"));
    let log_path = directory.join("server.log");
    let log = std::fs::File::options().create(true).append(true).open(&log_path).map_err(failed)?;
    let mut command = command(directory, place).map_err(failed)?;
    command.args(["--json", "serve", "--listen", "127.0.0.1:0"]);
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
