//! The program `semel-checker`: a check as its arguments say, one JSON document on stdout.
//!
//! Exit codes as everywhere here: 0 all is well, 1 something was found, 2 usage, 4 the broker or
//! the database is away. Deliberately absent: a configuration file. What is checked does not choose
//! how it is checked.

use clap::{ArgGroup, Parser, ValueEnum};
use semel_checker::{Answer, Check, Key, Options, Until, check};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const FOUND: u8 = 1;
const USAGE: u8 = 2;
const AWAY: u8 = 4;

/// Read the published topic as a stranger would, and hold it against the database and what clients
/// were told.
#[derive(Parser)]
#[command(name = "semel-checker", group = ArgGroup::new("until"))]
struct Arguments {
    /// The broker: HOST:PORT, or several behind commas
    #[arg(long, env = "SEMEL_CHECKER_KAFKA", value_name = "HOST:PORT")]
    kafka: String,
    /// The published topic
    #[arg(long, default_value = "payments.event")]
    topic: String,
    /// A ledger to check; may be given several times. Without it: all of them
    #[arg(long = "ledger", value_name = "ID")]
    ledgers: Vec<String>,
    /// What a record's key is: the setting `publish.key`
    #[arg(long, value_enum, default_value = "debit_account")]
    key: KeyName,
    /// Also read what Kafka transactions have written and not committed
    #[arg(long)]
    uncommitted: bool,
    /// Read on until nothing came for so many seconds
    #[arg(long, value_name = "SECONDS", group = "until")]
    quiet_for: Option<u64>,
    /// Read on until a ledger is covered up to a seq; may be given several times
    #[arg(long, value_name = "LEDGER=SEQ", group = "until", value_parser = covered)]
    covered: Vec<(String, u64)>,
    /// Read on until the wire covers what the database holds now
    #[arg(long, group = "until", requires = "database")]
    covered_by_database: bool,
    /// Give up when nothing comes for so many seconds while something is missing
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// The oldest records may have been deleted: begin at the first that is there
    #[arg(long)]
    may_begin_late: bool,
    /// The database: postgres://…, sqlite:PATH or a path
    #[arg(long, env = "SEMEL_CHECKER_DATABASE", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// What clients were told: JSON Lines of ledger, key, status, id, state, amount
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum KeyName {
    DebitAccount,
    CreditAccount,
    Payment,
}

fn covered(text: &str) -> Result<(String, u64), String> {
    let (ledger, seq) = text.rsplit_once('=').ok_or("it is LEDGER=SEQ, as main=1200")?;
    let seq = seq.parse().map_err(|error| format!("the seq {seq:?}: {error}"))?;
    Ok((ledger.into(), seq))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            // What cannot be said on a closed terminal need not be.
            let _closed = told.print();
            return if told.use_stderr() { USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let asked = match asked(arguments) {
        Ok(asked) => asked,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return USAGE.into();
        }
    };
    match check(&asked).await {
        Ok(report) => {
            let document = serde_json::to_string(&report).expect("a report is plain data");
            println!("{document}");
            if report.ok { ExitCode::SUCCESS } else { FOUND.into() }
        }
        Err(away) => {
            eprintln!("error: {away}");
            AWAY.into()
        }
    }
}

fn asked(arguments: Arguments) -> Result<Check, String> {
    let answers = match &arguments.answers {
        Some(path) => {
            let told = |wrong: String| format!("{}: {wrong}", path.display());
            let lines = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
            Answer::read(&lines).map_err(told)?
        }
        None => Vec::new(),
    };
    let until = match (arguments.quiet_for, &*arguments.covered) {
        (Some(seconds), _) => Until::Quiet(Duration::from_secs(seconds)),
        (None, []) => Until::End,
        (None, covered) => Until::Covered(BTreeMap::from_iter(covered.iter().cloned())),
    };
    let follow = Options {
        bootstrap: arguments.kafka,
        topic: arguments.topic,
        ledgers: arguments.ledgers,
        uncommitted: arguments.uncommitted,
        until,
        patience: Duration::from_secs(arguments.patience),
        may_begin_late: arguments.may_begin_late,
    };
    let key = match arguments.key {
        KeyName::DebitAccount => Key::DebitAccount,
        KeyName::CreditAccount => Key::CreditAccount,
        KeyName::Payment => Key::Payment,
    };
    let (covers_database, database) = (arguments.covered_by_database, arguments.database);
    Ok(Check { follow, covers_database, key, database, answers })
}
