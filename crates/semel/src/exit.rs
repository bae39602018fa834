//! How the process ends: one exit code for each thing that a script may want to do next.
//!
//! A failure is one line on stderr: its code, its cause, the remedy and the page that tells more.
//! Deliberately absent: backtraces. Whoever runs this command did not write it.

use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::process::ExitCode;

/// The exit codes of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A check found something.
    Found = 1,
    /// The command or the configuration is wrong; nothing was opened.
    Usage = 2,
    /// A named stop.
    Stopped = 3,
    /// Something this command depends on is away; the same command may work later.
    Away = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Exit {
        match failure {
            Failure::Permanent(stop) if stop.code == Code::Configuration => Exit::Usage,
            Failure::Permanent(_) | Failure::Fenced => Exit::Stopped,
            Failure::Retryable(_) | Failure::Unknown(_) => Exit::Away,
        }
    }
}

/// A usage or configuration that cannot be meant; `detail` says what to write instead.
pub fn misused(detail: impl Into<String>) -> Stop {
    Stop::new(Code::Configuration, detail)
}

/// The named stop that `failure` comes down to for a command that does not try again.
pub fn stop(failure: Failure) -> Stop {
    match failure {
        Failure::Permanent(stop) => stop,
        Failure::Fenced => Stop::new(Code::StoreLocked, "somebody newer took the source over"),
        Failure::Retryable(why) => Stop::new(Code::StoreUnavailable, why),
        Failure::Unknown(why) => Stop::new(Code::OutcomeUnknown, why),
    }
}

/// The one line that tells `failure` to the person who has to act.
pub fn line(failure: &Failure) -> String {
    let Stop { code, detail } = stop(failure.clone());
    let told = format!("error: {code} {}: {detail}{}", code.title(), remedy(code));
    format!("{} (docs/errors/{code}.md)", told.replace(['\n', '\r'], " "))
}

/// The one document that tells `failure` to a program.
pub fn json(failure: &Failure) -> String {
    let Stop { code, detail } = stop(failure.clone());
    let (name, title) = (code.name(), code.title());
    let error = serde_json::json!({
        "code": code.as_str(), "name": name, "title": title, "detail": detail,
    });
    serde_json::json!({ "error": error }).to_string()
}

/// What helps whatever the detail was; empty where the detail itself says what to do.
pub fn remedy(code: Code) -> &'static str {
    match code {
        Code::StoreLocked => "; Ctrl-C in its terminal, or `kill`, ends it in order",
        Code::StoreNewer => "; run the version that wrote it, or a newer one",
        Code::StoreCorrupt => "; name another store, or restore this one from a backup",
        Code::StoreFull => "; make room and run the same command again",
        Code::StoreReadOnly => "; name a store that takes writes, or let this user write it",
        Code::StoreRefused => "; check the user, its password and rights, and the database's name",
        Code::StoreUnavailable | Code::OutcomeUnknown => "; run the same command again",
        Code::SourceChanged => "; restore the file, or import the changed one with `--as NAME`",
        Code::SourceBound => "; use the same --ingest and --ledger as before",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_and_an_exit_code() {
        let stop = |code| Failure::Permanent(Stop::new(code, "first\nsecond"));
        for (failure, exit, word) in [
            (stop(Code::Configuration), Exit::Usage, "SEMEL-0112 "),
            (stop(Code::SourceBound), Exit::Stopped, "use the same --ingest"),
            (stop(Code::StoreFull), Exit::Stopped, "docs/errors/SEMEL-0104.md"),
            (Failure::Fenced, Exit::Stopped, "SEMEL-0101 "),
            (Failure::Retryable("busy".into()), Exit::Away, "SEMEL-0014 "),
            (Failure::Unknown("cut".into()), Exit::Away, "SEMEL-0015 "),
        ] {
            let line = line(&failure);
            assert_eq!(Exit::from(&failure), exit, "{line}");
            assert!(line.starts_with("error: ") && line.contains(word), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }
}
