//! Kafka's classes, and those that they need.

use crate::for_tests::start_kafka;
use crate::maven;
use crate::place::{self, cannot};
use crate::postgres::Mode;
use std::fs;
use std::path::{Path, PathBuf};

/// What is installed.
pub const VERSION: &str = "4.3.1";

/// The server, and what it logs through: without the second it would die in silence.
const ARTIFACTS: [(&str, &str, &str); 2] = [
    ("org.apache.kafka", "kafka_2.13", VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.1"),
];

/// Where a server that finds no archive leaves one in its home when it is stopped in order.
pub(super) const ARCHIVE: &str = "classes.jsa";

/// Installed classes; there are no scripts.
#[derive(Clone, Debug)]
pub struct Jars {
    directory: PathBuf,
}

impl Jars {
    /// What is installed below `under`, if it is.
    pub fn installed(under: &Path) -> Option<Jars> {
        let directory = under.join(format!("kafka-{VERSION}"));
        // It gets this name when it is complete.
        directory.exists().then_some(Jars { directory })
    }

    /// The classes as a server has loaded them, in a file of `java`'s own; see [`keep_classes`].
    pub(super) fn archive(&self) -> PathBuf {
        self.directory.join(ARCHIVE)
    }

    /// What `java` takes for its class path.
    pub(super) fn class_path(&self) -> PathBuf {
        self.directory.join("*")
    }
}

/// Installs Kafka below `under`, once; a second process waits for the first.
///
/// # Errors
/// What is missing on this machine, and what to do about it.
pub fn install(under: &Path) -> Result<Jars, String> {
    let _locked = place::lock(under)?;
    if let Some(jars) = Jars::installed(under) {
        return Ok(jars);
    }
    let fetched = under.join("kafka.fetched");
    place::remove(&fetched)?;
    maven::copy(&ARTIFACTS, &fetched)?;
    place::open_all(&fetched)?;
    let directory = under.join(format!("kafka-{VERSION}"));
    fs::rename(&fetched, &directory).map_err(|error| cannot("renamed", &fetched, &error))?;
    let jars = Jars { directory };
    keep_classes(&jars).map(|()| jars)
}

/// Keeps the classes as one server has loaded them, which halves what every later start takes.
///
/// `java` passes over an archive that another `java` made, and starts as without one.
fn keep_classes(jars: &Jars) -> Result<(), String> {
    let server = start_kafka(jars, &[])?;
    server.stop(Mode::Fast)?;
    let (left, kept) = (server.home.join(ARCHIVE), jars.archive());
    // A copy that was interrupted must not be taken for one.
    let copied = kept.with_extension("copied");
    fs::copy(&left, &copied).map_err(|error| cannot("copied", &left, &error))?;
    place::open_all(&copied)?;
    fs::rename(&copied, &kept).map_err(|error| cannot("renamed", &copied, &error))
}
