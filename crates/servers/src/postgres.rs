//! PostgreSQL: a server on loopback, started, stopped, killed and started again on the same data.
//!
//! `fsync` is on, so that what it says of commits is what a real one says.
//! The superuser is `semel`, trusted on loopback and on the socket unless the caller writes another
//! `pg_hba.conf`. Deliberately absent: SQL, and `pg_basebackup`, which the artifact does not hold.

mod copy;
mod install;
mod launch;
mod settings;

use crate::guard::Guard;
use crate::place::{self, cannot};
use crate::port;
use crate::process;
use crate::user::User;
pub use install::{Binaries, VERSION, install};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The server's log, in the data directory.
const LOG: &str = "semel.log";

/// What a path of a Unix socket may have, on the system that allows least, less the socket's name.
const SOCKETS_MAX: usize = 85;

/// How many ports a new server tries; another process may take the free one first.
const PORTS: usize = 5;

/// How long a start waits for the port and for the memory of the server that was killed before.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a data directory of its own.
///
/// It is stopped when this value is dropped or when this process ends, in whatever way.
#[derive(Debug)]
pub struct Postgres {
    binaries: Binaries,
    user: User,
    data: PathBuf,
    sockets: PathBuf,
    settings: Vec<(String, String)>,
    port: u16,
    /// The port is one that somebody may know already.
    is_known: bool,
    /// Goes away with the server.
    home: Option<PathBuf>,
    guard: Option<Guard>,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// It ends its connections, writes what a start needs, and ends in order.
    Fast,
    /// It ends at once, and recovers from what it has written at the next start.
    Immediate,
}

impl Postgres {
    /// Starts a server on `data`, which is made when it is not there or empty.
    ///
    /// # Errors
    /// Why it did not start, with the end of its log.
    pub fn start(
        binaries: &Binaries,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Postgres, String> {
        let mut postgres = Postgres::prepare(binaries, data, settings)?;
        postgres.start_again()?;
        Ok(postgres)
    }

    /// As [`Postgres::start`], but does not start it yet: files can be written first, for keys and
    /// passwords, or `recovery.signal` into a copy made by [`Postgres::copy_data`].
    ///
    /// # Errors
    /// What `initdb` says, or that a server runs on `data`.
    pub fn prepare(
        binaries: &Binaries,
        data: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Postgres, String> {
        let mut postgres = Postgres::on(binaries, data)?;
        if let Some(pid) = postgres.pid() {
            return Err(format!("a server runs on {} already (pid {pid})", data.display()));
        }
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        postgres.settings = settings.iter().map(owned).collect();
        postgres.create()?;
        Ok(postgres)
    }

    /// The server that runs on `data`, whoever started it; this value does not stop it.
    pub(crate) fn running_on(binaries: &Binaries, data: &Path) -> Result<Option<Postgres>, String> {
        let postgres = Postgres::on(binaries, data)?;
        Ok(postgres.pid().is_some().then_some(postgres))
    }

    fn on(binaries: &Binaries, data: &Path) -> Result<Postgres, String> {
        let data = std::path::absolute(data).map_err(|error| cannot("found", data, &error))?;
        let kept = fs::read_to_string(data.join(settings::FILE)).ok();
        let kept = kept.as_deref().and_then(settings::port);
        Ok(Postgres {
            binaries: binaries.clone(),
            user: User::of_servers()?,
            sockets: sockets(&data),
            data,
            settings: Vec::new(),
            port: kept.unwrap_or_else(port::free),
            is_known: false,
            home: None,
            guard: None,
        })
    }

    /// Starts it on its data, and on its port if it has run before; nothing when it runs.
    ///
    /// # Errors
    /// Why it did not start, with the end of its log.
    pub fn start_again(&mut self) -> Result<(), String> {
        if self.pid().is_some() {
            return Ok(());
        }
        if self.guard.is_none() {
            self.guard = Some(self.guard()?);
        }
        let started = std::time::Instant::now();
        for tries in 1.. {
            let Err(said) = self.try_start() else { break };
            let is_taken = said.contains("Address already in use");
            // A killed server's backends, or its process until it is mourned, are still there.
            let is_held = ["shared memory block", "lock file \"postmaster.pid\" already exists"];
            let is_held = is_held.iter().any(|held| said.contains(held));
            if is_taken && !self.is_known && tries < PORTS {
                self.port = port::free();
            } else if (is_taken || is_held) && started.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(100));
            } else {
                let log = self.log();
                return Err(format!("PostgreSQL did not start; {} ends:\n{said}", log.display()));
            }
        }
        self.is_known = true;
        Ok(())
    }

    /// Stops it and waits until it has; nothing when it does not run.
    ///
    /// # Errors
    /// What `pg_ctl` says.
    pub fn stop(&self, mode: Mode) -> Result<(), String> {
        if self.pid().is_none() {
            return Ok(());
        }
        let mode = match mode {
            Mode::Fast => "--mode=fast",
            Mode::Immediate => "--mode=immediate",
        };
        process::finish("pg_ctl stop", self.pg_ctl(&["stop", "--wait", "--timeout=120", mode]))
    }

    /// Ends it and all its backends with SIGKILL; nothing when it does not run.
    ///
    /// # Errors
    /// A process that does not end.
    pub fn kill(&self) -> Result<(), String> {
        self.pid().map_or(Ok(()), process::kill)
    }

    /// Makes it read its settings and its `pg_hba.conf` again.
    ///
    /// # Errors
    /// What `pg_ctl` says.
    pub fn reload(&self) -> Result<(), String> {
        process::finish("pg_ctl reload", self.pg_ctl(&["reload"]))
    }

    /// Writes a file into the data directory, readable for the server alone: `pg_hba.conf`, a key,
    /// `recovery.signal`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.data.join(name);
        self.user.write(&path, text).map(|()| path)
    }

    /// Makes a directory beside the data that the server may write into, as for an archive.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn directory(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.parent().join(name);
        self.user.directory(&path).map(|()| path)
    }

    /// Copies the data to the new directory `to`, while the server runs or not, without the
    /// write-ahead log and what belongs to the process.
    ///
    /// # Errors
    /// A file that cannot be copied; one that vanishes meanwhile is none.
    pub fn copy_data(&self, to: &Path) -> Result<(), String> {
        copy::data(&self.data, to)
    }

    /// Where clients find `database`; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://semel@127.0.0.1:{}/{database}", self.port)
    }

    /// The directory of its Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.sockets
    }

    /// The port on 127.0.0.1; the same after every further start.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The postmaster's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let pid = text.lines().next()?.trim().parse().ok()?;
        // The file outlives a killed server, and the number may be another process's by now.
        process::names(pid, &self.data).then_some(pid)
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.data.join(LOG)
    }

    /// Lets it run on when this process ends.
    pub(crate) fn detach(mut self) {
        if let Some(guard) = self.guard.take() {
            guard.release();
        }
    }

    /// Lets `home`, where the data lies, go away when the server is stopped for good.
    pub(crate) fn remove_at_end(&mut self, home: PathBuf) {
        self.home = Some(home);
    }

    fn parent(&self) -> &Path {
        self.data.parent().unwrap_or(&self.data)
    }
}

/// Beside the data, or in the temporary directory where that is too far for a socket's path.
fn sockets(data: &Path) -> PathBuf {
    let mut beside = data.as_os_str().to_owned();
    beside.push(".sockets");
    match beside.len() <= SOCKETS_MAX {
        true => beside.into(),
        false => std::env::temp_dir().join(format!("semel-{:016x}", place::hash(data))),
    }
}
