//! Fetching through Maven, because its artifacts hold servers that need no installation.
//!
//! Which mirror it asks is the setting of the machine.

use crate::THREE_WAYS;
use crate::place::cannot;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Maven's `unpack`, which needs no project and no `jar` command, so that a JRE does.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

/// Unpacks `artifact` (`group:name:version`) into the new directory `into`.
pub fn unpack(artifact: &str, into: &Path) -> Result<(), String> {
    fs::create_dir_all(into).map_err(|error| cannot("made", into, &error))?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", UNPACK, &format!("-Dartifact={artifact}")]);
    maven.arg(format!("-DoutputDirectory={}", into.display()));
    // Elsewhere it might take a project that lies there for its own.
    maven.current_dir(into).stdin(Stdio::null());
    match maven.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = last_lines(&String::from_utf8_lossy(&said), 12);
            Err(format!("`mvn` could not fetch {artifact}:\n{said}\n{THREE_WAYS}"))
        }
        Err(_) => Err(format!("`mvn` is missing.\n{THREE_WAYS}")),
    }
}

/// The end of `text`, at most `count` lines that say something.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
