//! `semel import`: payments from a file, through the law.
//!
//! A file is a source with positions: killed and repeated it goes on where it was, the same file
//! twice adds nothing, and a file that was changed before the cursor is refused by name. Every
//! record ends as a payment, a counted duplicate or a dead letter.
//! Deliberately absent: standard input, which cannot be read twice.

mod csv;
pub mod decoder;
mod input;
mod lines;
mod record;
pub mod settings;
mod source;
#[cfg(test)]
mod tests;

use crate::cli::{Global, Import};
use crate::config::Config;
use crate::doors::backoff;
use crate::exit::{Exit, misused};
use crate::http::access::MAIN;
use crate::output::{grouped, note, progress, say, table};
use crate::wiring::{Reader, Store};
use semel_core::exactly_once::pump::{Ended, pump};
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::{Counts, Ingest};
use semel_core::problem::Code;
use serde::Serialize;
use settings::Settings;
use source::FileSource;
use std::time::{Duration, Instant};

/// How many records are one step.
const STEP: usize = 5_000;
const PROGRESS: &str =
    "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";

/// What became of the records of one run.
#[derive(Debug, Serialize)]
struct Summary {
    read: i64,
    accepted: i64,
    succeeded: i64,
    declined: i64,
    duplicates: i64,
    conflicts: i64,
    dead_letters: i64,
    seconds: f64,
}

/// Run `semel import`.
///
/// # Errors
/// `Configuration` before anything is opened; every stop of a store or a source.
pub async fn run(global: &Global, args: &Import) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    let settings = Settings::of(&config, args)?;
    crate::place::prepare(&config)?;
    let store = Store::open(&config.store)?;
    let taken = take(&store, &settings).await;
    store.close().await;
    let summary = taken?;
    if global.json {
        say(&serde_json::to_string(&summary).expect("a summary is JSON"))?;
    } else {
        say(&summary.table())?;
        if summary.dead_letters > 0 {
            let ingest = &settings.ingest;
            note(&format!("What could not be taken: semel dead-letters list --ingest {ingest}"));
        }
    }
    Ok(Exit::Done)
}

/// Carry the file into the ledger; what became of it.
async fn take(store: &Store, settings: &Settings) -> Result<Summary, Failure> {
    let started = Instant::now();
    let ledger = ledger(store, settings).await?;
    let leg = store.leg(ledger, settings.binding()).await?;
    let before = counts(store.reader(), ledger, settings)?;
    let progress = progress(settings.length, PROGRESS);
    let mut source = FileSource::new(settings.origin.clone(), progress.clone());
    let logic = Ingest { source: settings.source.clone() };
    // What is logged stands above the progress bar, which is drawn again below it.
    let wait = |failed, failure: &Failure| progress.suspend(|| backoff(failed, failure));
    let ended = pump(&mut source, &leg, &logic, STEP, wait).await;
    progress.finish_and_clear();
    match ended {
        Ended::Done => {}
        Ended::Fenced => return Err(Failure::Fenced),
        Ended::Stopped(stop) => return Err(stop.into()),
    }
    // This process alone writes the store, so the difference is this run's, to the last record.
    let after = counts(store.reader(), ledger, settings)?;
    Ok(Summary::between(&before, &after, started.elapsed()))
}

/// The number of the ledger, which is made if the configuration names it.
async fn ledger(store: &Store, settings: &Settings) -> Result<u32, Failure> {
    let (name, given) = (&settings.ledger, settings.ledger_given);
    let there = || store.reader().ledgers().map(|all| all.iter().any(|one| *one.id == **name));
    if given && name != MAIN && !there()? {
        return Err(misused(format!(
            "there is no ledger `{name}`; make it with `semel ledger create {name}`"
        ))
        .into());
    }
    Ok(store.ledger(name).await?.no)
}

fn counts(reader: &Reader, ledger: u32, settings: &Settings) -> Result<Counts, Failure> {
    let row = reader.ingest(ledger, &settings.ingest)?;
    Ok(row.map(|row| row.counts).unwrap_or_default())
}

impl Summary {
    fn between(before: &Counts, after: &Counts, elapsed: Duration) -> Summary {
        Summary {
            read: after.read - before.read,
            accepted: after.accepted - before.accepted,
            succeeded: after.succeeded - before.succeeded,
            declined: after.declined - before.declined,
            duplicates: after.duplicates - before.duplicates,
            conflicts: after.conflicts - before.conflicts,
            dead_letters: after.dead_letters - before.dead_letters,
            seconds: elapsed.as_secs_f64(),
        }
    }

    fn table(&self) -> String {
        let mut table = table(&["records", "count"], &[1]);
        for (name, count) in [
            ("read", self.read),
            ("accepted", self.accepted),
            ("  succeeded", self.succeeded),
            ("  declined", self.declined),
            ("duplicates", self.duplicates),
            ("dead letters", self.dead_letters),
            ("  conflicts", self.conflicts),
        ] {
            table.add_row([name.to_owned(), grouped(count)]);
        }
        table.add_row(["seconds".to_owned(), format!("{:.1}", self.seconds)]);
        table.to_string()
    }
}

/// What `Stop` a file gives that is none.
fn unsuitable(detail: String) -> Stop {
    Stop::new(Code::SourceUnreadable, detail)
}
