//! Apache Kafka: one node, broker and controller, on loopback; started, stopped, killed, paused and
//! started again on the same data and ports.
//!
//! It writes to disk when the system likes, as a real one does. The metadata has a directory of its
//! own, so that the topics' logs can be lost while the topics are known. Deliberately absent: a
//! client of any kind, and a second node.

mod install;
mod launch;
mod settings;

use crate::guard::Guard;
use crate::place::cannot;
use crate::postgres::Mode;
use crate::process;
use crate::user::User;
pub use install::{Jars, VERSION, install};
use settings::Ports;
pub use settings::SCRAM_USER;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a new server tries other ports; another process may take a free one first.
const TRIES: usize = 5;

/// How long a start waits for the ports and the locks of the server that was killed before.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to end in order.
const PATIENCE_TO_STOP: Duration = Duration::from_secs(120);

/// A server with a home of its own: its data, its settings, its log.
///
/// It is stopped when this value is dropped or when this process ends, in whatever way.
#[derive(Debug)]
pub struct Kafka {
    jars: Jars,
    user: User,
    home: PathBuf,
    settings: Vec<(String, String)>,
    ports: Ports,
    /// The ports are ones that somebody may know already.
    is_known: bool,
    /// The home goes away with the server.
    is_temporary: bool,
    guard: Option<Guard>,
}

impl Kafka {
    /// Starts a server in `home`, which is made when it is not there.
    ///
    /// `settings` are lines of `server.properties`, and win over those that are there by
    /// themselves. In a value `{port}`, `{port2}` and `{port3}` stand for what [`Kafka::port`]
    /// tells, `{controller}` for the controller's port, `{home}` for `home` and `{data}` for what
    /// [`Kafka::data`] tells. [`SCRAM_USER`] is none of Kafka's own.
    ///
    /// # Errors
    /// Why it did not start, with what its log says of it.
    pub fn start(jars: &Jars, home: &Path, settings: &[(&str, &str)]) -> Result<Kafka, String> {
        let mut kafka = Kafka::prepare(jars, home, settings)?;
        kafka.start_again()?;
        Ok(kafka)
    }

    /// As [`Kafka::start`], but does not start it yet: files can be written first, as for keys.
    ///
    /// # Errors
    /// What the formatting of the data says, or that a server runs in `home`.
    pub fn prepare(jars: &Jars, home: &Path, settings: &[(&str, &str)]) -> Result<Kafka, String> {
        let mut kafka = Kafka::on(jars, home)?;
        if let Some(pid) = kafka.pid() {
            return Err(format!("a server runs in {} already (pid {pid})", home.display()));
        }
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        kafka.settings = settings.iter().map(owned).collect();
        kafka.create()?;
        Ok(kafka)
    }

    /// The server that runs in `home`, whoever started it; this value does not stop it.
    pub(crate) fn running_on(jars: &Jars, home: &Path) -> Result<Option<Kafka>, String> {
        let kafka = Kafka::on(jars, home)?;
        Ok(kafka.pid().is_some().then_some(kafka))
    }

    fn on(jars: &Jars, home: &Path) -> Result<Kafka, String> {
        let home = std::path::absolute(home).map_err(|error| cannot("found", home, &error))?;
        let kept = fs::read_to_string(home.join(settings::FILE)).ok();
        let kept = kept.as_deref().and_then(Ports::kept);
        Ok(Kafka {
            jars: jars.clone(),
            user: User::of_servers()?,
            home,
            settings: Vec::new(),
            ports: kept.unwrap_or_else(Ports::free),
            is_known: false,
            is_temporary: false,
            guard: None,
        })
    }

    /// Starts it on its data, and on its ports if it has run before; nothing when it runs.
    ///
    /// # Errors
    /// Why it did not start, with what its log says of it.
    pub fn start_again(&mut self) -> Result<(), String> {
        if self.pid().is_some() {
            return Ok(());
        }
        if self.guard.is_none() {
            self.guard = Some(self.guard()?);
        }
        let started = Instant::now();
        for tries in 1.. {
            let Err(said) = self.try_start() else { break };
            let is_taken = said.contains("Address already in use");
            // A killed server, until its process is gone.
            let is_held = said.contains("Failed to acquire lock on file .lock");
            if is_taken && !self.is_known && tries < TRIES {
                self.ports = Ports::free();
            } else if (is_taken || is_held) && started.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(100));
            } else {
                let log = self.log();
                return Err(format!("Kafka did not start; {} says:\n{said}", log.display()));
            }
        }
        self.is_known = true;
        Ok(())
    }

    /// Stops it, also when it is paused, and waits until it has; nothing when it does not run.
    ///
    /// # Errors
    /// A process that does not end.
    pub fn stop(&self, mode: Mode) -> Result<(), String> {
        match (self.pid(), mode) {
            (None, _) => Ok(()),
            (Some(pid), Mode::Fast) => process::terminate(pid, PATIENCE_TO_STOP),
            (Some(pid), Mode::Immediate) => process::kill(pid),
        }
    }

    /// Ends it with SIGKILL; nothing when it does not run.
    ///
    /// # Errors
    /// A process that does not end.
    pub fn kill(&self) -> Result<(), String> {
        self.stop(Mode::Immediate)
    }

    /// Lets it stand still with SIGSTOP: its connections stay open, and nothing answers on them.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<(), String> {
        process::pause(self.running_pid()?)
    }

    /// Lets it go on after [`Kafka::pause`].
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> Result<(), String> {
        process::signal("CONT", &[self.running_pid()?])
    }

    fn running_pid(&self) -> Result<u32, String> {
        self.pid().ok_or_else(|| format!("no server runs in {}", self.home.display()))
    }

    /// Removes the logs of all topics, Kafka's own with them, and keeps what is known of the
    /// topics: after the next start they are there, and empty.
    ///
    /// # Errors
    /// It runs, or something cannot be removed.
    pub fn wipe_logs(&self) -> Result<(), String> {
        if let Some(pid) = self.pid() {
            return Err(format!("a server runs in {} (pid {pid})", self.home.display()));
        }
        launch::wipe(&self.data()).map_err(|error| cannot("wiped", &self.data(), &error))
    }

    /// Writes a file into the home, readable for the server alone, as for a key.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.home.join(name);
        self.user.write(&path, text).map(|()| path)
    }

    /// Where clients find it: `127.0.0.1` with the first port.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port(1))
    }

    /// Port 1, 2 or 3 on 127.0.0.1; the same after every further start. Nothing listens on the
    /// second and the third before a setting says so.
    ///
    /// # Panics
    /// Another number.
    pub fn port(&self, number: usize) -> u16 {
        self.ports.client(number)
    }

    /// The server's process, while it runs or is paused.
    pub fn pid(&self) -> Option<u32> {
        // The file outlives the server, and the number may be another process's by now.
        let pid = self.last_pid()?;
        process::names(pid, &self.home.join(settings::FILE)).then_some(pid)
    }

    /// The directory that holds one of each partition's own, `topic-0` for the first.
    pub fn data(&self) -> PathBuf {
        self.home.join(settings::DATA)
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.home.join(launch::LOG)
    }

    /// Lets it run on when this process ends.
    pub(crate) fn detach(mut self) {
        if let Some(guard) = self.guard.take() {
            guard.release();
        }
    }

    /// Lets the home go away when the server is stopped for good.
    pub(crate) fn remove_at_end(&mut self) {
        self.is_temporary = true;
    }
}
