//! Processes by their number: what they are, and how they are ended.
//!
//! Linux tells it in `/proc`, others through `ps`; a signal goes out through the shell, because the
//! standard library sends none to a process that is not its child.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to vanish after SIGKILL; a disk may hold it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Process {
    pid: u32,
    parent: u32,
}

/// Whether process `pid` runs and names `path` in its arguments; a number alone may be another's.
pub fn names(pid: u32, path: &Path) -> bool {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline"))
        .or_else(|_| output("ps", &["-p", &pid.to_string(), "-o", "args="]))
        .unwrap_or_default();
    let path = path.as_os_str().as_encoded_bytes();
    arguments.windows(path.len()).any(|part| part == path)
}

/// Ends `pid` and its children with SIGKILL, and waits until they are gone.
pub fn kill(pid: u32) -> Result<(), String> {
    // The parent is the first, so that it cannot react to the end of its children.
    let mut doomed = vec![pid];
    doomed.extend(running().iter().filter(|one| one.parent == pid).map(|one| one.pid));
    signal("KILL", &doomed)?;
    match wait_until(PATIENCE, || are_gone(&doomed)) {
        true => Ok(()),
        false => Err(format!("process {pid} or a child of it outlives SIGKILL")),
    }
}

/// Asks `pid` with SIGTERM to end, also when it is stopped, and waits until it is gone.
pub fn terminate(pid: u32, patience: Duration) -> Result<(), String> {
    signal("TERM", &[pid])?;
    signal("CONT", &[pid])?;
    match wait_until(patience, || are_gone(&[pid])) {
        true => Ok(()),
        false => Err(format!("process {pid} goes on {} s after SIGTERM", patience.as_secs())),
    }
}

/// Lets `pid` stand still with SIGSTOP, and waits until each of its threads does.
pub fn pause(pid: u32) -> Result<(), String> {
    signal("STOP", &[pid])?;
    match wait_until(PATIENCE, || stands_still(pid)) {
        true => Ok(()),
        false => Err(format!("process {pid} goes on after SIGSTOP")),
    }
}

/// Whether `pid` has not ended.
pub fn lives(pid: u32) -> bool {
    !are_gone(&[pid])
}

/// Sends a signal, named without its `SIG`; one that has ended meanwhile is no error, because what
/// counts is who is left.
pub fn signal(name: &str, pids: &[u32]) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -s \"$@\"", "sh", name]).args(pids.iter().map(u32::to_string));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(drop).map_err(|error| format!("`sh` did not start: {error}"))
}

/// Runs `command` to its end; the error is what it said last.
pub fn finish(name: &str, mut command: Command) -> Result<(), String> {
    match command.stdout(Stdio::piped()).stderr(Stdio::piped()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Err(format!("`{name}` failed: {}", last_lines(&String::from_utf8_lossy(&said), 12)))
        }
        Err(error) => Err(format!("`{name}` did not start: {error}")),
    }
}

/// The end of `text`, at most `count` lines that say something; where in Java's code it was said
/// says nothing.
pub fn last_lines(text: &str, count: usize) -> String {
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with("\tat ");
    let lines: Vec<&str> = text.lines().filter(says).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Asks `done` again and again until it holds or `patience` ends.
pub fn wait_until(patience: Duration, done: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if done() {
            return true;
        }
        if started.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn are_gone(pids: &[u32]) -> bool {
    !running().iter().any(|one| pids.contains(&one.pid))
}

fn stands_still(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        let state = output("ps", &["-p", &pid.to_string(), "-o", "stat="]);
        return state.is_ok_and(|state| state.trim_ascii_start().starts_with(b"T"));
    };
    let stands =
        |stat: String| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T"));
    // One that has ended meanwhile does nothing either.
    threads
        .flatten()
        .all(|thread| std::fs::read_to_string(thread.path().join("stat")).map_or(true, stands))
}

/// All processes but those that have ended and are only not yet mourned by their parent.
fn running() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return running_by_ps() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = names.filter_map(|name| name.parse::<u32>().ok());
    numbers
        .filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name, in brackets, may hold brackets and blanks itself.
            let (_, rest) = stat.rsplit_once(')')?;
            process(pid, rest)
        })
        .collect()
}

fn running_by_ps() -> Vec<Process> {
    let table = output("ps", &["-A", "-o", "pid=", "-o", "stat=", "-o", "ppid="]);
    let table = String::from_utf8(table.unwrap_or_default()).unwrap_or_default();
    let line = |line: &str| {
        let (pid, rest) = line.trim_start().split_once(' ')?;
        process(pid.parse().ok()?, rest)
    };
    table.lines().filter_map(line).collect()
}

/// A process from its state and its parent's number.
fn process(pid: u32, rest: &str) -> Option<Process> {
    let mut words = rest.split_whitespace();
    let lives = !words.next()?.starts_with(['Z', 'X']) || has_living_threads(pid);
    let parent = words.next()?.parse().ok()?;
    lives.then_some(Process { pid, parent })
}

/// Whether threads of a process live on whose first one has ended: they hold its sockets and files
/// open for a moment longer. Told by Linux alone.
fn has_living_threads(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut stats =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    stats.any(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X'])))
}

fn output(program: &str, arguments: &[&str]) -> std::io::Result<Vec<u8>> {
    Ok(Command::new(program).args(arguments).stdin(Stdio::null()).output()?.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_show_this_process_and_who_started_it() {
        let parent = std::os::unix::process::parent_id();
        let me = |table: Vec<Process>| {
            table.into_iter().find(|one| one.pid == std::process::id()).map(|one| one.parent)
        };
        assert_eq!(me(running()), Some(parent));
        if Command::new("ps").stdout(Stdio::null()).status().is_ok() {
            assert_eq!(me(running_by_ps()), Some(parent));
        }
    }

    #[test]
    fn a_process_is_known_by_what_it_was_started_with() {
        let me = std::env::args().next().unwrap();
        assert!(names(std::process::id(), Path::new(&me)));
        assert!(!names(std::process::id(), Path::new("/another/server's/data")));
    }

    #[test]
    fn a_paused_process_stands_still_and_can_be_ended() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(!stands_still(child.id()));
        pause(child.id()).unwrap();
        assert!(stands_still(child.id()) && lives(child.id()));
        terminate(child.id(), PATIENCE).unwrap();
        assert!(!lives(child.id()));
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_killed_process_takes_its_children_with_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; :"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let pid = child.id();
        let children = || running().iter().filter(|one| one.parent == pid).count();
        assert!(wait_until(PATIENCE, || children() > 0));
        kill(pid).unwrap();
        assert_eq!(children(), 0);
        assert!(!child.wait().unwrap().success());
    }
}
