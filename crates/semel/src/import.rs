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
mod tally;
#[cfg(test)]
mod tests;

use crate::cli::{Global, Import};
use crate::config::Config;
use crate::doors::backoff;
use crate::exit::{Exit, misused};
use crate::http::access::MAIN;
use crate::http::ingests::members;
use crate::output::{grouped, note, progress, say, table};
use crate::wiring::Store;
use semel_core::exactly_once::pump::{Ended, pump};
use semel_core::failure::{Failure, Stop};
use semel_core::ingest::{Counts, Ingest};
use semel_core::leg::DEADLINE;
use semel_core::problem::Code;
use settings::Settings;
use source::FileSource;
use std::time::{Duration, Instant};
use tally::{Counted, Tally};

/// How many records are one step.
const STEP: usize = 5_000;
/// How long somebody else's claim on the file is waited out at a time.
const PATIENCE: Duration = Duration::from_secs(1);
const PROGRESS: &str =
    "{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";

/// What became of the records of one run.
struct Summary {
    counts: Counts,
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
    let store = Store::open(&config.store).await?;
    let taken = take(&store, &settings).await;
    store.close().await;
    let summary = taken?;
    if global.json {
        let (counts, seconds) = (members(&summary.counts), summary.seconds);
        say(&format!(r#"{{{counts},"seconds":{seconds}}}"#))?;
    } else {
        say(&summary.table())?;
        if summary.counts.dead_letters > 0 {
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
    let (progress, tally) = (progress(settings.length, PROGRESS), Tally::default());
    let source = FileSource::new(settings.origin.clone(), progress.clone());
    let mut source = Counted::new(source, &tally);
    let logic = Counted::new(Ingest { source: settings.source.clone() }, &tally);
    // What is logged stands above the progress bar, which is drawn again below it.
    let wait = |failed, failure: &Failure| progress.suspend(|| backoff(failed, failure));
    let patience = Instant::now() + DEADLINE + PATIENCE;
    let ended = loop {
        match pump(&mut source, &leg, &logic, STEP, wait).await {
            // Whoever had the file may have been killed; then its claim runs out.
            Ended::Fenced if Instant::now() < patience => {
                tally.drop_open();
                tokio::time::sleep(PATIENCE).await;
            }
            ended => break ended,
        }
    };
    progress.finish_and_clear();
    match ended {
        Ended::Done => {}
        Ended::Fenced => {
            let detail = format!("another process is importing {} and goes on", settings.source);
            return Err(Stop::new(Code::StoreLocked, detail).into());
        }
        Ended::Stopped(stop) => return Err(stop.into()),
    }
    Ok(Summary { counts: tally.taken(), seconds: started.elapsed().as_secs_f64() })
}

/// The number of the ledger, which is made if the configuration names it.
async fn ledger(store: &Store, settings: &Settings) -> Result<u32, Failure> {
    let (name, given) = (&settings.ledger, settings.ledger_given);
    if given && name != MAIN && store.reader().ledger(name)?.is_none() {
        return Err(misused(format!(
            "there is no ledger `{name}`; make it with `semel ledger create {name}`"
        ))
        .into());
    }
    Ok(store.ledger(name).await?.no)
}

impl Summary {
    fn table(&self) -> String {
        let Counts { read, accepted, succeeded, declined, duplicates, .. } = self.counts;
        let Counts { dead_letters, conflicts, .. } = self.counts;
        let mut table = table(&["records", "count"], &[1]);
        for (name, count) in [
            ("read", read),
            ("accepted", accepted),
            ("  succeeded", succeeded),
            ("  declined", declined),
            ("duplicates", duplicates),
            ("dead letters", dead_letters),
            ("  conflicts", conflicts),
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
