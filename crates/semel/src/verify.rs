//! `semel verify`: replays every ledger's log and compares it with all that the store keeps.
//!
//! Keeps P7: a log that was altered together with every hash in the store still does not lead to
//! one that was kept elsewhere, and each verification prints the next to keep. Reads one snapshot,
//! of a copy or beside a live server. Deliberately absent: mending. What was altered by hand is put
//! right by hand, or from a copy.

mod head;
mod pass;

pub use head::Head;
pub use pass::{Report, audit};

use crate::cli::{Global, Verify};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{grouped, progress, say, table};
use crate::place;
use crate::wiring::Reader;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_core::verify::Finding;
use serde_json::{Value, json};

const PROGRESS: &str =
    "{bar:40} {percent:>3} %  {human_pos}/{human_len} events  {per_sec}  {eta} left";

/// Run `semel verify`.
///
/// # Errors
/// `Configuration` when there is no such ledger, or a hash of one that is left out; what stops a
/// reader: no store, or a file that cannot be read at all.
pub async fn run(global: &Global, args: &Verify) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    let reader = Reader::open(place::existing(&config)?).await?;
    let (only, published, bar) =
        (args.ledger.clone(), args.published.clone(), progress(0, PROGRESS));
    let audited = tokio::task::spawn_blocking(move || {
        let report = audit(&reader, only.as_deref(), &published, &bar);
        bar.finish_and_clear();
        report
    });
    let ended = |error| Stop::new(Code::Internal, format!("the auditor ended: {error}"));
    let report = audited.await.map_err(ended)??;
    match global.json {
        true => say(&shown(&report).to_string())?,
        false => say(&told(&report))?,
    }
    Ok(if report.ok() { Exit::Done } else { Exit::Found })
}

/// A report as JSON.
pub fn shown(report: &Report) -> Value {
    let finding = |Finding { code, detail }: &Finding| {
        let (code, name) = (code.as_str(), code.name());
        json!({ "code": code, "name": name, "detail": detail })
    };
    let Report { ledgers, events, payments, accounts, heads, findings } = report;
    let heads: Vec<String> = heads.iter().map(Head::to_string).collect();
    let findings: Vec<Value> = findings.iter().map(finding).collect();
    json!({
        "ok": report.ok(), "ledgers": ledgers, "events": events, "payments": payments,
        "accounts": accounts, "heads": heads, "findings": findings,
    })
}

/// A report for people.
fn told(report: &Report) -> String {
    let Report { ledgers, events, payments, accounts, heads, findings } = report;
    let mut counts = table(&["ledgers", "events", "payments", "accounts"], &[0, 1, 2, 3]);
    counts.add_row([ledgers, events, payments, accounts].map(grouped));
    if report.ok() {
        let mut kept = table(&["to be kept elsewhere, for --chain"], &[]);
        kept.add_rows(heads.iter().map(|head| [head.to_string()]));
        return format!("{counts}\n\n{kept}\n\nEverything fits.");
    }
    let mut misfits = table(&["code", "name", "what does not fit"], &[]);
    for Finding { code, detail } in findings {
        misfits.add_row([code.as_str(), code.name(), detail]);
    }
    format!("{counts}\n\n{misfits}\n\nEach code has its page in docs/errors.")
}
