//! What an error of PostgreSQL means: one table, and the only place that reads its codes.
//!
//! Codes are those of PostgreSQL 18, Appendix A. Whatever is not in the table is `Permanent`: a
//! store that cannot be understood is not written.

use deadpool::managed::PoolError;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::error::Error as _;
use tokio_postgres::Error;
use tokio_postgres::error::DbError;

/// The class of an error anywhere but in a commit.
pub(super) fn classify(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(answer) => classify_answer(answer),
        None => classify_ours(error),
    }
}

/// The class of an error in the trip that ends with `COMMIT`.
///
/// What the server answered to a statement before it rolled the step back. When the connection
/// broke, or the server ended the session, only the next claim (or the key) will tell.
pub(super) fn classify_commit(error: &Error) -> Failure {
    let code = error.code().map(|code| code.code());
    match (classify(error), code) {
        // The session was ended before it read what ends the step.
        (failure @ Failure::Retryable(_), Some("25P03" | "25P04")) => failure,
        (Failure::Retryable(why), Some(code)) if code.starts_with("57P") => Failure::Unknown(why),
        (Failure::Retryable(why), Some(code)) if code.starts_with("08") => Failure::Unknown(why),
        (Failure::Retryable(why), None) => Failure::Unknown(why),
        (failure, _) => failure,
    }
}

/// Whether the server ended the session, which says nothing of what was asked in it.
pub(super) fn is_ended(failure: &Failure) -> bool {
    matches!(failure, Failure::Retryable(told) if told.starts_with("57P0"))
}

/// The class of a pool's error: no connection could be had, so nothing happened.
pub(super) fn classify_pool(error: PoolError<Failure>) -> Failure {
    match error {
        PoolError::Backend(failure) => failure,
        other => Failure::Retryable(other.to_string()),
    }
}

/// What cannot heal while a process starts, because somebody named the wrong server. Later it may:
/// while the servers change parts, none takes writes.
pub(super) fn at_start(failure: Failure) -> Failure {
    match failure {
        Failure::Retryable(why) if why.contains("does not allow writes") => {
            Stop::new(Code::StoreReadOnly, "a replica, or set to read only; name the primary")
                .into()
        }
        Failure::Retryable(why) if why.contains("performing TLS handshake") => {
            let remedy = "sslmode=disable in the URL turns encryption off";
            Stop::new(Code::StoreRefused, format!("{why}; {remedy}")).into()
        }
        failure => failure,
    }
}

fn classify_answer(answer: &DbError) -> Failure {
    let detail = told(answer);
    let code = match answer.code().code() {
        // Concurrency, limits and time: nothing happened, and it may go better.
        "40001" | "40P01" | "55P03" | "55006" | "57014" | "25P03" | "25P04" => {
            return Failure::Retryable(detail);
        }
        // The server goes, comes, is full of sessions, or has become a replica.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "53400" | "25006" => {
            return Failure::Retryable(detail);
        }
        // Its disk or its memory is full: it goes on when there is room again.
        "53000" | "53100" | "53200" => return Failure::Retryable(detail),
        // A pooler between, which cannot keep what belongs to a session.
        "08P01" if answer.message().contains("startup parameter") => Code::StoreSettings,
        connection if connection.starts_with("08") => return Failure::Retryable(detail),
        // A cursor that moved is written as NULL, which its column refuses.
        "23502" if (answer.table(), answer.column()) == (Some("leg"), Some("next")) => {
            return Failure::Fenced;
        }
        "23505" if answer.constraint() == Some("event_slot") => Code::IdentityBroken,
        "58030" => Code::StoreIo,
        "XX001" | "XX002" => Code::StoreCorrupt,
        // No such database, user or password; not allowed.
        "3D000" | "28000" | "28P01" | "42501" => Code::StoreRefused,
        // No schema to keep tables in: search_path names none that is there.
        "3F000" => Code::StoreSettings,
        // No such table or column: somebody else's database, or half of one.
        "42P01" | "42703" => Code::StoreCorrupt,
        _ => Code::StoreDefect,
    };
    Stop::new(code, detail).into()
}

/// What the server says, with its code.
fn told(answer: &DbError) -> String {
    let detail = answer.detail().map_or(String::new(), |detail| format!(" ({detail})"));
    format!("{}: {}{detail}", answer.code().code(), answer.message())
}

/// The class of an error that the server did not answer but was found on this side of it.
fn classify_ours(error: &Error) -> Failure {
    let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
    let detail = format!("{error}{cause}");
    let io = error.source().is_some_and(|cause| cause.is::<std::io::Error>());
    // A value of another type than its column has had since the first schema.
    let damaged = detail.starts_with("error deserializing column");
    if error.is_closed() || io || is_any(error, &CONNECTING) {
        return Failure::Retryable(detail);
    }
    let code = match (damaged, is_any(error, &NOT_LET_IN)) {
        (true, _) => Code::StoreCorrupt,
        (_, true) => Code::StoreRefused,
        _ => Code::StoreDefect,
    };
    Stop::new(code, detail).into()
}

/// No connection could be made. The library gives these errors no other name than their text.
const CONNECTING: [&str; 3] =
    ["error connecting to server", "error performing TLS handshake", "timeout waiting for server"];
/// This side could not say who it is.
const NOT_LET_IN: [&str; 2] = ["authentication error", "invalid configuration"];

fn is_any(error: &Error, told: &[&str]) -> bool {
    let text = error.to_string();
    told.iter().any(|start| text.starts_with(start))
}
