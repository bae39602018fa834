//! How Kafka's classes are run: its formatting once, and the server for each start.

use super::Kafka;
use super::install::ARCHIVE;
use super::settings::{self, DATA, METADATA, SCRAM_USER};
use crate::guard::Guard;
use crate::place::cannot;
use crate::port::chance;
use crate::process::{self, finish, last_lines, wait_until};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The server's log, in the home.
pub const LOG: &str = "semel.log";

/// The server's process, in the home.
pub const PID: &str = "kafka.pid";

/// What is logged, in the home.
const LOGGING: &str = "log4j2.properties";

/// All to the one log; without what would repeat every setting at each start.
const LOGGED: &str = "\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss.SSS}{UTC} %-5p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
";

/// What the server logs when it serves.
const STARTED: &str = "Kafka Server started";

/// How long a server may take to serve.
const PATIENCE_TO_START: Duration = Duration::from_secs(120);

/// What names a directory of data as this node's.
const NODE: &str = "meta.properties";

/// `$1` takes the number of the process, which goes on when this shell has ended: it is nobody's
/// child then, and whoever started it need not mourn it.
const START: &str = "pid=$1; shift; \"$@\" & echo $! >\"$pid\"";

/// Ends the process whose number the file `$1` holds if it is the server that has read `$2`, and
/// waits until it is gone; a number alone may be another's.
const STOP: &str = "\
pid=$(cat \"$1\") || exit
is_it() {
    { tr '\\0' ' ' <\"/proc/$pid/cmdline\" || ps -p \"$pid\" -o args=; } | grep -qF -e \"$2\"
}
is_it \"$@\" && kill -s KILL \"$pid\" && while is_it \"$@\"; do sleep 0.1; done";

impl Kafka {
    /// Makes the home where there is none, and data in it.
    pub(super) fn create(&self) -> Result<(), String> {
        self.user.directory(&self.home)?;
        if !self.user.can_enter(&self.home) {
            let home = self.home.display();
            return Err(format!("the user that Kafka runs as cannot get into {home}"));
        }
        // For the native code that the classes unpack, and would leave behind.
        self.user.directory(&self.home.join("tmp"))?;
        self.write(LOGGING, LOGGED)?;
        let is_formatted = |name| self.home.join(name).join(NODE).exists();
        match is_formatted(DATA) && is_formatted(METADATA) {
            true => Ok(()),
            false => self.format(),
        }
    }

    /// Gives new data its cluster and its first users.
    fn format(&self) -> Result<(), String> {
        const TOOL: &str = "kafka.tools.StorageTool";
        let properties = self.write_settings()?;
        let mut format = self.user.command(&java(), &self.home);
        format.arg("-XX:TieredStopAtLevel=1").args(self.arguments(TOOL));
        format.args(["format", "--cluster-id", &cluster()]).arg("--config").arg(properties);
        for (_, user) in self.settings.iter().filter(|(name, _)| name == SCRAM_USER) {
            let (name, password) =
                user.split_once(':').ok_or("a user for SCRAM is given as `name:password`")?;
            format.arg("--add-scram");
            format.arg(format!("SCRAM-SHA-256=[name={name},password={password}]"));
        }
        finish(TOOL, format)
    }

    /// One start; the error is what the server logged about it.
    pub(super) fn try_start(&self) -> Result<(), String> {
        let properties = self.write_settings()?;
        let path = self.log();
        let log = self.user.file(&path)?;
        let length = log.metadata().map_or(0, |found| found.len());
        let mut start = self.user.command(Path::new("sh"), &self.home);
        start.args(["-c", START, "sh", PID]).arg(java()).args(["-Xms256m", "-Xmx512m"]);
        start
            .arg("-XX:+ExitOnOutOfMemoryError")
            .arg(self.classes())
            .args(self.arguments("kafka.Kafka"));
        start.arg(properties);
        let second = log.try_clone().map_err(|error| cannot("opened", &path, &error))?;
        // Ctrl-C at the terminal ends the starter, and the guard the server.
        start.stdout(second).stderr(log).process_group(0);
        start.status().map_err(|error| format!("`sh` did not start: {error}"))?;
        let said = || {
            let said = fs::read(&path).unwrap_or_default();
            let from = usize::try_from(length).unwrap_or(0).min(said.len());
            String::from_utf8_lossy(&said[from..]).into_owned()
        };
        let pid = self.last_pid().ok_or("the shell that starts Kafka told no process")?;
        wait_until(PATIENCE_TO_START, || said().contains(STARTED) || !process::lives(pid));
        if said().contains(STARTED) && process::lives(pid) {
            return Ok(());
        }
        process::kill(pid)?;
        Err(complaint(&said()))
    }

    /// The process that was started last.
    pub(super) fn last_pid(&self) -> Option<u32> {
        fs::read_to_string(self.home.join(PID)).ok()?.trim().parse().ok()
    }

    pub(super) fn guard(&self) -> Result<Guard, String> {
        let (pid, properties) = (self.home.join(PID), self.home.join(settings::FILE));
        let stop = ["sh", "-c", STOP, "sh"].map(OsStr::new);
        let stop = [&stop[..], &[pid.as_os_str(), properties.as_os_str()]].concat();
        let gone = self.is_temporary.then_some(self.home.as_path());
        Guard::new(&self.user, &self.home, &stop, gone)
    }

    fn write_settings(&self) -> Result<PathBuf, String> {
        self.write(settings::FILE, &settings::text(&self.settings, &self.home, &self.ports))
    }

    /// That loaded classes are taken from the archive, or left behind for one.
    fn classes(&self) -> OsString {
        let kept = self.jars.archive();
        let (option, path) = match kept.exists() {
            true => ("-XX:SharedArchiveFile=", kept),
            false => ("-XX:ArchiveClassesAtExit=", self.home.join(ARCHIVE)),
        };
        joined(option, &path)
    }

    /// What every `java` is given, up to the class whose `main` is run.
    fn arguments(&self, class: &str) -> [OsString; 6] {
        [
            joined("-Djava.io.tmpdir=", &self.home.join("tmp")),
            joined("-Dlog4j2.configurationFile=", &self.home.join(LOGGING)),
            // Else each that is killed leaves a file in the system's temporary directory.
            "-XX:-UsePerfData".into(),
            "-cp".into(),
            self.jars.class_path().into(),
            class.into(),
        ]
    }
}

/// Removes all but what formatting has made.
pub(super) fn wipe(data: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false if entry.file_name() == NODE => {}
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument
}

/// The machine's own choice, else what is found by its name.
fn java() -> PathBuf {
    let chosen = std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
    chosen.filter(|java| java.exists()).unwrap_or_else(|| "java".into())
}

/// A new cluster's name: sixteen bytes in Base64, of which hexadecimal digits are some.
fn cluster() -> String {
    format!("{:016x}{:05x}A", chance(), chance() & 0xf_ffff)
}

/// What a log says of why there is no server: the first error, without where in the code it was.
fn complaint(log: &str) -> String {
    let is_told = |line: &&str| !line.starts_with("\tat ");
    let lines: Vec<&str> = log.lines().filter(is_told).collect();
    match lines.iter().position(|line| line.contains(" ERROR ")) {
        Some(first) => lines[first..].iter().take(12).copied().collect::<Vec<_>>().join("\n"),
        None => last_lines(log, 20),
    }
}

#[cfg(test)]
mod tests {
    use super::{cluster, complaint};

    #[test]
    fn a_complaint_begins_with_the_first_error() {
        let table = [
            (
                "t INFO  a\nt ERROR b\nbecause\n\tat A.b\nt INFO  c\n",
                "t ERROR b\nbecause\nt INFO  c",
            ),
            ("Error: no such class\n", "Error: no such class"),
        ];
        for (log, expected) in table {
            assert_eq!(complaint(log), expected);
        }
    }

    #[test]
    fn no_two_clusters_have_one_name() {
        assert_eq!(cluster().len(), 22);
        assert_ne!(cluster(), cluster());
    }
}
