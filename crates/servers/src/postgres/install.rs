//! PostgreSQL's programs, from the artifact of this machine's system and processor.

use crate::maven;
use crate::place::{self, cannot};
use crate::process::last_lines;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is installed; the artifact's version is this and a number of its own.
pub const VERSION: &str = "18.4";

const ARTIFACTS: &str = "io.zonky.test.postgres:embedded-postgres-binaries";

/// Installed programs: `initdb`, `pg_ctl` and `postgres`; there is no `psql`.
#[derive(Clone, Debug)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// What is installed below `under`, if it is.
    pub fn installed(under: &Path) -> Option<Binaries> {
        let directory = under.join(format!("postgresql-{VERSION}"));
        // It gets this name when it is complete.
        directory.exists().then_some(Binaries { directory })
    }

    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }
}

/// Installs PostgreSQL below `under`, once; a second process waits for the first.
///
/// # Errors
/// What is missing on this machine, and what to do about it.
pub fn install(under: &Path) -> Result<Binaries, String> {
    let _locked = place::lock(under)?;
    if let Some(binaries) = Binaries::installed(under) {
        return Ok(binaries);
    }
    let fetched = under.join("postgresql.fetched");
    let unpacked = under.join("postgresql.unpacked");
    for left_over in [&fetched, &unpacked] {
        place::remove(left_over)?;
    }
    let artifact = artifact(std::env::consts::OS, std::env::consts::ARCH)?;
    maven::unpack(&artifact, &fetched)?;
    fs::create_dir(&unpacked).map_err(|error| cannot("made", &unpacked, &error))?;
    extract(&archive(&fetched)?, &unpacked)?;
    place::open_all(&unpacked)?;
    place::remove(&fetched)?;
    let directory = under.join(format!("postgresql-{VERSION}"));
    fs::rename(&unpacked, &directory).map_err(|error| cannot("renamed", &unpacked, &error))?;
    Ok(Binaries { directory })
}

fn artifact(system: &str, processor: &str) -> Result<String, String> {
    let system_name = match system {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return Err(format!("no PostgreSQL for {system} is known; {}", crate::THREE_WAYS)),
    };
    let processor_name = match processor {
        "x86_64" => "amd64",
        "aarch64" => "arm64v8",
        _ => return Err(format!("no PostgreSQL for {processor} is known; {}", crate::THREE_WAYS)),
    };
    Ok(format!("{ARTIFACTS}-{system_name}-{processor_name}:{VERSION}.0"))
}

/// The one archive in an artifact.
fn archive(fetched: &Path) -> Result<PathBuf, String> {
    let entries = fs::read_dir(fetched).map_err(|error| cannot("read", fetched, &error))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let archive = paths.find(|path| path.extension().is_some_and(|is| is == "txz"));
    archive.ok_or_else(|| format!("{} holds no archive (.txz)", fetched.display()))
}

fn extract(archive: &Path, into: &Path) -> Result<(), String> {
    let mut tar = Command::new("tar");
    // Root would else give the programs to whoever packed them.
    tar.args(["--no-same-owner", "-x", "-f"]).arg(archive).arg("-C").arg(into);
    match tar.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = last_lines(&String::from_utf8_lossy(&output.stderr), 6);
            let remedy = "if `xz` is missing, install it (Debian: the package xz-utils)";
            Err(format!("`tar` could not unpack {}; {remedy}:\n{said}", archive.display()))
        }
        Err(_) => Err("`tar` is missing; install it, and `xz` with it".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::artifact;

    #[test]
    fn each_machine_has_its_artifact() {
        let table = [
            // system   processor  artifact
            ("linux", "x86_64", Some("linux-amd64:18.4.0")),
            ("linux", "aarch64", Some("linux-arm64v8:18.4.0")),
            ("macos", "aarch64", Some("darwin-arm64v8:18.4.0")),
            ("macos", "x86_64", Some("darwin-amd64:18.4.0")),
            ("windows", "x86_64", None),
            ("linux", "riscv64", None),
        ];
        for (system, processor, expected) in table {
            let name = artifact(system, processor).ok();
            let name = name.as_deref().and_then(|name| name.split_once("binaries-"));
            assert_eq!(name.map(|(_, name)| name), expected, "{system} {processor}");
        }
    }
}
