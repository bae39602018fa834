//! `semel bench`: what this machine makes of payments, and what its limit is.
//!
//! Each stage has a temporary directory or, where PostgreSQL is named, a schema of its own, so that
//! nobody's data is touched. Each counts at the end what was lost or doubled; a figure with either
//! is no figure.
//! The store's own limit is measured in the same run: the same rows in the same steps, written by
//! the plainest loop; for the stage `batch` in turn with it, so that both meet the same machine. Of
//! more than a million payments it takes the first.
//! That loop writes every row of the key index as it comes, while the real path keeps new keys in
//! memory and writes many at once, in the order of the index. Random keys then touch far fewer
//! pages, so the ratio of the two may be above 1. On PostgreSQL the loop updates every account in
//! every step, which the real path does later and more rarely; but it asks for nothing and waits
//! for one round trip where the real path waits for two.
//! Deliberately absent: a pass mark. Timings are reported, never asserted.

mod audit;
mod batch;
mod bed;
mod gauge;
mod guarantee;
mod http;
mod import;
mod ingest;
mod kafka;
mod measured;
mod meter;
mod publish;
mod twin;
mod work;

use crate::cli::{Accounts, Bench, Global, Stage};
use crate::config;
use crate::exit::{Exit, misused};
use crate::output::{note, progress, say};
use crate::signals;
use crate::wiring::Form;
use bed::{Bed, Setup};
use http::{CROWD, Load};
use measured::{Measured, shown};
use semel_core::failure::{Failure, Stop};
use std::time::Duration;

const PROGRESS: &str = "{msg} {bar:40} {human_pos}/{human_len}";
/// The stage that others are held against.
const BATCH: &str = "batch";
/// The stage whose rate `half` halves.
const HTTP: &str = "http";
/// How many ledgers are written at once, one number after the other.
const LEDGERS: [u32; 3] = [1, 2, 4];

/// Run `semel bench`.
///
/// # Errors
/// Any stop of a store; a server that does not start.
pub async fn run(global: &Global, args: &Bench) -> Result<Exit, Failure> {
    let stopped = signals::end()?;
    let setup = Setup::of(global, args)?;
    let mut stopped = std::pin::pin!(stopped);
    let mut measured = Vec::new();
    for stage in stages(&args.stages, &setup)? {
        let ledgers = if stage == Stage::Ledgers { &LEDGERS[..] } else { &[1] };
        let rate = measured.iter().rfind(|one: &&Measured| one.stage == HTTP);
        let rate = rate.map(|one| one.payments_per_second);
        for ledgers in ledgers {
            let mut bed = Bed::new(&setup).await?;
            let done = tokio::select! {
                done = play(stage, *ledgers, rate, &setup, &mut bed) => Some(done),
                () = &mut stopped => None,
            };
            // Whatever happened; what happened first is told.
            let removed = bed.remove().await;
            let Some(done) = done else {
                note("stopped before the end");
                return removed.map(|()| Exit::Stopped);
            };
            let batch = measured.iter().rfind(|one| one.stage == BATCH);
            measured.push(match stage {
                Stage::Ingest => done?.against(batch),
                _ => done?,
            });
            removed?;
        }
    }
    tell(global, &measured)
}

/// The stages that are `wanted`, or all that store and wire have; `http` stands before `half`.
fn stages(wanted: &[Stage], setup: &Setup) -> Result<Vec<Stage>, Stop> {
    const ALONE: [Stage; 5] = [Stage::Batch, Stage::Http, Stage::Half, Stage::Alone, Stage::Import];
    const ON_KAFKA: [Stage; 4] = [Stage::Ingest, Stage::Guarantee, Stage::Pipeline, Stage::Publish];
    let ledgers = setup.server.is_some().then_some(Stage::Ledgers);
    let on_kafka = ON_KAFKA.into_iter().filter(|_| setup.wire.is_some());
    let mut stages: Vec<Stage> = match wanted {
        [] => ALONE.into_iter().chain(ledgers).chain(on_kafka).collect(),
        wanted => wanted.to_vec(),
    };
    if setup.wire.is_none() && stages.iter().any(|stage| ON_KAFKA.contains(stage)) {
        return Err(misused("wire: this stage needs Kafka; name it with --wire kafka://HOST:PORT"));
    }
    if let Some(half) = stages.iter().position(|stage| *stage == Stage::Half)
        && !stages[..half].contains(&Stage::Http)
    {
        stages.insert(half, Stage::Http);
    }
    Ok(stages)
}

/// Play one stage; `rate` is what `http` reached before.
async fn play(
    stage: Stage,
    ledgers: u32,
    rate: Option<f64>,
    setup: &Setup,
    bed: &mut Bed,
) -> Result<Measured, Failure> {
    let bar = progress(0, PROGRESS).with_message(format!("{stage:?}").to_lowercase());
    let measured = match stage {
        Stage::Batch => batch::run(BATCH, 1, setup, bed, &bar).await?,
        Stage::Ledgers => Measured {
            ledgers: Some(ledgers),
            ..batch::run("ledgers", ledgers, setup, bed, &bar).await?
        },
        Stage::Http => {
            let crowd = Load { payments: setup.payments / 10, connections: CROWD, pace: None };
            http::run(HTTP, crowd, setup, bed, &bar).await?
        }
        Stage::Half => {
            let pace = rate.map(half_as_often);
            let crowd = Load { payments: setup.payments / 20, connections: CROWD, pace };
            http::run("half", crowd, setup, bed, &bar).await?
        }
        Stage::Alone => {
            let one = Load { payments: setup.payments / 200, connections: 1, pace: None };
            http::run("alone", one, setup, bed, &bar).await?
        }
        Stage::Import => import::run(setup, bed, &bar).await?,
        Stage::Ingest => ingest::run(setup.wire()?, setup, bed, &bar).await?,
        Stage::Guarantee => guarantee::run(setup.wire()?, setup, bed, &bar).await?,
        Stage::Pipeline => publish::pipeline(setup.wire()?, setup, bed, &bar).await?,
        Stage::Publish => publish::publish(setup.wire()?, setup, bed, &bar).await?,
    };
    bar.finish_and_clear();
    Ok(measured)
}

/// The time from one request to the next, at half of so many a second.
#[expect(clippy::float_arithmetic, reason = "a measurement, not money")]
fn half_as_often(rate: f64) -> Duration {
    Duration::from_secs_f64(2.0 / rate)
}

fn tell(global: &Global, measured: &[Measured]) -> Result<Exit, Failure> {
    match global.json {
        true => {
            say(&serde_json::json!({"machine": meter::machine(), "stages": measured}).to_string())?
        }
        false => say(&shown(measured))?,
    }
    let clean = measured.iter().all(|stage| stage.lost + stage.doubled == 0);
    if !clean {
        note("something was lost or doubled");
    }
    Ok(if clean { Exit::Done } else { Exit::Found })
}

impl Setup {
    fn of(global: &Global, args: &Bench) -> Result<Setup, Stop> {
        let server = config::server(global)?;
        if args.accounts.is_some() && server.is_none() {
            return Err(misused("--accounts: only PostgreSQL has a choice; name one with --store"));
        }
        Ok(Setup {
            payments: u64::from(args.payments),
            batch: usize::from(args.batch),
            hot: args.hot,
            form: match args.accounts {
                Some(Accounts::Plain) => Form::Plain,
                Some(Accounts::Resident) | None => Form::Resident,
            },
            server,
            wire: config::broker(global)?,
        })
    }
}
