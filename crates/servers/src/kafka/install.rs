//! Kafka's classes, and those that they need.

use crate::maven;
use crate::place::{self, cannot};
use std::fs;
use std::path::{Path, PathBuf};

/// What is installed.
pub const VERSION: &str = "4.3.1";

/// The server, and what it logs through: without the second it would die in silence.
const ARTIFACTS: [(&str, &str, &str); 2] = [
    ("org.apache.kafka", "kafka_2.13", VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.1"),
];

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
    Ok(Jars { directory })
}
