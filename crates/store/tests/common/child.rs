//! This test's program, run again as another process: it does one thing to a store and says so,
//! line by line. It can be killed, starved of disk, or left waiting.

use super::hand::{pay, proved, take};
use super::{binding, open};
use semel_core::exactly_once::{Claim, Failure, Target};
use semel_core::failure::Stop;
use semel_store::sqlite::Sqlite;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const ROLE: &str = "SEMEL_TEST_CHILD";
const STORE: &str = "SEMEL_TEST_STORE";
const ROUND: &str = "SEMEL_TEST_ROUND";
/// What a child's own lines begin with, to tell them from the test harness's.
const SAYS: &str = "semel: ";

/// The arguments that make this program run nothing but the test named `in_a_child`.
const ONLY_THE_CHILD: [&str; 3] = ["--exact", "in_a_child", "--nocapture"];

/// This program in a `role`, by way of `shell`, a script that runs its arguments as it likes.
pub fn command(role: &str, path: &Path, shell: Option<&str>) -> Command {
    let program = env::current_exe().expect("this program has a file");
    let mut command = match shell {
        None => Command::new(program),
        Some(script) => {
            let mut command = Command::new("sh");
            command.args(["-c", script]).arg(program);
            command
        }
    };
    command.env(ROLE, role).env(STORE, path);
    if shell.is_none() {
        command.args(ONLY_THE_CHILD);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What the shell of [`command`] has to add to run a child.
pub const RUN: &str = "\"$0\" --exact in_a_child --nocapture";

/// A child that runs, and what it says.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(role: &str, path: &Path, round: u64) -> Running {
        let mut child = command(role, path, None).env(ROUND, round.to_string()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    /// Its next line; `None` once it has ended.
    pub fn says(&mut self) -> Option<String> {
        let mut line = String::new();
        while 0 < self.lines.read_line(&mut line).unwrap() {
            if let Some(said) = said(&line) {
                return Some(said.to_owned());
            }
            line.clear();
        }
        None
    }

    /// SIGKILL, and what it had said before without being heard.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.says()).collect()
    }
}

/// The words of a line, if a child said it.
pub fn said(line: &str) -> Option<&str> {
    // The harness may have left a line of its own unfinished before it; the kill, ours.
    line.find(SAYS)
        .map(|at| &line[at + SAYS.len()..])
        .filter(|rest| rest.ends_with('\n'))
        .map(str::trim_end)
}

fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever listened may have gone.
    let _ = writeln!(out, "{SAYS}{words}").and_then(|()| out.flush());
}

/// The body of the test `in_a_child`: nothing, unless this process is one.
pub async fn play() {
    let Ok(role) = env::var(ROLE) else { return };
    let path = env::var_os(STORE).expect("a child is told its store");
    let path = Path::new(&path);
    let ended = match role.as_str() {
        "hold" => hold(path),
        "open" => open(path).map(|_| say("opened")).map_err(Failure::from),
        "fill" => fill(path).await,
        "tell" => tell(path),
        "write" => write(path).await,
        other => panic!("no such role: {other}"),
    };
    match ended {
        Ok(()) => say("done"),
        Err(Failure::Permanent(Stop { code, detail })) => {
            say(&format!("stop {} {detail}", code.name()))
        }
        Err(failure) => say(&format!("failure {failure}")),
    }
}

/// Keep the store open until told otherwise.
fn hold(path: &Path) -> Result<(), Failure> {
    let _store = open(path)?;
    say("opened");
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).expect("a line, or the end");
    Ok(())
}

/// Pay until the store stops; say each payment that was acknowledged.
async fn fill(path: &Path) -> Result<(), Failure> {
    let store = open(path)?;
    let ledger = store.ledger("main").await?.no;
    for number in store.ledger("main").await?.position.next_seq.. {
        let key = format!("{number}-{}", "x".repeat(200));
        match pay(&store, ledger, &key).await {
            Ok(_) => say(&format!("paid {key}")),
            Err(failure) => {
                if matches!(failure, Failure::Unknown(_)) {
                    say(&format!("unknown {key}"));
                }
                // Whatever the last call was told, this is why nothing goes on.
                return Err(store.stopped().map_or(failure, Failure::Permanent));
            }
        }
    }
    Ok(())
}

/// Say every payment that is there.
fn tell(path: &Path) -> Result<(), Failure> {
    let store = open(path)?;
    for event in proved(store.reader(), 1) {
        event.key.iter().for_each(|key| say(&format!("has {key}")));
    }
    Ok(())
}

/// Pay at the door and carry a leg on, in turn, for ever; say before and after each commit.
async fn write(path: &Path) -> Result<(), Failure> {
    let round = env::var(ROUND).expect("a writer is told its round");
    let store: Sqlite = open(path)?;
    let ledger = store.ledger("main").await?.no;
    let leg = store.leg(ledger, binding("leg")).await?;
    let mut claim = leg.claim().await?;
    for number in 0_u64.. {
        let key = format!("door-{round}-{number}");
        say("at the door");
        pay(&store, ledger, &key).await?;
        say(&format!("paid {key}"));
        let next = claim.cursor().next;
        let keys: Vec<String> =
            (next..next + 1 + number % 5).map(|at| format!("leg-{at}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        say("at the leg");
        claim = take(claim, &keys).await?;
        for key in keys {
            say(&format!("paid {key}"));
        }
    }
    Ok(())
}
