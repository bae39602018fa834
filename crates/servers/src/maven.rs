//! Fetching through Maven, because its artifacts hold servers that need no installation.
//!
//! Which mirror it asks is the setting of the machine.

use crate::THREE_WAYS;
use crate::place::cannot;
use crate::process::last_lines;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Maven's `unpack`, which needs no project and no `jar` command, so that a JRE does.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

/// Takes an artifact with all that it needs, which only a project can name.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Unpacks `artifact` (`group:name:version`) into the new directory `into`.
pub fn unpack(artifact: &str, into: &Path) -> Result<(), String> {
    fs::create_dir_all(into).map_err(|error| cannot("made", into, &error))?;
    let output = format!("-DoutputDirectory={}", into.display());
    run(into, &[UNPACK, &format!("-Dartifact={artifact}"), &output], artifact)
}

/// Copies `artifacts`, each `(group, name, version)`, and what they need when they run, into the
/// new directory `into`, which holds nothing but jars then.
pub fn copy(artifacts: &[(&str, &str, &str)], into: &Path) -> Result<(), String> {
    fs::create_dir_all(into).map_err(|error| cannot("made", into, &error))?;
    let project = into.join("pom.xml");
    fs::write(&project, project_of(artifacts))
        .map_err(|error| cannot("written", &project, &error))?;
    let output = format!("-DoutputDirectory={}", into.display());
    let names: Vec<&str> = artifacts.iter().map(|&(_, name, _)| name).collect();
    run(into, &[COPY, "-DincludeScope=runtime", &output], &names.join(" and "))?;
    fs::remove_file(&project).map_err(|error| cannot("removed", &project, &error))
}

fn run(directory: &Path, arguments: &[&str], fetched: &str) -> Result<(), String> {
    let mut maven = Command::new("mvn");
    // Elsewhere it might take a project that lies there for its own.
    maven.args(["-q", "-B"]).args(arguments).current_dir(directory).stdin(Stdio::null());
    match maven.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = last_lines(&String::from_utf8_lossy(&said), 12);
            Err(format!("`mvn` could not fetch {fetched}:\n{said}\n{THREE_WAYS}"))
        }
        Err(_) => Err(format!("`mvn` is missing.\n{THREE_WAYS}")),
    }
}

/// A project that is nothing but its dependencies.
fn project_of(artifacts: &[(&str, &str, &str)]) -> String {
    let dependency = |(group, name, version): &(&str, &str, &str)| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
             <version>{version}</version></dependency>\n"
        )
    };
    let dependencies: String = artifacts.iter().map(dependency).collect();
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>semel</groupId>\
         <artifactId>servers</artifactId><version>0</version><packaging>pom</packaging>\n\
         <dependencies>\n{dependencies}</dependencies></project>\n"
    )
}
