//! The binary's inside, as a library so that its tests can drive it in their own process.

pub mod cli;
pub mod config;
pub mod exit;

pub mod bench;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod import;
pub mod ingests;
pub mod ledgers;
pub mod migrate;
pub mod serve;
pub mod topics;
pub mod verify;

pub mod doors;
pub mod http;
pub mod legs;
mod meters;
pub mod redrive;

mod output;
pub mod place;
mod rig;
mod signals;
pub mod wiring;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command};
use exit::Exit;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use std::env::ArgsOs;
use std::ffi::OsString;
use std::process::ExitCode;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Run the command line `args`, whose first is the program's name.
///
/// Not generic on purpose: or whoever calls it would compile all below it once more.
pub fn run(args: ArgsOs) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    // Also where the rest of the line makes no sense.
    let json = args.iter().any(|arg| arg == "--json");
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // Whoever closed the pipe needs no answer, here and below.
            let _closed = error.print();
            let told = error.render().to_string();
            let first = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
            let misused = Failure::from(exit::misused(first));
            let _closed = json.then(|| output::say(&exit::json(&misused)));
            return Exit::Usage.into();
        }
        Err(help) => {
            let _closed = help.print();
            return Exit::Done.into();
        }
    };
    match log().and_then(|()| runtime()?.block_on(command(cli))) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::note(&exit::line(&failure));
            let _closed = json.then(|| output::say(&exit::json(&failure)));
            Exit::from(&failure).into()
        }
    }
}

async fn command(cli: Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Serve(args) => serve::run(global, args).await,
        Command::Demo(args) => demo::run(global, args).await,
        Command::Bench(args) => bench::run(global, args).await,
        Command::Import(args) => import::run(global, args).await,
        Command::Verify(args) => verify::run(global, args).await,
        Command::DeadLetters(args) => dead_letters::run(global, args).await,
        Command::Ledger(args) => ledgers::run(global, args).await,
        Command::Topics(args) => topics::run(global, args).await,
        Command::Ingest(args) => ingests::run(global, args).await,
        Command::Migrate(args) => migrate::run(global, args).await,
        Command::Doctor(args) => doctor::run(global, args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "semel", &mut script);
            output::say(String::from_utf8_lossy(&script).trim_end())?;
            Ok(Exit::Done)
        }
    }
}

/// The log goes to stderr; `SEMEL_LOG` says how much, by default warnings.
fn log() -> Result<(), Failure> {
    let filter = std::env::var("SEMEL_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter: Targets = filter.parse().map_err(|error| {
        exit::misused(format!("SEMEL_LOG: {error}; write a level, as info, or semel=debug"))
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // In a test's process another run has set it already.
    let _set = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Stop::new(Code::Internal, format!("no threads: {error}")).into())
}
