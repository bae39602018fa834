//! `semel verify`: replays every ledger's log and compares it with all that the store keeps.
//!
//! One thread reads rows, another replays them; both see one snapshot, so a live server may go on
//! beside them. Keeps P7. Deliberately absent: mending. What was altered by hand is put right by
//! hand, or from a copy.

use crate::cli::{self, Global};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::{grouped, say, table};
use crate::place;
use crate::wiring::{Audit, Reader, slot_of};
use indicatif::ProgressBar;
use semel_core::failure::{Failure, Stop};
use semel_core::problem::Code;
use semel_core::verify::{Finding, Findings, Keys, Leg, Replay, compare_counts};
use semel_store::rows::{LedgerRow, LogRow, Read};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::sync::mpsc;
use std::thread;

/// Rows that are handed from thread to thread at once.
const BATCH: usize = 512;
/// Batches that may wait.
const BATCHES_AHEAD: usize = 8;
/// Spans of the log that are looked at key by key where the index differs.
const SPANS_EXPLAINED: usize = 4;

/// What the auditor saw, over all ledgers.
#[derive(Debug)]
pub struct Report {
    /// Ledgers replayed.
    pub ledgers: u64,
    /// Rows of their logs.
    pub events: u64,
    /// Events that recorded a payment, declined ones included.
    pub payments: u64,
    /// Accounts that the logs opened.
    pub accounts: u64,
    /// What does not fit; by code, and for each code in the order in which it was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether everything fits.
    pub fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    fn table(&self) -> String {
        let mut table = table(&["", ""], &[1]);
        for (what, count) in [
            ("ledgers", self.ledgers),
            ("events", self.events),
            ("payments", self.payments),
            ("accounts", self.accounts),
            ("findings", self.findings.len() as u64),
        ] {
            table.add_row([what.to_owned(), grouped(count)]);
        }
        let findings = self
            .findings
            .iter()
            .map(|Finding { code, detail }| format!("\n{code} {}: {detail}", code.title()));
        table.to_string() + &findings.collect::<String>()
    }

    /// As `--json` prints it.
    pub fn json(&self) -> Value {
        let finding = |Finding { code, detail }: &Finding| json!({"code": code.as_str(), "name": code.name(), "detail": detail});
        let Report { ledgers, events, payments, accounts, findings } = self;
        let findings: Vec<Value> = findings.iter().map(finding).collect();
        json!({
            "ok": self.ok(), "ledgers": ledgers, "events": events, "payments": payments,
            "accounts": accounts, "findings": findings,
        })
    }
}

/// Run `semel verify`.
///
/// # Errors
/// As [`run`].
pub fn command(global: &Global, args: &cli::Verify) -> Result<Exit, Failure> {
    let config = Config::load(global, None)?;
    let reader = Reader::open(place::existing(&config)?)?;
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new(0),
        false => ProgressBar::hidden(),
    };
    let report = run(&reader, args.ledger.as_deref(), &bar)?;
    bar.finish_and_clear();
    if global.json {
        say(&report.json().to_string())?;
    } else {
        say(&report.table())?;
    }
    Ok(if report.ok() { Exit::Done } else { Exit::Found })
}

/// Verify the ledger named `only`, or all of the store; `bar` counts events.
///
/// # Errors
/// `Configuration` when there is no such ledger; otherwise what stops a reader: a file that cannot
/// be read at all.
pub fn run(reader: &Reader, only: Option<&str>, bar: &ProgressBar) -> Result<Report, Failure> {
    let mut audit = reader.audit()?;
    let mut findings = Findings::default();
    let ledgers = readable(audit.ledgers()?, &mut findings);
    let numbers: Vec<u32> = ledgers.iter().map(|ledger| ledger.no).collect();
    let chosen: Vec<LedgerRow> = match only {
        None => ledgers,
        Some(id) => ledgers.into_iter().filter(|ledger| *ledger.id == *id).collect(),
    };
    if let (Some(id), []) = (only, &chosen[..]) {
        return Err(Stop::new(Code::Configuration, format!("there is no ledger named {id}")).into());
    }
    bar.set_length(chosen.iter().map(|ledger| ledger.position.next_seq.saturating_sub(1)).sum());
    let sources = audit.sources()?;
    if only.is_none() {
        let homeless =
            sources.legs.iter().filter(|(no, _)| !numbers.iter().any(|n| i64::from(*n) == *no));
        let homeless = homeless
            .map(|(no, leg)| format!("source {}: there is no ledger numbered {no}", leg.source));
        let odd = homeless.chain(sources.odd).chain(audit.strays(&numbers)?);
        odd.for_each(|what| findings.add(Code::RowUnreadable, || what));
    }
    let mut report =
        Report { ledgers: 0, events: 0, payments: 0, accounts: 0, findings: Vec::new() };
    for ledger in &chosen {
        let own = |(no, leg): &(i64, Leg)| (*no == i64::from(ledger.no)).then(|| leg.clone());
        let legs: Vec<Leg> = sources.legs.iter().filter_map(own).collect();
        let replayed = one(&mut audit, ledger, &legs, bar, &mut findings)?;
        report.ledgers += 1;
        report.events += replayed.events;
        report.payments += replayed.payments;
        report.accounts += replayed.accounts;
    }
    report.findings = findings.list();
    Ok(report)
}

/// One ledger.
fn one(
    audit: &mut Audit,
    ledger: &LedgerRow,
    legs: &[Leg],
    bar: &ProgressBar,
    findings: &mut Findings,
) -> Result<semel_core::verify::Report, Failure> {
    let anchors = readable(audit.anchors(ledger.no)?, findings);
    let mut replay = Replay::new(ledger.no, ledger.id.clone(), anchors);
    let mut keys = Keys::new(ledger.id.clone());
    replay_log(audit, ledger, bar, |row| match &row.event {
        Ok(event) => {
            replay.feed(event, row.payment.as_deref());
            if let Some(slot) = slot_of(ledger.no, event) {
                keys.logged(slot, ledger.indexed_seq < event.seq);
            }
        }
        Err(why) => replay.unreadable(row.seq, why),
    })?;
    compare_index(audit, ledger, keys, findings)?;
    let mut accounts = Vec::new();
    audit.accounts(ledger.no, |account| accounts.push(account))?;
    let accounts = readable(accounts, findings);
    let mut report = replay.finish(accounts, ledger.position);
    findings.extend(std::mem::take(&mut report.findings));
    compare_counts(&ledger.id, legs, &report.taken, findings);
    Ok(report)
}

/// Read the log on a thread of its own, and `take` its rows here.
fn replay_log(
    audit: &mut Audit,
    ledger: &LedgerRow,
    bar: &ProgressBar,
    mut take: impl FnMut(&LogRow),
) -> Result<(), Failure> {
    let (full, batches) = mpsc::sync_channel::<Vec<LogRow>>(BATCHES_AHEAD);
    // Batches go back to be emptied where they were filled: memory is freed by who allocated it.
    let (done, empty) = mpsc::channel::<Vec<LogRow>>();
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut batch = Vec::with_capacity(BATCH);
            let read = audit.log(ledger.no, |row| {
                batch.push(row);
                if batch.len() == BATCH {
                    let mut next = empty.try_recv().unwrap_or_default();
                    next.clear();
                    // Nobody takes them any more only if the other thread panicked.
                    let _ = full.send(std::mem::replace(&mut batch, next));
                }
            });
            let _ = full.send(batch);
            read
        });
        for batch in batches {
            batch.iter().for_each(&mut take);
            bar.inc(batch.len() as u64);
            let _ = done.send(batch);
        }
        reading.join().expect("reading does not panic")
    })
}

fn compare_index(
    audit: &Audit,
    ledger: &LedgerRow,
    mut keys: Keys,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let look_up = |seq| audit.named(ledger.no, seq);
    keys.turn();
    audit.index(ledger.no, |slot| keys.indexed(slot, look_up, findings))?;
    let spans = keys.finish(look_up, findings);
    for span in spans.iter().take(SPANS_EXPLAINED) {
        let (logged, indexed) = audit.span(ledger.no, span.clone())?;
        keys.explain(&logged, &indexed, findings);
    }
    for span in spans.iter().skip(SPANS_EXPLAINED) {
        findings.add(Code::KeyIndexDiffers, || {
            let (first, last) = (span.start(), span.end());
            format!("ledger {}: among the keys of events {first} to {last}", ledger.id)
        });
    }
    Ok(())
}

/// What could be read; the rest is told.
fn readable<T>(rows: Vec<Read<T>>, findings: &mut Findings) -> Vec<T> {
    let mut readable = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Ok(row) => readable.push(row),
            Err(why) => findings.add(Code::RowUnreadable, || why),
        }
    }
    readable
}
