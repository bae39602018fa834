//! `semel doctor`: is the configuration what was meant, is the store as it should be, and if not,
//! what to do.
//!
//! Works beside a live server and changes nothing.
//! Deliberately absent: reading the whole log, which `semel verify` does.

mod kafka;
mod shown;

use crate::cli::{Doctor, Global};
use crate::config::{Config, wire};
use crate::exit::{self, Exit};
use crate::output::{note, say};
use crate::wiring::Reader;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_store::rows::{About, Database, Home, LetterFilter, StoreFile};
use shown::mebibytes;
use std::net::TcpListener;
use std::path::Path;

/// Below this, in bytes, a store is about to stop for want of room.
const ROOM_LEAST: u64 = 1 << 30;
/// Every variable of the environment that means something.
const VARIABLES: [&str; 7] = [
    "SEMEL_CONFIG",
    "SEMEL_DATA",
    "SEMEL_STORE",
    "SEMEL_WIRE",
    "SEMEL_LISTEN",
    "SEMEL_ROLES",
    "SEMEL_LOG",
];

/// What was seen.
#[derive(Default)]
struct Health {
    store: Option<About>,
    room_bytes: Option<u64>,
    ledgers: Vec<LedgerHealth>,
    kafka: Option<kafka::Seen>,
    findings: Vec<Stop>,
}

struct LedgerHealth {
    id: String,
    events: u64,
    chain: String,
    dead_letters: u64,
}

/// Run `semel doctor`.
///
/// # Errors
/// `Configuration`, when there is nothing that could be checked.
pub async fn run(global: &Global, args: &Doctor) -> Result<Exit, Failure> {
    let config = Config::load(global, Some(&args.server))?;
    let health = Health::of(&config).await;
    if global.json {
        say(&health.shown(&config).to_string())?;
    } else {
        say(&health.tables(&config))?;
        for finding in &health.findings {
            note(&exit::line(&Failure::Permanent(finding.clone())));
        }
        note(health.verdict());
    }
    Ok(if health.findings.is_empty() { Exit::Done } else { Exit::Found })
}

impl Health {
    async fn of(config: &Config) -> Health {
        let mut health = Health::default();
        health.environment();
        health.directory(config);
        health.store(config).await;
        health.listen(config);
        health.kafka(config).await;
        health
    }

    fn find(&mut self, code: Code, detail: impl Into<String>) {
        self.findings.push(Stop::new(code, detail));
    }

    /// A misspelt variable is one that somebody relies on in vain.
    fn environment(&mut self) {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let is_known = VARIABLES.contains(&&*name) || name.starts_with(wire::PREFIX);
            if name.starts_with("SEMEL_") && !is_known {
                let known = format!("{}, {}…", VARIABLES.join(", "), wire::PREFIX);
                self.find(Code::Configuration, format!("{name} means nothing; these do: {known}"));
            }
        }
    }

    /// The directory has to take files, and to have room for them.
    fn directory(&mut self, config: &Config) {
        let Some(directory) = config.directory() else { return };
        // What will be made is made in the first directory above that is there.
        let Some(there) = directory.ancestors().map(or_here).find(|path| path.exists()) else {
            return;
        };
        if let Err(error) = tempfile::tempfile_in(there) {
            let place = there.display();
            self.find(Code::DataUnusable, format!("{place} takes no files: {error}"));
        }
        self.room_bytes = rustix::fs::statvfs(there).ok().map(|at| at.f_bavail * at.f_frsize);
        if let Some(room) = self.room_bytes.filter(|room| *room < ROOM_LEAST) {
            let (place, room) = (there.display(), mebibytes(room));
            self.find(Code::StoreFull, format!("{place} has {room} left; make more"));
        }
    }

    async fn store(&mut self, config: &Config) {
        if config.store.file().is_some_and(|path| !path.exists()) {
            return;
        }
        let seen = Reader::open(&config.store).await.and_then(|reader| {
            self.store = Some(reader.about()?);
            for ledger in reader.ledgers()? {
                let letters = reader.letter_reasons(ledger.no, &LetterFilter::default(), None)?;
                self.ledgers.push(LedgerHealth {
                    id: ledger.id.to_string(),
                    events: ledger.position.next_seq - 1,
                    chain: ledger.position.tail.hex(),
                    dead_letters: letters.iter().map(|(_, count)| count).sum(),
                });
            }
            Ok(())
        });
        match seen.map_err(exit::stop) {
            // An empty database is as good as a file that is not there yet.
            Err(stop) if stop.code == Code::DataUnusable && config.store.file().is_none() => {}
            seen => self.findings.extend(seen.err()),
        }
        let lacking = self.database().map(|database| database.lacking.join("; "));
        if let Some(lacking) = lacking.filter(|lacking| !lacking.is_empty()) {
            self.find(Code::StoreRefused, lacking);
        }
        let journal = self.file().map(|file| file.journal.clone());
        if let Some(journal) = journal.filter(|journal| journal != "wal") {
            let detail = format!("journal_mode is {journal}; open it once with this program");
            self.find(Code::StoreSettings, detail);
        }
    }

    async fn kafka(&mut self, config: &Config) {
        let reader = match self.store {
            Some(_) => Reader::open(&config.store).await.ok(),
            None => None,
        };
        self.kafka = kafka::Seen::of(config, reader.as_ref()).await;
        let found = self.kafka.as_mut().map(|seen| std::mem::take(&mut seen.findings));
        self.findings.extend(found.unwrap_or_default());
    }

    /// The address has to be free, unless our own server has it.
    fn listen(&mut self, config: &Config) {
        let is_served = self.file().is_some_and(|file| file.is_written);
        if is_served {
            return;
        }
        if let Err(error) = TcpListener::bind(config.listen) {
            let detail = format!("{}: {error}; choose another with --listen", config.listen);
            self.find(Code::ListenRefused, detail);
        }
    }

    /// The store's file, if that is what it lies in.
    fn file(&self) -> Option<&StoreFile> {
        match &self.store.as_ref()?.home {
            Home::File(file) => Some(file),
            Home::Database(_) => None,
        }
    }

    /// The store's database, if that is what it lies in.
    fn database(&self) -> Option<&Database> {
        match &self.store.as_ref()?.home {
            Home::File(_) => None,
            Home::Database(database) => Some(database),
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.findings.is_empty(), &self.store) {
            (true, Some(_)) => "Nothing wrong was seen. `semel verify` replays the whole log.",
            (true, None) => "Nothing wrong was seen; there is no store yet.",
            (false, _) => "Every finding names its page, which tells more.",
        }
    }
}

fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}
